"""dreamtalk doctor: is everything in place, and how fast is it here?"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

import numpy as np

from dreamtalk.cli.options import DeviceFlags
from dreamtalk.errors import AssetMissing

if TYPE_CHECKING:
    from dreamtalk.talker import Talker

_PACKAGES = ("dreamtalk", "torch", "numpy", "av", "opencv-python-headless", "ai-edge-litert", "numba", "soxr", "tyro")
_SECONDS = 4.0
"""Length of the made-up speech that the speed is measured on."""

_SIDE: Literal[512] = 512
"""Side of the measured video, px."""


@dataclass(frozen=True, kw_only=True)
class Doctor(DeviceFlags):
    """Check the installation: device, models, versions, and the speed of each step."""

    speed: bool = True
    """Measure the speed of each step (some seconds)."""

    def run(self) -> None:
        """Print the findings. Raises AssetMissing when a model is absent or damaged."""
        print(f"Python {platform.python_version()} on {platform.platform()}")
        for name in _PACKAGES:
            print(f"  {name:<24} {_version(name)}")
        damaged = _check_assets()
        from dreamtalk.talker import load

        talker = load(self.device, self.threads)
        print(f"Device: {talker.device.description}")
        if damaged:
            raise AssetMissing(
                f"{len(damaged)} model file(s) cannot be used: {', '.join(damaged)}. Reinstall dreamtalk."
            )
        if self.speed:
            _measure(talker)
        print("All is well.")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _check_assets() -> list[str]:
    """Names of assets that are absent or not what the registry says."""
    from dreamtalk import assets

    damaged = []
    print("Models:")
    for name, asset in assets.registry().items():
        try:
            size = assets.path(name).stat().st_size / 2**20
            print(f"  {name:<24} {size:6.1f} MiB, sha256 as registered ({asset.licence})")
        except AssetMissing as error:
            damaged.append(name)
            print(f"  {name:<24} {error}", file=sys.stderr)
    return damaged


def _measure(talker: Talker) -> None:
    """Time of each step on made-up sound and a drawn face, after a first round that loads and warms everything."""
    from dreamtalk.cli.console import times
    from dreamtalk.face.drawn import drawn_face
    from dreamtalk.options import TalkOptions
    from dreamtalk.timing import Stopwatch
    from dreamtalk.types import SAMPLE_RATE, Speech

    picture = drawn_face(talker.face_model, _SIDE)
    noise = np.random.default_rng(0).normal(0.0, 0.1, round(_SECONDS * SAMPLE_RATE)).astype(np.float32)
    options = TalkOptions(size=_SIDE)
    for speech in (Speech(noise[:SAMPLE_RATE]), Speech(noise)):
        watch = Stopwatch()
        for _ in talker.stream(picture, speech, options, watch=watch):
            pass
    print(f"Speed for {_SECONDS:g} s of video at {_SIDE} x {_SIDE}, video file not included:")
    times(watch.seconds, _SECONDS, talker.device.description)
