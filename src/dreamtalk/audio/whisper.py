"""The first layers of Whisper's speech encoder (Radford et al. 2022): two convolutions, then pre-norm attention layers.

Early layers hear *how* something is said as well as what, which is what lips need; feasibility measurements picked the
raw output after layer 3 (no final normalisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from dreamtalk.audio.mel import MEL_BANDS

HEAD_WIDTH = 64
"""Channels per attention head, the same in every Whisper."""


@dataclass(frozen=True, slots=True)
class WhisperConfig:
    """width: D, channels. layers: encoder layers kept. positions: rows of the time table, 50 per second."""

    width: int
    layers: int
    positions: int


class Attention(nn.Module):
    """Self-attention over all times of a window, query, key and value in one matrix."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, N, D) to (B, N, D)."""
        batch, length, width = x.shape
        parts = self.query_key_value(x).view(batch, length, 3, self.heads, HEAD_WIDTH)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, N, 64)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return result


class Layer(nn.Module):
    """x + attention(norm x), then x + MLP(norm x)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.mlp_out = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, N, D) to (B, N, D)."""
        x = x + self.attention(self.attention_norm(x))
        result: Tensor = x + self.mlp_out(functional.gelu(self.mlp_in(self.mlp_norm(x))))
        return result


class WhisperEncoder(nn.Module):
    """Log-mel frames at 100 Hz to features at 50 Hz."""

    positions: Tensor

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.config = config
        self.conv1 = nn.Conv1d(MEL_BANDS, config.width, 3, padding=1)
        self.conv2 = nn.Conv1d(config.width, config.width, 3, stride=2, padding=1)
        self.register_buffer("positions", sinusoids(config.positions, config.width), persistent=False)
        self.layers = nn.ModuleList(Layer(config.width) for _ in range(config.layers))

    def forward(self, mel: Tensor) -> Tensor:
        """mel: (B, 80, 2 N), N at most the number of positions. Returns (B, N, D), raw output of the last layer."""
        x = functional.gelu(self.conv1(mel))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)  # (B, N, D)
        x = x + self.positions[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return x


def sinusoids(length: int, width: int) -> Tensor:
    """Whisper's table of times (length, width): sines then cosines, wavelengths from 2 pi to 20000 pi steps."""
    half = width // 2
    frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / (half - 1))
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()
