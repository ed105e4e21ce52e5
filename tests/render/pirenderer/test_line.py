"""The whole line with the neural renderer: chosen by the options, refused when something is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.cli.main import run
from dreamtalk.errors import UnusableInput
from dreamtalk.render.pirenderer import PIRendererNetwork
from dreamtalk.render.pirenderer.config import tiny
from dreamtalk.talker import Talker, TalkOptions
from dreamtalk.types import SAMPLE_RATE, Speech


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    PIRendererNetwork(tiny(), layout="mesh64").save(file)
    return file


def test_a_portrait_talks_through_the_network(debug_talker: Talker, examples: Path, weights: Path) -> None:
    speech = Speech(np.zeros(round(0.7 * SAMPLE_RATE), np.float32))
    options = TalkOptions(renderer="pirenderer", renderer_weights=weights, badge=False)
    frames = list(debug_talker.stream(examples / "portrait.jpg", speech, options))
    assert len(frames) == speech.frames
    assert all(frame.shape == (64, 64, 3) and frame.dtype == np.uint8 for frame in frames)


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
