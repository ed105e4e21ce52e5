"""One portrait at one moment with the guidance scale omega going up (paper Fig. 14), and what it does in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from dreamtalk.evaluate.figures import Figure, Table, jpeg
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.render import Animator, MeshRenderer
from dreamtalk.types import Float, Image, Portrait, SpeechFeatures, Style

OMEGAS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Of the paper's Fig. 14."""

_SECONDS_FRAMES = 100
"""Frames (4 s) of the speech that are generated, to choose the moment from and to measure on."""
_SIDE, _LABEL = 256, 24
"""px: of a picture, and of the words below it."""


def omega_strip(
    portrait: Portrait,
    heard: SpeechFeatures,
    styles: Mapping[str, Style],
    model: MotionModel,
    face: FaceModel,
    omegas: Sequence[float] = OMEGAS,
    seed: int = 0,
) -> tuple[Figure, Table]:
    """A row of pictures per style, all of the frame in which omega 1 is furthest from omega 0; and per style and omega
    the distance from neutral and what is left of the lips' timing. A style's own guidance is left out: omega is the
    bare scale of the paper's equation 9."""
    animator = MeshRenderer(face, 1).prepare(portrait, _SIDE)
    frames = min(_SECONDS_FRAMES, (len(heard.values) + 1) // 2)
    rows, lines = [], []
    for name, style in styles.items():
        bare = replace(style, guidance=1.0)
        neutral = model.generate(heard, bare, frames, 0.0, seed)
        said = {omega: model.generate(heard, bare, frames, omega, seed) for omega in omegas}
        shown = int(_apart(model.generate(heard, bare, frames, 1.0, seed), neutral, face).argmax())
        cells = [_cell(_frame(animator, talk[shown]), f"{name}, omega {omega:g}") for omega, talk in said.items()]
        rows.append(np.concatenate(cells, axis=1))
        for omega, talk in said.items():
            away = _apart(talk, neutral, face)
            kept = _lips_kept(talk, neutral, face)
            lines.append((f"{name}, ω {omega:g}", f"{away.mean():.2f}", f"{away[shown]:.2f}", f"{kept:.3f}"))
    text = (
        f"One portrait at one moment of its speech, guidance scale ω {', '.join(f'{o:g}' for o in omegas)} from left "
        "to right; the same noise in all. ω 0 is the neutral style, 1 the style as it was learned; above 2 the paper "
        "saw lip sync decline."
    )
    heads = ("style", "from ω 0, mean, % iod", "in the frame shown, % iod", "lip aperture r with ω 0")
    note = f"Mean distance of the face's points from those at ω 0 over {frames} frames, head pose left out."
    picture = np.concatenate(rows)
    return Figure("Style by guidance scale", text, jpeg(picture)), Table(
        "Expression by guidance scale", heads, tuple(lines), note
    )


def _apart(talk: Float, neutral: Float, face: FaceModel) -> Float:
    """(T,) mean distance of the face's points, % iod."""
    moved = face.displacement(talk - neutral)
    return np.asarray(100.0 * np.linalg.norm(moved, axis=-1).mean(axis=-1), np.float32)


def _lips_kept(talk: Float, neutral: Float, face: FaceModel) -> float:
    aperture = face.measure("aperture")
    return float(np.corrcoef(talk @ aperture, neutral @ aperture)[0, 1])


def _frame(animator: Animator, expression: Float) -> Image:
    still, gaze = np.zeros(3, np.float32), np.zeros(4, np.float32)
    return np.asarray(animator.frame(expression, still, still, gaze)[..., :3])


def _cell(frame: Image, label: str) -> Image:
    cell = np.full((_SIDE + _LABEL, _SIDE, 3), 255, np.uint8)
    scale = _SIDE / max(frame.shape[:2])
    size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
    cell[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    cv2.putText(cell, label, (6, _SIDE + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return cell
