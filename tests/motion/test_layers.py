"""The transformer layers against torch.nn's own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dreamtalk.motion.layers import DecoderLayer, EncoderLayer, sinusoid_table, time_embedding

WIDTH, HEADS, HIDDEN = 32, 4, 64


def _copy(ours: nn.Module, theirs: nn.Module) -> None:
    """Our parameters into torch's layer, whose feed-forward sits directly in the layer."""
    theirs.load_state_dict({name.replace("ffn.", ""): value for name, value in ours.state_dict().items()})


def test_encoder_layer_equals_torch() -> None:
    torch.manual_seed(0)
    ours = EncoderLayer(WIDTH, HEADS, HIDDEN, 0.0).eval()
    theirs = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, batch_first=True)
    _copy(ours, theirs)
    x, mask = torch.randn(3, 7, WIDTH), torch.zeros(3, 7, dtype=torch.bool)
    mask[1, 4:] = True
    expected: Tensor = theirs(x, src_key_padding_mask=mask)
    assert torch.allclose(ours(x, mask)[~mask], expected[~mask], atol=1e-5)


def test_decoder_layer_equals_torch_with_shared_queries_and_one_kept_token() -> None:
    torch.manual_seed(0)
    ours = DecoderLayer(WIDTH, HEADS, HIDDEN, 0.0).eval()
    theirs = nn.TransformerDecoderLayer(WIDTH, HEADS, HIDDEN, 0.0, batch_first=True)
    _copy(ours, theirs)
    x, memory = torch.randn(2, 11, WIDTH), torch.randn(10, 11, WIDTH)  # 2 styles, 5 frames each
    expected: Tensor = theirs(x.repeat_interleave(5, dim=0), memory)
    assert torch.allclose(ours(x, memory), expected, atol=1e-5)
    assert torch.allclose(ours(x, memory, slice(5, 6)), expected[:, 5:6], atol=1e-5)


def test_tables_follow_their_formulas() -> None:
    table = sinusoid_table(20, 8)
    assert torch.isclose(table[3, 2], torch.sin(torch.tensor(3 / 10_000 ** (2 / 8))))
    assert torch.isclose(table[3, 5], torch.cos(torch.tensor(3 / 10_000 ** (4 / 8))))
    embedding = time_embedding(torch.tensor([901]), 8)
    assert torch.isclose(embedding[0, 1], torch.cos(torch.tensor(901.0 * 10_000 ** (-1 / 4))), atol=1e-4)
    assert torch.isclose(embedding[0, 4], torch.sin(torch.tensor(901.0)), atol=1e-4)
