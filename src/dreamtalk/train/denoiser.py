"""`dreamtalk train denoiser`: the denoising network with its style encoder (paper III-B, L_denoise of eq. 7).

Without the lip expert: lips are kept right by the closure loss. Every number is in the recipe (train/recipes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.motion.denoiser import DenoiserConfig
from dreamtalk.motion.model import MotionConfig, MotionModel
from dreamtalk.motion.sampler import noise_kernel
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.train.batches import Batch, BatchMaker
from dreamtalk.train.chance import with_chance
from dreamtalk.train.clips import load_strangers, load_training_talkers
from dreamtalk.train.loop import LoopConfig, Losses, State, run_loop
from dreamtalk.train.validation import BestKeeper, Strangers

_STYLED_SAMPLES = 400
"""Styled clips from which the network's units are measured."""

_LEFT_OPEN = 0.2
"""Share of the variance that speech and style are taken to leave open, until training has learned it."""

_UNITS = 2.0
"""Each half of the face is scaled so that its coefficients have this total standard deviation: the first few are then
about as large as the noise, and the last ones stay as small as they are (nothing is whitened)."""


@dataclass(frozen=True, kw_only=True)
class DenoiserTraining(LoopConfig):
    """A whole training run."""

    data: Path
    """A talkset folder."""
    cache: Path = Path("work")
    """Where tracks and features are kept."""
    out: Path = Path("runs/denoiser")
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    encoder: str = "whisper-base-l3"
    steps: int = 2000
    rows: int = 32
    frames: int = 16
    """Talks per batch and consecutive frames of each."""
    voices: bool = True
    """Whether every clip is heard in other voices and rooms as well (train/voices.py)."""
    null_share: float = 0.0
    """Share of styled talks trained with the null style. Zero: only talks without any style go with the null code, so
    that guidance scale 0 is neutral; with styled talks among them it would be a mixture of all styles."""
    others_share: float = 0.3
    """Share of talks by everyone but the speaker with the most clips."""
    velocity_weight: float = 1.0
    closure_weight: float = 0.05
    expert: Path | None = None
    """A trained lip expert; without one there is no sync loss."""
    sync_weight: float = 0.0
    """lambda_sync of eq. 6; lambda_denoise is 1."""
    sync_windows: int = 4
    """Windows per talk that the expert hears in every step."""
    start_from: Path | None = None
    """A trained model whose weights and units are taken over at the start."""
    upper_weight: float = 0.3
    rest_clips: int = 120
    """Clips of which a version with silence around the speech is made."""
    clean_only: bool = True
    """Only licence-clean clips: required for weights that are shipped."""
    max_clips: int | None = None
    validate_every: int = 0
    """Steps (a multiple of save_every) between scores on the clips that clean training leaves out; 0 for none."""


def train_denoiser(config: DenoiserTraining) -> Path:
    """Run the recipe; the file of the trained model (EMA weights, fp16 safetensors).

    Raises UnusableInput when the data folder is not usable, DreamTalkError when the loss stops being a number.
    """
    face_model = FaceModel.load()
    talkers = load_training_talkers(
        config.data,
        config.cache,
        face_model,
        config.encoder,
        config.clean_only,
        config.max_clips,
        config.rest_clips,
        config.voices,
    )
    strangers = load_strangers(config.data, config.cache, face_model, config.encoder) if config.validate_every else []
    return train_on(config, talkers, face_model, strangers)


def train_on(
    config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel, strangers: Sequence[TalkingClip] = ()
) -> Path:
    """The same on clips in memory. strangers: talks by others to score the model by while it learns."""
    styles = StyleAugmentation(talkers, face_model)
    torch.manual_seed(config.seed)
    model = MotionModel(MotionConfig(config.denoiser, encoder=config.encoder))
    if config.start_from is None:
        _set_units(model, talkers, styles, config.seed)
    else:
        model.load_state_dict(MotionModel.load(config.start_from).state_dict())
    loss = _DenoiserLoss(config, model, talkers, styles, face_model)

    keeper = BestKeeper(Strangers(list(strangers), face_model), config.out) if strangers else None

    def export(weights: State, steps: int) -> Path:
        made = MotionModel(model.config)
        made.load_state_dict(weights)
        if keeper is not None and steps and steps % config.validate_every == 0:
            keeper.consider(made, steps)
        if steps == config.steps and not config.denoiser.posterior:
            made = with_chance(made, talkers, styles)
        file = config.out / "model.safetensors"
        made.save(file, {"steps": str(steps), "seed": str(config.seed)})
        return file

    return run_loop(config, model, loss, export, "Training the denoiser")


