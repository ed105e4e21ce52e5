"""Is it still the same person? Distance between the portrait and its frames, beside that between different people.

Two measures. The shape of the face needs nothing but our own models; it knows bones, not looks, and expressions leak
into it. A face embedding tells more, but none is shipped: the weights of most may not be used for everything. Give the
file of one that you may use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import STABLE, procrustes, to_face_frame
from dreamtalk.face.measures import LOWER_LID_LEFT, LOWER_LID_RIGHT, UPPER_LID_LEFT, UPPER_LID_RIGHT
from dreamtalk.face.model import FaceModel
from dreamtalk.media import check_input
from dreamtalk.types import Float, Image

Embed: TypeAlias = Callable[[Image, Float], Float]
"""A picture (H, W, 3) uint8 RGB and the landmarks (478, 3) px of its face to numbers (D,) that say whose face it is."""

_BONES = [*STABLE.tolist(), 234, 454, 93, 323]
"""Points that expressions move little: skull, nose, eye corners, cheekbones in front of the ears."""
_PERCENT = 100.0

_SIDE = 112
"""Side in px of the cut-out that face embeddings are made for."""
_PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
"""Where eyes, nose tip and mouth corners have to be in it, px: as for ArcFace (Deng et al. 2019) and SFace."""
_NOSE_TIP, _MOUTH_CORNERS = 4, (61, 291)


def shape_code(face: FaceModel, landmarks: Float) -> Float:
    """(31, 2) % iod: where landmarks (478, 3) px have the points of the skull, in the face frame."""
    return np.asarray(_PERCENT * to_face_frame(landmarks, face.mean)[_BONES, :2], np.float32)


def shape_distance(a: Float, b: Float) -> float:
    """Root mean square distance of the points of two shape codes, % iod."""
    return float(np.sqrt(((a - b) ** 2).sum(axis=1).mean()))


def cosine_distance(a: Float, b: Float) -> float:
    """1 less the cosine of two embeddings: 0 the same, about 1 for strangers."""
    return float(1.0 - a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def between(codes: Sequence[Float], distance: Callable[[Float, Float], float]) -> list[float]:
    """All distances between different ones."""
    return [distance(a, b) for number, a in enumerate(codes) for b in codes[number + 1 :]]


def cut_for_embedding(image: Image, landmarks: Float) -> Image:
    """(112, 112, 3) uint8 RGB: the face with eyes, nose and mouth where embeddings expect them."""
    points = np.stack(
        [
            landmarks[list(UPPER_LID_RIGHT + LOWER_LID_RIGHT)].mean(axis=0),
            landmarks[list(UPPER_LID_LEFT + LOWER_LID_LEFT)].mean(axis=0),
            landmarks[_NOSE_TIP],
            *landmarks[list(_MOUTH_CORNERS)],
        ]
    ).astype(np.float32)
    points[:, 2] = 0.0
    target = np.concatenate([_PLACES, np.zeros((5, 1), np.float32)], axis=1)
    found = procrustes(points, target[None])
    matrix = np.concatenate([found.scale[0] * found.rotation[0, :2, :2], found.translation[0, :2, None]], axis=1)
    cut = cv2.warpAffine(image, matrix, (_SIDE, _SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def onnx_embedding(file: Path) -> Embed:
    """A face embedding from an ONNX file: input (1, 3, 112, 112), RGB, 0 to 255, as OpenCV's SFace (Apache-2.0) has it.

    Networks that want other numbers need a function of your own. Raises UnusableInput when the file cannot be used.
    """
    try:
        network = cv2.dnn.readNetFromONNX(str(check_input(file)))
    except cv2.error as error:
        raise UnusableInput(f"{file} is not an ONNX network that OpenCV can read.") from error

    def embed(image: Image, landmarks: Float) -> Float:
        cut = cut_for_embedding(image, landmarks)
        network.setInput(cv2.dnn.blobFromImage(cut, 1.0, (_SIDE, _SIDE)))
        try:
            return np.asarray(network.forward(), np.float32).reshape(-1)
        except cv2.error as error:
            raise UnusableInput(f"{file} does not take pictures of 112 x 112 px in three colours.") from error

    return embed
