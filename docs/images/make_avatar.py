"""Frames of a .glb of `dreamtalk export` as a picture: python docs/images/make_avatar.py talk.glb avatar.jpg

Reads the file by its own means (glTF 2.0: morph targets, then the skin), so that it checks the writer as well.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

FRAMES = range(34, 46, 2)
SIDE, SPAN, MIDDLE = 320, 0.26, np.array([0.0, 0.705, 0.05])
"""Pixels, metres across, metres."""
LIGHT, AMBIENT, SHADE = np.array([0.25, 0.45, 0.86]), 0.35, 0.75
BACKGROUND = 0.55


class Document:
    """A .glb file: its JSON and its numbers."""

    def __init__(self, file: Path) -> None:
        content = file.read_bytes()
        size = struct.unpack("<I", content[12:16])[0]
        self.json: dict[str, Any] = json.loads(content[20 : 20 + size])
        self._data = content[28 + size :]

    def numbers(self, accessor: int) -> np.ndarray[Any, Any]:
        entry = self.json["accessors"][accessor]
        view = self.json["bufferViews"][entry["bufferView"]]
        kind = {5126: "<f4", 5125: "<u4", 5121: "u1"}[entry["componentType"]]
        columns = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
        return np.frombuffer(self._data, kind, entry["count"] * columns, view["byteOffset"]).reshape(-1, columns)


def posed(document: Document, frame: int) -> np.ndarray[Any, Any]:
    """Vertices (V, 3) at a frame of the animation."""
    weights, turns = (document.numbers(s["output"]) for s in document.json["animations"][0]["samplers"])
    primitive, skin = document.json["meshes"][0]["primitives"][0], document.json["skins"][0]
    targets = np.stack([document.numbers(target["POSITION"]) for target in primitive["targets"]])
    points = document.numbers(primitive["attributes"]["POSITION"]).astype(np.float64)
    points += np.tensordot(weights.reshape(-1, len(targets))[frame], targets, axes=1)
    x, y, z, w = turns[frame].astype(np.float64)
    head = np.eye(4)
    head[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    head[:3, 3] = document.json["nodes"][skin["joints"][1]]["translation"]
    inverse = document.numbers(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    joints = [inverse[0], head @ inverse[1]]
    shares = document.numbers(primitive["attributes"]["WEIGHTS_0"])
    whole = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    return sum(shares[:, k : k + 1] * (whole @ joints[k].T)[:, :3] for k in (0, 1))


def drawn(document: Document, points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The head from the front: (SIDE, SIDE, 3) RGB, nearest triangle first, Lambert's shading."""
    primitives = document.json["meshes"][0]["primitives"]
    triangles = np.concatenate([document.numbers(p["indices"]).reshape(-1, 3) for p in primitives])
    normals = np.zeros_like(points)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    for k in range(3):
        np.add.at(normals, triangles[:, k], np.cross(b - a, c - a))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    light = AMBIENT + SHADE * np.clip(normals @ LIGHT, 0, 1)
    linear = document.numbers(primitives[0]["attributes"]["COLOR_0"]) * light[:, None]
    colours = np.clip(linear, 0, 1) ** (1 / 2.2)
    place = (points - MIDDLE) * [SIDE / SPAN, -SIDE / SPAN, 1.0] + [SIDE / 2, SIDE / 2, 0.0]
    picture, depth = np.full((SIDE, SIDE, 3), BACKGROUND), np.full((SIDE, SIDE), -np.inf)
    for corners in triangles:
        p, q, r = place[corners]
        area = (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1])
        if area > -1e-9:  # turned away
            continue
        low = np.floor(np.minimum(np.minimum(p, q), r)[:2]).astype(int).clip(0, SIDE - 1)
        high = np.ceil(np.maximum(np.maximum(p, q), r)[:2]).astype(int).clip(0, SIDE - 1)
        x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        u = ((x - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (y - p[1])) / area
        v = ((q[0] - p[0]) * (y - p[1]) - (x - p[0]) * (q[1] - p[1])) / area
        shares = np.stack([1 - u - v, u, v], axis=-1)
        near = shares @ place[corners, 2]
        box = np.s_[low[1] : high[1] + 1, low[0] : high[0] + 1]
        seen = (shares.min(axis=-1) >= -1e-6) & (near > depth[box])
        depth[box][seen], picture[box][seen] = near[seen], (shares @ colours[corners])[seen]
    return np.asarray(picture * 255, np.uint8)


def main(glb: Path, output: Path) -> None:
    document = Document(glb)
    strip = np.hstack([drawn(document, posed(document, frame)) for frame in FRAMES])
    cv2.imwrite(str(output), cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
