"""SyncNet's protocol: offsets, crops and weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.metrics.mfcc import mfcc
from dreamtalk.evaluate.metrics.syncnet import SyncNet, sync_crops, sync_score
from dreamtalk.types import Float, Image

MIDDLE = 160
"""Mean brightness: beyond the ends of the sound stands zero."""


class Knowing(SyncNet):
    """Codes that tell the loudness heard, and the brightness seen."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def hear(self, windows: Tensor) -> Tensor:
        return 8 * windows[:, 0, 0].mean(dim=1, keepdim=True) - MIDDLE

    def see(self, windows: Tensor) -> Tensor:
        return windows.mean(dim=(1, 2, 3, 4))[:, None] - MIDDLE


def talk(frames: int) -> tuple[list[Image], Float]:
    """Noise of changing loudness, and pictures as bright as SyncNet's window of it is loud."""
    random = np.random.default_rng(1)
    loudness = np.repeat(10 ** random.uniform(-3, -0.5, frames), 640)
    samples = (loudness * random.standard_normal(frames * 640)).astype(np.float32)
    heard = mfcc(samples)[0]
    levels = [heard[4 * i : 4 * i + 4].mean() for i in range(frames)]
    return [np.full((4, 4, 3), level * 8, np.uint8) for level in levels], samples


@pytest.mark.parametrize("late", [0, 3, -4])
def test_finds_by_how_much_the_sound_is_ahead(late: int) -> None:
    pictures, samples = talk(140)
    shown = pictures[15 - late : 115 - late]
    found = sync_score(Knowing(), shown, samples[15 * 640 :])
    assert found.offset == late
    assert found.confidence > 3
    assert found.distance < found.confidence


def test_a_clip_too_short_for_an_offset_is_refused() -> None:
    with pytest.raises(UnusableInput, match="at least 35 frames"):
        sync_score(Knowing(), [np.zeros((4, 4, 3), np.uint8)] * 20, np.zeros(16000, np.float32))


def test_crops_follow_the_face_and_are_steady() -> None:
    frame = np.zeros((300, 400, 3), np.uint8)
    frame[100:200, 150:250] = 200
    boxes = np.tile(np.array([150, 100, 250, 200], np.float32), (20, 1))
    boxes[7] += 60  # one wrong detection
    crops = sync_crops([frame] * 20, boxes)
    assert crops[7].shape == (224, 224, 3)
    assert (crops[7] == crops[0]).all()
    face = np.argwhere(crops[0][..., 0] > 100)
    # A margin of 0.4 on both sides and above the middle: the crop is 140 px wide, the face 100.
    assert np.ptp(face, axis=0) == pytest.approx([160, 160], abs=3)
    assert face.min(axis=0) == pytest.approx([0, 32], abs=3)


def test_weights_are_read_by_name_and_others_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SyncNet()
    torch.save(network.state_dict(), tmp_path / "syncnet_v2.model")
    again = SyncNet.load(tmp_path / "syncnet_v2.model")
    windows = torch.randn(1, 1, 13, 20)
    assert torch.equal(network.eval().hear(windows), again.hear(windows))
    assert network.see(torch.zeros(1, 3, 5, 224, 224)).shape == (1, 1024)
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(UnusableInput, match="not SyncNet's weights"):
        SyncNet.load(tmp_path / "other.pt")
    with pytest.raises(UnusableInput, match="no such file"):
        SyncNet.load(tmp_path / "none.pt")
