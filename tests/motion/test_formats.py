"""Number formats and compiled passes: the same motion but for rounding, and the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.motion import MotionModel, formats
from dreamtalk.motion.formats import Precision, choose_format, compiled
from dreamtalk.types import SpeechFeatures

FRAMES = 40


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("formats") / "model.safetensors"
    MotionModel.debug().save(path)
    return path


@pytest.fixture(scope="module")
def features() -> SpeechFeatures:
    values = np.random.default_rng(0).standard_normal((2 * FRAMES, 512)).astype(np.float32)
    return SpeechFeatures(values, "whisper-base-l3")


@pytest.fixture
def every_instruction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "has_fast_bfloat16", lambda device: True)


@pytest.mark.parametrize("intensity", [1.0, 1.5])
def test_motion_is_the_same_but_for_rounding(
    file: Path, features: SpeechFeatures, intensity: float, every_instruction: None
) -> None:
    exact, fast = MotionModel.load(file), MotionModel.load(file, precision="bfloat16")
    assert fast.number_format == "bfloat16"
    style = exact.encode_style(np.random.default_rng(1).standard_normal((80, 64)).astype(np.float32), "clip")
    np.testing.assert_array_equal(fast.neutral_style().code, exact.neutral_style().code)  # styles are not rounded
    expected, made, again = (m.generate(features, style, FRAMES, intensity) for m in (exact, fast, fast))
    assert made.tobytes() == again.tobytes()
    difference = np.abs(made - expected).mean() / np.abs(expected).mean()
    assert 0.0 < difference < 0.05


def test_what_the_processor_lacks_becomes_float32(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(formats, "has_fast_bfloat16", lambda device: False)
    unasked: tuple[Precision, ...] = ("auto", "bfloat16")
    for precision in unasked:
        assert choose_format(precision, "cpu", worth_it=True) == "float32"
    assert MotionModel.load(file, precision="auto").denoiser.memory_in.weight.dtype == torch.float32


def test_only_measured_weights_are_rounded_unasked(every_instruction: None) -> None:
    assert choose_format("auto", "cpu", worth_it=False) == "float32"
    assert choose_format("auto", "cpu", worth_it=True) != "float32"


def test_an_unknown_precision_is_refused(file: Path) -> None:
    with pytest.raises(UnusableInput, match="float16"):
        MotionModel.load(file, precision="float16")  # type: ignore[arg-type]


def test_a_traced_network_says_the_same(file: Path, features: SpeechFeatures) -> None:
    plain, traced = MotionModel.load(file), MotionModel.load(file)
    traced._each = compiled(traced.denoiser, "eager")
    style = plain.neutral_style()
    expected, made = (m.generate(features, style, 12, steps=1) for m in (plain, traced))
    np.testing.assert_allclose(made, expected, atol=1e-5)
