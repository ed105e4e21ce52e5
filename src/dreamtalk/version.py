"""Which dreamtalk this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """The installed version."""
    try:
        return version("dreamtalk")
    except PackageNotFoundError:  # used from a source folder without being installed
        return "unknown"
