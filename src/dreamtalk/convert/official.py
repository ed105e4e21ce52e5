"""Official DreamTalk checkpoints to our safetensors: what is taken, renamed, checked, and left out.

`denoising_network.pth` and `renderer.pt` are PyTorch pickles. They are read with weights_only=True, so that nothing in
them is run, and through an allow-list: every tensor of our modules has one official name, everything else is reported.
Layouts: docs/official_checkpoints.md.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dreamtalk.errors import UnusableInput
from dreamtalk.face.bfm64 import FACE_SPACE
from dreamtalk.media.files import check_input, check_output, replacing
from dreamtalk.motion.denoiser import DenoiserConfig
from dreamtalk.motion.layers import sinusoid_table
from dreamtalk.motion.model import MotionConfig, MotionModel
from dreamtalk.motion.schedule import VarianceSchedule

ENCODER = "wav2vec2-large-xlsr-53-english"
"""The speech encoder the official denoiser was trained with (jonatasgrosman's on the Hugging Face hub)."""

_PREFIX = "diff_net."
_RENAMED = (
    ("net.content_xt_to_decoder_input_wo_time.0.", "memory_in."),
    ("net.content_xt_to_decoder_input_wo_time.2.", "memory_out.1."),
    ("net.content_xt_to_decoder_input_wo_time.4.", "memory_out.3."),
    ("net.time_embed_net.", "time_net."),
    ("net.content_encoder.encoder.", "content_encoder."),
    ("net.content_encoder.", "content_encoder."),
    ("net.style_encoder.encoder.", "style_encoder."),
    ("net.style_encoder.aggregate_method.W.", "style_encoder.pool."),
    ("net.style_encoder.", "style_encoder."),
    ("net.decoder.upper_tail_fc.", "upper_decoder.tail."),
    ("net.decoder.lower_tail_fc.", "lower_decoder.tail."),
    ("net.decoder.", ""),
)
"""Official beginnings of names to those in motion/denoiser.py; the first that fits counts."""

_TOLERANCE = 1e-5
"""Largest difference of a stored table from its formula; they are stored as float32."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a checkpoint's keys.

    file: what was written. used: tensors taken over. checked: tables that were found equal to their formulas and are
    not stored. ignored: keys of other things in the file.
    """

    file: Path
    used: int
    checked: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def report(self) -> str:
        """For people, one line per kind of key."""
        lines = [f"{self.file}: {self.used} tensors"]
        for names, words in (
            (self.checked, "tables equal to their formulas"),
            (self.ignored, "keys of other things, ignored"),
        ):
            if names:
                lines.append(f"  {len(names)} {words}: {_some(names)}")
        return "\n".join(lines)


def convert_denoiser(file: str | Path, output: str | Path) -> Conversion:
    """Write `denoising_network.pth` as a motion model (float32) that MotionModel.load reads.

    Raises UnusableInput when the file is another one: keys of the network missing, unknown or of another shape, or
    tables that differ from their formulas.
    """
    stored = read_checkpoint(file, "model_state_dict")
    network = {key.removeprefix(_PREFIX): value for key, value in stored.items() if key.startswith(_PREFIX)}
    denoiser = DenoiserConfig(edges="zeros")
    model = MotionModel(MotionConfig(denoiser, encoder=ENCODER, face_space=FACE_SPACE, noise_smoothing=0.0))
    tables = _tables(denoiser, model.schedule)
    renamed = {_our_name(key): value for key, value in network.items() if key not in tables}
    accept(file, renamed, {key: value.shape for key, value in model.denoiser.state_dict().items()})
    check_tables(file, network, tables)
    model.denoiser.load_state_dict(renamed)
    output = check_output(output, ".safetensors", (Path(file),))
    with replacing(output) as temporary:
        model.save(temporary, {"source": "official denoising_network"}, torch.float32)
    ignored = tuple(sorted(key for key in stored if not key.startswith(_PREFIX)))
    return Conversion(output, len(renamed), checked=tuple(sorted(tables)), ignored=ignored)


def convert_renderer(file: str | Path, output: str | Path) -> Conversion:
    """Write `renderer.pt` (of DreamTalk or PIRender) as a PIRenderer (float32) that PIRendererNetwork.load reads.

    Extra tensors are reported and left out, as the official loader does. Raises UnusableInput when any are missing or
    of another shape.
    """
    from dreamtalk.render.pirenderer.network import PIRendererNetwork

    stored = read_checkpoint(file, "net_G_ema")
    network = PIRendererNetwork()
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    known = {key: value for key, value in stored.items() if key in shapes}
    accept(file, known, shapes)
    network.load_state_dict(known)
    output = check_output(output, ".safetensors", (Path(file),))
    with replacing(output) as temporary:
        network.save(temporary, {"source": "official renderer"})
    return Conversion(output, len(known), ignored=tuple(sorted(set(stored) - set(known))))


def read_checkpoint(file: str | Path, key: str) -> dict[str, Any]:
    """The state dict under a top-level key of a PyTorch file. Raises UnusableInput; runs nothing from the file."""
    path = check_input(file)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch's own message advises to open the file without protection; only the name it found is passed on.
        wanted = re.search(r"GLOBAL (\S+)", str(error))
        named = f" It asks for {wanted[1]}." if wanted else ""
        raise UnusableInput(
            f"{path} holds more than tensors, or is no PyTorch file; it is not opened, because that could run programs "
            f"hidden in it.{named}"
        ) from error
    except Exception as error:  # a damaged pickle fails in every way there is
        raise UnusableInput(f"{path} is not a PyTorch checkpoint that can be read.") from error
    if isinstance(content, dict) and key in content and not isinstance(content[key], Mapping):
        raise UnusableInput(f"{path} holds no tensors under {key!r}, but: {type(content[key]).__name__}.")
    if not isinstance(content, dict) or key not in content:
        found = _some(tuple(map(str, content))) if isinstance(content, dict) else type(content).__name__
        raise UnusableInput(f"{path} has no {key!r}; it holds: {found}.")
    nameless = tuple(repr(name) for name in content[key] if not isinstance(name, str))
    if nameless:
        raise UnusableInput(f"{path} has tensors under {key!r} that have no names, but: {_some(nameless)}.")
    return dict(content[key])


def accept(file: str | Path, given: Mapping[str, Any], shapes: Mapping[str, torch.Size]) -> None:
    """Raise UnusableInput unless given has exactly the named tensors, each of its shape and of finite numbers."""
    missing = tuple(sorted(set(shapes) - set(given)))
    unknown = tuple(sorted(set(given) - set(shapes)))
    wrong = tuple(
        f"{key} {tuple(getattr(given[key], 'shape', ()))} instead of {tuple(shapes[key])}"
        for key in sorted(set(shapes) & set(given))
        if getattr(given[key], "shape", None) != shapes[key]
    )
    problems = [
        f"{len(keys)} {words}: {_some(keys)}"
        for keys, words in ((missing, "missing"), (unknown, "unknown"), (wrong, "of another shape"))
        if keys
    ]
    if problems:
        raise UnusableInput(f"{file} has not the layout of the official checkpoint. Tensors " + "; ".join(problems))
    broken = tuple(key for key, value in given.items() if not torch.isfinite(value).all())
    if broken:
        raise UnusableInput(f"{file} holds values that are no numbers: {_some(broken)}")


def check_tables(file: str | Path, given: Mapping[str, Tensor], tables: Mapping[str, Tensor]) -> None:
    """Raise UnusableInput unless every table that our code computes is stored with the same numbers."""
    missing = tuple(key for key in sorted(tables) if key not in given)
    other = tuple(
        key
        for key in sorted(tables)
        if key in given
        and (
            given[key].shape != tables[key].shape
            or not torch.allclose(given[key].float(), tables[key].float(), rtol=_TOLERANCE, atol=_TOLERANCE)
        )
    )
    if missing or other:
        raise UnusableInput(f"{file}: tables missing or unlike their formulas: {_some((*missing, *other))}")


def _our_name(key: str) -> str:
    """The name in motion/denoiser.py for an official one; unknown ones stay as they are."""
    for theirs, ours in _RENAMED:
        if key.startswith(theirs):
            key = ours + key[len(theirs) :]
            break
    return key.replace(".linear1.", ".ffn.linear1.").replace(".linear2.", ".ffn.linear2.")


def _tables(config: DenoiserConfig, schedule: VarianceSchedule) -> dict[str, Tensor]:
    """The official buffers, computed from their formulas (facts 1.4, 1.5)."""
    beta, alpha_bar = schedule.beta.double(), schedule.alpha_bar.double()
    previous = torch.cat([alpha_bar[:1], alpha_bar[:-1]])
    # The first entry is padding: 0 / 0 in the formula, 0 in the file.
    inflexible = torch.where(beta > 0, (1 - previous) / (1 - alpha_bar).clamp(min=1e-12) * beta, 0.0).sqrt()
    window_table, style_table = (
        sinusoid_table(length, config.width)[None] for length in (config.tokens, config.style_frames)
    )
    return {
        "null_style_clip": torch.zeros(config.style_frames, config.expression_size),
        "null_pad_mask": torch.zeros(config.style_frames, dtype=torch.bool),
        "net.content_encoder.pos_embed.pos_table": window_table,
        "net.style_encoder.pos_embed.pos_table": style_table,
        "net.decoder.pos_embed.pos_table": window_table,
        "var_sched.betas": beta,
        "var_sched.alphas": 1 - beta,
        "var_sched.alpha_bars": alpha_bar,
        "var_sched.sigmas_flex": beta.sqrt(),
        "var_sched.sigmas_inflex": inflexible,
    }


def _some(names: tuple[str, ...], most: int = 5) -> str:
    """Names in one line; of many only the first."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
