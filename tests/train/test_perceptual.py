"""Picture losses: nothing for equal pictures, more for worse ones, gradients where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from dreamtalk.errors import UnusableInput
from dreamtalk.train.perceptual import PictureLoss, PyramidLoss, VggLoss

NUMBERS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512)
"""Convolutions of VGG-19 up to relu_5_1, as torchvision numbers them, and the channels between them."""


def vgg_weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for number, inputs, outputs in zip(NUMBERS, CHANNELS[:-1], CHANNELS[1:], strict=True):
        scale = (2.0 / (9 * inputs)) ** 0.5
        weights[f"features.{number}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * scale
        weights[f"features.{number}.bias"] = torch.zeros(outputs)
    return weights


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> VggLoss:
    file = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file({**vgg_weights(), "classifier.0.bias": torch.zeros(3)}, file)
    return VggLoss.load(file)


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(3)) * 2 - 1


@pytest.mark.parametrize("kind", ["pyramid", "vgg"])
def test_alike_is_nothing_and_worse_is_more(kind: str, vgg: VggLoss) -> None:
    loss: PictureLoss = vgg if kind == "vgg" else PyramidLoss()
    wanted = picture()
    noise = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(5))
    assert float(loss(wanted, wanted)) == 0.0
    little, much = (float(loss(wanted + scale * noise, wanted)) for scale in (0.05, 0.3))
    assert 0.0 < little < 0.5 * much
    made = (wanted + 0.1 * noise).requires_grad_()
    loss(made, wanted).backward()
    assert made.grad is not None and made.grad.abs().sum() > 0


def test_a_blurred_picture_is_worse_than_a_darker_one_to_the_pyramid() -> None:
    wanted = F.interpolate(picture(), scale_factor=2)
    blurred = F.avg_pool2d(F.pad(wanted, (2, 2, 2, 2), mode="reflect"), 5, stride=1)
    darker = wanted - (wanted - blurred).abs().mean()
    assert PyramidLoss()(blurred, wanted) > PyramidLoss()(darker, wanted)


def test_vgg_hears_the_published_layers(vgg: VggLoss) -> None:
    heard = vgg._activations(picture())
    assert [tuple(x.shape[1:]) for x in heard] == [
        (64, 128, 128),
        (128, 64, 64),
        (256, 32, 32),
        (512, 16, 16),
        (512, 8, 8),
    ]
    assert all(float(x.min()) >= 0.0 for x in heard), "after the rectifiers"
    first = F.conv2d(((picture() + 1) / 2 - vgg.mean) / vgg.std, vgg_weights()["features.0.weight"], padding=1)
    assert torch.allclose(heard[0], first.relu(), atol=1e-5)


def test_the_style_term_cares_for_textures_not_places(vgg: VggLoss) -> None:
    wanted = picture()
    moved, other = wanted.roll(64, dims=3), wanted.flip(1)
    style = [float(vgg(made, wanted, 250.0) - vgg(made, wanted)) for made in (moved, other)]
    assert 0.0 < style[0] < 0.5 * style[1]


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "half.safetensors")
    (tmp_path / "text.safetensors").write_text("no")
    for name in ("half", "text", "none"):
        with pytest.raises(UnusableInput, match=name):
            VggLoss.load(tmp_path / f"{name}.safetensors")
