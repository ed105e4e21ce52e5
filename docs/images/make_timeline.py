"""Draws docs/images/{strengths,timeline}.jpg: `python docs/images/make_timeline.py` in the root of the repository."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.media import read_image
from dreamtalk.options import TalkOptions
from dreamtalk.render import Animator, MeshRenderer
from dreamtalk.style.library import STYLES, named_style
from dreamtalk.style.timeline import Halves
from dreamtalk.talker import Talker, load
from dreamtalk.types import Float, Image

PORTRAITS = ("examples/portrait.jpg", "docs/images/head_cc0.jpg")
SPEECH = "examples/speech.wav"
STRENGTHS = (0.5, 1.0, 1.5, 2.0)
KEYS = (
    (0.0, "neutral", 1.0),
    (1.4, "happy:3", 1.0),
    (3.0, "angry:3", 1.0),
    (4.4, "sad:3", 1.0),
    (5.8, "surprised:3", 1.0),
)
"""Seconds, style, intensity."""
LEVEL = 2
"""Of the styles in the grid."""
EVERY = 10
"""Frames between two pictures of the strip."""
OPEN = 65.0
"""Percentile of the lip aperture at the moment shown in the grid."""
CELL, LABEL, ZOOM = 128, 16, 0.62


def cell(frame: Image, label: str) -> Image:
    """The face of a frame, small, with a line of text below."""
    height, width = frame.shape[:2]
    side = round(ZOOM * min(height, width))
    top, left = (height - side) * 2 // 5, (width - side) // 2
    face = np.ascontiguousarray(frame[top : top + side, left : left + side])
    small = cv2.resize(face, (CELL, CELL), interpolation=cv2.INTER_AREA)
    text = np.zeros((LABEL, CELL, 3), np.uint8)
    cv2.putText(text, label, (3, LABEL - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255,) * 3, 1, cv2.LINE_AA)
    return np.concatenate([small, text])


def still(animator: Animator, expression: Float) -> Image:
    """One frame of a face that only has an expression."""
    return animator.frame(expression, np.zeros(3, np.float32), np.zeros(3, np.float32), np.zeros(4, np.float32))


def grid(talker: Talker, animators: list[Animator]) -> Image:
    """Named styles by strengths, at one moment of the speech."""
    model, face, speech = talker.motion_model, talker.face_model, talker.speech(SPEECH)
    heard = talker.encoder.encode(speech)
    aperture = model.generate(heard, model.neutral_style(), 100) @ face.measure("aperture")
    moment = int(np.argmin(np.abs(aperture - np.percentile(aperture, OPEN))))
    rows = []
    for name in STYLES:
        if name == "neutral":
            continue
        style = named_style(f"{name}:{LEVEL}", model, face)
        said = [model.generate(heard, style, 100, strength)[moment] for strength in STRENGTHS]
        labels = [f"{name}:{LEVEL} x {strength:g}" for strength in STRENGTHS]
        rows.append([cell(still(a, e), label) for a in animators for e, label in zip(said, labels, strict=True)])
    halves = [("eyes", Halves(1.5, 0.0)), ("mouth", Halves(0.0, 1.5))]
    last = []
    for animator in animators:
        for name in ("happy", "angry"):
            style = named_style(f"{name}:{LEVEL}", model, face)
            for label, half in halves:
                said_half = model.generate(heard, style, 100, half)[moment]
                last.append(cell(still(animator, said_half), f"{name}, {label} alone"))
    return np.concatenate([np.concatenate(row, axis=1) for row in [*rows, last]])


def strip(talker: Talker, animators: list[Animator]) -> Image:
    """Frames of a talk that goes through several styles."""
    entries = [{"start": start, "style": name, "intensity": strength} for start, name, strength in KEYS]
    file = Path("work/timeline_strip.json")
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(entries), encoding="utf-8")
    motion = talker.motion(SPEECH, TalkOptions(timeline=file, seed=3))
    chosen = range(EVERY // 2, len(motion), EVERY)
    half = -(-len(chosen) // 2)
    rows = []
    for part in (chosen[:half], chosen[half:]):
        for animator in animators:
            cells = []
            for i in part:
                now = [name for start, name, _ in KEYS if start <= i / 25][-1]
                frame = animator.frame(motion.expression[i], motion.rotation[i], motion.translation[i], motion.gaze[i])
                cells.append(cell(frame, f"{i / 25:.1f} s {now}"))
            cells += [np.zeros_like(cells[0])] * (half - len(cells))
            rows.append(np.concatenate(cells, axis=1))
    return np.concatenate(rows)


def main() -> None:
    """Write both pictures."""
    talker = load("cpu", 1)
    animators = [
        MeshRenderer(talker.face_model, 1).prepare(talker.portrait(read_image(path)), 2 * CELL) for path in PORTRAITS
    ]
    for name, picture in (("strengths", grid(talker, animators)), ("timeline", strip(talker, animators))):
        quality = [cv2.IMWRITE_JPEG_QUALITY, 78]
        cv2.imwrite(f"docs/images/{name}.jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)


if __name__ == "__main__":
    main()
