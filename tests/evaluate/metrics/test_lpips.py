"""LPIPS with made-up weights: what it must give whatever they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.metrics.lpips import Lpips
from dreamtalk.types import Image


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Random weights, laid out as the public files are."""
    torch.manual_seed(0)
    folder, network = tmp_path_factory.mktemp("lpips"), Lpips()
    backbone = {f"features.{k}": v for k, v in network.features.state_dict().items()}
    torch.save(backbone | {"classifier.1.weight": torch.zeros(2, 2)}, folder / "alexnet.pth")
    heads = {f"lin{i}.model.1.weight": torch.rand(1, len(h), 1, 1) for i, h in enumerate(network.heads)}
    torch.save(heads, folder / "alex.pth")
    return folder / "alexnet.pth", folder / "alex.pth"


def picture(seed: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (96, 80, 3)).astype(np.uint8)


def test_equal_pictures_have_no_distance_and_others_a_symmetric_one(files: tuple[Path, Path]) -> None:
    network = Lpips.load(*files)
    one, two = picture(0), picture(1)
    assert network.distance(one, one) == 0.0
    assert network.distance(one, two) > 0.01
    assert network.distance(one, two) == pytest.approx(network.distance(two, one))
    half = ((one.astype(int) + two) // 2).astype(np.uint8)
    assert network.distance(one, half) < network.distance(one, two)


def test_equals_the_definition_written_out(files: tuple[Path, Path]) -> None:
    """Zhang et al. 2018, eq. 1, layer by layer with torch's own normalisation."""
    network = Lpips.load(*files)
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = [((torch.from_numpy(p).float() / 255 - mean) / spread).permute(2, 0, 1)[None] for p in (picture(2), picture(3))]
    heads, total = iter(network.heads), 0.0
    with torch.no_grad():
        for layer in network.features:
            x = [layer(each) for each in x]
            if isinstance(layer, nn.ReLU):
                apart = (nn.functional.normalize(x[0]) - nn.functional.normalize(x[1])) ** 2
                total += float((next(heads).view(1, -1, 1, 1) * apart).sum(dim=1).mean())
    assert network.distance(picture(2), picture(3)) == pytest.approx(total, rel=0.02)  # the metric rounds the mean


def test_other_files_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="AlexNet"):
        Lpips.load(files[1], files[1])
    with pytest.raises(UnusableInput, match="heads"):
        Lpips.load(files[0], files[0])
