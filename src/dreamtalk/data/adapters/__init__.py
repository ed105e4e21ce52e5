"""Data sets that can be prepared, by the name that `dreamtalk prepare` knows them by. One small file each."""

from __future__ import annotations

from dreamtalk.data.adapters import crema_d, folder, grid, hdtf, mead, ravdess, talkset, voxceleb2
from dreamtalk.data.source import Layout
from dreamtalk.errors import UnusableInput

LAYOUTS: dict[str, Layout] = {
    "mead": mead.LAYOUT,
    "hdtf": hdtf.LAYOUT,
    "voxceleb2": voxceleb2.LAYOUT,
    "ravdess": ravdess.LAYOUT,
    "crema-d": crema_d.LAYOUT,
    "grid": grid.LAYOUT,
    "talkset": talkset.LAYOUT,
    "folder": folder.LAYOUT,
}


def layout(name: str) -> Layout:
    """The layout of that name. Raises UnusableInput when there is none."""
    if name.lower() not in LAYOUTS:
        raise UnusableInput(f"There is no data set {name!r}. Known: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name.lower()]
