"""Motion and track files: plain .npz arrays under the names of their dataclass, never pickles."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk.arrays import read_arrays
from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import check_input, check_output, replacing
from dreamtalk.types import VIDEO_FPS, FaceTrack, Motion

_SHAPES: dict[str, tuple[int | None, ...]] = {
    "expression": (None, None),
    "rotation": (None, 3),
    "translation": (None, 3),
    "gaze": (None, 4),
    "landmarks": (None, 478, 3),
    "pose": (None, 6),
    "blendshapes": (None, 52),
    "valid": (None,),
    "crop": (None, 3),
    "tongue": (None,),
}
"""Shape of each array after the frame axis; None: any length (the first axis is the same for all)."""

EXPRESSION_SIZE = 64
"""Expression numbers per frame in both face spaces."""

MAX_EXPRESSION = 100.0
"""Far beyond any face, in either face space's units: what is larger was not made from a face."""

_OPTIONAL = {"crop", "tongue"}
"""Arrays that a file may lack."""


def save_motion(path: str | Path, motion: Motion) -> None:
    """Write a motion file. Raises UnusableOutput when it cannot be written."""
    _save(path, motion)


def load_motion(path: str | Path) -> Motion:
    """Read a motion file. Raises UnusableInput when it is none."""
    return Motion(**_load(path, Motion, "motion"))


def save_track(path: str | Path, track: FaceTrack) -> None:
    """Write a track file. Raises UnusableOutput when it cannot be written."""
    _save(path, track)


def load_track(path: str | Path) -> FaceTrack:
    """Read a track file. Raises UnusableInput when it is none."""
    return FaceTrack(**_load(path, FaceTrack, "track"))


def kind_of(path: str | Path) -> str:
    """'motion' or 'track' for files of ours. Raises UnusableInput for others."""
    names = set(read_arrays(check_input(path)))
    for kind, cls in (("motion", Motion), ("track", FaceTrack)):
        if {field.name for field in fields(cls)} - _OPTIONAL <= names:
            return kind
    raise UnusableInput(f"{path} is neither a motion file nor a track file of dreamtalk.")


def stamp_of(path: str | Path) -> str | None:
    """What a style file says it is, under the name "kind"; None for any other file."""
    try:
        kind = read_arrays(path, names=("kind",)).get("kind")
    except UnusableInput:
        return None
    return None if kind is None else str(kind)


def _save(path: str | Path, record: Motion | FaceTrack) -> None:
    path = check_output(path, ".npz")
    arrays: dict[str, Any] = {field.name: getattr(record, field.name) for field in fields(record)}
    arrays = {name: value for name, value in arrays.items() if value is not None}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _load(path: str | Path, cls: type[Motion] | type[FaceTrack], kind: str) -> dict[str, Any]:
    path = check_input(path)
    arrays = read_arrays(path)
    missing = [field.name for field in fields(cls) if field.name not in arrays and field.name not in _OPTIONAL]
    if missing:
        raise UnusableInput(f"{path} is not a {kind} file of dreamtalk: it lacks {', '.join(missing)}.")
    frames = len(np.atleast_1d(arrays["expression"]))
    values: dict[str, Any] = {"fps": _fps(path, arrays["fps"]), "face_space": str(arrays["face_space"])}
    for field in fields(cls):
        if field.name in _SHAPES and field.name in arrays:
            values[field.name] = _checked(path, field.name, arrays[field.name], frames)
    return values


def _checked(path: Path, name: str, array: np.ndarray[Any, Any], frames: int) -> np.ndarray[Any, Any]:
    expected = _SHAPES[name]
    fits = array.ndim == len(expected) and all(e in (None, n) for e, n in zip(expected, array.shape, strict=True))
    if not fits or len(array) != frames or frames == 0:
        raise UnusableInput(f"{path}: the array {name} has the shape {array.shape}, which does not fit.")
    if name == "valid":
        if not array.any():
            raise UnusableInput(f"{path} holds no frame in which a face was found.")
        return array.astype(np.bool_)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise UnusableInput(f"{path}: the array {name} holds values that are no numbers.")
    if name == "expression" and (array.shape[1] != EXPRESSION_SIZE or np.abs(array).max() > MAX_EXPRESSION):
        raise UnusableInput(f"{path}: the array {name} does not hold {EXPRESSION_SIZE} numbers of a face per frame.")
    if name == "tongue" and (array.min() < 0.0 or array.max() > 1.0):
        raise UnusableInput(f"{path}: the array tongue holds values outside 0 to 1.")
    return array.astype(np.float32)


def _fps(path: Path, array: np.ndarray[Any, Any]) -> float:
    if array.ndim != 0 or array.dtype.kind not in "fiu" or float(array) != VIDEO_FPS:
        raise UnusableInput(f"{path} is not at {VIDEO_FPS} frames per second, the only rate of motion and track files.")
    return float(array)
