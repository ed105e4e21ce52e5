"""What the official denoiser checkpoint holds (facts, appendix A), and a file like it with weights made by a rule."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

WIDTH, HIDDEN, WINDOW, STYLE_FRAMES, EXPRESSION, FEATURES, STEPS = 256, 1024, 11, 256, 64, 1024, 1000
BUFFERS = ("pos_table", "null_", "var_sched")
"""Keys with one of these keep their defined values under the rule of golden/README.md."""

Shapes = dict[str, tuple[int, ...]]


def denoiser_shapes() -> Shapes:
    """All 224 keys under `model_state_dict` and their shapes."""
    net = "diff_net.net."
    shapes: Shapes = {"diff_net.null_style_clip": (STYLE_FRAMES, EXPRESSION), "diff_net.null_pad_mask": (STYLE_FRAMES,)}
    for name, size, length in (("content", FEATURES, WINDOW), ("style", EXPRESSION, STYLE_FRAMES)):
        part = f"{net}{name}_encoder."
        for layer in range(3):
            shapes |= _layer(f"{part}encoder.layers.{layer}.", ("self_attn",))
        shapes[f"{part}pos_embed.pos_table"] = (1, length, WIDTH)
        shapes |= _linear(f"{part}increase_embed_dim", size, WIDTH)
    shapes |= _linear(f"{net}style_encoder.aggregate_method.W.0", WIDTH, WIDTH)
    shapes |= _linear(f"{net}style_encoder.aggregate_method.W.2", WIDTH, 1)
    for half, size in (("upper", 51), ("lower", 13)):
        for layer in range(3):
            shapes |= _layer(f"{net}decoder.{half}_decoder.layers.{layer}.", ("self_attn", "multihead_attn"))
        shapes |= _norm(f"{net}decoder.{half}_decoder.norm")
        for place, (inner, outer) in zip((0, 2, 4), ((WIDTH, 128), (128, 128), (128, size)), strict=True):
            shapes |= _linear(f"{net}decoder.{half}_tail_fc.{place}", inner, outer)
    shapes[f"{net}decoder.pos_embed.pos_table"] = (1, WINDOW, WIDTH)
    for place, inner in ((0, WIDTH + EXPRESSION), (2, WIDTH), (4, WIDTH)):
        shapes |= _linear(f"{net}content_xt_to_decoder_input_wo_time.{place}", inner, WIDTH)
    for place in (0, 2):
        shapes |= _linear(f"{net}time_embed_net.{place}", WIDTH, WIDTH)
    for name in ("betas", "alphas", "alpha_bars", "sigmas_flex", "sigmas_inflex"):
        shapes[f"diff_net.var_sched.{name}"] = (STEPS + 1,)
    return shapes


@pytest.fixture(scope="session")
def write_denoiser() -> Callable[..., Path]:
    """write_denoiser(path, salt=0, changes=None), see _write_denoiser."""
    return _write_denoiser


@pytest.fixture(scope="session")
def official_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole file like denoising_network.pth, with the golden weights."""
    return _write_denoiser(tmp_path_factory.mktemp("official") / "denoising_network.pth")


@pytest.fixture(scope="session")
def rule() -> Callable[[Shapes, int], dict[str, torch.Tensor]]:
    """rule(shapes, salt): weights by the rule of golden/README.md for all keys that are no buffers."""
    return ruled


def _write_denoiser(path: Path, salt: int = 0, changes: dict[str, Any] | None = None) -> Path:
    """A file like denoising_network.pth: rule weights, and the optimiser's leavings that such files have.

    changes: state dict entries put instead; None removes one.
    """
    state = ruled(denoiser_shapes(), salt) | _buffers() | (changes or {})
    state = {key: value for key, value in state.items() if value is not None}
    torch.save({"model_state_dict": state, "optimizer_state_dict": {"lr": 1e-4}, "epoch": 7}, path)
    return path


def ruled(shapes: Shapes, salt: int) -> dict[str, torch.Tensor]:
    """Weights by the rule of golden/README.md for all keys that are no buffers."""
    weights = {}
    for key, shape in shapes.items():
        if any(part in key for part in BUFFERS):
            continue
        w = np.random.default_rng(zlib.crc32(key.encode()) + salt).standard_normal(shape).astype(np.float32)
        affine = len(shape) < 2 or (len(shape) == 3 and shape[1:] == (1, 1))
        if affine:
            w = (1.0 if key.endswith("weight") else 0.0) + np.float32(0.02) * w
        else:
            w = w / np.sqrt(np.float32(np.prod(shape[1:])))
        weights[key] = torch.from_numpy(w.astype(np.float32))
    return weights


def _buffers() -> dict[str, torch.Tensor]:
    """The tables of the file, each from its definition in the facts (1.4, 1.5)."""
    beta = np.concatenate([[0.0], np.linspace(1e-4, 0.02, STEPS)])
    alpha = 1.0 - beta
    bar = np.exp(np.cumsum(np.log(alpha)))
    inflexible = np.zeros(STEPS + 1)
    inflexible[1:] = np.sqrt((1 - bar[:-1]) / (1 - bar[1:]) * beta[1:])
    schedule = {"betas": beta, "alphas": alpha, "alpha_bars": bar, "sigmas_flex": beta**0.5}
    tables: dict[str, Any] = {f"diff_net.var_sched.{k}": v for k, v in schedule.items()}
    tables["diff_net.var_sched.sigmas_inflex"] = inflexible
    for name, length in (("content_encoder", WINDOW), ("style_encoder", STYLE_FRAMES), ("decoder", WINDOW)):
        table = np.zeros((1, length, WIDTH))
        for j in range(WIDTH):
            angle = np.arange(length) / 10_000 ** (2 * (j // 2) / WIDTH)
            table[0, :, j] = np.cos(angle) if j % 2 else np.sin(angle)
        tables[f"diff_net.net.{name}.pos_embed.pos_table"] = table
    stored = {key: torch.from_numpy(value.astype(np.float32)) for key, value in tables.items()}
    stored["diff_net.null_style_clip"] = torch.zeros(STYLE_FRAMES, EXPRESSION)
    stored["diff_net.null_pad_mask"] = torch.zeros(STYLE_FRAMES, dtype=torch.bool)
    return stored


def _linear(name: str, inner: int, outer: int) -> Shapes:
    return {f"{name}.weight": (outer, inner), f"{name}.bias": (outer,)}


def _norm(name: str) -> Shapes:
    return {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}


def _layer(name: str, attentions: tuple[str, ...]) -> Shapes:
    shapes: Shapes = {}
    for attention in attentions:
        shapes[f"{name}{attention}.in_proj_weight"] = (3 * WIDTH, WIDTH)
        shapes[f"{name}{attention}.in_proj_bias"] = (3 * WIDTH,)
        shapes |= _linear(f"{name}{attention}.out_proj", WIDTH, WIDTH)
    shapes |= _linear(f"{name}linear1", WIDTH, HIDDEN) | _linear(f"{name}linear2", HIDDEN, WIDTH)
    for number in range(len(attentions) + 1):
        shapes |= _norm(f"{name}norm{number + 1}")
    return shapes
