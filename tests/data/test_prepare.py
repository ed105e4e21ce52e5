"""`dreamtalk prepare` from videos to shards: good clips come through whole, bad ones are named, kills do no harm."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from tests.data import videos

from dreamtalk.data import observe as first_pass
from dreamtalk.data import prepare as preparation
from dreamtalk.data.manifest import FILE, Manifest
from dreamtalk.data.observe import Cache, check_encoder, observe, part_frames, read_speech
from dreamtalk.data.prepare import Preparation, prepare
from dreamtalk.data.shards import ClipArrays, read_shards
from dreamtalk.data.source import Part, SourceClip
from dreamtalk.errors import AssetMissing, DreamTalkError, UnusableInput, UnusableOutput
from dreamtalk.face import FaceTracker
from dreamtalk.types import Image
from dreamtalk.workers import connect, ray_is_installed

pytest.importorskip("pyarrow", reason="prepared folders need pyarrow (pip install 'dreamtalk[train]')")

SECONDS = 1.2
GOOD = ("anna-one", "anna-two", "ben-fast")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three good clips of two speakers, and one for each reason to leave a clip out."""
    root = tmp_path_factory.mktemp("videos")
    talk, voice = videos.talking(SECONDS), videos.sound(SECONDS)
    wall = np.full_like(talk[0], 150)
    videos.write(root / "anna/one.mp4", talk, voice)
    videos.write(root / "anna/two.mpg", videos.talking(SECONDS, smile=0.5), voice)
    videos.write(root / "ben/fast.mp4", videos.talking(SECONDS, fps=50.0), voice, fps=50)
    videos.write(root / "bad/crowd.mp4", [np.hstack([f, f]) for f in talk], voice)
    videos.write(root / "bad/cut.mp4", talk[:15] + [_moved(f, 40) for f in talk[15:]], voice)
    videos.write(root / "bad/faceless.mp4", [wall] * len(talk), voice)
    videos.write(root / "bad/mute.mp4", talk, None)
    videos.write(root / "bad/short.mp4", talk[:12], voice[:7680])
    videos.write(root / "bad/silent.mp4", talk, 0 * voice)
    (root / "bad/broken.mp4").write_bytes(b"this is no video")
    return root


def _moved(frame: Image, x: int) -> Image:
    return np.roll(frame, x, axis=1)


