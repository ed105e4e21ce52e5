"""The articulation reader's training: phones on the clock, alignment, synthetic speech, and a reader that learns."""

from __future__ import annotations

import ctypes.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk.cli.main import run
from dreamtalk.errors import UnusableInput
from dreamtalk.motion.reader import GROUPS, ArticulationReader
from dreamtalk.train import espeak
from dreamtalk.train.articulation import (
    ArticulationStage,
    ArticulationTraining,
    Labelled,
    aligned_groups,
    train_articulation,
)
from dreamtalk.train.espeak import Phone, speak
from dreamtalk.train.loop import train_stage
from dreamtalk.train.phones import SILENCE, align, group_of, labels_of
from dreamtalk.train.place import Share
from dreamtalk.train.recipes import articulation_smoke
from dreamtalk.train.sentences import grid_text, line
from dreamtalk.types import SAMPLE_RATE, Float, SpeechFeatures

TALKSET = Path(__file__).parents[3] / "shared" / "talkset"
needs_talkset = pytest.mark.skipif(not TALKSET.is_dir(), reason="the talkset is not beside the repository")
needs_espeak = pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="eSpeak NG is not installed")


def test_mnemonics_fall_into_their_place_of_the_mouth() -> None:
    wanted = {"T": "th", "D": "th", "tS": "s z sh ch", "t#": "t d", "@L": "l", "n-": "n", "N": "k g ng h", "m": "m"}
    wanted |= {"b": "p b", "v": "f v", "aI": "open vowel", "i:": "front vowel", "O:": "round vowel", "_": "silence"}
    assert {name: GROUPS[group_of(name)] for name in wanted} == wanted


def test_labels_stand_at_the_phones_times() -> None:
    labels = labels_of((Phone("f", 0.10, 0), Phone("aI", 0.20, 0), Phone("_", 0.40, 0)), 30)
    named = [GROUPS[label] for label in labels]
    assert named == ["silence"] * 5 + ["f v"] * 5 + ["open vowel"] * 10 + ["silence"] * 10


def heard(runs: list[tuple[str, int]], sure: float = 0.6) -> Float:
    """Log probabilities of groups that are heard for so many features each, not too clearly."""
    groups = [GROUPS.index(name) for name, count in runs for _ in range(count)]
    probabilities = np.full((len(groups), len(GROUPS)), (1 - sure) / (len(GROUPS) - 1))
    probabilities[np.arange(len(groups)), groups] = sure
    return np.log(probabilities)


FIVE_L = (Phone("f", 0, 0), Phone("aI", 0, 0), Phone("v", 0, 0), Phone("E", 0, 1), Phone("l", 0, 1))


@pytest.mark.parametrize("pause", [0, 7])
def test_known_words_are_found_with_or_without_a_pause_between(pause: int) -> None:
    runs = [("silence", 9), ("f v", 5), ("open vowel", 8), ("f v", 3)]
    runs += [("silence", pause), ("front vowel", 6), ("l", 4), ("silence", 5)]
    noisy = heard(runs) + np.random.default_rng(0).normal(0.0, 0.5, (40 + pause, len(GROUPS)))
    found = align(noisy, FIVE_L)
    assert found is not None
    expected = [GROUPS.index(name) for name, count in runs for _ in range(count)]
    assert (found == expected).mean() > 0.95


def test_more_phones_than_time_are_told() -> None:
    assert align(heard([("f v", 6)]), FIVE_L) is None


def test_lines_are_the_same_for_the_same_seed_and_of_all_kinds() -> None:
    assert line(np.random.default_rng(5)) == line(np.random.default_rng(5))
    voices = {line(np.random.default_rng(n)).voice for n in range(60)}
    assert len(voices) > 30 and any(voice.startswith("de") for voice in voices)
    assert grid_text("bin red at a five now") == "bin red at A five now"


