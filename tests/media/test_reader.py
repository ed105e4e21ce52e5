"""Pictures and videos arrive as RGB, upright, at 25 frames per second, or with a message why not."""

from __future__ import annotations

import socket
import struct
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.media import is_image, read_frames, read_image
from dreamtalk.types import Image

RED, BLUE = (255, 0, 0), (0, 0, 255)


def two_corners(height: int = 40, width: int = 60) -> Image:
    """Black with a red quarter on the upper left and a blue one on the lower right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = RED
    image[height // 2 :, width // 2 :] = BLUE
    return image


def close(pixel: Image, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif"])
def test_colours_and_orientation(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"a{suffix}"), two_corners()[..., ::-1])
    image = read_image(tmp_path / f"a{suffix}")
    assert image.shape == (40, 60, 3) and image.dtype == np.uint8
    assert close(image[5, 5], RED) and close(image[-5, -5], BLUE)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")
    exif = pil.Exif()
    exif[0x0112] = 6  # "turn a quarter clockwise to show"
    pil.fromarray(two_corners()).save(tmp_path / "a.jpg", exif=exif, quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (60, 40, 3)
    assert close(image[5, -5], RED) and close(image[-5, 5], BLUE)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")
    pil.fromarray(two_corners()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    with pytest.warns(DoubtfulInput, match="CMYK"):
        image = read_image(tmp_path / "a.jpg")
    assert close(image[5, 5], RED) and close(image[-5, -5], BLUE)


def test_grey_and_sixteen_bit(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((40, 40), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "deep.png"), two_corners()[..., ::-1].astype(np.uint16) * 257)
    assert (read_image(tmp_path / "grey.png") == 77).all()
    assert close(read_image(tmp_path / "deep.png")[5, 5], RED)


@pytest.mark.parametrize("full", [255, 65535])
def test_transparency_shows_white(tmp_path: Path, full: int) -> None:
    kind = np.uint8 if full == 255 else np.uint16
    picture = np.zeros((40, 40, 4), kind)
    picture[:20] = (0, 0, full, full)  # opaque red (OpenCV's order is BGRA); below, transparent black
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    image = read_image(tmp_path / "a.png")
    assert close(image[5, 5], RED) and close(image[-5, 5], (255, 255, 255))


def test_a_huge_picture_is_refused_by_its_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    # No pixels at all: a reader that tried to decode them would call the file broken, not large.
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    with pytest.raises(UnusableInput, match="too large"):
        read_image(tmp_path / "a.png")


def test_messages_for_unusable_pictures(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("I am no picture.")
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8))
    for name, message in {
        "missing.jpg": "does not exist",
        "empty.jpg": "empty",
        "text.jpg": "not a picture",
        "cut.png": "not a picture",
        "dot.png": "too small",
        ".": "folder",
    }.items():
        with pytest.raises(UnusableInput, match=message):
            read_image(tmp_path / name)


def make_video(path: Path, images: list[Image], fps: int) -> Path:
    """Write images as a video of fps frames per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "10"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def shade(level: int) -> Image:
    return np.full((48, 64, 3), level, np.uint8)


@pytest.mark.parametrize(("fps", "count"), [(25, 50), (30, 60), (50, 100), (10, 20), (24, 48)])
def test_any_rate_becomes_25_by_the_nearest_frame(tmp_path: Path, fps: int, count: int) -> None:
    levels = [20 + round(200 * i / count) for i in range(count)]
    video = make_video(tmp_path / "a.mp4", [shade(level) for level in levels], fps)
    seen = [int(frame.mean()) for frame in read_frames(video)]
    assert len(seen) == 50, "two seconds are 50 frames"
    nearest = [levels[min(count - 1, int(np.floor(i / 25 * fps + 0.5 - 1e-9)))] for i in range(50)]
    assert np.abs(np.subtract(seen, nearest)).max() <= 3


def test_rotation_flag_of_phones_is_applied(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", [two_corners(64, 96)] * 3, 25)
    data = bytearray(video.read_bytes())
    matrix = data.index(b"tkhd") - 4 + 48
    fixed = 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", 0, fixed, 0, -fixed, 0, 0, 64 * fixed, 0, 1 << 30)
    video.write_bytes(data)
    frame = next(read_frames(video))
    assert frame.shape == (96, 64, 3), "turned a quarter clockwise"
    assert frame[10, -10, 0] > 180 and frame[10, -10, 2] < 60, "the red corner is now on the upper right"


def test_messages_for_unusable_videos(tmp_path: Path, examples: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("I am no video. " * 100)
    for path, message in {
        tmp_path / "missing.mp4": "does not exist",
        tmp_path / "empty.mp4": "empty",
        tmp_path / "text.mp4": "not a video",
        examples / "speech.wav": "no video",
    }.items():
        with pytest.raises(UnusableInput, match=message):
            list(read_frames(path))


def test_a_playlist_opens_no_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        (tmp_path / "a.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{address}\n#EXT-X-ENDLIST\n")
        with pytest.raises(UnusableInput):
            list(read_frames(tmp_path / "a.m3u8"))
        with pytest.raises(TimeoutError):
            server.accept()


def test_pictures_are_told_from_videos(tmp_path: Path, examples: Path) -> None:
    video = make_video(tmp_path / "a.mp4", [shade(9)] * 3, 25)
    assert is_image(examples / "portrait.jpg")
    assert not is_image(video)
