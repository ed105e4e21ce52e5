"""The networks, small: what they promise holds for any size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from dreamtalk.errors import UnusableInput
from dreamtalk.render.pirenderer.config import NetworkConfig, tiny
from dreamtalk.render.pirenderer.layers import UpBlock
from dreamtalk.render.pirenderer.network import PIRendererNetwork
from dreamtalk.render.pirenderer.warping import warp


@pytest.fixture(scope="module")
def network() -> PIRendererNetwork:
    torch.manual_seed(0)
    return PIRendererNetwork(tiny(coefficients=5), layout="mesh64").eval()


def pictures(count: int, side: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def windows(count: int, width: int = 27) -> torch.Tensor:
    return torch.randn(count, 5, width, generator=torch.Generator().manual_seed(2))


def test_the_published_size_has_the_published_parameters() -> None:
    parts = PIRendererNetwork().named_children()
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in parts}
    assert sizes == {"mapping_net": 721_664, "warpping_net": 12_707_138, "editing_net": 9_090_307}


def test_one_source_and_many_frames_are_many_sources(network: PIRendererNetwork) -> None:
    one, several = pictures(1), windows(3)
    with torch.inference_mode():
        shared = network(one, several)
        copied = network(one.expand(3, -1, -1, -1), several)
        alone = network(one, several[1:2])
    assert torch.allclose(shared.picture, copied.picture, atol=1e-5)
    assert torch.allclose(shared.picture[1:2], alone.picture, atol=1e-5)
    assert not torch.allclose(shared.picture[0], shared.picture[1], atol=1e-3), "the coefficients matter"


def test_the_first_convolution_of_the_residual_blocks_is_dead(network: PIRendererNetwork) -> None:
    with torch.inference_mode():
        before = network(pictures(1), windows(1)).picture
        state = {
            k: torch.rand_like(v) if "conv1." in k or "norm1." in k else v for k, v in network.state_dict().items()
        }
        other = PIRendererNetwork(network.config).eval()
        other.load_state_dict(state)
        assert torch.equal(before, other(pictures(1), windows(1)).picture)
        state["editing_net.decoder.res0.res0.conv2.weight"] = torch.rand_like(
            state["editing_net.decoder.res0.res0.conv2.weight"]
        )
        other.load_state_dict(state)
        assert not torch.allclose(before, other(pictures(1), windows(1)).picture, atol=1e-3)


def test_warping_alone_is_the_first_half(network: PIRendererNetwork) -> None:
    with torch.inference_mode():
        first, whole = (network(pictures(1), windows(2), warp_only) for warp_only in (True, False))
    assert first.picture is None
    assert torch.equal(first.warped, whole.warped) and first.flow.shape == (2, 2, 32, 32)


def test_drawing_and_training_compute_the_same(network: PIRendererNetwork) -> None:
    trained = network(pictures(1), windows(2)).picture.detach()
    with torch.inference_mode():
        drawn = network(pictures(1), windows(2)).picture
    assert torch.allclose(trained, drawn, atol=1e-5)
    block, x = UpBlock(6, 4), torch.randn(2, 6, 5, 7)
    slow = block(x).detach()
    with torch.no_grad():
        assert torch.allclose(block(x), slow, atol=1e-5)


def test_flow_moves_the_picture_by_the_published_rule() -> None:
    picture = pictures(1, 64)
    still = warp(picture, torch.zeros(1, 2, 16, 16))
    assert (still - picture).abs().mean() > 0.01, "a flow of nothing still stretches: the grids do not fit together"
    flow = torch.zeros(1, 2, 16, 16)
    flow[:, 0] = 1.0
    base = torch.linspace(-1, 1, 16)
    places = torch.stack(torch.meshgrid(base, base, indexing="xy"))[None]
    places[:, 0] += 2.0 / 15.0
    grid = F.interpolate(places, size=(64, 64), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
    wanted = F.grid_sample(picture, grid, align_corners=False)
    assert torch.allclose(warp(picture, flow), wanted, atol=1e-6)
    assert not warp(picture, flow + 100.0).any(), "outside the picture it is black (grey in the middle of the range)"


def test_any_window_that_is_long_enough_works() -> None:
    for width in (25, 31):
        network = PIRendererNetwork(NetworkConfig(**{**_sizes(), "window": width}))
        assert network(pictures(1), windows(1, width), warp_only=True).flow.shape == (1, 2, 32, 32)
    for width in (23, 28):
        with pytest.raises(ValueError, match="window"):
            NetworkConfig(window=width)


def _sizes() -> dict[str, int]:
    config = tiny(coefficients=5)
    return {name: getattr(config, name) for name in config.__slots__}


def test_weights_files(network: PIRendererNetwork, tmp_path: Path) -> None:
    network.save(tmp_path / "a.safetensors", {"step": "3"})
    network.save(tmp_path / "half.safetensors", half=True)
    read = PIRendererNetwork.load(tmp_path / "a.safetensors")
    assert read.config == network.config and read.layout == "mesh64"
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), read.state_dict().values(), strict=True)
    )
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "a.safetensors").stat().st_size
    (tmp_path / "text.safetensors").write_text("not weights")
    for bad in ("text.safetensors", "none.safetensors"):
        with pytest.raises(UnusableInput, match=bad):
            PIRendererNetwork.load(tmp_path / bad)


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    from dreamtalk import assets

    with pytest.raises(UnusableInput, match="PIRenderer"):
        PIRendererNetwork.load(assets.path("mesh64"))