@pytest.fixture(scope="module")
def config(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Preparation:
    out = tmp_path_factory.mktemp("prepared") / "out"
    return Preparation(dataset="folder", root=root, out=out, workers=0, shard_clips=3)


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def manifest(config: Preparation, said: list[str]) -> Manifest:
    return prepare(config, said.append)


def whole(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(out.iterdir()) if file.is_file()}


def test_bad_clips_are_left_out_each_with_its_reason(manifest: Manifest, said: list[str]) -> None:
    assert {skip.id: skip.reason for skip in manifest.skipped} == {
        "bad-broken": "unreadable",
        "bad-crowd": "several faces",
        "bad-cut": "cut inside",
        "bad-faceless": "face lost",
        "bad-mute": "unreadable",
        "bad-short": "too short",
        "bad-silent": "no sound",
    }
    assert "holds no sound" in next(s.detail for s in manifest.skipped if s.id == "bad-mute")
    assert any("2 unreadable" in line for line in said) and any("10 clips" in line for line in said)
    assert any("No lip expert" in line or "out of step" in line or "3 clips" in line for line in said)


def test_good_clips_come_through_whole(config: Preparation, manifest: Manifest) -> None:
    clips = {handle.info.id: handle for handle in read_shards(config.out)}
    assert tuple(sorted(clips)) == GOOD and manifest.clips == 3
    for handle in clips.values():
        assert handle.info.frames == 30, "at 25 frames per second, whatever the file had"
        arrays = handle.arrays()
        assert arrays.features.shape[0] == 60 and arrays.expression.shape == (30, 64) and arrays.valid.all()
        loud = videos.loudness_of(SECONDS, 25.0)
        assert np.corrcoef(arrays.closure, loud)[0, 1] > 0.8, "the mouth opens with the syllables"
        assert 25 < handle.quality.eye_distance < 45 and handle.quality.face_share == 1.0
    anna, two = clips["anna-one"], clips["anna-two"]
    assert (anna.info.speaker, anna.info.source, anna.info.licence_class) == ("anna", "anna/one.mp4", "unclear")
    np.testing.assert_array_equal(anna.array("identity"), two.array("identity"))
    assert np.abs(anna.array("identity") - clips["ben-fast"].array("identity")).max() > 0


def test_the_resting_face_is_the_speakers_not_the_clips(config: Preparation, manifest: Manifest) -> None:
    one, two = (h.array("expression").mean(axis=0) for h in read_shards(config.out)[:2])
    assert np.abs(one - two).max() > 0.02, "a smile that lasts a whole clip is a smile, not a neutral face"


def test_a_second_run_makes_nothing_anew(
    config: Preparation, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = whole(config.out)
    monkeypatch.setattr(FaceTracker, "track_frames", lambda *_: pytest.fail("tracked again"))
    monkeypatch.setattr(first_pass, "read_speech", lambda *_: pytest.fail("heard again"))
    monkeypatch.setattr("dreamtalk.data.fitting.fit_clip", lambda *_: pytest.fail("fitted again"))
    prepare(config, lambda line: None)
    assert whole(config.out) == before


@pytest.mark.parametrize("moment", ["observe", "pool", "fit_shard"])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    moment: str, config: Preparation, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    real, calls = getattr(preparation, moment), iter(range(100))

    def dying(*arguments: object, **named: object) -> object:
        result = real(*arguments, **named)
        if next(calls) == 1:
            raise Killed
        return result

    shutil.copytree(config.out / "cache", tmp_path / "cache")
    if moment == "pool":
        shutil.rmtree(tmp_path / "cache/speakers")
    if moment == "observe":
        for lost in ("anna-two", "ben-fast"):
            for file in (tmp_path / "cache").glob(f"*/{lost}.*"):
                file.unlink()
    again = replace(config, out=tmp_path / "again", cache=tmp_path / "cache")
    monkeypatch.setattr(preparation, moment, dying)
    with pytest.raises(Killed):
        prepare(again, lambda line: None)
    assert not (again.out / FILE).exists(), "an unfinished folder does not look finished"
    monkeypatch.setattr(preparation, moment, real)
    prepare(again, lambda line: None)
    assert whole(again.out) == whole(config.out)
    assert not list(again.out.rglob("*.partial*"))


def test_a_replaced_video_is_looked_at_again(root: Path, tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"half a download")
    clip, cache = SourceClip("clip", video, "x", "folder", "unclear"), Cache(tmp_path / "cache")
    assert observe(clip, cache).sighting.problem.startswith("clip.mp4 cannot be read")
    video.write_bytes((root / "anna/one.mp4").read_bytes())
    seen = observe(clip, cache).sighting
    assert not seen.problem and seen.frames == 30


def test_a_full_disk_is_not_held_against_a_clip(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise UnusableOutput("The disk is full.")

    clip, cache = SourceClip("clip", root / "anna/one.mp4", "x", "folder", "unclear"), Cache(tmp_path / "cache")
    monkeypatch.setattr(first_pass, "_look", full)
    with pytest.raises(UnusableOutput, match="full"):
        observe(clip, cache)
    assert not cache.sighting("clip").exists()


def test_a_part_of_a_video_is_cut_in_time_and_space(root: Path) -> None:
    part = Part(0.4, 0.8, (10, 20, 100, 90))
    clip = SourceClip("x", root / "anna/one.mp4", "x", "HDTF", "unclear", part=part)
    frames = list(part_frames(clip.video, part))
    assert len(frames) == 10 and frames[0].shape == (90, 100, 3)
    every = list(part_frames(clip.video, None))
    np.testing.assert_array_equal(frames[0], every[10][20:110, 10:110])
    assert len(read_speech(clip).samples) == pytest.approx(6400, abs=1)


def test_the_sound_file_stands_in_for_a_mute_video(root: Path, tmp_path: Path) -> None:
    sound = videos.write_sound(tmp_path / "voice.m4a", videos.sound(SECONDS))
    clip = SourceClip("x", root / "bad/mute.mp4", "x", "MEAD", "research", sound=sound)
    assert read_speech(clip).source == sound
    own = replace(clip, video=root / "anna/one.mp4")
    assert read_speech(own).source == own.video


def test_nothing_usable_is_an_error(root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/broken.mp4").write_bytes(b"x")
    config = Preparation(dataset="folder", root=tmp_path / "in", out=tmp_path / "out", workers=0)
    with pytest.raises(UnusableInput, match=r"None of the 1 clips .* 1 unreadable"):
        prepare(config, lambda line: None)


def test_one_clip_starts_no_ray(config: Preparation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(workers: int, address: str | None) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr("dreamtalk.workers.connect", refuse)
    one = replace(config, out=tmp_path / "out", cache=config.out / "cache", workers=None, max_clips=1)
    with contextlib.suppress(UnusableInput):  # the first clip by name is a bad one
        prepare(one, lambda line: None)


def test_a_damaged_cache_costs_its_clip_not_the_run(config: Preparation, manifest: Manifest, tmp_path: Path) -> None:
    shutil.copytree(config.out / "cache", tmp_path / "cache")
    (tmp_path / "cache/features/ben-fast.npz").write_bytes(b"PK half a file")
    made = prepare(replace(config, out=tmp_path / "out", cache=tmp_path / "cache"), lambda line: None)
    assert made.clips == 2
    lost = next(skip for skip in made.skipped if skip.id == "ben-fast")
    assert lost.reason == "unreadable" and lost.detail


def test_outputs_in_the_way_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableOutput, match="folder of the videos"):
        prepare(Preparation(dataset="folder", root=root, out=root, workers=0), lambda line: None)
    (tmp_path / "file").touch()
    with pytest.raises(UnusableOutput, match="is a file"):
        prepare(Preparation(dataset="folder", root=root, out=tmp_path / "file", workers=0), lambda line: None)


def test_a_missing_encoder_is_noticed_before_the_work(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    config = Preparation(
        dataset="folder", root=root, out=tmp_path / "o", workers=0, encoder="wav2vec2-large-xlsr-53-english"
    )
    with pytest.raises(AssetMissing, match=r"dreamtalk\[hub\]"):
        prepare(config, lambda line: None)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"shard_clips": 0}, {"max_clips": 0}])
def test_numbers_that_make_no_sense_are_refused(root: Path, tmp_path: Path, wrong: dict[str, int]) -> None:
    config = Preparation(dataset="folder", root=root, out=tmp_path / "o", **{"workers": 0, **wrong})
    with pytest.raises(UnusableInput, match=r"must be at least"):
        prepare(config, lambda line: None)


@pytest.fixture
def local_ray() -> Iterator[None]:
    """Ray with one process on this machine."""
    if not ray_is_installed():
        pytest.skip("Ray is not installed (pip install 'dreamtalk[train]')")
    try:
        connect(workers=1, address=None)
    except DreamTalkError as error:
        pytest.skip(f"Ray does not start here: {error}")
    yield
    import ray

    ray.shutdown()


def test_ray_makes_the_same_files(config: Preparation, manifest: Manifest, tmp_path: Path, local_ray: None) -> None:
    """The cache is there already: what Ray does to the work is what is tested."""
    out = tmp_path / "by-ray"
    prepare(replace(config, out=out, cache=config.out / "cache", workers=1), lambda line: None)
    # Numbers, not bytes: Ray gives its workers one thread, and with the threads the rounding of products differs.
    made, known = read_shards(out), read_shards(config.out)
    assert [clip.info for clip in made] == [clip.info for clip in known] and len(made) == 3
    for one, other in zip(made, known, strict=True):
        for field in fields(ClipArrays):
            np.testing.assert_allclose(one.array(field.name), other.array(field.name), atol=1e-4, err_msg=field.name)
    assert whole(out).keys() == whole(config.out).keys()


def test_an_unknown_encoder_is_refused_without_asking_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamtalk.data.prepare.encoder", lambda *_: pytest.fail("it was looked for"))
    with pytest.raises(UnusableInput, match=r"nosuch.*whisper-base-l3, wav2vec2-large-xlsr-53-english"):
        prepare(Preparation(dataset="folder", root=tmp_path, out=tmp_path / "out", encoder="nosuch"))
    check_encoder("nosuch", "org/its-name")