@needs_espeak
def test_synthetic_speech_tells_its_phones_in_time() -> None:
    spoken = speak("five thumbs, please", "en-us+f2", 150)
    seconds = len(spoken.samples) / SAMPLE_RATE
    starts = [phone.start for phone in spoken.phones]
    assert starts == sorted(starts) and 0.8 < starts[-1] <= seconds < 3.0
    said = [GROUPS[group_of(p.name)] for p in spoken.phones if p.name != espeak.PAUSE]
    assert said[:6] == ["f v", "open vowel", "f v", "th", "open vowel", "m"]
    assert said[6:] == ["s z sh ch", "p b", "l", "front vowel", "s z sh ch"]
    stop = next(p.start for p in spoken.phones if p.name == "p")
    shut = spoken.samples[round((stop + 0.01) * SAMPLE_RATE) : round((stop + 0.03) * SAMPLE_RATE)]
    assert np.abs(shut).max() < 0.05 * np.abs(spoken.samples).max(), "a p begins when the lips shut, not at its burst"
    with pytest.raises(UnusableInput, match="no voice"):
        speak("hello", "no-such-voice")


def test_without_espeak_people_are_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    espeak._library.cache_clear()
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(UnusableInput, match="apt install espeak-ng"):
        speak("hello", "en")
    espeak._library.cache_clear()


def made_up(rng: np.random.Generator, speaker: str, length: int = 90) -> Labelled:
    """Talks in which every group sounds like a direction of its own."""
    sounds = np.random.default_rng(1).standard_normal((len(GROUPS), 512)) * 2.0
    groups = np.repeat(rng.integers(0, len(GROUPS), length // 6), 6)
    features = sounds[groups] + rng.standard_normal((len(groups), 512))
    return Labelled(features.astype(np.float16), groups, speaker)


def test_a_reader_learns_what_it_hears_from_the_same_batches_each_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    talks = [made_up(rng, speaker) for speaker in ["", "", "", "a", "a", "b"] * 3]
    config = replace(
        articulation_smoke(tmp_path),
        out=tmp_path / "one",
        steps=30,
        learning_rate=5e-3,
        rows=6,
        features=40,
        device="cpu",
        tensorboard=False,
    )
    stage = ArticulationStage(config, talks)
    first, again = stage.batch(3, Share()), stage.batch(3, Share())
    assert torch.equal(first.features, again.features) and torch.equal(first.groups, again.groups)
    file = train_stage(config, stage)
    unheard = made_up(np.random.default_rng(9), "")
    read = ArticulationReader.load(file).read(SpeechFeatures(unheard.features.astype(np.float32), "whisper-base-l3"))
    assert (read.argmax(axis=1) == unheard.groups).mean() > 0.8


def test_a_folder_without_transcripts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="talkset"):
        train_articulation(ArticulationTraining(data=tmp_path, out=tmp_path / "run", device="cpu"))


@pytest.mark.parametrize("wrong", [{"lines": 0}, {"rounds": -1}])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    config = replace(articulation_smoke(tmp_path), out=tmp_path / "run", **wrong)
    with pytest.raises(UnusableInput, match="1 line or more"):
        train_articulation(config)


@needs_espeak
@needs_talkset
def test_the_whole_stage_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "articulation", str(TALKSET), "--recipe", "smoke", "--lines", "3", "--steps", "5"]
    words += ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "work"), "--device", "cpu"]
    assert run([*words, "--dry-run"]) == 0
    assert "3 synthetic and 0 real talks" in capsys.readouterr().out and not (tmp_path / "run").exists()
    assert run([*words, "--no-tensorboard"]) == 0
    assert ArticulationReader.load(tmp_path / "run" / "2-aligned" / "model.safetensors").config.reach == 5


@needs_espeak
@needs_talkset
def test_the_shipped_reader_finds_the_words_of_an_unseen_talker() -> None:
    from dreamtalk.audio import SpeechEncoder, load_speech

    torch.manual_seed(0)
    features = SpeechEncoder.load().encode(load_speech(TALKSET / "video" / "grid-N-lwbi5s.mp4")).values
    groups = aligned_groups(ArticulationReader.load(), features, "lay white by i five soon")
    assert groups is not None
    found = [GROUPS[g] for g in groups[np.flatnonzero(np.diff(groups, prepend=-1))] if g != SILENCE]
    assert found[:2] == ["l", "front vowel"] and found[-4:] == ["f v", "s z sh ch", "round vowel", "n"]
    own = ArticulationReader.load().read(SpeechFeatures(features, "whisper-base-l3")).argmax(axis=1)
    assert (own == groups).mean() > 0.85, "what it hears without being told the words"
