"""The whole line with the neural renderer: chosen by the options, refused when something is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk.cli.main import run
from dreamtalk.errors import UnusableInput
from dreamtalk.render.pirenderer import PIRendererNetwork
from dreamtalk.render.pirenderer.config import tiny
from dreamtalk.render.pirenderer.framing import own_side
from dreamtalk.talker import Talker, TalkOptions
from dreamtalk.types import SAMPLE_RATE, Motion, Speech

OWN = -1
"""Stands for the side of the square at the photo's own resolution."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    PIRendererNetwork(tiny(), layout="mesh64").save(file)
    return file


def test_a_portrait_talks_through_the_network(debug_talker: Talker, examples: Path, weights: Path) -> None:
    speech = Speech(np.zeros(round(0.7 * SAMPLE_RATE), np.float32))
    options = TalkOptions(renderer="pirenderer", renderer_weights=weights, badge=False, provenance=False)
    frames = list(debug_talker.stream(examples / "portrait.jpg", speech, options))
    assert len(frames) == speech.frames
    photo = debug_talker.portrait(examples / "portrait.jpg").image
    assert all(frame.shape == photo.shape and frame.dtype == np.uint8 for frame in frames)
    assert all(np.array_equal(frame[0], photo[0]) for frame in frames), "above the square it is the photo"
    assert not np.array_equal(frames[0], photo)


@pytest.mark.parametrize(
    ("choices", "shape"),
    [
        ({"size": 256}, (256, 256, 3)),
        ({"full_frame": False}, (OWN, OWN, 3)),
        ({"full_frame": True, "background": "transparent"}, (512, 512, 4)),
        ({"size": 256, "background": "green"}, (256, 256, 3)),
    ],
)
def test_what_is_shown_is_chosen_as_for_the_mesh(
    choices: dict[str, Any], shape: tuple[int, ...], debug_talker: Talker, examples: Path, weights: Path
) -> None:
    options = TalkOptions(renderer="pirenderer", renderer_weights=weights, badge=False, provenance=False, **choices)
    still = Motion(*(np.zeros((1, n), np.float32) for n in (64, 3, 3, 4)))
    frames = list(debug_talker.render(examples / "portrait.jpg", still, options))
    own = own_side(debug_talker.portrait(examples / "portrait.jpg"))
    assert [frame.shape for frame in frames] == [tuple(own if length == OWN else length for length in shape)]


def test_weights_and_renderer_go_together(weights: Path) -> None:
    with pytest.raises(UnusableInput, match="weights"):
        TalkOptions(renderer="pirenderer")
    with pytest.raises(UnusableInput, match="pirenderer"):
        TalkOptions(renderer_weights=weights)


def test_the_command_line_says_what_is_missing(
    examples: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", str(examples / "portrait.jpg"), str(examples / "speech.wav"), "-o", str(tmp_path / "a.mp4")]
    assert run([*words, "--renderer", "pirenderer"]) == 2
    assert "--renderer-weights" in capfd.readouterr().err
    assert run([*words, "--renderer", "pirenderer", "--renderer-weights", str(tmp_path / "none.safetensors")]) == 2
    assert "none.safetensors" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
