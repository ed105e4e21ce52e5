"""`dreamtalk train denoiser`: the denoising network with its style encoder (paper III-B, L_denoise of eq. 7).

Lips are kept right by the closure loss and, in the recipe "sync", by the frozen lip expert (eq. 6, 8). Every number is
in the recipe (train/recipes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.motion.denoiser import DenoiserConfig
from dreamtalk.motion.model import MotionConfig, MotionModel
from dreamtalk.motion.sampler import noise_kernel
from dreamtalk.style.closures import CLOSURE_SCALE
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.train.batches import Batch, BatchMaker
from dreamtalk.train.clips import load_strangers, load_training_talkers
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, train_stage
from dreamtalk.train.place import Share
from dreamtalk.train.validation import BestKeeper, Strangers
from dreamtalk.types import Float

_STYLED_SAMPLES = 400
"""Styled clips from which the network's units are measured."""

_LEFT_OPEN = 0.2
"""Share of the variance that speech and style are taken to leave open, until training has learned it."""

_SAMPLER_STEPS = 2
"""Of a model with a posterior: the sampler is then exact for steps of any length (sampler.carried)."""

_OPEN_SHARE = 0.3
"""Weight of the aperture's error where lips are open; where they are shut it is 1 more."""

_UNITS = 2.0
"""Each half of the face is scaled so that its coefficients have this total standard deviation: the first few are then
about as large as the noise, and the last ones stay as small as they are (nothing is whitened)."""


@dataclass(frozen=True, kw_only=True)
class DenoiserTraining(LoopConfig):
    """A whole training run."""

    data: Path
    """A talkset, or a folder made by `dreamtalk prepare`."""
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
    feature_noise: float = 0.7
    """Standard deviation of noise on the speech features, in units of theirs: keeps a large share of one speaker from
    being learned by heart, as ridge regression does."""
    others_share: float = 0.1
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
    upper_smoothing: float = 5.4
    """Of the model that is made (see MotionConfig): the half-life of what speech and style leave open of real brows."""
    lower_temperature: float = 0.0
    """Of the model that is made (see MotionConfig)."""
    rest_clips: int = 120
    """Clips of which a version with silence around the speech is made."""
    clean_only: bool = True
    """Only licence-clean clips: required for weights that are shipped."""
    max_clips: int | None = None
    validate_every: int = 0
    """Steps (a multiple of save_every) between scores on the clips that clean training leaves out; 0 for none."""

    def check(self) -> None:
        """Raises UnusableInput also for a model to start from that is not there, or is of another size."""
        super().check()
        if self.start_from is None:
            return
        if not self.start_from.is_file():
            raise UnusableInput(
                f"{self.start_from}, the model to start from, is not there. Run the recipe cpu first, or give "
                "--start-from FILE."
            )
        there = MotionModel.load(self.start_from).config
        its = asdict(there.denoiser) | {"encoder": there.encoder}
        own = asdict(self.denoiser) | {"encoder": self.encoder}
        wrong = "; ".join(f"{name} {its[name]}, not {own[name]}" for name in own if its[name] != own[name])
        if wrong:
            raise UnusableInput(f"{self.start_from} is another kind of model than this recipe's: {wrong}.")


def train_denoiser(config: DenoiserTraining) -> Path:
    """Run the recipe; the file of the trained model (EMA weights, fp16 safetensors).

    Raises UnusableInput when the data folder is not usable, DreamTalkError when the loss stops being a number.
    """
    return train_stage(config, denoiser_stage(config))


def denoiser_stage(config: DenoiserTraining) -> DenoiserStage:
    """The recipe with its data, ready to train. Raises UnusableInput when the data folder is not usable."""
    return DenoiserStage(config, *load_material(config))


