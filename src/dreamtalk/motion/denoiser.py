"""The denoising network E_theta: speech window, noisy motion, step and style code to clean motion (paper III-B, eq. 2).

Module for module the published network (facts 1.4), for any size and any face space. Frames never attend to each other;
coherence in time comes from overlapping speech windows, the common style code, and the sampler's noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk.motion.layers import DecoderLayer, EncoderLayer, sinusoid_table, time_embedding
from dreamtalk.motion.schedule import VarianceSchedule

Edges: TypeAlias = Literal["hold", "zeros"]

Kind: TypeAlias = Literal["diffusion", "regression", "styletalk"]
"""What the network is: the denoiser, or a baseline without diffusion (motion/baselines.py)."""


@dataclass(frozen=True, slots=True)
class DenoiserConfig:
    """Sizes of the network. The defaults are the paper's, with BFM coefficients and wav2vec features."""

    feature_size: int = 1024
    expression_size: int = 64
    lower: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14)
    """Expression indices of the lower face; the others are the upper face."""
    width: int = 256
    heads: int = 8
    hidden: int = 1024
    layers: int = 3
    style_layers: int = 3
    window: int = 5
    """w: speech tokens on either side of a frame's own, at 50 Hz."""
    style_frames: int = 256
    """Length of a style clip; shorter ones are padded and masked."""
    dropout: float = 0.1
    edges: Edges = "hold"
    """What a window hears beyond the ends of the speech. "hold": its end feature, so that silence goes on as silence.
    "zeros": feature vectors of zeros before the embedding, as the official network was trained (facts 0.6)."""
    posterior: bool = False
    """Whether the prediction is combined with x_t by Gaussian posterior (see Denoiser.forward). The paper's network has
    no such path; with it a small network need not learn to copy x_t through its attention layers."""
    kind: Kind = "diffusion"

    @property
    def tokens(self) -> int:
        return 2 * self.window + 1

    @property
    def upper(self) -> tuple[int, ...]:
        return tuple(i for i in range(self.expression_size) if i not in self.lower)


class ContentEncoder(nn.Module):
    """Speech windows to content tokens (B, W, D)."""

    position: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.increase_embed_dim = nn.Linear(config.feature_size, config.width)
        self.layers = nn.ModuleList(
            EncoderLayer(config.width, config.heads, config.hidden, config.dropout) for _ in range(config.layers)
        )
        self.register_buffer("position", sinusoid_table(config.tokens, config.width), persistent=False)

    def forward(self, embedded: Tensor) -> Tensor:
        """Windows (B, W, D) of embedded features: the embedding is per token, so it is done once, before windowing."""
        x = embedded + self.position
        for layer in self.layers:
            x = layer(x)
        return torch.as_tensor(x)


class StyleEncoder(nn.Module):
    """A style clip (B, S, E) of expression to a style code (B, D), by self-attention pooling (Safari et al. 2020)."""

    position: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.width
        self.increase_embed_dim = nn.Linear(config.expression_size, width)
        self.layers = nn.ModuleList(
            EncoderLayer(width, config.heads, config.hidden, config.dropout) for _ in range(config.style_layers)
        )
        self.pool = nn.Sequential(nn.Linear(width, width), nn.Mish(), nn.Linear(width, 1))
        self.register_buffer("position", sinusoid_table(config.style_frames, width), persistent=False)

    def forward(self, clip: Tensor, padded: Tensor | None = None) -> Tensor:
        """clip (B, S, E) with S <= style_frames; padded (B, S) True where there is no frame."""
        x = self.increase_embed_dim(clip) + self.position[: clip.shape[1]]
        for layer in self.layers:
            x = layer(x, padded)
        logit = self.pool(x).squeeze(-1)
        if padded is not None:
            logit = logit.masked_fill(padded, -1e5)
        return torch.einsum("bs,bsd->bd", logit.softmax(dim=1), x)


