"""`dreamtalk train denoiser`: the denoising network with its style encoder (paper III-B, L_denoise of eq. 7).

Without the lip expert: lips are kept right by the closure loss. Every number is in the recipe (train/recipes.py),
every step depends on the seed and its own number, and a run that was stopped goes on from its last checkpoint as if it
had not.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor

from dreamtalk.audio import SpeechEncoder
from dreamtalk.data.talkers import TalkingClip, load_talkers, with_silence
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.denoiser import DenoiserConfig
from dreamtalk.motion.model import MotionConfig, MotionModel
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.train.batches import Batch, BatchMaker
from dreamtalk.train.chance import with_chance

_STYLED_SAMPLES = 400
"""Styled clips from which the network's units are measured."""

_UNITS = 2.0
"""Each half of the face is scaled so that its coefficients have this total standard deviation: the first few are then
about as large as the noise, and the last ones stay as small as they are (nothing is whitened)."""


@dataclass(frozen=True, slots=True)
class DenoiserTraining:
    """A whole training run. data: a talkset folder. cache: tracks and features are kept. out: checkpoints, log."""

    data: Path
    cache: Path = Path("work")
    out: Path = Path("runs/denoiser")
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    encoder: str = "whisper-base-l3"
    steps: int = 2000
    rows: int = 24
    frames: int = 32
    """Talks per batch and consecutive frames of each."""
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.02
    gradient_norm: float = 1.0
    ema: float = 0.998
    null_share: float = 0.0
    """Share of styled talks trained with the null style. Zero: only talks without any style go with the null code, so
    that guidance scale 0 is neutral; with styled talks among them it would be a mixture of all styles."""
    others_share: float = 0.3
    velocity_weight: float = 1.0
    closure_weight: float = 0.05
    upper_weight: float = 0.3
    rest_clips: int = 120
    """Clips of which a version with silence around the speech is made."""
    seed: int = 0
    threads: int = 1
    bfloat16: bool = True
    """Matrix products in bfloat16 where the processor has them."""
    save_every: int = 100
    clean_only: bool = True
    max_clips: int | None = None


def train_denoiser(config: DenoiserTraining) -> Path:
    """Run the recipe; the file of the trained model (EMA weights, fp16 safetensors).

    Raises UnusableInput when the data folder is not usable, DreamTalkError when the loss stops being a number.
    """
    face_model = FaceModel.load()
    return train_on(config, load_training_talkers(config, face_model), face_model)


def train_on(config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel) -> Path:
    """The same on clips in memory."""
    torch.set_num_threads(config.threads)
    styles = StyleAugmentation(talkers, face_model)
    maker = BatchMaker(talkers, styles, config.denoiser.window, config.seed, config.others_share)
    torch.manual_seed(config.seed)
    model = MotionModel(MotionConfig(config.denoiser, encoder=config.encoder))
    _set_units(model, talkers, styles, config.seed)
    file = _Run(config, model, maker, face_model).run()
    trained = with_chance(MotionModel.load(file), talkers, styles)
    trained.save(file, {"step": str(config.steps), "seed": str(config.seed)})
    return file


def load_training_talkers(config: DenoiserTraining, face_model: FaceModel) -> list[TalkingClip]:
    """The train split's talking clips, some of them a second time with silence around."""
    clips = [
        c
        for c in read_talkset(config.data)
        if c.kind == "av" and c.split == "train" and (c.clean or not config.clean_only)
    ]
    clips = _mixed(clips)[: config.max_clips]
    if not clips:
        raise UnusableInput(f"{config.data} has no talking clips to train on.")
    talkers = load_talkers(clips, config.cache, face_model, config.encoder)
    by_id = {t.id: t for t in talkers}
    encoder = SpeechEncoder.load(config.encoder)
    resting = []
    for number, clip in enumerate([c for c in clips if c.id in by_id][: config.rest_clips]):
        noise = (0.0, 3e-4, 2e-3)[number % 3]
        resting.append(with_silence(clip, by_id[clip.id], encoder, seconds=1.5, noise=noise))
    return talkers + resting


def _mixed(clips: list[Clip]) -> list[Clip]:
    """Speakers with few clips first: a cut-off list keeps the variety."""
    count: dict[str, int] = {}
    for clip in clips:
        count[clip.speaker] = count.get(clip.speaker, 0) + 1
    return sorted(clips, key=lambda c: (count[c.speaker], c.id))


