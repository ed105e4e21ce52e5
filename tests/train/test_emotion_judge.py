"""A judge of emotions learns what is there, says how far it is to be believed, and refuses what it cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.emotion_judge import EmotionJudge, JudgeConfig, Reliability, class_name, features_of
from dreamtalk.evaluate.metrics.emotion_accuracy import emotion_accuracy, emotion_metrics
from dreamtalk.evaluate.metrics.style_accuracy import style_metrics
from dreamtalk.face.blendshapes import BLENDSHAPE_INDEX
from dreamtalk.face.model import FaceModel
from dreamtalk.train.emotion_judge import (
    EmotionJudgeConfig,
    Face,
    _enough,
    _fitted,
    judge_held_out,
    train_emotion_judge,
)
from dreamtalk.types import FaceTrack

CLASSES = ("angry", "happy", "sad")


def faces(people: int, told: tuple[str, ...] = CLASSES) -> list[Face]:
    """Clips of people who each have their own looks; emotions that are told move a number of their own."""
    random = np.random.default_rng(0)
    made = []
    for person in range(people):
        looks = random.normal(0, 1, 10)
        for number, name in enumerate(CLASSES):
            for take in range(2):
                shown = looks + random.normal(0, 0.2, (3, 10))
                shown[:, number] += 5.0 * (name in told)
                made.append(Face(f"{person}-{name}-{take}", name, f"p{person}", "clean", shown.astype(np.float32)))
    return made


def judge_of(clips: list[Face]) -> EmotionJudge:
    held_out = judge_held_out(clips, CLASSES, seed=0)
    return EmotionJudge(JudgeConfig(CLASSES, ("emotion",), "scores", "made up", held_out), _fitted(clips, CLASSES))


def test_people_that_were_not_learned_from_are_judged_right() -> None:
    held = judge_held_out(faces(8), CLASSES, seed=0)
    assert held.units == (8, 8, 8)
    assert held.accuracy == held.low == held.high == 1.0
    assert np.diag(held.confusion).tolist() == list(held.recall) == [1.0, 1.0, 1.0]
    assert held.shuffled < 0.6
    assert held.bounds(0) == pytest.approx((0.676, 1.0), abs=1e-3)  # Wilson's interval of 8 of 8


def test_emotions_that_nothing_shows_are_at_chance_and_refused() -> None:
    judge = judge_of(faces(8, told=("angry",)))
    held = judge.config.held_out
    assert held.recall[0] == 1.0
    assert np.mean(held.recall[1:]) == pytest.approx(0.5, abs=0.25)  # happy and sad by guessing
    assert judge.told == ("angry",)
    assert "Refused, because it cannot tell them: happy, sad." in judge.words()


def test_few_people_say_nothing_of_the_next_one() -> None:
    judge = judge_of(faces(5))
    for people, told in ((3, ()), (4, CLASSES)):  # all of them right
        held = replace(judge.config.held_out, units=(people,) * 3, recall=(1.0,) * 3)
        judge.config = replace(judge.config, held_out=held)
        assert judge.told == told


def test_every_person_counts_alike() -> None:
    """One person's hundred clips, all wrong, are one person wrong."""
    clips = faces(8)
    swapped = replace(clips[0], unit="p9", label="sad")  # an angry face called sad
    held = judge_held_out(clips + [replace(swapped, id=f"x{i}") for i in range(20)], CLASSES, seed=0)
    assert held.recall == pytest.approx((1.0, 1.0, 8 / 9), abs=0.13)
    assert held.confusion[2][0] == pytest.approx(1 / 9, abs=1e-6)


def test_classes_of_one_person_are_left_out() -> None:
    alone = replace(faces(1)[0], label="contempt", unit="p0")
    assert {each.label for each in _enough([*faces(3), alone])} == set(CLASSES)


