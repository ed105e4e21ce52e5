"""What a style predictor must do whatever it has learned, and what its files keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.motion import MotionModel
from dreamtalk.motion.schedule import VarianceSchedule
from dreamtalk.style.code_file import is_code_file, load_code, save_code
from dreamtalk.style.predictor import StylePredictor, StylePredictorConfig, densest
from dreamtalk.types import Float, Liveliness, Style

TINY = StylePredictorConfig(feature_size=8, identity_size=4, code_size=6, width=16, heads=2, hidden=32, layers=1)


def tiny(**variant: bool) -> StylePredictor:
    torch.manual_seed(0)
    return StylePredictor(replace(TINY, **variant)).eval()


def speech(tokens: int, seed: int = 0) -> Float:
    return np.random.default_rng(seed).standard_normal((tokens, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel.debug()


def test_the_same_seed_draws_the_same_codes_and_another_seed_others() -> None:
    predictor, person = tiny(), np.zeros(4, np.float32)
    first, again = (predictor.draw([speech(9)], person, 3, seed=5) for _ in range(2))
    assert first.shape == (1, 3, 6)
    assert first.tobytes() == again.tobytes()
    assert np.abs(predictor.draw([speech(9)], person, 3, seed=6) - first).max() > 1e-3
    assert np.abs(first[0, 0] - first[0, 1]).max() > 1e-3


def test_ddpm_draws_through_every_step_of_the_schedule() -> None:
    predictor = tiny()
    predictor.schedule = VarianceSchedule.linear(20)
    visited: list[int] = []
    predictor.register_forward_pre_hook(lambda _, arguments: visited.append(int(arguments[4])))
    codes = predictor.draw([speech(5)], np.zeros(4, np.float32), 1, sampler="ddpm")
    assert visited == list(range(20, 0, -1))
    assert np.isfinite(codes).all()


def test_what_follows_the_end_of_a_shorter_speech_is_not_heard() -> None:
    predictor = tiny()
    heard = torch.from_numpy(speech(12))[None].repeat(2, 1, 1)
    heard[1, 7:] = 1e3
    padded = torch.zeros(2, 12, dtype=torch.bool)
    padded[:, 7:] = True
    person, noised = torch.ones(2, 4), torch.ones(2, 6)
    alone = predictor(heard[:1, :7], None, person[:1], noised[:1], torch.tensor([500]))
    for code in predictor(heard, padded, person, noised, torch.tensor([500])):
        torch.testing.assert_close(code, alone[0])


def test_each_input_counts_but_for_the_variants_that_do_without_it() -> None:
    def differs(predictor: StylePredictor, **change: torch.Tensor) -> bool:
        given = {
            "speech": torch.from_numpy(speech(6))[None],
            "padded": None,
            "identity": torch.zeros(1, 4),
            "noised": torch.zeros(1, 6),
            "t": torch.tensor([300]),
        }
        return bool((predictor(**given) - predictor(**{**given, **change})).abs().max() > 1e-6)

    other = {
        "speech": torch.from_numpy(speech(6, seed=1))[None],
        "identity": torch.ones(1, 4),
        "noised": torch.ones(1, 6),
        "t": torch.tensor([700]),
    }
    whole, faceless, regression = tiny(), tiny(speaker=False), tiny(diffusion=False)
    for name, value in other.items():
        assert differs(whole, **{name: value}), name
        assert differs(faceless, **{name: value}) == (name != "identity"), name
        assert differs(regression, **{name: value}) == (name in ("speech", "identity")), name


def test_a_saved_predictor_is_the_same_and_other_files_are_refused(tmp_path: Path) -> None:
    predictor, person = tiny(), np.ones(4, np.float32)
    predictor.save(tmp_path / "a.safetensors")
    loaded = StylePredictor.load(tmp_path / "a.safetensors")
    assert loaded.config == predictor.config
    drawn = loaded.draw([speech(7)], person, 2)
    np.testing.assert_allclose(drawn, predictor.draw([speech(7)], person, 2), atol=0.02)
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "b.safetensors").write_bytes(b"no weights")
    with pytest.raises(UnusableInput, match="not a weights file"):
        StylePredictor.load(tmp_path / "b.safetensors")


def test_a_predictor_refuses_another_motion_model(model: MotionModel) -> None:
    predictor = StylePredictor.debug(model)
    predictor.check_fits(model)
    with pytest.raises(UnusableInput, match="motion model it was trained with"):
        predictor.check_fits(MotionModel.debug(seed=1))


def test_the_densest_opinion_wins_over_outliers() -> None:
    rng = np.random.default_rng(0)
    codes = np.concatenate(
        [rng.normal(20.0, 0.5, (2, 6)), rng.normal(0.0, 0.5, (5, 6)), rng.normal(-20.0, 0.5, (3, 6))]
    )
    assert 2 <= densest(codes.astype(np.float32), reach=3.0) < 7


def test_a_predicted_style_survives_its_file(model: MotionModel, tmp_path: Path) -> None:
    size = model.config.denoiser.expression_size
    style = Style(np.arange(16, dtype=np.float32), "auto", np.full(size, 0.01, np.float32), 1.3, Liveliness(nod=0.7))
    file = save_code(tmp_path / "s.npz", style, model.neutral_style().code)
    assert is_code_file(file)
    back = load_code(file, model)
    np.testing.assert_array_equal(back.code, style.code)
    np.testing.assert_array_equal(back.rest, style.rest)
    assert (back.source, back.guidance, back.liveliness) == (style.source, style.guidance, style.liveliness)
    with pytest.raises(UnusableInput, match="another motion model"):
        load_code(file, MotionModel.debug(seed=1))
    save_code(file, replace(style, code=np.full(16, np.nan, np.float32)), model.neutral_style().code)
    with pytest.raises(UnusableInput, match="damaged"):
        load_code(file, model)
