"""Head pose from landmarks: the camera model and the weighted Procrustes fit behind MediaPipe's transformation matrix.

The matrix (4, 4) maps the canonical face (cm) into a right-handed camera space (cm): x right on screen, y up, z towards
the viewer, camera at the origin (shared/reference/face_tracker.md, section 6).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import radians, tan

import numpy as np
from numpy.typing import NDArray

from dreamtalk.face.networks import read_task_file
from dreamtalk.types import Float

MESH_POINTS = 468
"""Landmarks of the face surface; the 10 after them are the irises."""

_FIELD_OF_VIEW = radians(63.0)
"""Vertical, of the camera that the fit assumes."""

_AXES = np.diag([1.0, -1.0, -1.0])
"""Camera axes (y up, z to the viewer) to picture axes (y down, z away from the viewer)."""


@dataclass(frozen=True, slots=True)
class CanonicalFace:
    """vertices: (468, 3) cm, y up, z to the viewer. triangles: (898, 3). weights: (468,) of the pose fit."""

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    weights: NDArray[np.float64]

    @classmethod
    def load(cls) -> CanonicalFace:
        """From the geometry metadata inside the face landmarker asset."""
        fields = _message(read_task_file("geometry_pipeline_metadata_landmarks.binarypb"))
        mesh = _message(fields[1][0])
        floats = np.frombuffer(b"".join(mesh[3]), dtype="<f4").reshape(MESH_POINTS, 5)
        indices = np.array(mesh[4], dtype=np.int32).reshape(-1, 3)
        weights = np.zeros(MESH_POINTS)
        for entry in fields[2]:
            pair = _message(entry)
            weights[pair.get(1, [0])[0]] = struct.unpack("<f", pair[2][0])[0]
        return cls(vertices=floats[:, :3].astype(np.float64), triangles=indices, weights=weights)


def _message(data: bytes) -> dict[int, list]:  # type: ignore[type-arg]  # protocol buffers mix ints and bytes
    """Fields of one protocol-buffer message: varints as int, fixed 32-bit and length-delimited values as bytes."""
    fields: dict[int, list] = {}  # type: ignore[type-arg]
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        value: int | bytes
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 5:
            value, at = data[at : at + 4], at + 4
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"unexpected wire type {kind} in the face geometry metadata")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def weighted_similarity(
    source: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Scale, rotation (3, 3), translation (3,) with target ~ scale R source + translation: weighted least squares."""
    total = weights.sum()
    source_mean = weights @ source / total
    target_mean = weights @ target / total
    centred = source - source_mean
    u, _, vt = np.linalg.svd((target * weights[:, None]).T @ centred)
    if np.linalg.det(u @ vt) < 0:
        u[:, 2] *= -1
    rotation = u @ vt
    turned = centred @ rotation.T
    scale = float((weights[:, None] * turned * target).sum() / (weights[:, None] * centred**2).sum())
    return scale, rotation, target_mean - scale * rotation @ source_mean


def facial_matrix(landmarks: Float, width: int, height: int, canonical: CanonicalFace) -> Float:
    """Canonical face to camera space (4, 4) from landmarks (478, 3) px of a width x height picture."""
    points = landmarks[:MESH_POINTS].astype(np.float64)
    near_height = 2 * tan(_FIELD_OF_VIEW / 2)
    near_width = near_height * width / height
    screen = np.stack(
        [
            (points[:, 0] / width - 0.5) * near_width,
            (0.5 - points[:, 1] / height) * near_height,
            points[:, 2] / width * near_width,
        ],
        axis=1,
    )
    offset = screen[:, 2].mean()

    def unproject(scale: float) -> NDArray[np.float64]:
        depth = (screen[:, 2] - offset + 1.0) / scale
        return np.stack([screen[:, 0] * depth, screen[:, 1] * depth, -depth], axis=1)

    flat = screen * [1.0, 1.0, -1.0]
    scale, _, _ = weighted_similarity(canonical.vertices, flat, canonical.weights)
    second, _, _ = weighted_similarity(canonical.vertices, unproject(scale), canonical.weights)
    final, rotation, translation = weighted_similarity(canonical.vertices, unproject(scale * second), canonical.weights)
    matrix = np.eye(4)
    matrix[:3, :3] = final * rotation
    matrix[:3, 3] = translation
    return matrix.astype(np.float32)


def rotation_of(matrix: Float) -> Float:
    """Head rotation (3, 3) in picture axes (x right, y down, z away from the viewer) of a facial matrix (4, 4)."""
    linear = matrix[:3, :3].astype(np.float64)
    u, _, vt = np.linalg.svd(linear)
    return np.asarray(_AXES @ (u @ vt) @ _AXES, dtype=np.float32)


def euler_of(rotation: Float) -> Float:
    """Angles (3,) in radians about x, y, z with R = Rz Ry Rx."""
    r = rotation.astype(np.float64)
    y = np.arcsin(np.clip(-r[2, 0], -1.0, 1.0))
    return np.array([np.arctan2(r[2, 1], r[2, 2]), y, np.arctan2(r[1, 0], r[0, 0])], dtype=np.float32)


def rotation_from_euler(angles: Float) -> Float:
    """R = Rz Ry Rx (3, 3) of angles (3,) in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(rz @ ry @ rx, dtype=np.float32)
