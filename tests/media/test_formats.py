"""Other outputs than MP4: transparency survives, sound and picture last equally long, folders are whole or absent."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dreamtalk.errors import UnusableOutput
from dreamtalk.media import OUTPUTS, check_output, write_video
from dreamtalk.types import SAMPLE_RATE, Image, Speech

TONE = Speech((np.sin(np.arange(SAMPLE_RATE) * 0.1) * 0.5).astype(np.float32))


def frames(count: int, channels: int = 4) -> Iterator[Image]:
    for _ in range(count):
        frame = np.full((48, 64, channels), (200, 30, 60, 0)[:channels], np.uint8)
        if channels == 4:
            frame[:, 16:48, 3], frame[:, 48:56, 3] = 255, 128
        yield frame


def decoded(path: Path) -> list[Image]:
    """RGBA frames; VP9's transparency is seen by libvpx only."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream.codec_context
        return [frame.to_ndarray(format="rgba") for packet in container.demux(stream) for frame in codec.decode(packet)]


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_transparency_survives(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    assert write_video(path, frames(10), TONE, comment="made up") == 10
    shown = decoded(path)
    assert len(shown) == 10
    assert np.abs(shown[5][24, [4, 30, 52], 3].astype(int) - (0, 255, 128)).max() <= 6
    assert np.abs(shown[5][24, 30, :3].astype(int) - (200, 30, 60)).max() <= 8
    with av.open(str(path)) as container:
        assert "made up" in container.metadata.values() or "made up" in str(container.metadata)
        assert len(container.streams.audio) == 1


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_opaque_frames_are_written_as_well(tmp_path: Path, suffix: str) -> None:
    write_video(tmp_path / f"a{suffix}", frames(25, channels=3), TONE)
    shown = decoded(tmp_path / f"a{suffix}")
    assert len(shown) == 25 and (shown[3][..., 3] == 255).all()
    with av.open(str(tmp_path / f"a{suffix}")) as container:
        seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert seconds == pytest.approx(1.0, abs=0.04)


def test_pictures_are_numbered_and_say_what_they_are(tmp_path: Path) -> None:
    assert write_video(tmp_path / "new" / "talk" / "%03d.png", frames(5), TONE, comment="made up") == 5
    folder = tmp_path / "new" / "talk"
    assert sorted(path.name for path in folder.iterdir()) == [*(f"{n:03d}.png" for n in range(5)), "sound.wav"]
    data = (folder / "003.png").read_bytes()
    assert b"tEXtComment\0made up" in data
    picture = cv2.cvtColor(cv2.imread(str(folder / "003.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    np.testing.assert_array_equal(picture, next(frames(1)))
    with wave.open(str(folder / "sound.wav")) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (SAMPLE_RATE, SAMPLE_RATE // 5)


def test_a_broken_sequence_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[Image]:
        yield from frames(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "talk" / "%03d.png", failing(), None)
    assert list(tmp_path.iterdir()) == []


def test_mp4_refuses_transparency(tmp_path: Path) -> None:
    with pytest.raises(UnusableOutput, match=r"\.mov"):
        write_video(tmp_path / "a.mp4", frames(3), None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.avi", "a.png", "there/%05d.png", "new/%s.png", "new/%05d-%05d.png", "%05d.png"])
def test_names_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UnusableOutput):
        check_output(tmp_path / name, OUTPUTS)
