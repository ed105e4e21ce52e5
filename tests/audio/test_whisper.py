"""The encoder against PyTorch's own transformer layers on random weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dreamtalk.audio.whisper import Layer, WhisperConfig, WhisperEncoder, sinusoids


def _random(config: WhisperConfig, seed: int = 0) -> WhisperEncoder:
    torch.manual_seed(seed)
    model = WhisperEncoder(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def _torch_layer(layer: Layer, width: int) -> nn.TransformerEncoderLayer:
    """PyTorch's pre-norm layer with the same weights."""
    theirs = nn.TransformerEncoderLayer(
        width, width // 64, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    theirs.self_attn.in_proj_weight.data = layer.attention.query_key_value.weight.data
    theirs.self_attn.in_proj_bias.data = layer.attention.query_key_value.bias.data
    theirs.self_attn.out_proj.load_state_dict(layer.attention.out.state_dict())
    theirs.norm1.load_state_dict(layer.attention_norm.state_dict())
    theirs.norm2.load_state_dict(layer.mlp_norm.state_dict())
    theirs.linear1.load_state_dict(layer.mlp_in.state_dict())
    theirs.linear2.load_state_dict(layer.mlp_out.state_dict())
    return theirs.train()  # train mode keeps PyTorch off its fused path: an independent computation


def _direct_convolution(x: Tensor, layer: nn.Conv1d, stride: int) -> Tensor:
    """Convolution of width 3 as three matrix products over shifted copies, then exact GELU."""
    padded = nn.functional.pad(x, (1, 1))
    length = (x.shape[-1] - 1) // stride + 1
    assert layer.bias is not None
    taps = [layer.weight[:, :, tap] @ padded[..., tap : tap + stride * length : stride] for tap in range(3)]
    y = taps[0] + taps[1] + taps[2] + layer.bias[:, None]
    return 0.5 * y * (1 + torch.erf(y / math.sqrt(2)))


def test_agrees_with_torch_layers() -> None:
    model = _random(WhisperConfig(width=128, layers=3, positions=40))
    mel = torch.randn(2, 80, 60)
    with torch.no_grad():
        x = _direct_convolution(_direct_convolution(mel, model.conv1, 1), model.conv2, 2)
        x = x.transpose(1, 2) + model.positions[:30]
        for layer in model.layers:
            assert isinstance(layer, Layer)
            x = _torch_layer(layer, 128)(x)
        ours = model(mel)
    assert ours.shape == (2, 30, 128)
    assert torch.allclose(ours, x, atol=1e-4, rtol=1e-4)


def test_times_are_whispers_sinusoids() -> None:
    table = sinusoids(150, 512)
    for position, channel in [(0, 0), (149, 0), (7, 100), (149, 255)]:
        angle = position * 10000.0 ** (-channel / 255)
        assert math.isclose(table[position, channel].item(), math.sin(angle), abs_tol=1e-6)
        assert math.isclose(table[position, 256 + channel].item(), math.cos(angle), abs_tol=1e-6)


def test_windows_of_a_batch_do_not_hear_each_other() -> None:
    model = _random(WhisperConfig(width=64, layers=2, positions=40))
    mel = torch.randn(2, 80, 60)
    other = torch.stack([mel[0], torch.randn(80, 60)])
    with torch.no_grad():
        assert torch.allclose(model(mel)[0], model(other)[0], atol=1e-6)
        assert not torch.allclose(model(mel)[1], model(other)[1], atol=1e-2)
