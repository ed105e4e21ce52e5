"""The skirt: rings of points around the face that carry hair, ears and neck and fade the motion into the background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, Index, smoothstep

RINGS = (1.07, 1.16, 1.28, 1.42, 1.60, 1.85, 2.2, 2.7)
"""Radius of each ring relative to the face outline."""
_POINTS = len(topo.OVAL)

_FLAT_FROM, _FLAT_MOST = 0.10, 0.25
"""Depth of the face behind its centre beyond which it counts less and less, and what it adds there at most, in face
widths."""
_STEEPEST, _SIDE_STEPS = 2.0, 3
"""Near the outline (so many edges from it) and in the rings, nothing lies deeper behind what is seen beside it than so
many times its distance there."""
_BEHIND = 0.02
"""But as deep as this, in face widths: or it would come through."""
_PROFILE_FROM, _PROFILE_TO = np.radians([26.0, 34.0])
"""Of a photo turned by the second angle the nose hides what is beyond it, and depths stay as they are."""
_HEAD_BACK = 0.55
"""How far behind the face the outline of the head lies, in face widths."""
_HEAD_RADIUS = 0.60
"""Ring radius, beyond 1, at which that depth is reached."""
_REACH_SIDE, _REACH_BELOW = 0.45, 0.55
"""Ring radius, beyond 1, over which expression fades at the sides and on top; what is added below the chin."""
_POSE_FULL, _POSE_NONE = 1.30, 2.65
"""Ring radius up to which the head's motion is followed fully, and from which on not at all."""
_NECK_FROM, _NECK_TO = -0.05, 0.75
"""The neck fades the head's motion between these heights below the chin, in face widths."""
_NECK_LEAST = 0.35
"""A photo that ends sooner below the chin fades it out by its edge, beyond which there are only mirrored shoulders;
over this height at least."""
_SHOULDER_FROM, _SHOULDER_TO = (-0.1, 0.35), (0.45, 1.0)
"""Shoulders stay: what lies below the chin by the first, from and fully, and beside the neck by the second, from and
fully, in face widths."""


@dataclass(frozen=True, slots=True)
class Skirt:
    """Face and rings together, N = 468 + 8 x 36 points.

    points: (N, 3) rest positions. expression: (N,) share of the outline's
    displacement (1 on the face). head: (N,) share of the head's motion. feet: (N,) for ring points the index 0..35 of
    the outline point they hang on.
    """

    points: Double
    expression: Double
    head: Double
    feet: Index


def make_skirt(canvas: Canvas) -> Skirt:
    """Rings for one portrait."""
    face = _flatter(canvas)
    oval, centre = face[list(topo.OVAL)], canvas.centre
    back = np.maximum(centre[2] + _HEAD_BACK * canvas.width, oval[:, 2])
    layers, radius = [face], [np.ones(len(face))]
    for ring in RINGS:
        points = centre + (oval - centre) * ring
        # The head is round and its silhouette soft: a ramp, or an ellipse with its steep end, would fold the hair.
        points[:, 2] = oval[:, 2] + (back - oval[:, 2]) * smoothstep(0.0, _HEAD_RADIUS, ring - 1.0)
        layers.append(points)
        radius.append(np.full(_POINTS, ring))
    every = np.concatenate(layers)
    _bring_forward(canvas, every)
    expression, head = _weights(canvas, every, np.concatenate(radius))
    feet = np.concatenate([np.zeros(len(face), np.int32), np.tile(np.arange(_POINTS, dtype=np.int32), len(RINGS))])
    return Skirt(every, expression, head, feet)


def _flatter(canvas: Canvas) -> Double:
    """The face's points (468, 3) with less depth at its sides: seen edge-on, they would be stretched by turning."""
    face = canvas.landmarks[: topo.LANDMARKS].copy()
    behind = np.maximum(face[:, 2] - canvas.centre[2] - _FLAT_FROM * canvas.width, 0.0)
    most = _FLAT_MOST * canvas.width
    face[:, 2] -= behind - most * (1.0 - np.exp(-behind / most))
    return np.asarray(face)