def _set_units(model: MotionModel, talkers: list[TalkingClip], styles: StyleAugmentation, seed: int) -> None:
    """Measure the normalisers on the training data."""
    features = np.concatenate([t.features for t in talkers[:: max(1, len(talkers) // 200)]])
    model.feature_mean.copy_(torch.from_numpy(features.mean(axis=0)))
    model.feature_std.copy_(torch.from_numpy(features.std(axis=0) + 1e-3))
    model.aperture.copy_(torch.from_numpy(styles.aperture))
    model.opening.copy_(torch.from_numpy(styles.opening))
    rng = np.random.default_rng(seed)
    picked = [talkers[rng.integers(len(talkers))] for _ in range(_STYLED_SAMPLES)]
    styled = np.concatenate([styles.apply(t, styles.draw(rng)) for t in picked])
    model.expression_mean.copy_(torch.from_numpy(styles.mean))
    for half in (model.config.denoiser.lower, model.config.denoiser.upper):
        total = float(np.sqrt(styled[:, list(half)].var(axis=0).sum()))
        model.expression_scale[list(half)] = total / _UNITS
    if model.denoiser.residual_log_variance is not None:
        variance = torch.from_numpy(styled.var(axis=0)) / model.expression_scale**2
        with torch.no_grad():
            model.denoiser.residual_log_variance.copy_((_LEFT_OPEN * variance).log())


class _DenoiserLoss:
    """Step number to the losses of its batch."""

    def __init__(
        self,
        config: DenoiserTraining,
        model: MotionModel,
        talkers: list[TalkingClip],
        styles: StyleAugmentation,
        face_model: FaceModel,
    ) -> None:
        self._config, self._model = config, model
        self._maker = BatchMaker(talkers, styles, config.denoiser.window, config.seed, config.others_share)
        self._aperture = torch.from_numpy(face_model.measure("aperture"))
        self._expert = LipExpert.load(config.expert).requires_grad_(False) if config.expert else None
        self._weights = torch.full((config.denoiser.expression_size,), config.upper_weight)
        self._weights[list(config.denoiser.lower)] = 1.0
        self._kernel = torch.from_numpy(noise_kernel(model.config.noise_smoothing)).float()

    def __call__(self, number: int) -> Losses:
        config = self._config
        batch = self._maker.make(number, range(config.rows), config.frames, config.null_share)
        return self._losses(batch, np.random.default_rng([config.seed, number, 2]))

    def _losses(self, batch: Batch, rng: np.random.Generator) -> Losses:
        """L_denoise (eq. 7): squared error of x0 and of its velocity; and the closure loss on the lip aperture."""
        config, model, network = self._config, self._model, self._model.denoiser
        rows, frames = batch.expression.shape[:2]
        x0 = model.normalise(batch.expression)
        # Drawn for the whole batch, of which these may be some rows.
        t = torch.randint(1, model.schedule.steps + 1, (config.rows,))[batch.rows]
        x_t = model.schedule.add_noise(x0, self._noise()[batch.rows], t)
        features = (batch.features - model.feature_mean) / model.feature_std
        prepared = network.prepare(network.encode_neighboured(features, frames).flatten(0, 1))
        code = network.encode_style(model.normalise(batch.reference))
        code = torch.where(batch.has_style[:, None], code, network.null_style())
        predicted = network(x_t.flatten(0, 1), t.repeat_interleave(frames), prepared, code).float()
        predicted = predicted.unflatten(0, (rows, frames))
        error = (predicted - x0) ** 2 * self._weights
        velocity = (predicted.diff(dim=1) - x0.diff(dim=1)) ** 2 * self._weights
        opening = model.denormalise(predicted) @ self._aperture
        wanted = batch.expression @ self._aperture
        closing = (torch.exp(-((batch.closure / 2.0) ** 2)) + 0.3) * (opening - wanted) ** 2
        parts = {"x0": error.sum(-1).mean(), "velocity": velocity.sum(-1).mean(), "closure": closing.mean()}
        total = parts["x0"] + config.velocity_weight * parts["velocity"] + config.closure_weight * parts["closure"]
        if self._expert is not None:
            parts["sync"] = self._sync_loss(self._expert, model.denormalise(predicted), batch, rng)
            total = total + config.sync_weight * parts["sync"]
        return {"loss": total, **parts}

    def _noise(self) -> Tensor:
        """Noise (rows, L, E) that hangs together along time as the sampler's does: its frames are standard normal."""
        config, kernel = self._config, self._kernel
        reach = len(kernel) - 1
        raw = torch.randn(config.rows, config.frames + reach, config.denoiser.expression_size)
        return torch.einsum("rlek,k->rle", raw.unfold(1, reach + 1, 1), kernel)

    def _sync_loss(self, expert: LipExpert, generated: Tensor, batch: Batch, rng: np.random.Generator) -> Tensor:
        """L_sync = -log P_sync of windows of the generated clips with their own sound and style (eq. 8)."""
        rows, frames = generated.shape[:2]
        n, window = expert.config.frames, self._config.denoiser.window
        row = torch.arange(rows).repeat_interleave(self._config.sync_windows)
        drawn = rng.integers(0, frames - n + 1, (self._config.rows, self._config.sync_windows))
        at = torch.from_numpy(drawn)[batch.rows].flatten()
        seen = at[:, None] + torch.arange(n)
        heard = window + 2 * at[:, None] + torch.arange(2 * n)
        with torch.no_grad():
            style = expert.style(batch.reference)
        own = None if style is None else style[row]
        probability = expert(generated[row[:, None], seen], batch.features[row[:, None], heard], own)
        return torch.as_tensor(-probability.float().clamp_min(1e-3).log().mean())
