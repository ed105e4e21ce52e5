"""Who a face is, as numbers: dlib's face embedding, or one of your own as an ONNX file.

dlib's network (King, 2017) and its five-point predictor are CC0. They come with the extra `identity`: `dlib-bin` is
dlib compiled, `face_recognition_models` the weights, 100 MB. That package also holds a predictor of 68 points whose
training pictures are for research only: it is never loaded here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.likeness import Embed, cosine_distance, onnx_embedding
from dreamtalk.types import Float, Image

DLIB = "dlib"
"""Name of dlib's embedding, in place of an ONNX file."""

_NETWORK, _POINTS = "dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat"
_INSTALL = "Install it with: pip install 'dreamtalk[identity]'"
_DLIB_GOAL = 0.35
"""Largest distance from the photo that a frame should have. dlib calls 0.6 the border between two people."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A way to tell people apart. name: for tables. embed: a face to numbers. distance: of two of them, 0 the same.
    goal: largest distance that counts as the same person without doubt; None where nobody has found one."""

    name: str
    embed: Embed
    distance: Callable[[Float, Float], float]
    goal: float | None = None


def find_identity(given: str | Path | None) -> Identity | None:
    """The embedding called "dlib", or that of an ONNX file; None for None. Raises UnusableInput when it is missing."""
    if given is None:
        return None
    if str(given) == DLIB:
        return Identity(DLIB, dlib_embedding(), euclidean, _DLIB_GOAL)
    file = Path(given)
    return Identity(file.stem, onnx_embedding(file), cosine_distance)


def euclidean(a: Float, b: Float) -> float:
    """The measure that dlib's embedding was trained for."""
    return float(np.linalg.norm(a - b))


def dlib_embedding() -> Embed:
    """dlib's embedding (128,). The face is found by dlib itself, near our landmarks: it is to judge as others would.

    Where dlib sees no face (paintings, drawings) the box around our landmarks takes its place. Raises UnusableInput
    without the extra `identity`.
    """
    folder = _weights()
    try:
        import dlib
    except ImportError as error:
        raise UnusableInput(f"dlib, which the embedding needs, is not installed. {_INSTALL}") from error
    detect = dlib.get_frontal_face_detector()
    predict = dlib.shape_predictor(str(folder / _POINTS))
    network = dlib.face_recognition_model_v1(str(folder / _NETWORK))

    def embed(image: Image, landmarks: Float) -> Float:
        picture = np.ascontiguousarray(image[..., :3])
        low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
        middle = dlib.point(*(round(float(value)) for value in (low + high) / 2.0))
        boxes = [box for box in detect(picture) if box.contains(middle)]
        box = max(boxes, key=lambda each: each.area()) if boxes else dlib.rectangle(*_box(low, high))
        return np.asarray(network.compute_face_descriptor(picture, predict(picture, box)), np.float32)

    return embed


def _weights() -> Path:
    """Folder of dlib's weights. The package is looked for, not imported: it asks for pkg_resources, which is gone."""
    found = find_spec("face_recognition_models")
    for place in (found.submodule_search_locations if found is not None else None) or ():
        folder = Path(place) / "models"
        if all((folder / name).is_file() for name in (_NETWORK, _POINTS)):
            return folder
    raise UnusableInput(f"The weights of dlib's face embedding are not installed. {_INSTALL}")


def _box(low: Float, high: Float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in px: the square that dlib's detector would put upon landmarks between low and high.

    As seen on photos where it does: as wide as the face, from a bit below the hairline to the chin.
    """
    side, bottom = float(high[0] - low[0]), float(high[1])
    return round(float(low[0])), round(bottom - side), round(float(high[0])), round(bottom)