def test_a_judge_is_the_same_from_its_file(tmp_path: Path) -> None:
    judge = judge_of(faces(5))
    judge.save(tmp_path / "judge.safetensors")
    again = EmotionJudge.load(tmp_path / "judge.safetensors")
    assert again.config == judge.config
    track = scored(0.7)
    assert np.array_equal(again.weight, judge.weight)
    assert (tmp_path / "judge.safetensors").stat().st_size < 100_000
    judge_of(faces(5)).save(tmp_path / "twin.safetensors")
    assert (tmp_path / "twin.safetensors").read_bytes() == (tmp_path / "judge.safetensors").read_bytes()
    (tmp_path / "no.safetensors").write_bytes(b"no")
    with pytest.raises(UnusableInput, match="not a weights file"):
        EmotionJudge.load(tmp_path / "no.safetensors")
    assert len(track.valid) == 120


def scored(smile: float) -> FaceTrack:
    """A track that smiles; a face is lost in its first frames, which hold nonsense."""
    blendshapes = np.full((120, 52), 0.04, np.float32)
    blendshapes[:, BLENDSHAPE_INDEX["mouthSmileLeft"]] = smile
    valid = np.ones(120, np.bool_)
    blendshapes[:20], valid[:20] = 1.0, False
    landmarks = np.zeros((120, 478, 3), np.float32)
    zeros = [np.zeros((120, n), np.float32) for n in (64, 6, 4)]
    return FaceTrack(landmarks, zeros[0], zeros[1], zeros[2], blendshapes, valid, 25.0, "mesh64")


def test_scores_are_roots_of_means_over_two_seconds_with_a_face() -> None:
    seen = features_of(scored(0.25), FaceModel.load(), "scores")
    assert seen.shape == (3, 41)  # 100 frames with a face; 52 scores less gaze, blinks and the unused one
    assert np.unique(seen.round(5)) == pytest.approx([0.2, 0.5], abs=1e-5)


def test_accuracy_is_one_nought_or_none() -> None:
    held = Reliability(
        (8, 8, 8), (1.0, 1.0, 0.2), ((1.0, 0, 0), (0, 1.0, 0), (0.4, 0.4, 0.2)), 0.73, 0.6, 0.8, 0.3, 0.9
    )
    judge = judge_of(faces(5))
    judge.config = replace(judge.config, held_out=held)
    says = np.array([0.1, 0.6, 0.3], np.float32)
    assert emotion_accuracy(judge, says, {"emotion": "happy"}) == pytest.approx((1.0, 0.6))
    assert emotion_accuracy(judge, says, {"emotion": "angry"}) == pytest.approx((0.0, 0.1))
    for unknown in ("sad", "contempt", ""):  # refused, never learned, not labelled
        assert np.isnan(emotion_accuracy(judge, says, {"emotion": unknown})).all()
    assert all("0.73 [0.60, 0.80]" in m.title and "Refused" in m.definition for m in emotion_metrics(judge))
    assert style_metrics(judge)[0].title.startswith("SA (judge")


def test_groups_name_classes() -> None:
    labels = {"emotion": "happy", "intensity": "3", "speaker": "mead-M003"}
    assert class_name(("emotion", "intensity"), labels) == "happy-3"
    assert class_name(("speaker", "emotion"), labels) == "mead-M003-happy"
    assert class_name(("emotion", "intensity"), {"emotion": "happy"}) == ""


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="--groups"):
        train_emotion_judge(EmotionJudgeConfig(tmp_path, groups=("emotion", "emotion")))
    with pytest.raises(UnusableInput, match="--most"):
        train_emotion_judge(EmotionJudgeConfig(tmp_path, most=0))
    with pytest.raises(UnusableInput, match=r"clips\.csv is missing"):
        train_emotion_judge(EmotionJudgeConfig(tmp_path))
    (tmp_path / "clips.csv").write_text(
        "id,file,split,kind,dataset,speaker,emotion,frames,licence_class,transcript\n", encoding="utf-8"
    )
    with pytest.raises(UnusableInput, match="0 classes"):
        train_emotion_judge(EmotionJudgeConfig(tmp_path))
