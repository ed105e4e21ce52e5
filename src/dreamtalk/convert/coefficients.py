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
    FACE_SPACE,
    TRANSLATION,
    has_pose,
    numbers_of,
    posed,
    read_pose,
    read_style,
)
from dreamtalk.media.files import check_output, replacing
from dreamtalk.types import Motion

_TRANSFORM = 5
"""Columns of transform_params: width and height of the picture, scale, x and y of the cut-out."""

_PICTURE = (256.0, 256.0)
"""Width and height that are written: of PIRender's pictures."""


def read_coefficients(path: str | Path) -> Motion:
    """The motion of a .mat or .npy file. Without a pose in it the head is still. Raises UnusableInput."""
    return posed(read_style(path), read_pose(path) if has_pose(path) else None)


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