def _set_units(model: MotionModel, talkers: list[TalkingClip], styles: StyleAugmentation, seed: int) -> None:
    """Measure the normalisers on the training data."""
    features = np.concatenate([t.features for t in talkers[:: max(1, len(talkers) // 200)]])
    model.feature_mean.copy_(torch.from_numpy(features.mean(axis=0)))
    model.feature_std.copy_(torch.from_numpy(features.std(axis=0) + 1e-3))
    rng = np.random.default_rng(seed)
    picked = [talkers[rng.integers(len(talkers))] for _ in range(_STYLED_SAMPLES)]
    styled = np.concatenate([styles.apply(t, styles.draw(rng)) for t in picked])
    model.expression_mean.copy_(torch.from_numpy(styles.mean))
    for half in (model.config.denoiser.lower, model.config.denoiser.upper):
        total = float(np.sqrt(styled[:, list(half)].var(axis=0).sum()))
        model.expression_scale[list(half)] = total / _UNITS


class _Run:
    """The loop: one optimiser, one EMA copy, checkpoints that can be gone on from."""

    def __init__(self, config: DenoiserTraining, model: MotionModel, maker: BatchMaker, face_model: FaceModel) -> None:
        self._config, self._model, self._maker = config, model, maker
        self._aperture = torch.from_numpy(face_model.measure("aperture"))
        self._weights = torch.full((config.denoiser.expression_size,), config.upper_weight)
        self._weights[list(config.denoiser.lower)] = 1.0
        self._optimiser = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        self._ema = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self._done = 0

    def run(self) -> Path:
        config = self._config
        config.out.mkdir(parents=True, exist_ok=True)
        (config.out / "config.json").write_text(json.dumps(asdict(config), default=str, indent=1))
        self._resume()
        self._model.train()
        started = time.monotonic()
        with Progress() as progress, open(config.out / "log.jsonl", "a", encoding="utf-8") as log:
            bar = progress.add_task("Training the denoiser", total=config.steps, completed=self._done)
            while self._done < config.steps:
                losses = self._step(self._done)
                self._done += 1
                progress.update(bar, completed=self._done)
                if self._done % 20 == 0:
                    seconds = round(time.monotonic() - started, 1)
                    log.write(json.dumps({"step": self._done, "seconds": seconds, **losses}) + "\n")
                    log.flush()
                if self._done % config.save_every == 0 or self._done == config.steps:
                    self._save()
        return config.out / "model.safetensors"

    def _step(self, number: int) -> dict[str, float]:
        """One optimisation step; everything random in it comes from the seed and its number."""
        config = self._config
        torch.manual_seed(config.seed * 1_000_003 + number)
        batch = self._maker.make(number, config.rows, config.frames, config.null_share)
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate(number)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            losses = self._losses(batch)
        loss = losses["x0"] + config.velocity_weight * losses["velocity"] + config.closure_weight * losses["closure"]
        if not torch.isfinite(loss):
            raise DreamTalkError(f"The loss is not a number at step {number}. Lower the learning rate and resume.")
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), config.gradient_norm)
        self._optimiser.step()
        decay = min(config.ema, (1 + number) / (10 + number))
        with torch.no_grad():
            for name, value in self._model.state_dict().items():
                self._ema[name].lerp_(value, 1.0 - decay)
        return {name: round(float(value.detach()), 5) for name, value in losses.items()}

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_denoise (eq. 7): squared error of x0 and of its velocity; and the closure loss on the lip aperture."""
        config, model, network = self._config, self._model, self._model.denoiser
        rows, frames = batch.expression.shape[:2]
        x0 = model.normalise(batch.expression)
        t = torch.randint(1, model.schedule.steps + 1, (rows,))
        x_t = model.schedule.add_noise(x0, torch.randn_like(x0), t)
        features = (batch.features - model.feature_mean) / model.feature_std
        embedded = network.content_encoder.increase_embed_dim(features)
        windows = embedded.unfold(1, config.denoiser.tokens, 2)[:, :frames].transpose(2, 3)  # (B, L, W, D)
        prepared = network.prepare(network.content_encoder(windows.flatten(0, 1)))
        code = network.encode_style(model.normalise(batch.reference))
        code = torch.where(batch.has_style[:, None], code, network.null_style())
        predicted = network(x_t.flatten(0, 1), t.repeat_interleave(frames), prepared, code).float()
        predicted = predicted.unflatten(0, (rows, frames))
        error = (predicted - x0) ** 2 * self._weights
        velocity = (predicted.diff(dim=1) - x0.diff(dim=1)) ** 2 * self._weights
        opening = model.denormalise(predicted) @ self._aperture
        wanted = batch.expression @ self._aperture
        closing = (torch.exp(-((batch.closure / 2.0) ** 2)) + 0.3) * (opening - wanted) ** 2
        return {"x0": error.sum(-1).mean(), "velocity": velocity.sum(-1).mean(), "closure": closing.mean()}

    def _learning_rate(self, number: int) -> float:
        """Linear warm-up, then a cosine to a hundredth."""
        config = self._config
        warm = min(1.0, (number + 1) / config.warmup_steps)
        cosine = 0.5 * (1.0 + np.cos(np.pi * min(1.0, number / config.steps)))
        return float(config.learning_rate * warm * max(0.01, cosine))

    def _save(self) -> None:
        """The EMA model, and the state to go on from (both whole or not at all)."""
        config = self._config
        state = {
            "step": self._done,
            "model": self._model.state_dict(),
            "ema": self._ema,
            "optimiser": self._optimiser.state_dict(),
        }
        part = config.out / "state.part"
        torch.save(state, part)
        part.replace(config.out / "state.pt")
        shipped = MotionModel(self._model.config)
        shipped.load_state_dict(self._ema)
        shipped.save(config.out / "model.safetensors", {"step": str(self._done), "seed": str(config.seed)})

    def _resume(self) -> None:
        file = self._config.out / "state.pt"
        if not file.is_file():
            return
        state = torch.load(file, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._ema, self._done = state["ema"], state["step"]
