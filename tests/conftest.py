"""What many tests need: the example files, made-up sounds, and a Talker with a tiny random motion model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk.motion import MotionModel
from dreamtalk.talker import Talker

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def nothing_in_the_users_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Signing keys, styles and jobs of tests, and of processes that they start, do not land among the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user-data")))
        yield


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder with the licence-clean portrait and speech."""
    return ROOT / "examples"


@pytest.fixture(scope="session")
def debug_talker() -> Talker:
    """The whole line, quick: everything real but the motion model, which is tiny and knows nothing."""
    talker = Talker(device="cpu", threads=1)  # tests share the cores with each other
    talker.motion_model = MotionModel.debug()
    return talker


@pytest.fixture(scope="session")
def make_sound() -> Callable[..., Path]:
    """Writes a sound file: make_sound(path, seconds, rate, layout, codec, start). A hum that starts with a click."""

    def make(
        path: Path,
        seconds: float,
        rate: int = 16_000,
        layout: str = "mono",
        codec: str = "pcm_s16le",
        loudness: float = 0.3,
        start: float = 0.0,
    ) -> Path:
        """start: seconds on the file's clock at which its first sample stands."""
        channels = av.AudioLayout(layout).nb_channels
        time = np.arange(round(seconds * rate)) / rate
        wave = loudness * np.sin(2 * np.pi * 220.0 * time)
        wave[: min(len(wave), rate // 200)] = 2 * loudness
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, layout=layout)
            frame = av.AudioFrame.from_ndarray(
                np.repeat(wave[np.newaxis].astype(np.float32), channels, axis=0), format="fltp", layout=layout
            )
            frame.sample_rate, frame.pts = rate, round(start * rate)
            resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
            for converted in [*resampler.resample(frame), *resampler.resample(None), None]:
                container.mux(stream.encode(converted))
        return path

    return make
