"""Learns what a trained denoiser leaves out of a style's mean pose (MotionModel.style_shift), in closed form.

    python -m dreamtalk.train.style_shift TALKSET CACHE model.safetensors shifted.safetensors

The style code holds the reference's expression nearly whole (a linear regression finds 0.93 of its variance, of clips
it was not fitted on), and the decoders read only a part of it: brows and lids about half. So thousands of styles of
chance are put on neutral talk (train/augment.py), the model is asked for each, and the ridge regression from code to
what is missing is the shift. No style is shifted by exactly nothing, and the lips' aperture is left out, so lips keep
their timing and their closures, in every style. Only licence-clean talkers are in it, as in all that is shipped.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.arkit import ARKIT, weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.train.augment import DrawnStyle, StyleAugmentation
from dreamtalk.train.clips import load_training_talkers
from dreamtalk.types import Float

_STYLES, _PER_BATCH = 12_000, 8
"""Styles of chance, and how many clips of one length the encoder reads at once."""
_MOMENTS, _ASKED = 400, 8
"""Single frames of speech that are collected, and of how many the model's answer to a style is the mean."""
_LENGTHS, _ODDS = (48, 64, 96, 128, 256), (0.2, 0.3, 0.25, 0.17, 0.08)
"""Frames of the clips."""
_PLAIN = 0.1
"""Share of clips in no style: they have a code, too, and nothing is missing of them."""
_MAIN = 0.6
"""Share of clips by the speaker who has the most."""
_RIDGE = 0.01

_UPPER_ACTIONS = (
    "browDown", "browDown", "browInnerUp", "browOuterUp", "eyeSquint", "eyeWide", "cheekSquint", "noseSneer",
)  # fmt: skip
_UPPER_SHARE = 0.5
"""Share of styles that one to three of these are added to: brows hardly move in the other draws."""
_UPPER_STRENGTH = (0.1, 1.0)
_UNNAMED = 0.1
"""Most that the upper face moves in a direction of chance, face space units: real brows do what no action names."""
_LARGER_SHARE, _LARGER = 0.3, (1.0, 1.7)
"""Share of styles made larger, and by how much: real emotions reach 2, draws 1.3."""


@dataclass(frozen=True)
class Shown:
    """codes: (N, D) less that of no style. missing: (N, E) of each style's offset in the model's answer."""

    codes: Float
    missing: Float


def fit_shift(talkset: Path, cache: Path, source: Path, output: Path, seed: int = 0) -> None:
    """Write the model with its shift. Raises UnusableInput when the talkset or the model is none."""
    face = FaceModel.load()
    model = MotionModel.load(source)
    talkers = load_training_talkers(talkset, cache, face, model.config.encoder, rest_clips=120)
    shift = shift_of(shown_styles(model, talkers, face, np.random.default_rng(seed)), face, model.opening.numpy())
    shifted = MotionModel(replace(model.config, shifted=True))
    shifted.load_state_dict({**model.state_dict(), "style_shift": torch.from_numpy(shift)})
    shifted.save(output, {"seed": str(seed)})


def shift_of(shown: Shown, face: FaceModel, opening: Float) -> Float:
    """(E, D), see MotionModel.style_shift. opening: (E,) opens the mouth by 1 % iod."""
    codes = shown.codes.astype(np.float64)
    normal = codes.T @ codes + _RIDGE * np.eye(codes.shape[1])
    shift = np.linalg.solve(normal, codes.T @ shown.missing).T
    return np.asarray(shift - np.outer(opening, face.measure("aperture") @ shift), dtype=np.float32)