def _bring_forward(canvas: Canvas, points: Double) -> None:
    """Brings points (N, 3) near the outline and in the rings forward, in place, where they lie deep behind the face.

    The far cheek of a turned head ends before its outline does: the outline and the first rings lie behind it, at
    pixels that show the cheek. Turned back they would come out and show the cheek's edge twice; nodding, they would
    break what crosses it, such as glasses. Near the edge they go with the cheek.
    """
    face = points[: topo.LANDMARKS]
    side = _beside()
    way = np.linalg.norm(points[side, None, :2] - face[None, :, :2], axis=2)
    deepest = (face[:, 2] + _STEEPEST * way).min(axis=1) + _BEHIND * canvas.width
    turn = np.arctan2(abs(canvas.rotation[0, 2]), canvas.rotation[2, 2])
    share = 1.0 - smoothstep(_PROFILE_FROM, _PROFILE_TO, turn)
    points[side, 2] += share * np.minimum(deepest - points[side, 2], 0.0)


@lru_cache
def _beside() -> Index:
    """Numbers of the points that are near the outline or in a ring."""
    a, b, c = topo.face_triangles().skin.T
    side = np.zeros(topo.LANDMARKS, np.bool_)
    side[list(topo.OVAL)] = True
    for _ in range(_SIDE_STEPS - 1):
        reached = side[a] | side[b] | side[c]
        for corner in (a, b, c):
            side[corner[reached]] = True
    rings = np.arange(topo.LANDMARKS, topo.LANDMARKS + len(RINGS) * _POINTS)
    return np.concatenate([np.flatnonzero(side), rings]).astype(np.int32)


@lru_cache
def skirt_triangles() -> Index:
    """(576, 3) triangles between the outline and the rings, wound like those of the face."""
    triangles = []
    inner = np.array(topo.OVAL)
    for number in range(len(RINGS)):
        outer = topo.LANDMARKS + number * _POINTS + np.arange(_POINTS)
        next_inner, next_outer = np.roll(inner, -1), np.roll(outer, -1)
        triangles += [np.stack([inner, outer, next_inner], axis=1), np.stack([next_inner, outer, next_outer], axis=1)]
        inner = outer
    return np.concatenate(triangles).astype(np.int32)


@lru_cache
def fine_mesh() -> topo.Subdivision:
    """Skin, holes and skirt, in this order, subdivided once; the same for every portrait."""
    faces = topo.face_triangles()
    every = np.concatenate([faces.skin, faces.holes, skirt_triangles()])
    return topo.subdivide(topo.LANDMARKS + len(RINGS) * _POINTS, every, topo.crease_edges())


def _weights(canvas: Canvas, points: Double, radius: Double) -> tuple[Double, Double]:
    outward = (points - canvas.centre) * (1.0, 1.0, 0.0)
    below = outward @ canvas.down
    cosine = below / np.maximum(np.linalg.norm(outward, axis=1), 1e-6)
    reach = _REACH_SIDE + _REACH_BELOW * np.clip(cosine, 0.0, 1.0)
    on_face = radius <= 1.0
    expression = np.where(on_face, 1.0, np.clip(1.0 - (radius - 1.0) / reach, 0.0, 1.0) ** 1.5)
    chin = float((canvas.landmarks[topo.CHIN] - canvas.centre) @ canvas.down)
    edge = (canvas.image.shape[0] - canvas.landmarks[topo.CHIN, 1]) / max(canvas.down[1], 0.5) / canvas.width
    neck = 1.0 - smoothstep(_NECK_FROM, float(np.clip(edge, _NECK_LEAST, _NECK_TO)), (below - chin) / canvas.width)
    beside = np.abs(outward @ np.cross([0.0, 0.0, -1.0], canvas.down)) / canvas.width
    lower = smoothstep(*_SHOULDER_FROM, (below - chin) / canvas.width)
    neck *= 1.0 - lower * smoothstep(*_SHOULDER_TO, beside)
    head = 1.0 - smoothstep(_POSE_FULL, _POSE_NONE, radius)
    return expression, np.where(on_face, 1.0, np.minimum(head, neck))
