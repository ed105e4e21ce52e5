"""The shift gives styles what the network leaves out of them, and touches neither lips' apertures nor the neutral."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.style.closures import opening_of
from dreamtalk.train.style_shift import Shown, shift_of, shown_styles
from dreamtalk.types import SpeechFeatures


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


def test_what_a_code_says_of_the_missing_is_found_but_for_the_aperture(face: FaceModel) -> None:
    rng, opening, aperture = np.random.default_rng(0), opening_of(face), face.measure("aperture")
    known = rng.standard_normal((64, 16)).astype(np.float32)
    codes = rng.standard_normal((500, 16)).astype(np.float32)
    shift = shift_of(Shown(codes, codes @ known.T), face, opening)
    assert np.abs(aperture @ shift).max() < 1e-3
    upper = list(face.upper)
    np.testing.assert_allclose(shift[upper], known[upper], atol=1e-3)
    np.testing.assert_allclose(shift, known - np.outer(opening, aperture @ known), atol=1e-3)


def test_shifted_styles_are_nearer_to_what_was_asked(face: FaceModel) -> None:
    """A tiny network that knows nothing answers nothing; with the shift, brows go where clips have them."""
    rng, jaw = np.random.default_rng(1), face.from_arkit(weights(jawOpen=0.5))
    talkers = []
    for name in "abcd":
        said = np.clip(np.sin(np.arange(90) / 3), 0, None)[:, None] * jaw
        said = (said + 0.01 * rng.standard_normal((90, 64))).astype(np.float32)
        opened = np.clip(said @ face.measure("aperture"), 0.0, None)
        talkers.append(TalkingClip(name, said, opened, rng.standard_normal((180, 512)).astype(np.float32), name))
    model = MotionModel.debug()
    shown = shown_styles(model, talkers, face, rng, 400)
    again = shown_styles(model, talkers, face, np.random.default_rng(2), 16)
    assert shown.codes.shape == (400, 16) and shown.missing.shape == (400, 64)
    shift = shift_of(shown, face, opening_of(face))
    upper = list(face.upper)
    left = again.missing[:, upper] - again.codes @ shift[upper].T
    assert (left**2).sum() < 0.8 * (again.missing[:, upper] ** 2).sum()


def test_the_same_seed_shows_the_same(face: FaceModel) -> None:
    rng = np.random.default_rng(3)
    said = rng.standard_normal((70, 64)).astype(np.float32) * 0.05
    talker = TalkingClip("a", said, np.ones(70, np.float32), rng.standard_normal((140, 512)).astype(np.float32), "a")
    one, two = (shown_styles(MotionModel.debug(), [talker], face, np.random.default_rng(5), 8) for _ in range(2))
    assert one.codes.tobytes() == two.codes.tobytes() and one.missing.tobytes() == two.missing.tobytes()


def test_a_shift_moves_styles_and_nothing_else() -> None:
    plain = MotionModel.debug()
    shifted = MotionModel(replace(plain.config, shifted=True)).eval()
    shift = 0.1 * torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    shifted.load_state_dict({**plain.state_dict(), "style_shift": shift})
    rng = np.random.default_rng(4)
    heard = SpeechFeatures(rng.standard_normal((120, 512)).astype(np.float32), "whisper-base-l3")
    style = plain.encode_style(rng.standard_normal((60, 64)).astype(np.float32), "clip")
    neutral = plain.neutral_style()
    same = shifted.generate(heard, neutral, 40)
    assert same.tobytes() == plain.generate(heard, neutral, 40).tobytes()
    told = torch.from_numpy(style.code - neutral.code) @ shift.T
    for omega in (0.5, 1.0, 2.0):
        moved = shifted.generate(heard, style, 40, omega) - plain.generate(heard, style, 40, omega)
        np.testing.assert_allclose(moved, np.tile(omega * told.numpy(), (40, 1)), atol=1e-4)
    np.testing.assert_allclose(
        shifted.generate(heard, style, 40)[25:], shifted.generate(heard, style, 15, start=25), atol=1e-5
    )