def load_material(config: DenoiserTraining) -> tuple[list[TalkingClip], FaceModel, list[TalkingClip]]:
    """Talkers to learn from, their face model, and strangers to score by where the recipe asks for it.

    Raises UnusableInput when the data folder is not usable.
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
    strangers: list[TalkingClip] = []
    if config.validate_every:
        strangers = load_strangers(config.data, config.cache, face_model, config.encoder, config.clean_only)
    return talkers, face_model, strangers


def train_on(
    config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel, strangers: Sequence[TalkingClip] = ()
) -> Path:
    """The same on clips in memory. strangers: talks by others to score the model by while it learns."""
    return train_stage(config, DenoiserStage(config, talkers, face_model, strangers))


def _motion_config(config: DenoiserTraining) -> MotionConfig:
    if config.denoiser.kind != "diffusion":
        return MotionConfig(config.denoiser, encoder=config.encoder, steps=1, spacing="trailing")
    if not config.denoiser.posterior:
        return MotionConfig(config.denoiser, encoder=config.encoder)
    return MotionConfig(
        config.denoiser,
        encoder=config.encoder,
        upper_smoothing=config.upper_smoothing,
        lower_temperature=config.lower_temperature,
        steps=_SAMPLER_STEPS,
        spacing="trailing",
    )


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


@dataclass(frozen=True, slots=True)
class NoisedTalks:
    """t: (B,) diffusion steps, 1..T. noise: (B, L, E). hearing: (B, N, F), noise on the features, in units of theirs.
    windows: (B, V) first frames of what the expert looks at.
    """

    talks: Batch
    t: Tensor
    noise: Tensor
    hearing: Tensor
    windows: Tensor


class DenoiserStage(Stage[NoisedTalks]):
    """Batches and losses of the denoiser. strangers: talks by others to score the model by while it learns."""

    title = "Training the denoiser"
    model: MotionModel
    aperture: Tensor
    weights: Tensor

    def __init__(
        self,
        config: DenoiserTraining,
        talkers: list[TalkingClip],
        face_model: FaceModel,
        strangers: Sequence[TalkingClip] = (),
    ) -> None:
        super().__init__()
        torch.manual_seed(config.seed)
        self.about = f"{len(talkers)} clips of {len({t.speaker for t in talkers})} speakers"
        self._config = config
        self._styles = StyleAugmentation(talkers, face_model)
        self.model = MotionModel(_motion_config(config))
        if config.start_from is None:
            _set_units(self.model, talkers, self._styles, config.seed)
        else:
            known = MotionModel.load(config.start_from).state_dict()
            known.pop("style_shift", None)  # what this training learns, it need not leave out
            self.model.load_state_dict(known)
        self.expert = LipExpert.load(config.expert).requires_grad_(False) if config.expert else None
        weights = torch.full((config.denoiser.expression_size,), config.upper_weight)
        weights[list(config.denoiser.lower)] = 1.0
        self.register_buffer("weights", weights)
        self.register_buffer("aperture", torch.from_numpy(face_model.measure("aperture")))
        self._kernel = noise_kernel(self.model.config.noise_smoothing).astype(np.float32)
        self._maker = BatchMaker(talkers, self._styles, config.denoiser.window, config.seed, config.others_share)
        self._keeper = BestKeeper(Strangers(list(strangers), face_model), config.out) if strangers else None

    def batch(self, number: int, share: Share) -> NoisedTalks:
        """Talks with their noise. All that is random is drawn for the whole batch, of which these are some rows."""
        config = self._config
        talks = self._maker.make(number, share.of(config.rows), config.frames, config.null_share)
        rng = np.random.default_rng([config.seed, number, 0, 2])
        t = rng.integers(1, self.model.schedule.steps + 1, config.rows)
        noise = self._noise(rng)
        last = config.frames - (self.expert.config.frames if self.expert is not None else 0)
        windows = rng.integers(0, last + 1, (config.rows, config.sync_windows))
        hearing = rng.standard_normal((config.rows, *talks.features.shape[1:]), dtype=np.float32) * config.feature_noise
        drawn = (torch.from_numpy(values[talks.rows.numpy()]) for values in (t, noise, hearing, windows))
        return NoisedTalks(talks, *drawn)

    def forward(self, batch: NoisedTalks) -> Losses:
        """L_net = L_denoise + lambda_sync L_sync (eq. 6).

        L_denoise (eq. 7) is the squared error of x0 and of its velocity; the closure loss on the lip aperture is ours.
        """
        config, model, talks = self._config, self.model, batch.talks
        x0 = model.normalise(talks.expression)
        predicted, _ = self.predict(batch)
        error = (predicted - x0) ** 2 * self.weights
        velocity = (predicted.diff(dim=1) - x0.diff(dim=1)) ** 2 * self.weights
        opening = model.denormalise(predicted) @ self.aperture
        wanted = talks.expression @ self.aperture
        shut = torch.exp(-((talks.closure / CLOSURE_SCALE) ** 2))
        closing = (shut + _OPEN_SHARE) * (opening - wanted) ** 2
        parts = {"x0": error.sum(-1).mean(), "velocity": velocity.sum(-1).mean(), "closure": closing.mean()}
        total = parts["x0"] + config.velocity_weight * parts["velocity"] + config.closure_weight * parts["closure"]
        if self.expert is not None:
            parts["sync"] = self.sync_loss(self.expert, model.denormalise(predicted), batch)
            total = total + config.sync_weight * parts["sync"]
        return {"loss": total, **parts}

    def predict(self, batch: NoisedTalks) -> tuple[Tensor, Tensor]:
        """Predicted clean motion (B, L, E) in the network's units, and the style codes (B, D) of the references."""
        model, network, talks = self.model, self.model.denoiser, batch.talks
        rows, frames = talks.expression.shape[:2]
        x_t = model.schedule.add_noise(model.normalise(talks.expression), batch.noise, batch.t)
        features = (talks.features - model.feature_mean) / model.feature_std + batch.hearing
        prepared = network.prepare(network.encode_neighboured(features, frames).flatten(0, 1))
        code = network.encode_style(model.normalise(talks.reference))
        told = torch.where(talks.has_style[:, None], code, network.null_style())
        predicted = network(x_t.flatten(0, 1), batch.t.repeat_interleave(frames), prepared, told).float()
        return predicted.view(rows, frames, -1), code

    def export(self, weights: State, steps: int, file: Path) -> None:
        """Score and keep it where strangers are."""
        config = self._config
        made = MotionModel(self.model.config)
        made.load_state_dict(weights)
        if self._keeper is not None and steps and steps % config.validate_every == 0:
            self._keeper.consider(made, steps)
        elif self._keeper is None and config.validate_every:
            made.save(config.out / "best.safetensors", {"steps": str(steps)})  # nobody to ask: the latest
        made.save(file, {"steps": str(steps), "seed": str(config.seed)})

    def _noise(self, rng: np.random.Generator) -> Float:
        """Noise (rows, L, E) that hangs together along time as the sampler's does: its frames are standard normal."""
        config, reach = self._config, len(self._kernel) - 1
        shape = (config.rows, config.frames + reach, config.denoiser.expression_size)
        raw = rng.standard_normal(shape, dtype=np.float32)
        spans = np.lib.stride_tricks.sliding_window_view(raw, reach + 1, axis=1)
        return np.asarray(spans @ self._kernel, dtype=np.float32)

    def sync_loss(self, expert: LipExpert, generated: Tensor, batch: NoisedTalks) -> Tensor:
        """L_sync = -log P_sync of windows of the generated clips with their own sound and style (eq. 8)."""
        talks, device = batch.talks, generated.device
        n, window = expert.config.frames, self._config.denoiser.window
        row = torch.arange(len(generated), device=device).repeat_interleave(self._config.sync_windows)
        at = batch.windows.flatten()
        seen = at[:, None] + torch.arange(n, device=device)
        heard = window + 2 * at[:, None] + torch.arange(2 * n, device=device)
        with torch.no_grad():
            style = expert.style(talks.reference)
        own = None if style is None else style[row]
        probability = expert(generated[row[:, None], seen], talks.features[row[:, None], heard], own)
        return torch.as_tensor(-probability.float().clamp_min(1e-3).log().mean())
