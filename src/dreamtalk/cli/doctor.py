"""dreamtalk doctor: is everything in place, and how fast is it here?"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np

from dreamtalk.cli.options import DeviceFlags
from dreamtalk.errors import AssetMissing

if TYPE_CHECKING:
    from dreamtalk.talker import Talker

_PACKAGES = ("dreamtalk", "torch", "numpy", "av", "opencv-python-headless", "ai-edge-litert", "numba", "soxr", "tyro")
_SECONDS = 4.0
"""Length of the made-up speech that the speed is measured on."""

_SIDE = 512
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
    """Time of each step on made-up sound and a drawn face; the models are loaded first."""
    from dreamtalk.cli.console import times
    from dreamtalk.timing import Stopwatch
    from dreamtalk.types import SAMPLE_RATE, Speech

    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 0.1, round(_SECONDS * SAMPLE_RATE)).astype(np.float32)
    short, whole = Speech(noise[: SAMPLE_RATE // 5]), Speech(noise)
    talker.motion(short)
    watch = Stopwatch()
    motion = talker.motion(whole, watch=watch)
    print(f"Speed, per step, for {_SECONDS:g} s of video:")
    times(watch.seconds, len(motion) / motion.fps, talker.device.description)
