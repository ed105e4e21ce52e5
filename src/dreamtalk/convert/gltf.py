"""glTF 2.0 (Khronos) files of a head that speaks: a mesh with morph targets, a head joint, and their animation.

.glb holds everything in binary; .gltf is the same as text, its numbers in base64. The sound is not part of glTF: play
it from the animation's first frame on.

    scene ─ avatar (mesh, skin)
          └ torso ─ head (turns)            both are joints; the neck bends between them
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk.convert.arkit import ArkitTake
from dreamtalk.convert.avatar import Avatar
from dreamtalk.face.pose import rotation_from_euler
from dreamtalk.media.files import check_output, replacing
from dreamtalk.types import Float
from dreamtalk.version import package_version

ENDINGS = (".glb", ".gltf")

_FLOAT, _UINT, _USHORT, _UBYTE = 5126, 5125, 5123, 5121
_VERTICES, _INDICES = 34962, 34963
"""What a buffer view is for: attributes, indices."""

_SKIN_JOINTS = 4
"""Joints per vertex that the format wants, used or not."""

_TO_GLTF = np.diag([1.0, -1.0, -1.0])
"""Picture axes (y down, z away) to glTF's (y up, z towards the viewer)."""

_AVATAR_NODE, _TORSO, _HEAD = 0, 1, 2


@dataclass
class _Document:
    """A glTF document that grows: JSON, and the bytes it points into."""

    json: dict[str, Any]
    data: bytearray = field(default_factory=bytearray)

    def add(self, values: NDArray[Any], kind: int, shape: str, target: int | None = None, bounds: bool = False) -> int:
        """Index of a new accessor for rows of values. shape: SCALAR, VEC3, ...; bounds: with their least and most."""
        types = {_FLOAT: "<f4", _UINT: "<u4", _USHORT: "<u2", _UBYTE: "u1"}
        content = np.ascontiguousarray(values, dtype=types[kind])
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": content.nbytes}
        if target is not None:
            view["target"] = target
        self.data += content.tobytes() + bytes(-content.nbytes % 4)
        self.json["bufferViews"].append(view)
        count = content.size if shape == "SCALAR" else len(content)
        entry = {"bufferView": len(self.json["bufferViews"]) - 1, "componentType": kind, "count": count, "type": shape}
        if bounds:
            rows = content.reshape(count, -1)
            entry["min"], entry["max"] = rows.min(axis=0).tolist(), rows.max(axis=0).tolist()
        self.json["accessors"].append(entry)
        return len(self.json["accessors"]) - 1


def write_gltf(path: str | Path, avatar: Avatar, take: ArkitTake) -> None:
    """Write the avatar doing the take, .glb or .gltf by the ending. Raises UnusableOutput."""
    path = check_output(path, ENDINGS)
    document = _Document(_skeleton(avatar))
    document.json["meshes"] = [_mesh(document, avatar)]
    document.json["skins"] = [_skin(document, avatar)]
    document.json["animations"] = [_animation(document, take)]
    with replacing(path) as temporary:
        temporary.write_bytes(_binary(document) if path.suffix.lower() == ".glb" else _text(document))


def _skeleton(avatar: Avatar) -> dict[str, Any]:
    """The document without its numbers."""
    return {
        "asset": {"version": "2.0", "generator": f"dreamtalk {package_version()}", "copyright": avatar.licence},
        "scene": 0,
        "scenes": [{"name": "talk", "nodes": [_AVATAR_NODE, _TORSO]}],
        "nodes": [
            {"name": "avatar", "mesh": 0, "skin": 0},
            {"name": "torso", "children": [_HEAD]},
            {"name": "head", "translation": avatar.pivot.tolist()},
        ],
        "materials": [
            {
                "name": part.name,
                "doubleSided": part.double_sided,
                "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": part.roughness},
            }
            for part in avatar.parts
        ],
        "accessors": [],
        "bufferViews": [],
    }


