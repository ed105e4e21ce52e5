"""`dreamtalk train student`: a motion model that needs few sampler steps, distilled from one that needs many.

Progressive distillation (Salimans and Ho 2022, arXiv 2202.00512): a student whose one step does what two steps of its
teacher do, then a student of that student, until few steps are left. Speech and style encoder know no diffusion step
and stay the teacher's, so style codes, guidance and streaming are the same for both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.motion.sampler import carried
from dreamtalk.motion.schedule import TRAIN_STEPS, VarianceSchedule
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.train.batches import Batch, BatchMaker
from dreamtalk.train.clips import load_training_talkers
from dreamtalk.train.dry_run import dry_run
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, check_training, train_stage
from dreamtalk.train.place import Share

_FROZEN = ("content_encoder", "style_encoder", "residual_log_variance")
"""Parts of the denoiser that the student takes over as they are."""

Predict = Callable[[Tensor, Tensor], Tensor]
"""x_t (B, E) and diffusion steps t (B,) to predicted clean motion (B, E)."""


@dataclass(frozen=True, kw_only=True)
class StudentTraining(LoopConfig):
    """A whole distillation: a training run of `steps` steps for each student."""

    data: Path
    """A talkset folder, or one made by `dreamtalk prepare`."""
    cache: Path = Path("work")
    """Where tracks and features are kept."""
    out: Path = Path("runs/student")
    teacher: Path | None = None
    """The model to learn from; none: the shipped one."""
    students: tuple[int, ...] = (4, 2, 1)
    """Sampler steps of each student in turn; each learns from the one before it, the first from the teacher, at twice
    its own steps."""
    steps: int = 300
    """Training steps of each student."""
    learning_rate: float = 2e-4
    warmup_steps: int = 20
    weight_decay: float = 0.0
    ema: float = 0.98
    rows: int = 32
    frames: int = 16
    """Talks per batch and consecutive frames of each."""
    null_share: float = 0.1
    """Share of styled talks distilled with the null style: guidance asks for both on the same x_t."""
    others_share: float = 0.3
    """Share of talks by everyone but the speaker with the most clips."""
    rest_clips: int = 120
    """Clips of which a version with silence around the speech is made."""
    voices: bool = True
    """Whether every clip is heard in other voices and rooms as well (train/voices.py)."""
    clean_only: bool = True
    """Only licence-clean clips: required for weights that are shipped."""
    max_clips: int | None = None

    def check(self) -> None:
        """Raises UnusableInput also for students that cannot be: their teachers take twice their steps."""
        super().check()
        most = TRAIN_STEPS // 2
        if not self.students or not all(1 <= steps <= most for steps in self.students):
            given = ", ".join(map(str, self.students)) or "none"
            raise UnusableInput(f"Students have 1 to {most} sampler steps, and there is one at least; given: {given}.")


def train_student(config: StudentTraining) -> Path:
    """Distil student after student; the file of the last.

    Raises UnusableInput when the data folder is not usable, DreamTalkError when a loss stops being a number.
    """
    face_model, teacher, talkers = _made(config)
    return distil(config, teacher, talkers, face_model)


def distil(config: StudentTraining, teacher: MotionModel, talkers: list[TalkingClip], face_model: FaceModel) -> Path:
    """The same on a model and clips in memory. Raises UnusableInput when config.students names no student."""
    check_students(config)
    for steps, own in zip(config.students, _runs(config), strict=True):
        file = train_stage(own, StudentStage(own, teacher, steps, talkers, face_model))
        teacher = MotionModel.load(file)
    return file


def check_students(config: StudentTraining) -> None:
    """Raises what check_training raises for any of the students."""
    config.check()
    for own in _runs(config):
        check_training(own)


def dry_run_students(config: StudentTraining) -> str:
    """What the first student's training would be, and what that makes of all. Raises what training raises."""
    first, *others = _runs(config)
    shown = dry_run(first, student_stage(config))
    if not others:
        return shown
    files = "".join(f"\n                {own.out / 'model.safetensors'}" for own in others)
    return f"{shown}{files}\n  in all        {len(others) + 1} students one after the other, each about as long"


