"""Distillation: the target is two explicit DDIM steps, and where the answer is known the student finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.motion.sampler import ddim
from dreamtalk.motion.schedule import VarianceSchedule
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, train_stage
from dreamtalk.train.place import Share
from dreamtalk.train.student import StudentSteps, StudentTraining, distil, two_steps
from dreamtalk.types import SpeechFeatures

SCHEDULE = VarianceSchedule.linear()
MEAN, SPREAD = 0.7, 0.5
"""Of toy data, x0 ~ N(MEAN, SPREAD^2)."""


def best(x: Tensor, t: Tensor) -> Tensor:
    """E[x0 | x_t] of the toy data."""
    a = SCHEDULE.alpha_bar[t][:, None]
    return MEAN + a.sqrt() * SPREAD**2 / (a * SPREAD**2 + 1 - a) * (x - a.sqrt() * MEAN)


def two_ddim_steps(x: float, t: int, middle: int, end: int) -> float:
    """DDIM eq. 12 at eta = 0, written out twice for one number."""
    for now, then in ((t, middle), (middle, end)):
        a, b = SCHEDULE.alpha_bar[now].item(), SCHEDULE.alpha_bar[then].item()
        x0 = best(torch.tensor([[x]]), torch.tensor([now])).item()
        x = b**0.5 * x0 + (1 - b) ** 0.5 * (x - a**0.5 * x0) / (1 - a) ** 0.5
    return x


@pytest.mark.parametrize(("t", "middle", "end"), [(1000, 750, 500), (500, 250, 0), (333, 166, 7)])
def test_one_step_with_the_target_ends_where_two_ddim_steps_end(t: int, middle: int, end: int) -> None:
    x = torch.linspace(-2, 2, 7)[:, None]
    steps = StudentSteps(*(torch.full((7,), s) for s in (t, middle, end)))
    target = two_steps(best, x, steps, torch.zeros(1))
    a, b = SCHEDULE.alpha_bar[t], SCHEDULE.alpha_bar[end]
    ends = b.sqrt() * target + (1 - b).sqrt() * (x - a.sqrt() * target) / (1 - a).sqrt()
    assert torch.allclose(
        ends[:, 0], torch.tensor([two_ddim_steps(v, t, middle, end) for v in x[:, 0].tolist()]), atol=1e-4
    )


def test_where_the_open_variance_is_known_the_teacher_is_its_own_target() -> None:
    """Two exact steps are one exact step: nothing is left to distil."""
    x, t = torch.linspace(-2, 2, 7)[:, None], torch.full((7,), 800)
    target = two_steps(best, x, StudentSteps(t, t // 2, t // 4), torch.tensor([SPREAD**2]))
    assert torch.allclose(target, best(x, t), atol=1e-4)


def test_steps_of_student_and_teacher_meet() -> None:
    steps = StudentSteps.of(SCHEDULE, 4, torch.arange(4))
    assert steps.start.tolist() == SCHEDULE.ddim_times(4, "trailing") == [1000, 750, 500, 250]
    assert steps.end.tolist() == [750, 500, 250, 0]
    assert steps.middle.tolist() == [875, 625, 375, 125]


class Line(nn.Module):
    """x0 = a_t x_t + b_t: as much as a denoiser of Gaussian data needs. One a and b per diffusion step."""

    def __init__(self) -> None:
        super().__init__()
        t = torch.arange(1001)
        zero, one = torch.zeros(1001, 1), torch.ones(1001, 1)
        self.b = nn.Parameter(best(zero, t)[:, 0])
        self.a = nn.Parameter(best(one, t)[:, 0] - best(zero, t)[:, 0])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.a[t][:, None] * x + self.b[t][:, None]


class ToyStage(Stage[int]):
    """A line that learns to take two steps of another line at once; what is exported are its averaged weights."""

    title = "toy"

    def __init__(self, teacher: nn.Module, student: nn.Module, count: int) -> None:
        super().__init__()
        self.teacher, self.model, self.count = teacher, student, count

    def batch(self, number: int, share: Share) -> int:
        return number

    def forward(self, batch: int) -> Losses:
        steps = StudentSteps.of(SCHEDULE, self.count, torch.randint(0, self.count, (64,)))
        x = torch.randn(64, 1)
        with torch.no_grad():
            target = two_steps(self.teacher, x, steps, torch.zeros(1))
        return {"loss": ((self.model(x, steps.start) - target) ** 2).mean()}

    def export(self, weights: State, steps: int, file: Path) -> None:
        self.model.load_state_dict(weights)


def test_a_line_learns_what_eight_steps_do_in_one(tmp_path: Path) -> None:
    """Three halvings on the loop; in the end the exact composition of eight DDIM steps, which is a line as well."""
    teacher: nn.Module = Line()
    for count in (4, 2, 1):
        student = Line()
        student.load_state_dict(teacher.state_dict())
        config = LoopConfig(
            data=tmp_path, out=tmp_path / str(count), steps=120, learning_rate=0.03, weight_decay=0.0, ema=0.8,
            warmup_steps=1, precision="float32", tensorboard=False, save_every=120,
        )  # fmt: skip
        train_stage(config, ToyStage(teacher, student, count))
        teacher = student
    start = torch.linspace(-2, 2, 5)[:, None]
    with torch.no_grad():
        whole = ddim(lambda x, t: best(x, torch.full((5,), t)), start, SCHEDULE, 8, spacing="trailing")
        once = teacher(start, torch.full((5,), 1000))
    assert torch.allclose(once, whole, atol=0.01)
    assert (best(start, torch.full((5,), 1000)) - whole).abs().max() > 0.3, "the teacher alone could not"


def test_a_student_of_few_steps_sounds_like_its_teacher(tmp_path: Path) -> None:
    """A tiny random teacher that minds x_t: one step of its student is nearer to its eight than its own one step."""
    face_model, rng = FaceModel.load(), np.random.default_rng(0)
    opening = face_model.from_arkit(weights(jawOpen=0.5))
    talkers = []
    for number in range(6):
        loud = np.repeat(rng.random(16), 4)[:60].astype(np.float32)
        features = rng.standard_normal((120, 512)).astype(np.float32)
        expression = loud[:, None] * opening + 0.01 * rng.standard_normal((60, 64)).astype(np.float32)
        closure = np.clip(expression @ face_model.measure("aperture"), 0, None)
        talkers.append(TalkingClip(f"c{number}", expression, closure, features, speaker="ab"[number % 2]))
    teacher = MotionModel.debug()
    with torch.no_grad():
        teacher.denoiser.memory_in.weight[:, 16:] *= 4.0
    config = StudentTraining(
        data=tmp_path, out=tmp_path / "run", students=(2, 1), steps=30, rows=8, learning_rate=3e-3, precision="float32",
        tensorboard=False, voices=False,
    )  # fmt: skip
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    student = MotionModel.load(distil(config, teacher, talkers, face_model))
    assert student.config.steps == 1 and student.config.spacing == "trailing"
    for name, value in student.state_dict().items():
        if "encoder" in name:
            torch.testing.assert_close(value, before[name], atol=1e-3, rtol=1e-3, msg=name)
    long = MotionModel(replace(teacher.config, steps=4, spacing="trailing")).eval()
    long.load_state_dict(before)
    heard = SpeechFeatures(talkers[0].features, "whisper-base-l3")
    for intensity in (1.0, 1.5):
        style = student.encode_style(talkers[1].expression, "clip")
        wanted, made, untaught = (
            model.generate(heard, style, 60, intensity, steps=steps)
            for model, steps in ((long, 4), (student, None), (long, 1))
        )
        assert np.abs(made - wanted).mean() < 0.6 * np.abs(untaught - wanted).mean()
