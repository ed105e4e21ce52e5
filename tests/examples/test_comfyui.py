"""The ComfyUI nodes on a surface like ComfyUI's: its tensors in, its tensors and files out, its bar and stop button."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dreamtalk.media import read_frames, read_image
from dreamtalk.talker import Talker

NODE = Path(__file__).parents[2] / "examples" / "comfyui" / "dreamtalk_node.py"
CHOICES = {"style": "happy:2", "intensity": 1.0, "size": "256", "seed": 3, "badge": True}


class Stopped(Exception):
    """ComfyUI's way of stopping."""


@pytest.fixture
def comfy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the nodes ask of ComfyUI."""
    seen = SimpleNamespace(done=[], stop=False)

    def stop() -> None:
        if seen.stop:
            raise Stopped

    bar = SimpleNamespace(update_absolute=lambda done, total: seen.done.append((done, total)))
    modules: dict[str, dict[str, Any]] = {
        "comfy": {},
        "comfy.utils": {"ProgressBar": lambda total: bar},
        "comfy.model_management": {"throw_exception_if_processing_interrupted": stop},
        "folder_paths": {"get_temp_directory": lambda: str(tmp_path)},
        "comfy_api": {},
        "comfy_api.latest": {"InputImpl": SimpleNamespace(VideoFromFile=lambda file: ("VIDEO", file))},
    }
    for name, contents in modules.items():
        module = ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    return seen


@pytest.fixture
def nodes(debug_talker: Talker, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("dreamtalk_node", NODE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_talker", lambda: debug_talker)
    return module


@pytest.fixture
def inputs(examples: Path) -> tuple[torch.Tensor, dict[str, Any]]:
    """IMAGE and AUDIO."""
    picture = torch.from_numpy(read_image(examples / "portrait.jpg")).to(torch.float32)[None] / 255.0
    wave = 0.3 * torch.sin(torch.arange(17_640) * 0.06)
    return picture, {"waveform": wave.expand(1, 2, -1), "sample_rate": 44_100}


def test_frames_come_as_a_batch_of_pictures(comfy: SimpleNamespace, nodes: ModuleType, inputs: Any) -> None:
    frames, speech, fps = nodes.NODE_CLASS_MAPPINGS["DreamTalkFrames"]().run(*inputs, **CHOICES)
    assert frames.shape == (10, 256, 256, 3) and frames.dtype == torch.float32
    assert 0.0 <= float(frames.min()) < 0.2 < 0.8 < float(frames.max()) <= 1.0
    assert speech is inputs[1] and fps == 25.0
    assert comfy.done[-1] == (10, 10)


def test_the_video_node_writes_a_whole_marked_file(comfy: SimpleNamespace, nodes: ModuleType, inputs: Any) -> None:
    (kind, file), *more = nodes.NODE_CLASS_MAPPINGS["DreamTalkVideo"]().run(*inputs, **CHOICES)
    assert kind == "VIDEO" and not more
    assert len(list(read_frames(Path(file)))) == 10 and comfy.done[-1] == (10, 10)


def test_the_stop_button_leaves_no_file(comfy: SimpleNamespace, nodes: ModuleType, inputs: Any, tmp_path: Path) -> None:
    comfy.stop = True
    with pytest.raises(Stopped):
        nodes.NODE_CLASS_MAPPINGS["DreamTalkVideo"]().run(*inputs, **CHOICES)
    assert list(tmp_path.glob("*.mp4")) == []


def test_nodes_say_what_comfyui_asks(nodes: ModuleType) -> None:
    for cls in nodes.NODE_CLASS_MAPPINGS.values():
        required = cls.INPUT_TYPES()["required"]
        assert list(required)[:2] == ["portrait", "speech"] and set(CHOICES) <= set(required)
        assert len(cls.RETURN_TYPES) == len(cls.RETURN_NAMES) and hasattr(cls, cls.FUNCTION) and cls.CATEGORY
        for name, (kind, *more) in required.items():
            default = more[0].get("default") if more else None
            assert default is None or not isinstance(kind, list) or default in kind, name
    assert set(nodes.NODE_CLASS_MAPPINGS) == set(nodes.NODE_DISPLAY_NAME_MAPPINGS)


def test_transparent_pictures_are_put_on_white(nodes: ModuleType) -> None:
    clear = torch.zeros(1, 40, 40, 4)
    assert np.all(nodes._picture(clear) == 255)