def _runs(config: StudentTraining) -> list[StudentTraining]:
    """The run of each student, in a folder of its own."""
    return [replace(config, out=config.out / f"{steps}-steps") for steps in config.students]


def student_stage(config: StudentTraining) -> StudentStage:
    """The first student with its data, to try a recipe on. Raises UnusableInput when the data folder is not usable."""
    face_model, teacher, talkers = _made(config)
    return StudentStage(config, teacher, config.students[0], talkers, face_model)


def _made(config: StudentTraining) -> tuple[FaceModel, MotionModel, list[TalkingClip]]:
    """Face model, teacher and clips."""
    face_model = FaceModel.load()
    teacher = MotionModel.load(config.teacher) if config.teacher else MotionModel.load()
    talkers = load_training_talkers(
        config.data,
        config.cache,
        face_model,
        teacher.config.encoder,
        config.clean_only,
        config.max_clips,
        config.rest_clips,
        config.voices,
    )
    return face_model, teacher, talkers


@dataclass(frozen=True, slots=True)
class NoisedTalks:
    """at: (B,) numbers of the student's steps, 0 its first. noise: (B, L, E)."""

    talks: Batch
    at: Tensor
    noise: Tensor


class StudentStage(Stage[NoisedTalks]):
    """Batches and loss of one student of `steps` sampler steps; its teacher takes twice as many."""

    model: MotionModel

    def __init__(
        self,
        config: StudentTraining,
        teacher: MotionModel,
        steps: int,
        talkers: list[TalkingClip],
        face_model: FaceModel,
    ) -> None:
        super().__init__()
        self.title = f"Distilling a student of {steps} steps"
        self.about = f"{len(talkers)} clips of {len({t.speaker for t in talkers})} speakers"
        self._config = config
        self.teacher = teacher.eval().requires_grad_(False)
        # What was dropped at random would blur the target, which is exact.
        sizes = replace(teacher.config.denoiser, dropout=0.0)
        self.model = MotionModel(replace(teacher.config, denoiser=sizes, steps=steps, spacing="trailing"))
        self.model.load_state_dict(teacher.state_dict())
        for name, parameter in self.model.denoiser.named_parameters():
            parameter.requires_grad_(not name.startswith(_FROZEN))
        self._maker = BatchMaker(
            talkers, StyleAugmentation(talkers, face_model), sizes.window, config.seed, config.others_share
        )

    def batch(self, number: int, share: Share) -> NoisedTalks:
        """Talks with their noise. All that is random is drawn for the whole batch, of which these are some rows."""
        config = self._config
        talks = self._maker.make(number, share.of(config.rows), config.frames, config.null_share)
        rng = np.random.default_rng([config.seed, number, 0, 3])
        at = rng.integers(0, self.model.config.steps, config.rows)
        noise = rng.standard_normal((config.rows, config.frames, talks.expression.shape[-1]), dtype=np.float32)
        mine = talks.rows.numpy()
        return NoisedTalks(talks, torch.from_numpy(at[mine]), torch.from_numpy(noise[mine]))

    def forward(self, batch: NoisedTalks) -> Losses:
        """Squared distance of the student's x0 from the one that takes two teacher's steps at once."""
        model, network, talks = self.model, self.teacher.denoiser, batch.talks
        frames = talks.expression.shape[1]
        with torch.no_grad():
            features = (talks.features - model.feature_mean) / model.feature_std
            content = network.encode_neighboured(features, frames).flatten(0, 1)
            code = network.encode_style(model.normalise(talks.reference))
            code = torch.where(talks.has_style[:, None], code, network.null_style())
            steps = StudentSteps.of(model.schedule, model.config.steps, batch.at.repeat_interleave(frames))
            x_t = steps.noised(model.schedule, model.normalise(talks.expression), batch.noise)
            prepared = network.prepare(content)
            target = two_steps(lambda x, t: network(x, t, prepared, code).float(), x_t, steps, self._variance())
        own = model.denoiser
        made = own(x_t, steps.start, own.prepare(content), code).float()
        error = steps.weight(model.schedule) * ((made - target) ** 2).sum(-1)
        return {"loss": error.mean(), "off": ((made - target) ** 2).sum(-1).mean()}

    def export(self, weights: State, steps: int, file: Path) -> None:
        """A motion model with its own number of steps."""
        made = MotionModel(self.model.config)
        made.load_state_dict(weights)
        made.save(file, {"steps": str(steps), "seed": str(self._config.seed), "student": str(made.config.steps)})

    def _variance(self) -> Tensor:
        log = self.model.denoiser.residual_log_variance
        return self.model.feature_mean.new_zeros(1) if log is None else log.detach().exp()


