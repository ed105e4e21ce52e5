"""Motion of official models as files: .mat of Deep3DFaceRecon and PIRender, .npy of DreamTalk.

.mat: coeff (T, 257) with expression, angles and translation, and transform_params (T, 5) with the cut-out.
.npy: (T, 73) expression, angles, translation, cut-out, as DreamTalk's demo saves it; (T, 64) the expression alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dreamtalk.convert.matlab import write_matlab
from dreamtalk.errors import UnusableInput
from dreamtalk.face.bfm64 import (
    ANGLES,
    COEFFICIENTS,
    EXPRESSION,
    EXPRESSION_SIZE,
    FACE_SPACE,
    LARGEST,
    MOTION_SIZE,
    STILL_POSE,
    TRANSLATION,
    has_pose,
    numbers_of,
    posed,
    read_pose,
    read_style,
)
from dreamtalk.media.files import check_input, check_output, replacing
from dreamtalk.types import Float, Motion

_TRANSFORM = 5
"""Columns of transform_params: width and height of the picture, scale, x and y of the cut-out."""

_PICTURE = (256.0, 256.0)
"""Width and height that are written: of PIRender's pictures."""


def read_coefficients(path: str | Path) -> Motion:
    """The motion of a .mat or .npy file. Without a pose in it the head is still. Raises UnusableInput."""
    if Path(path).suffix.lower() == ".mat":
        return posed(read_style(path), read_pose(path) if has_pose(path) else None)
    numbers = _read_array(path)
    pose = numbers[:, EXPRESSION_SIZE:] if numbers.shape[1] == MOTION_SIZE else STILL_POSE[None]
    return posed(numbers[:, :EXPRESSION_SIZE], pose)


def write_coefficients(path: str | Path, motion: Motion) -> None:
    """Write a motion of the face space bfm64 as .mat or .npy. Raises UnusableInput for others, or UnusableOutput."""
    path = check_output(path, (".mat", ".npy"))
    if motion.face_space != FACE_SPACE:
        raise UnusableInput(
            f"{path.suffix} files hold coefficients of the Basel Face Model (bfm64); this motion is in the face space "
            f"{motion.face_space}, and no map between the two can be shipped. Export .csv or .glb, or make the motion "
            "with an official model (--motion-weights)."
        )
    numbers = numbers_of(motion)
    if path.suffix == ".npy":
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, numbers)
        return
    coefficients = np.zeros((len(numbers), COEFFICIENTS), np.float32)
    coefficients[:, EXPRESSION], coefficients[:, ANGLES] = motion.expression, motion.rotation
    coefficients[:, TRANSLATION] = motion.translation
    transform = np.zeros((len(numbers), _TRANSFORM), np.float32)
    transform[:, :2], transform[:, 2:] = _PICTURE, numbers[:, -3:]
    write_matlab(path, {"coeff": coefficients, "transform_params": transform})


def _read_array(path: str | Path) -> Float:
    path = check_input(path)
    try:
        stored = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UnusableInput(f"{path} is not a .npy file of numbers.") from error
    if not isinstance(stored, np.ndarray) or stored.ndim != 2 or stored.dtype.kind not in "fiu" or not len(stored):
        raise UnusableInput(f"{path} does not hold one row of numbers per frame.")
    if stored.shape[1] not in (EXPRESSION_SIZE, MOTION_SIZE):
        raise UnusableInput(
            f"{path}: rows of {stored.shape[1]} numbers; {EXPRESSION_SIZE} or {MOTION_SIZE} are needed."
        )
    if not np.isfinite(stored).all() or np.abs(stored).max() > LARGEST:
        raise UnusableInput(f"{path} holds values that are no coefficients.")
    return stored.astype(np.float32)