class Decoder(nn.Module):
    """One half of the face: style queries read the memory; the middle token becomes expression numbers."""

    layer_type: type[DecoderLayer] = DecoderLayer
    position: Tensor

    def __init__(self, config: DenoiserConfig, size: int) -> None:
        super().__init__()
        width, half = config.width, config.width // 2
        self.layers = nn.ModuleList(
            self.layer_type(width, config.heads, config.hidden, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.tail = nn.Sequential(
            nn.Linear(width, half), nn.ReLU(), nn.Linear(half, half), nn.ReLU(), nn.Linear(half, size)
        )
        self.window = config.window
        self.register_buffer("position", sinusoid_table(config.tokens, width), persistent=False)

    def forward(self, style: Tensor, memory: Tensor, styles: int = 1) -> Tensor:
        """style (C, D), memory (B, W, D) -> (B styles, size). Only the middle token of the last layer is computed."""
        x = style[:, None] + self.position
        middle = slice(self.window, self.window + 1)
        for layer in self.layers[:-1]:
            x = layer(x, memory, styles=styles, style=style)
        x = self.layers[-1](x, memory, middle, styles, style)
        return torch.as_tensor(self.tail(self.norm(x[:, 0])))


class Denoiser(nn.Module):
    """x0 = E_theta(x_t, t, content, style)."""

    decoder_type: type[Decoder] = Decoder
    face_order: Tensor
    alpha_bar: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width, size = config.width, config.expression_size
        self.content_encoder = ContentEncoder(config)
        self.style_encoder = StyleEncoder(config)
        self.upper_decoder = self.decoder_type(config, len(config.upper))
        self.lower_decoder = self.decoder_type(config, len(config.lower))
        self.memory_in = nn.Linear(width + size, width)
        self.memory_out = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.time_net = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        order = torch.tensor(config.upper + config.lower).argsort()
        self.register_buffer("face_order", order, persistent=False)
        self.residual_log_variance = nn.Parameter(torch.zeros(size)) if config.posterior else None
        self.register_buffer("alpha_bar", VarianceSchedule.linear().alpha_bar, persistent=False)

    def encode_speech(self, features: Tensor, frames: int) -> Tensor:
        """Speech features (B, N, F) at 50 Hz to content tokens (B, L, W, D), frame i centred on feature 2 i."""
        embed = self.content_encoder.increase_embed_dim
        edge = embed.bias if self.config.edges == "zeros" else None
        windows = speech_windows(embed(features), frames, self.config.window, edge)
        content = self.content_encoder(windows.flatten(0, 1))
        return torch.as_tensor(content.view(*windows.shape[:2], *content.shape[1:]))

    def encode_neighboured(self, features: Tensor, frames: int) -> Tensor:
        """The same of features (B, 2 L + 2 window, F) with their neighbours: feature `window` is frame 0's."""
        embedded = self.content_encoder.increase_embed_dim(features)
        windows = embedded.unfold(1, self.config.tokens, 2)[:, :frames].transpose(2, 3)  # (B, L, W, D)
        content = self.content_encoder(windows.flatten(0, 1))
        return torch.as_tensor(content.view(-1, frames, *content.shape[1:]))

    def encode_style(self, clip: Tensor, padded: Tensor | None = None) -> Tensor:
        """Style clips (B, S, E) to codes s (B, D)."""
        return torch.as_tensor(self.style_encoder(clip, padded))

    def null_style(self) -> Tensor:
        """The 'no style' code (1, D): a full-length clip of zeros through the same encoder (facts 0.3)."""
        weight = self.style_encoder.increase_embed_dim.weight
        return self.encode_style(weight.new_zeros(1, self.config.style_frames, self.config.expression_size))

    def prepare(self, content: Tensor) -> Tensor:
        """The content half of the memory's first layer (…, W, D): the same in every diffusion step."""
        width = self.config.width
        return F.linear(content, self.memory_in.weight[:, :width], self.memory_in.bias)

    def forward(self, x_t: Tensor, t: Tensor, prepared: Tensor, style: Tensor) -> Tensor:
        """Predicted clean motion (B, E) of B frames.

        x_t (B, E); t (B,) or (1,) diffusion steps; prepared (B, W, D) from prepare(); style (C, D): C codes, each for
        B / C frames in a row.
        """
        return self._posterior(self._decode(style, self._memory(x_t, t, prepared), 1), x_t, t)

    def each_style(self, x_t: Tensor, t: Tensor, prepared: Tensor, style: Tensor) -> Tensor:
        """The same for every one of the codes (C, D): (C, B, E), with all work shared that knows no style.

        style: also (B, C, D), C codes for each frame.
        """
        styles = style.shape[-2]
        rows = self._decode(style.flatten(0, -2), self._memory(x_t, t, prepared), styles)
        return self._posterior(rows.view(len(x_t), styles, -1).transpose(0, 1), x_t, t)

    def _posterior(self, mean: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """E[x0 | mean, x_t] (..., B, E) where x0 ~ N(mean, v) and x_t = sqrt(abar) x0 + sqrt(1 - abar) eps.

        v, learned per coefficient, is what speech and style leave open; without it the mean is the prediction.
        """
        if self.residual_log_variance is None:
            return mean
        abar, v = self.alpha_bar[t][:, None], self.residual_log_variance.exp()
        gain = abar.sqrt() * v / (abar * v + 1.0 - abar)
        return mean + gain * (x_t - abar.sqrt() * mean)

    def _memory(self, x_t: Tensor, t: Tensor, prepared: Tensor) -> Tensor:
        noisy = F.linear(x_t, self.memory_in.weight[:, self.config.width :])
        memory = self.memory_out(prepared + noisy[:, None])
        return torch.as_tensor(memory + self.time_net(time_embedding(t, self.config.width))[:, None])

    def _decode(self, style: Tensor, memory: Tensor, styles: int) -> Tensor:
        halves = [self.upper_decoder(style, memory, styles), self.lower_decoder(style, memory, styles)]
        return torch.cat(halves, dim=1)[:, self.face_order]


def speech_windows(tokens: Tensor, frames: int, window: int, edge: Tensor | None = None) -> Tensor:
    """Tokens (B, N, D) at 50 Hz to windows (B, frames, 2 window + 1, D) around token 2 i.

    Beyond the ends stands the token edge (D,), by default the end token.
    """
    centre = 2 * torch.arange(frames, device=tokens.device)[:, None]
    index = centre + torch.arange(-window, window + 1, device=tokens.device)
    inside = index.clamp(0, tokens.shape[1] - 1)
    windows = tokens[:, inside]
    return windows if edge is None else torch.where((index == inside)[..., None], windows, edge)
