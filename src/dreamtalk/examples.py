"""The example files that come with the package: a portrait and speech that anybody may use (examples/README.md)."""

from __future__ import annotations

from pathlib import Path

from dreamtalk.errors import AssetMissing

NAMES = ("portrait.jpg", "speech.wav", "speech_synthetic.ogg")
"""The files, as examples/README.md describes them."""

_INSTALLED = Path(__file__).parent / "example_files"
_CLONE = Path(__file__).parents[2] / "examples"


def example(name: str) -> Path:
    """The file of an example. Raises AssetMissing when there is none of that name, or it is not where it should be.

    An installed package has them inside (pyproject.toml puts them there); a clone beside its sources.
    """
    if name not in NAMES:
        raise AssetMissing(f"There is no example called {name!r}. Known: {', '.join(NAMES)}.")
    for folder in (_INSTALLED, _CLONE):
        if (folder / name).is_file():
            return folder / name
    raise AssetMissing(f"The example {name} is missing. Reinstall dreamtalk.")
