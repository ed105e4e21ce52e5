"""Who speaks with whose face in whose manner."""

from __future__ import annotations

from pathlib import Path

from dreamtalk.data.held_out import HeldOut
from dreamtalk.data.source import SourceClip
from dreamtalk.evaluate.protocol_plan import SAME, Take, evenly, takes_of


def clip(name: str, emotion: str = "") -> SourceClip:
    return SourceClip(name, Path(f"{name}.mp4"), name.split("-")[0], "made", "clean", emotion=emotion)


TALKS = (clip("anna-1", "neutral"), clip("anna-2", "happy"), clip("ben-1", "neutral"), clip("cleo-1"))
MOODS = (clip("dora-happy", "happy"), clip("dora-sad", "sad"), clip("dora-neutral", "neutral"))
TESTS = HeldOut(TALKS, MOODS)
OF = {each.id: each for each in (*TALKS, *MOODS)}


def of_kind(kind: str, seed: int = 0) -> list[Take]:
    return [take for take in takes_of(TESTS, ("style", "portrait", "emotion"), 24, seed) if take.kind == kind]


def test_the_papers_own_takes_use_one_video_for_everything() -> None:
    assert of_kind(SAME) == [Take(SAME, each.id, each.id, each.id) for each in TALKS]


def test_a_style_comes_from_another_person_of_the_same_emotion() -> None:
    for seed in range(20):
        for take in of_kind("style", seed):
            spoken, lent = OF[take.speech], OF[take.style]
            assert lent.speaker != spoken.speaker and take.portrait == take.speech
            assert not spoken.emotion or lent.emotion == spoken.emotion


def test_a_portrait_comes_from_another_person_with_sound() -> None:
    for take in of_kind("portrait"):
        assert OF[take.portrait].speaker != OF[take.speech].speaker
        assert OF[take.portrait] in TALKS and take.style == take.speech


def test_emotions_take_turns_and_come_from_others() -> None:
    takes = of_kind("emotion")
    assert [OF[take.style].emotion for take in takes] == ["happy", "neutral", "sad", "happy"]
    assert all(OF[take.style].speaker != OF[take.speech].speaker for take in takes)


def test_the_seed_decides() -> None:
    assert of_kind("portrait", 3) == of_kind("portrait", 3)
    assert any(of_kind("portrait", seed) != of_kind("portrait", 0) for seed in range(1, 9))


def test_one_person_alone_has_no_cross_id() -> None:
    assert takes_of(HeldOut(TALKS[:2]), ("style", "portrait"), 24, 0) == [
        Take(SAME, name, name, name) for name in ("anna-1", "anna-2")
    ]


def test_fewer_clips_are_taken_from_all_speakers_in_turn() -> None:
    clips = [clip(f"anna-{n}") for n in range(20)] + [clip("ben-1"), clip("cleo-1")]
    names = [each.id for each in evenly(clips, 5)]
    assert names == ["anna-0", "anna-8", "anna-16", "ben-1", "cleo-1"]
    assert evenly(clips, None) == evenly(clips, 99) == tuple(clips)
