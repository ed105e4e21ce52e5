"""The face space of the official models: coefficient files read, and the 73 numbers per frame that PIRenderer takes.

Deep3DFaceRecon's row of 257: identity 0:80, expression 80:144, texture 144:224, angles 224:227 (rad), light 227:254,
translation 254:257; beside it `transform_params`, whose last three are scale, x and y of the cut-out (facts 1.6, 2.3).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk.arrays import read_array
from dreamtalk.convert.matlab import read_matlab
from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import check_input
from dreamtalk.motion.drive import looped
from dreamtalk.store import load_motion
from dreamtalk.types import Float, Motion

FACE_SPACE = "bfm64"
EXPRESSION_SIZE = 64
MOTION_SIZE = 73
"""64 expression, 3 angles, 3 translation, 3 crop, in this order."""

STILL_POSE = np.array([0, 0, 0, 0, 0, 0, 0.9370641, 126.84911, 129.03864], np.float32)
"""Angles, translation, crop of a head that looks straight ahead and does not move."""

_OFFICIAL_ONLY = (".mat", ".npy", ".txt")
"""Suffixes of coefficient files; .npz may be a file of any face space."""

COEFFICIENTS = 257
EXPRESSION, ANGLES, TRANSLATION = slice(80, 144), slice(224, 227), slice(254, 257)
"""Numbers of a row of coefficients in all, and where its parts stand."""

LARGEST = 1e4
"""No coefficient, angle or pixel of a cut-out of 256 px is as large."""


def read_style(file: str | Path) -> Float:
    """Expression (F, 64) at 25 fps of a .mat file (`coeff`), a .npy or .txt table, or a motion file (.npz) like them.

    Raises UnusableInput when it holds no such expression.
    """
    suffix = Path(file).suffix.lower()
    if suffix == ".txt":
        return _checked(file, _read_text(file), EXPRESSION_SIZE)
    if suffix == ".npz":
        return _checked(file, _read_motion(file).expression, EXPRESSION_SIZE)
    if suffix == ".npy":
        return _read_array(file)[:, :EXPRESSION_SIZE]
    if suffix != ".mat":
        raise UnusableInput(f"The style {file} must be coefficients for this motion model: .mat, .npy, .txt or .npz.")
    return _checked(file, _coefficients(file, EXPRESSION.stop)[:, EXPRESSION], EXPRESSION_SIZE)


def read_pose(file: str | Path) -> Float:
    """Angles, translation and crop (F, 9) of a .mat or .npy file, or of a motion file (.npz) of this face space.

    Raises UnusableInput when it holds no pose.
    """
    if Path(file).suffix.lower() == ".npy":
        numbers = _read_array(file)
        if numbers.shape[1] != MOTION_SIZE:
            raise UnusableInput(f"{file} holds expressions alone, no pose.")
        return numbers[:, EXPRESSION_SIZE:]
    if Path(file).suffix.lower() == ".npz":
        return numbers_of(_read_motion(file))[:, EXPRESSION_SIZE:]
    if Path(file).suffix.lower() != ".mat":
        raise UnusableInput(f"The pose {file} must be coefficients for this motion model: .mat, .npy or .npz.")
    coefficients = _coefficients(file, TRANSLATION.stop)
    transform = _matrix(file, "transform_params")
    if transform.shape[0] != len(coefficients) or transform.shape[1] < 3:
        raise UnusableInput(f"{file}: transform_params {transform.shape} does not go with coeff {coefficients.shape}.")
    pose = np.concatenate([coefficients[:, ANGLES], coefficients[:, TRANSLATION], transform[:, -3:]], axis=1)
    return _checked(file, pose, len(STILL_POSE))


def has_pose(file: str | Path) -> bool:
    """Whether a .mat or .npy file holds what read_pose needs. Raises UnusableInput when it is none."""
    if Path(file).suffix.lower() == ".npy":
        return len(_read_array(file)[0]) == MOTION_SIZE
    found = read_matlab(file, ("coeff", "transform_params"))
    coefficients = found.get("coeff")
    return "transform_params" in found and coefficients is not None and coefficients.shape[-1] >= TRANSLATION.stop


def refuse_for_mesh(file: str | Path) -> None:
    """Raise UnusableInput for coefficient files, where videos and tracks of our own face space are needed."""
    if Path(file).suffix.lower() in _OFFICIAL_ONLY:
        raise UnusableInput(
            f"{file} holds coefficients of official models; they need --motion-weights (docs/official_checkpoints.md)."
        )


def posed(expression: Float, pose: Float | None = None, start: int = 0) -> Motion:
    """Expression (T, 64) with the head of pose (F, 9), from its frame start on; None: a head that looks straight ahead.

    A longer pose is cut; a shorter one is looped without a jump (drive.looped), a single frame is held.
    """
    rows = looped(STILL_POSE[None] if pose is None else pose, start, len(expression))
    return Motion(
        expression=expression.astype(np.float32),
        rotation=rows[:, 0:3],
        translation=rows[:, 3:6],
        gaze=np.zeros((len(expression), 4), np.float32),
        face_space=FACE_SPACE,
        crop=rows[:, 6:9],
    )


def numbers_of(motion: Motion) -> Float:
    """(T, 73): expression, angles, translation, crop. Raises UnusableInput for motions of another face space."""
    if motion.face_space != FACE_SPACE or motion.crop is None:
        raise UnusableInput(f"The motion is made for the face space {motion.face_space}, not {FACE_SPACE}.")
    parts = (motion.expression, motion.rotation, motion.translation, motion.crop)
    return np.concatenate(parts, axis=1).astype(np.float32)


def _read_motion(file: str | Path) -> Motion:
    motion = load_motion(file)
    if motion.face_space != FACE_SPACE:
        raise UnusableInput(f"{file} is made for the face space {motion.face_space}, not {FACE_SPACE}.")
    return motion


def _coefficients(file: str | Path, columns: int) -> NDArray[np.float32]:
    coefficients = _matrix(file, "coeff")
    if coefficients.shape[1] < columns:
        raise UnusableInput(f"{file}: coeff has {coefficients.shape[1]} columns, {columns} are needed.")
    return coefficients


def _matrix(file: str | Path, name: str) -> NDArray[np.float32]:
    found = read_matlab(file, (name,))
    if name not in found:
        raise UnusableInput(f"{file} has no {name!r}: it is not a coefficient file of Deep3DFaceRecon or PIRender.")
    matrix = found[name]
    if matrix.ndim != 2 or len(matrix) == 0:
        raise UnusableInput(f"{file}: {name} has the shape {matrix.shape}, one row per frame is needed.")
    return matrix.astype(np.float32)


def _read_array(file: str | Path) -> Float:
    """A .npy table of expressions (F, 64), or of whole motions (F, 73) as DreamTalk's demo saves them."""
    path = check_input(file)
    stored = read_array(path, "an .npy file of numbers")
    if stored.ndim != 2 or stored.dtype.kind not in "fiu":
        raise UnusableInput(f"{path} does not hold one row of numbers per frame.")
    if stored.shape[1] not in (EXPRESSION_SIZE, MOTION_SIZE):
        raise UnusableInput(
            f"{path}: rows of {stored.shape[1]} numbers; {EXPRESSION_SIZE} or {MOTION_SIZE} are needed."
        )
    return _checked(path, stored.astype(np.float32), stored.shape[1])


def _read_text(file: str | Path) -> NDArray[np.float32]:
    path = check_input(file)
    try:
        return np.loadtxt(path, dtype=np.float32, ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{path} is not a table of numbers: {error}") from error


def _checked(file: str | Path, values: NDArray[np.float32], columns: int) -> Float:
    if len(values) == 0 or values.shape[1] != columns:
        raise UnusableInput(f"{file}: a table of {values.shape} numbers; rows of {columns} are needed.")
    if not np.isfinite(values).all() or np.abs(values).max() > LARGEST:
        raise UnusableInput(f"{file} holds values that are no coefficients.")
    return np.ascontiguousarray(values, dtype=np.float32)
