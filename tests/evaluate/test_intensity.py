"""Videos of a talk at several intensities, by their names, through files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.intensity import SET, SHUFFLED, IntensityEvaluation, evaluate_intensity, talks_of
from dreamtalk.media import read_image, write_video
from dreamtalk.types import Image

_NOSE = 66
"""px: its lower edge in the example's portrait at 256 px."""


def stretched(portrait: Image, share: float) -> Image:
    """A face that is longer from below the nose on: what a tracker sees as another expression."""
    rows = np.arange(256, dtype=np.float32)
    bent = np.where(rows < _NOSE, rows, _NOSE + (rows - _NOSE) / (1 + share)).astype(np.float32)
    columns = np.tile(np.arange(256, dtype=np.float32), (256, 1))
    return np.asarray(cv2.remap(portrait, columns, np.tile(bent[:, None], (1, 256)), cv2.INTER_LINEAR), np.uint8)


def test_stronger_videos_are_told_and_names_are_read(examples: Path, tmp_path: Path) -> None:
    portrait = np.asarray(cv2.resize(read_image(examples / "portrait.jpg"), (256, 256), interpolation=cv2.INTER_AREA))
    for number, share in enumerate((0.0, 0.1, 0.2, 0.3)):
        write_video(tmp_path / f"anna@{number / 2:g}.mp4", [stretched(portrait, share)] * 3, None)
    write_video(tmp_path / "ben@1.mp4", [portrait] * 3, None)
    write_video(tmp_path / "anna@home.mp4", [portrait] * 3, None)
    assert list(talks_of(tmp_path)["anna"]) == [0.0, 0.5, 1.0, 1.5]
    report = evaluate_intensity(IntensityEvaluation(tmp_path, name="ours", seed=0))
    found = {row: report.estimates[SET, row, "intensity_order"].value for row in ("ours", SHUFFLED)}
    assert found["ours"] == 1.0 > found[SHUFFLED]
    assert report.estimates[SET, "ours", "intensity_size"].value > 1.0
    assert report.notes == ["ben: fewer than 3 intensities"]


def test_folders_without_intensities_are_refused(tmp_path: Path) -> None:
    (tmp_path / "anna.mp4").touch()
    with pytest.raises(UnusableInput, match=r"anna@0\.5"):
        evaluate_intensity(IntensityEvaluation(tmp_path))
    with pytest.raises(UnusableInput, match="is taken"):
        evaluate_intensity(IntensityEvaluation(tmp_path, name=SHUFFLED))