def shown_styles(
    model: MotionModel,
    talkers: list[TalkingClip],
    face: FaceModel,
    rng: np.random.Generator,
    count: int = _STYLES,
) -> Shown:
    """Styles of chance on clips of chance, and what the model leaves out of each."""
    styles = StyleAugmentation(talkers, face)
    by_speaker: dict[str, list[TalkingClip]] = {}
    for talker in talkers:
        by_speaker.setdefault(talker.speaker, []).append(talker)
    speech = _speech(model, talkers, rng)
    codes, missing = [], []
    for _ in range(-(-count // _PER_BATCH)):
        length = int(rng.choice(_LENGTHS, p=_ODDS))
        drawn = [_drawn(styles, face, rng) for _ in range(_PER_BATCH)]
        clips = np.stack([_clip(by_speaker, styles, style, length, rng) for style in drawn])
        told, answers = _asked(model, clips, speech[rng.integers(len(speech), size=_ASKED)])
        codes.append(told)
        missing.append(np.stack([style.offset for style in drawn]) - answers)
    return Shown(np.concatenate(codes), np.concatenate(missing))


def _drawn(styles: StyleAugmentation, face: FaceModel, rng: np.random.Generator) -> DrawnStyle:
    """A style of chance as in training, with more of the upper face in it, or none."""
    if rng.random() < _PLAIN:
        return styles.none
    style = styles.draw(rng)
    offset, upper = style.offset.copy(), list(face.upper)
    if rng.random() < _UPPER_SHARE:
        mixed = np.zeros(len(ARKIT), dtype=np.float32)
        for _ in range(rng.integers(1, 4)):
            action = _UPPER_ACTIONS[rng.integers(len(_UPPER_ACTIONS))]
            mixed += rng.uniform(*_UPPER_STRENGTH) * rng.uniform(0.7, 1.2, len(ARKIT)) * weights(**{action: 1.0})
        offset += face.from_arkit(np.clip(mixed, 0.0, 1.3).astype(np.float32))
    direction = rng.standard_normal(len(upper)).astype(np.float32)
    offset[upper] += _UNNAMED * rng.random() * direction / np.linalg.norm(direction)
    if rng.random() < _LARGER_SHARE:
        offset = offset * rng.uniform(*_LARGER)
    return DrawnStyle(offset.astype(np.float32), style.gain)


def _clip(
    by_speaker: dict[str, list[TalkingClip]],
    styles: StyleAugmentation,
    style: DrawnStyle,
    length: int,
    rng: np.random.Generator,
) -> Float:
    """(length, E) somebody's talk in that style."""
    speakers = sorted(by_speaker, key=lambda s: len(by_speaker[s]))
    speaker = speakers[-1] if rng.random() < _MAIN else speakers[rng.integers(len(speakers))]
    pieces: list[Float] = []
    while sum(map(len, pieces)) < length:
        pieces.append(styles.apply(by_speaker[speaker][rng.integers(len(by_speaker[speaker]))], style))
    joined = np.concatenate(pieces)
    at = int(rng.integers(len(joined) - length + 1))
    return joined[at : at + length]


@torch.inference_mode()
def _speech(model: MotionModel, talkers: list[TalkingClip], rng: np.random.Generator) -> Tensor:
    """(_MOMENTS, W, D) single frames of speech, as the network takes them."""
    window, heard = model.config.denoiser.window, []
    for _ in range(_MOMENTS):
        talker = talkers[rng.integers(len(talkers))]
        at = int(rng.integers(len(talker.expression)))
        inside = np.clip(np.arange(2 * at - window, 2 * at + 2 + window), 0, len(talker.features) - 1)
        heard.append(talker.features[inside])
    features = (torch.from_numpy(np.stack(heard)).float() - model.feature_mean) / model.feature_std
    return model.denoiser.prepare(model.denoiser.encode_neighboured(features, 1)[:, 0])


@torch.inference_mode()
def _asked(model: MotionModel, clips: Float, speech: Tensor) -> tuple[Float, Float]:
    """Codes (N, D) of clips (N, S, E) less that of no style, and the model's answers (N, E) to them.

    At the first step of the sampler, where x_t says nothing.
    """
    network = model.denoiser
    null = network.null_style()
    codes = network.encode_style(model.normalise(torch.from_numpy(clips)))
    blank, last = speech.new_zeros(len(speech), network.config.expression_size), torch.tensor([model.schedule.steps])
    said = network.each_style(blank, last, speech, torch.cat([codes, null])).mean(dim=1)
    answers = (said[:-1] - said[-1]) * model.expression_scale
    return (codes - null).numpy(), answers.numpy()


if __name__ == "__main__":
    root, kept, given, target = map(Path, sys.argv[1:])
    fit_shift(root, kept, given, target)
    print(target)
