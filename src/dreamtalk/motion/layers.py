"""Building blocks of the denoiser: post-norm transformer layers as in the paper's release (facts 1.4).

Parameter names follow torch.nn.MultiheadAttention (in_proj, out_proj) so that official weights map one to one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoid_table(positions: int, width: int) -> Tensor:
    """(positions, width): angle = pos / 10000^(2 floor(j / 2) / width), sine on even j, cosine on odd j."""
    j = torch.arange(width, dtype=torch.float64)
    angle = torch.arange(positions, dtype=torch.float64)[:, None] / 10_000 ** (2 * (j // 2) / width)
    return torch.where(j % 2 == 0, angle.sin(), angle.cos()).float()


def time_embedding(t: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding (B, width) of diffusion steps t (B,): cosines first, then sines."""
    half = width // 2
    frequency = 10_000 ** (-torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angle = t.float()[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)


class Attention(nn.Module):
    """Multi-head attention. queries (B, Q, D), memory (B, K, D) -> (B, Q, D); mask (B, K) True = ignore."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def query(self, tokens: Tensor) -> Tensor:
        """The projected queries (B, heads, Q, D / heads); shared between frames where the tokens are."""
        width = tokens.shape[-1]
        return self._split(F.linear(tokens, self.in_proj_weight[:width], self.in_proj_bias[:width]))

    def attend(self, query: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attention of projected queries (B, heads, Q, D / heads) to memory (B, K, D)."""
        width = memory.shape[-1]
        both = F.linear(memory, self.in_proj_weight[width:], self.in_proj_bias[width:])
        key, value = (self._split(part) for part in both.chunk(2, dim=-1))
        allowed = None if mask is None else ~mask[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return torch.as_tensor(self.out_proj(mixed.transpose(1, 2).flatten(2)))

    def forward(self, tokens: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.attend(self.query(tokens), memory, mask)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.heads, -1).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear layers with ReLU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        nn.init.xavier_uniform_(self.linear1.weight)
        nn.init.xavier_uniform_(self.linear2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.linear2(F.relu(self.linear1(x))))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each added and then normalised (post-norm)."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.ffn = FeedForward(width, hidden)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attn(x, x, mask)))
        return torch.as_tensor(self.norm2(x + self.dropout(self.ffn(x))))


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention to the memory, feed-forward (post-norm)."""

    feed_type: type[nn.Module] = FeedForward

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.multihead_attn = Attention(width, heads)
        self.ffn = self.feed_type(width, hidden)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, memory: Tensor, keep: slice = slice(None), styles: int = 1, style: Tensor | None = None
    ) -> Tensor:
        """x (B, W, D), memory (M, W, D) -> (M styles, kept tokens, D).

        keep: the query tokens that are needed afterwards. styles: how many rows of queries, one after the other, read
        the same memory, whose keys and values are then computed once. Where M styles = B F with F > 1 (first layer),
        the queries know the style but no frame yet: all up to the cross-attention's queries is shared by F frames.
        style: (C, D) the codes behind the queries, for layers whose feed-forward follows them.
        """
        kept = x[:, keep]
        kept = self.norm1(kept + self.dropout(self.self_attn(kept, x)))
        tokens, width = kept.shape[1:]
        kept = kept.reshape(-1, styles * tokens, width)
        frames = memory.shape[0] // kept.shape[0]
        query = repeat(self.multihead_attn.query(kept), frames)
        kept = self.norm2(repeat(kept, frames) + self.dropout(self.multihead_attn.attend(query, memory)))
        return torch.as_tensor(
            self.norm3(kept + self.dropout(self.feed(kept, style, styles))).reshape(-1, tokens, width)
        )

    def feed(self, kept: Tensor, style: Tensor | None, styles: int) -> Tensor:
        """The feed-forward part, of tokens (M, styles tokens, D)."""
        return torch.as_tensor(self.ffn(kept))


def repeat(x: Tensor, times: int) -> Tensor:
    """(B, ...) to (B times, ...), each row `times` times in a row; without copying where B = 1."""
    return x.unsqueeze(1).expand(-1, times, *[-1] * (x.dim() - 1)).flatten(0, 1)
