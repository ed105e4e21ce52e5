"""What must not move: the photo without motion, the frame under constant motion, and no jumps under even motion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk.face.model import FaceModel
from dreamtalk.render import Animator
from dreamtalk.style.prototypes import PROTOTYPES
from dreamtalk.types import Bool, Float, Image

IDENTICAL_DB = 99.0
"""What pictures that are the same to the bit count as."""

RAMP_FRAMES = 49
"""Frames of the even motion, at 50 per second; every other one makes the 25 fps that people see."""

_BLOCK = 8
"""Side in px of the blocks whose mean colours are followed: texture that moves evenly averages out, a part of the face
that is switched on does not."""

_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip


class Picture(Protocol):
    """A picture that moves, with its landmarks."""

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 RGB."""

    @property
    def landmarks(self) -> NDArray[np.floating[Any]]:
        """(478, 3) px."""


@dataclass(frozen=True, slots=True)
class Stillness:
    """inside_db: PSNR of the frame without motion against the photo inside the face's outline. outside: largest
    difference outside of it, grey levels. same: whether constant motion gives the same bytes. jump: see `jump`, at 25
    fps. halved: what is left of it at 50 fps: 0.25 for smooth motion, 0.5 where edges sweep over, 1 where something is
    switched on.
    """

    inside_db: float
    outside: int
    same: bool
    jump: float
    halved: float


def face_mask(shape: tuple[int, ...], landmarks: NDArray[np.floating[Any]]) -> Bool:
    """(H, W) inside the face's outline."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(landmarks[list(_OVAL), :2]).astype(np.int32)], 1)
    return mask.astype(np.bool_)


def psnr(a: Image, b: Image, mask: Bool | None = None) -> float:
    """Peak signal to noise ratio, dB, of pixels (H, W, 3) where mask (H, W); IDENTICAL_DB for the same pixels."""
    difference = a.astype(np.float64) - b
    error = float((difference**2).mean() if mask is None else (difference[mask] ** 2).mean())
    return IDENTICAL_DB if error == 0.0 else float(20.0 * np.log10(255.0) - 10.0 * np.log10(error))


def jump(frames: Iterable[Image]) -> float:
    """The largest second difference over time of the mean colour of an 8 x 8 block, grey levels."""
    means = np.stack([_blocks(frame) for frame in frames])
    return float(np.abs(np.diff(means, 2, axis=0)).max())


def even_motion(face: FaceModel) -> Float:
    """(49, 64) expressions: a surprised face that opens its mouth, brought on at constant speed."""
    from dreamtalk.face.arkit import weights

    target = face.from_arkit(weights(**{**PROTOTYPES["surprised"], "jawOpen": 0.6, "mouthLowerDown": 0.3}))
    return np.asarray(np.linspace(0.0, 1.0, RAMP_FRAMES)[:, None] * target, np.float32)


def stillness(animator: Animator, picture: Picture, face: FaceModel) -> Stillness:
    """Measures a portrait that is ready to move. picture: what it shows without motion."""
    rest, ramp = np.zeros(face.expression_basis.shape[0], np.float32), even_motion(face)
    nothing, gaze = np.zeros(3, np.float32), np.zeros(4, np.float32)
    frame = animator.frame(rest, nothing, nothing, gaze)
    inside = face_mask(frame.shape, picture.landmarks)
    difference = np.abs(frame.astype(np.int16) - picture.image)
    moved = [animator.frame(row, nothing, nothing, gaze) for row in ramp]
    whole = jump(moved[::2])
    again = animator.frame(ramp[RAMP_FRAMES // 2], nothing, nothing, gaze)
    return Stillness(
        inside_db=psnr(frame, picture.image, inside),
        outside=int(difference[~inside].max(initial=0)),
        same=bool(np.array_equal(again, moved[RAMP_FRAMES // 2])),
        jump=whole,
        halved=jump(moved) / max(whole, 1e-6),
    )


def _blocks(frame: Image) -> Float:
    height, width = (side // _BLOCK * _BLOCK for side in frame.shape[:2])
    tiles = frame[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, -1)
    return np.asarray(tiles.mean(axis=(1, 3)), np.float32)
