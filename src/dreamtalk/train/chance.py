"""What neither speech nor style explains of brows and lids: measured after training, drawn by chance in use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.motion.model import MotionModel
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.types import Float, SpeechFeatures

_CLIPS_PER_SPEAKER = 10

_NOISE_LAG = 2
"""Frames: what residuals this far apart share is motion, the rest is the tracker's noise."""

_LONGEST_LAG = 50
"""Frames."""


def with_chance(model: MotionModel, talkers: list[TalkingClip], styles: StyleAugmentation) -> MotionModel:
    """The model with its `chance` and `chance_smoothing` set from the upper face's residuals on training talks."""
    upper = list(model.config.denoiser.upper)
    residuals = _residuals(model, talkers, styles, upper)
    shared = np.mean([r[_NOISE_LAG:].T @ r[:-_NOISE_LAG] / (len(r) - _NOISE_LAG) for r in residuals], axis=0)
    values, vectors = np.linalg.eigh((shared + shared.T) / 2)
    factor = np.zeros((len(styles.mean), len(styles.mean)), np.float32)
    factor[np.ix_(upper, upper)] = vectors * np.sqrt(np.clip(values, 0.0, None))
    made = MotionModel(replace(model.config, chance_smoothing=_smoothing(residuals, vectors[:, -1])))
    made.load_state_dict({**model.state_dict(), "chance": torch.from_numpy(factor)})
    return made.eval()


def _residuals(
    model: MotionModel, talkers: list[TalkingClip], styles: StyleAugmentation, upper: list[int]
) -> list[Float]:
    """Real minus generated upper face (T, U) per clip, less its mean: that belongs to the clip's style."""
    heard: dict[str, int] = {}
    neutral, residuals = model.eval().neutral_style(), []
    for talker in talkers:
        if talker.rest or heard.setdefault(talker.speaker, 0) >= _CLIPS_PER_SPEAKER:
            continue
        heard[talker.speaker] += 1
        features = SpeechFeatures(talker.features, model.config.encoder)
        made = model.generate(features, neutral, len(talker.expression))
        residual = (styles.apply(talker, styles.none) - made)[:, upper]
        residuals.append(residual - residual.mean(axis=0))
    return residuals


def _smoothing(residuals: list[Float], direction: Float) -> float:
    """Standard deviation in frames of the Gaussian kernel whose smoothed noise has the residuals' half-life.

    Half of what is shared at the noise lag, which leaves the tracker's noise out. Noise smoothed with standard
    deviation s has autocorrelation exp(-lag^2 / (4 s^2)), one half at 2 s sqrt(ln 2).
    """
    series = [r @ direction for r in residuals if len(r) > 2 * _LONGEST_LAG // 2]
    lags = np.arange(1, min(_LONGEST_LAG, min(len(s) for s in series) // 2))
    power = sum(float(s @ s) / len(s) for s in series)
    correlation = np.array([sum(float(s[lag:] @ s[:-lag]) / len(s[lag:]) for s in series) / power for lag in lags])
    below = np.flatnonzero(correlation < 0.5 * correlation[_NOISE_LAG - 1])
    half = float(lags[below[0]]) if len(below) else float(lags[-1])
    return half / (2.0 * float(np.sqrt(np.log(2.0))))
