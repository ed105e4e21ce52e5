"""Number formats: what is chosen where, and what stays exact."""

from __future__ import annotations

import pytest
import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.render.pirenderer import PIRendererNetwork, precision
from dreamtalk.render.pirenderer.config import tiny
from dreamtalk.render.pirenderer.precision import choose_type, computing


@pytest.mark.parametrize("there", [False, True])
def test_the_processor_decides(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: there)
    on_cpu = torch.bfloat16 if there else torch.float32
    assert choose_type("auto", "cpu") == choose_type("bfloat16", "cpu") == on_cpu
    assert choose_type("auto", "cuda") == torch.float16
    assert choose_type("float16", "cpu") == choose_type("float32", "cuda") == torch.float32
    with pytest.raises(UnusableInput, match="int4"):
        choose_type("int4", "cpu")  # type: ignore[arg-type]


def test_sixteen_bits_leave_coefficients_and_flow_whole_and_the_picture_alike() -> None:
    """A published crop of 126.8 would be 127 in bfloat16: the descriptor must not notice which products are used."""
    torch.manual_seed(0)
    network = PIRendererNetwork(tiny(), layout="mesh64").eval()
    source, windows = torch.rand(1, 3, 64, 64) * 2 - 1, torch.randn(2, 73, 27)
    windows[:, 70:] += 126.8
    descriptors: list[torch.Tensor] = []
    network.mapping_net.register_forward_hook(lambda net, given, made: descriptors.append(made))
    with torch.inference_mode():
        exact = network(source, windows)
        with computing(torch.bfloat16, "cpu"):
            rough = network(source, windows)
    assert torch.equal(*descriptors) and rough.flow.dtype == torch.float32
    assert exact.picture is not None and rough.picture is not None
    difference = (exact.picture - rough.picture.float()).abs()
    assert 0 < float(difference.mean()) < 0.02, "16 bits were used, and nobody sees it"
