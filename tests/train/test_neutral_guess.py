"""The guess of neutral faces is learned on made ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.style.people import neutral_face, talk

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.model import FaceModel
from dreamtalk.style.guess import NeutralGuess
from dreamtalk.train import neutral_guess
from dreamtalk.train.augment import StyleAugmentation


def people(*_: Path) -> neutral_guess.People:
    """Two made talkers."""
    face, said = FaceModel.load(), talk(60)
    opened = np.clip(said @ face.measure("aperture"), 0.0, None)
    talks = [TalkingClip(name, said, opened, np.zeros((120, 1), np.float32), name) for name in ("a", "b")]
    neutrals = np.stack([neutral_face(1), neutral_face(2)])
    return neutral_guess.People(neutrals, neutrals[:, :468], talks, StyleAugmentation(talks, face), face)


def test_the_same_seed_makes_the_same_guess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neutral_guess, "_FACES", 30)
    monkeypatch.setattr(neutral_guess, "_people", people)
    files = [tmp_path / f"{n}.safetensors" for n in range(3)]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        neutral_guess.make_guess(tmp_path, tmp_path, file, seed)
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()
    made = NeutralGuess(**load_file(files[0]))
    assert made.scores.shape == (104, 64) and made.shape.shape == (1404, 24)
    assert all(np.isfinite(values).all() for values in (made.scores, made.shape, made.bias, made.talk))


def test_resting_faces_are_faces() -> None:
    made, rng = people(), np.random.default_rng(0)
    for _ in range(20):
        face = made.resting_face(rng)
        assert face.shape == (478, 3)
        assert np.linalg.norm(face[33] - face[263]) == pytest.approx(1.0, abs=1e-4)
        for iris, corners in ((468, (33, 133)), (473, (263, 362))):
            assert np.linalg.norm(face[iris] - face[list(corners)].mean(axis=0)) < 0.15
