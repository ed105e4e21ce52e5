"""The size of a picture is known before it is decoded, in every format."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dreamtalk.media.header import read_header


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".gif", ".tif", ".ppm", ".pgm"])
def test_size_is_read_from_the_header(tmp_path: Path, suffix: str) -> None:
    shape = (40, 60) if suffix == ".pgm" else (40, 60, 3)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), np.full(shape, 90, np.uint8))
    header = read_header((tmp_path / f"a{suffix}").read_bytes())
    assert header is not None
    assert (header.width, header.height, header.alpha) == (60, 40, False)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparency_is_announced(tmp_path: Path, suffix: str) -> None:
    picture = np.full((40, 60, 4), 90, np.uint8)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), picture)
    header = read_header((tmp_path / f"a{suffix}").read_bytes())
    assert header is not None and header.alpha


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF....WAVE", b"BM", b"II*\0"]
)
def test_what_is_no_picture_has_no_header(data: bytes) -> None:
    assert read_header(data) is None