def _mesh(document: _Document, avatar: Avatar) -> dict[str, Any]:
    """The head: its parts share their vertices and morph targets."""
    joints = np.zeros((len(avatar.points), _SKIN_JOINTS), np.uint8)
    joints[:, 1] = avatar.head_share > 0.0  # joints without a share are to be 0
    shares = np.zeros((len(avatar.points), _SKIN_JOINTS), np.float32)
    shares[:, 0], shares[:, 1] = 1.0 - avatar.head_share, avatar.head_share
    attributes = {
        "POSITION": document.add(avatar.points, _FLOAT, "VEC3", _VERTICES, bounds=True),
        "NORMAL": document.add(avatar.normals, _FLOAT, "VEC3", _VERTICES),
        "COLOR_0": document.add(avatar.colours, _FLOAT, "VEC3", _VERTICES),
        "JOINTS_0": document.add(joints, _UBYTE, "VEC4", _VERTICES),
        "WEIGHTS_0": document.add(shares, _FLOAT, "VEC4", _VERTICES),
    }
    targets = [{"POSITION": document.add(shape, _FLOAT, "VEC3", _VERTICES, bounds=True)} for shape in avatar.shapes]
    primitives = [
        {
            "attributes": attributes,
            "indices": document.add(part.triangles.reshape(-1), _UINT, "SCALAR", _INDICES),
            "material": number,
            "targets": targets,
        }
        for number, part in enumerate(avatar.parts)
    ]
    extras = {"targetNames": list(avatar.names)}  # where Blender, three.js and others look for the names
    return {"name": "head", "primitives": primitives, "weights": [0.0] * len(avatar.names), "extras": extras}


def _skin(document: _Document, avatar: Avatar) -> dict[str, Any]:
    to_head = np.eye(4, dtype=np.float32)
    to_head[:3, 3] = -avatar.pivot
    inverse = np.stack([np.eye(4, dtype=np.float32).T, to_head.T])  # column by column
    return {"joints": [_TORSO, _HEAD], "inverseBindMatrices": document.add(inverse.reshape(2, 16), _FLOAT, "MAT4")}


def _animation(document: _Document, take: ArkitTake) -> dict[str, Any]:
    seconds = np.arange(len(take.weights), dtype=np.float32) / np.float32(take.fps)
    times = document.add(seconds, _FLOAT, "SCALAR", bounds=True)
    turns = np.stack([_quaternion(row) for row in take.rotation])
    outputs = (document.add(take.weights, _FLOAT, "SCALAR"), document.add(turns, _FLOAT, "VEC4"))
    targets = ({"node": _AVATAR_NODE, "path": "weights"}, {"node": _HEAD, "path": "rotation"})
    return {
        "name": "speech",
        "samplers": [{"input": times, "output": output, "interpolation": "LINEAR"} for output in outputs],
        "channels": [{"sampler": number, "target": target} for number, target in enumerate(targets)],
    }


def _quaternion(rotation: Float) -> Float:
    """x, y, z, w in glTF's axes of a rotation (3,) in picture axes; turns are small, w is never near 0."""
    turn = _TO_GLTF @ rotation_from_euler(rotation).astype(np.float64) @ _TO_GLTF
    w = np.sqrt(max(1.0 + np.trace(turn), 1e-9)) / 2.0
    x, y, z = turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]
    whole = np.array([x / (4 * w), y / (4 * w), z / (4 * w), w])
    return np.asarray(whole / np.linalg.norm(whole), np.float32)


def _binary(document: _Document) -> bytes:
    """GLB: a header, the JSON filled up with blanks, the numbers."""
    document.json["buffers"] = [{"byteLength": len(document.data)}]
    text = json.dumps(document.json, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data = bytes(document.data)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _text(document: _Document) -> bytes:
    uri = "data:application/octet-stream;base64," + base64.b64encode(bytes(document.data)).decode("ascii")
    document.json["buffers"] = [{"byteLength": len(document.data), "uri": uri}]
    return json.dumps(document.json, indent=1).encode()