@dataclass(frozen=True, slots=True)
class StudentSteps:
    """Diffusion steps (B,) of one student's step each: it leaves `start` for `end`, its teacher goes by `middle`."""

    start: Tensor
    middle: Tensor
    end: Tensor

    @classmethod
    def of(cls, schedule: VarianceSchedule, steps: int, at: Tensor) -> StudentSteps:
        """The steps number `at` (B,) of a student with `steps` steps; its teacher takes 2 `steps`."""
        times = torch.tensor([*schedule.ddim_times(2 * steps, "trailing"), 0], device=at.device)
        return cls(times[2 * at], times[2 * at + 1], times[2 * at + 2])

    def noised(self, schedule: VarianceSchedule, x0: Tensor, noise: Tensor) -> Tensor:
        """x_start (B, E) of motion x0 (..., E) and noise like it."""
        return schedule.add_noise(x0.flatten(0, -2), noise.flatten(0, -2), self.start)

    def weight(self, schedule: VarianceSchedule) -> Tensor:
        """(B,) max(signal to noise ratio, 1), "truncated SNR" (Salimans and Ho, section 4)."""
        abar = schedule.alpha_bar.to(self.start.device)[self.start]
        return (abar / (1.0 - abar)).clamp_min(1.0)


def two_steps(teacher: Predict, x: Tensor, steps: StudentSteps, variance: Tensor) -> Tensor:
    """The x0 (B, E) with which one step from x (B, E) at steps.start ends where two steps of the teacher end.

    Salimans and Ho, algorithm 2, with the step of sampler.carried. variance: (E,) or (1,), as there.
    """
    schedule = VarianceSchedule.linear()
    middle = step(x, teacher(x, steps.start), schedule, steps.start, steps.middle, variance)
    end = step(middle, teacher(middle, steps.middle), schedule, steps.middle, steps.end, variance)
    a, a_end = (schedule.alpha_bar[t.cpu()].to(x.device)[:, None].sqrt() for t in (steps.start, steps.end))
    k = carried_rows(schedule, steps.start, steps.end, variance)
    return (end - k * x) / (a_end - k * a)


def step(x: Tensor, x0: Tensor, schedule: VarianceSchedule, t: Tensor, previous: Tensor, variance: Tensor) -> Tensor:
    """One deterministic sampler step of rows (B, E) that are at different diffusion steps t (B,)."""
    a, a_prev = (schedule.alpha_bar[s.cpu()].to(x.device)[:, None].sqrt() for s in (t, previous))
    return a_prev * x0 + carried_rows(schedule, t, previous, variance) * (x - a * x0)


def carried_rows(schedule: VarianceSchedule, t: Tensor, previous: Tensor, variance: Tensor) -> Tensor:
    """sampler.carried (B, E) or (B, 1) for rows at different diffusion steps."""
    pairs = list(zip(t.tolist(), previous.tolist(), strict=True))
    known = {pair: carried(schedule, *pair, variance.cpu()) for pair in set(pairs)}
    return torch.stack([known[pair] for pair in pairs]).to(variance.device)
