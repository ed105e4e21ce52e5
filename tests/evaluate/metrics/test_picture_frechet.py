"""FID and FVD with tiny made-up networks whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.metrics.picture_frechet import PictureFrechet, distance
from dreamtalk.types import Image

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


class Mean(nn.Module):
    """The mean colour."""

    def forward(self, x: Tensor) -> Tensor:
        return x.float().flatten(2).mean(dim=2)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fid") / "mean.pt"
    torch.jit.script(Mean()).save(str(file))
    return file


def film(frames: int, brighter: int) -> Image:
    random = np.random.default_rng(frames)
    levels = random.integers(50, 150, (frames, 1, 1, 3)) + brighter
    return np.broadcast_to(levels, (frames, 32, 32, 3)).astype(np.uint8)


def test_pictures_brighter_by_ten_are_three_hundred_apart(network: Path) -> None:
    fid = PictureFrechet.load(network, moving=False)
    real, brighter = fid.features(film(40, 0)), fid.features(film(40, 10))  # the same spread, three means 10 off
    assert distance([fid.features(film(40, 0))], [real]) == pytest.approx(0.0, abs=1e-2)
    assert distance([brighter], [real]) == pytest.approx(300.0, rel=1e-3)
    assert np.isnan(distance([], [real]))


class Classifier(nn.Module):
    """Like the public networks: shares of classes, unless asked for features."""

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        means = x.float().flatten(2).mean(dim=2)
        return means if return_features else torch.softmax(means, dim=1)


class Rescaling(nn.Module):
    """Like the public I3D: it can bring pictures of 0 to 255 to its own range and size, if it is not told to let be."""

    def forward(self, x: Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False) -> Tensor:
        if rescale or resize:
            x = x * 0.0
        return x.flatten(2).mean(dim=2)


def test_networks_that_bring_pictures_to_their_range_are_told_not_to(tmp_path: Path) -> None:
    torch.jit.script(Rescaling()).save(str(tmp_path / "i3d.pt"))
    fvd = PictureFrechet.load(tmp_path / "i3d.pt", moving=True)
    crops = film(32, 0)
    seen = [(crops[i : i + 16] / 127.5 - 1).mean(axis=(0, 1, 2)) for i in (0, 16)]
    assert fvd.features(crops) == pytest.approx(np.stack(seen), abs=1e-5)


@pytest.mark.parametrize("moving", [False, True])
def test_networks_that_classify_are_asked_for_their_features(tmp_path: Path, moving: bool) -> None:
    torch.jit.script(Classifier()).save(str(tmp_path / "inception.pt"))
    found = PictureFrechet.load(tmp_path / "inception.pt", moving)
    apart = distance([found.features(film(48, 10))], [found.features(film(48, 0))])
    assert apart == pytest.approx(300.0 / (127.5**2 if moving else 1), rel=1e-2)


def test_videos_are_seen_in_stretches(network: Path) -> None:
    fvd = PictureFrechet.load(network, moving=True)
    real = fvd.features(film(70, 0))
    assert real.shape == (4, 3)
    assert distance([fvd.features(film(70, 20))], [real]) == pytest.approx(3 * (20 / 127.5) ** 2, rel=1e-2)
    assert np.isnan(distance([fvd.features(film(10, 0))], [real]))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.pt").write_bytes(b"no")
    with pytest.raises(UnusableInput, match="TorchScript"):
        PictureFrechet.load(tmp_path / "no.pt", moving=False)
    with pytest.raises(UnusableInput, match="does not exist"):
        PictureFrechet.load(tmp_path / "none.pt", moving=False)
