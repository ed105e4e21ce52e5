"""The face mesh as a surface: its triangles, the index groups of lips, lids and face outline, and Loop subdivision.

The 468 landmarks of the tracker carry 852 skin triangles that leave three holes: the mouth and both eyes. 46 more
triangles close the holes, so that the picture stays defined while lips or lids part by less than a visible gap. All
are wound alike: their area is positive in picture axes (y down) on a frontal face.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from dreamtalk import assets
from dreamtalk.render.mesh.drawing import Double, Index
from dreamtalk.render.mesh.raster import apply_stencils
from dreamtalk.types import Float

LANDMARKS = 468
"""Points of the face mesh without the irises."""


def _points(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split())


OVAL = _points(
    "10 338 297 332 284 251 389 356 454 323 361 288 397 365 379 378 400 377 152 148 176 149 150 136 172 58 132 93 234"
    " 127 162 21 54 103 67 109"
)
"""Outline of the face, from the forehead clockwise on screen."""

LIP_UPPER = _points("78 191 80 81 82 13 312 311 310 415 308")
"""Inner contour of the upper lip, corner to corner; pairs with LIP_LOWER."""
LIP_LOWER = _points("78 95 88 178 87 14 317 402 318 324 308")
LIP_OUTER = _points("61 185 40 39 37 0 267 269 270 409 291 375 321 405 314 17 84 181 91 146")
"""Outer contour of both lips, closed."""
LIP_UPPER_OUTER = _points("61 185 40 39 37 0 267 269 270 409 291")
"""Outer contour of the upper lip, corner to corner like LIP_UPPER."""
LIP_LOWER_OUTER = _points("61 146 91 181 84 17 314 405 321 375 291")

LID_UPPER = (_points("33 246 161 160 159 158 157 173 133"), _points("263 466 388 387 386 385 384 398 362"))
"""Edge of the upper lid, outer to inner corner: the person's right eye, left eye; pairs with LID_LOWER."""
LID_LOWER = (_points("33 7 163 144 145 153 154 155 133"), _points("263 249 390 373 374 380 381 382 362"))
LASH_ROW = (_points("130 247 30 29 27 28 56 190 243"), _points("359 467 260 259 257 258 286 414 463"))
"""The row of points above the upper lid's edge, which carries the lashes."""
CREASE_ROW = (_points("226 113 225 224 223 222 221 189 244"), _points("446 342 445 444 443 442 441 413 464"))
"""The row above that, below the brow."""

BROW_UPPER = (_points("70 63 105 66 107"), _points("300 293 334 296 336"))
"""Upper edge of each brow, from its tail to the nose; pairs with BROW_LOWER, and with the middle of the rows below."""
BROW_LOWER = (_points("46 53 52 65 55"), _points("276 283 282 295 285"))

IRIS = (_points("468 469 470 471 472"), _points("473 474 475 476 477"))
"""Centre and four rim points: the person's right eye, left eye."""
CENTRE = _points("168 6 197 195 5 4 234 454")
"""Nose bridge and cheeks: their mean is the centre of the face."""
JAW = _points("152 175 199 200 148 377")
CHEEKS = _points("50 280 205 425 4")
"""Plain skin in most pictures: where the skin colour is read."""
EYE_CORNERS = (33, 263)
NOSTRILS = (98, 327)
FACE_SIDES = (234, 454)
FOREHEAD, CHIN = 10, 152


def hole_loop(upper: tuple[int, ...], lower: tuple[int, ...]) -> tuple[int, ...]:
    """A hole's outline, closed: along the upper edge and back along the lower one."""
    return upper + lower[-2:0:-1]


HOLES = (
    hole_loop(LIP_UPPER, LIP_LOWER),
    hole_loop(LID_UPPER[0], LID_LOWER[0]),
    hole_loop(LID_UPPER[1], LID_LOWER[1]),
)
"""Outlines of mouth, right eye and left eye."""


@dataclass(frozen=True, slots=True)
class FaceTriangles:
    """skin: (852, 3) and holes: (46, 3) landmark numbers."""

    skin: Index
    holes: Index


@lru_cache
def face_triangles() -> FaceTriangles:
    """The shipped triangles. Raises AssetMissing when the file is absent or changed."""
    with np.load(assets.path("face-mesh-topology"), allow_pickle=False) as stored:
        return FaceTriangles(stored["skin"].astype(np.int32), stored["holes"].astype(np.int32))


@dataclass(frozen=True, slots=True)
class Stencils:
    """A sparse matrix (rows, columns) in compressed rows: `weights[start[i]:start[i + 1]]` at `columns[...]`."""

    start: Index
    columns: Index
    weights: Float

    @classmethod
    def of(cls, rows: list[dict[int, float]]) -> Stencils:
        """From one {column: weight} per row."""
        start = np.cumsum([0, *(len(row) for row in rows)]).astype(np.int32)
        columns = np.array([column for row in rows for column in row], np.int32)
        weights = np.array([weight for row in rows for weight in row.values()], np.float32)
        return cls(start, columns, weights)

    def first(self, rows: int) -> Stencils:
        """The first rows alone."""
        end = self.start[rows]
        return Stencils(self.start[: rows + 1], self.columns[:end], self.weights[:end])

    def apply(self, values: Float | Double) -> Float:
        """values (columns, C) -> (rows, C) float32."""
        single = np.ascontiguousarray(values, np.float32)
        return apply_stencils(self.start, self.columns, self.weights, single)


@dataclass(frozen=True, slots=True)
class Subdivision:
    """One level of Loop subdivision of a mesh with n points.

    triangles: (4 M, 3). linear: stencils that split edges in the middle and leave old points alone (for coordinates in
    the photo). smooth: Loop's own stencils (for displacements). midpoints: {(a, b): number of the point between them}.
    """

    triangles: Index
    linear: Stencils
    smooth: Stencils
    midpoints: dict[tuple[int, int], int]

    def loop(self, outline: tuple[int, ...]) -> Index:
        """A closed outline of old points with the new points between them, in order."""
        pairs = zip(outline, outline[1:] + outline[:1], strict=True)
        return np.array([number for a, b in pairs for number in (a, self.midpoints[_edge(a, b)])], np.int32)

    def path(self, line: tuple[int, ...]) -> Index:
        """An open line of old points with the new points between them, in order."""
        numbers = [line[0]]
        for a, b in pairwise(line):
            numbers += [self.midpoints[_edge(a, b)], b]
        return np.array(numbers, np.int32)


def _edge(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def subdivide(points: int, triangles: Index, creases: set[tuple[int, int]]) -> Subdivision:
    """Loop subdivision (Loop 1987) that interpolates along creases by the four-point rule (Dyn, Gregory, Levin 1987).

    creases: edges (a, b), a < b, across which nothing is smoothed: the lips and the lids. Interpolating them keeps
    lips that meet at the old points together between them.
    """
    midpoints: dict[tuple[int, int], int] = {}
    opposite: dict[tuple[int, int], list[int]] = {}
    for a, b, c in triangles.tolist():
        for first, second, third in ((a, b, c), (b, c, a), (c, a, b)):
            edge = _edge(first, second)
            midpoints.setdefault(edge, points + len(midpoints))
            opposite.setdefault(edge, []).append(third)
    neighbours: list[set[int]] = [set() for _ in range(points)]
    sharp: list[list[int]] = [[] for _ in range(points)]
    for edge in midpoints:
        for a, b in (edge, edge[::-1]):
            neighbours[a].add(b)
            if edge in creases or len(opposite[edge]) < 2:
                sharp[a].append(b)
    linear: list[dict[int, float]] = [{vertex: 1.0} for vertex in range(points)]
    smooth = [_smooth_vertex(vertex, neighbours[vertex], bool(sharp[vertex])) for vertex in range(points)]
    for a, b in midpoints:
        linear.append({a: 0.5, b: 0.5})
        if b in sharp[a]:
            smooth.append(_crease_midpoint(a, b, sharp))
        else:
            first, second = opposite[a, b]
            smooth.append({a: 0.375, b: 0.375, first: 0.125, second: 0.125})
    return Subdivision(_split(triangles, midpoints), Stencils.of(linear), Stencils.of(smooth), midpoints)


def _smooth_vertex(vertex: int, neighbours: set[int], crease: bool) -> dict[int, float]:
    if crease or not neighbours:
        return {vertex: 1.0}
    count = len(neighbours)
    share = float(5 / 8 - (3 / 8 + np.cos(2 * np.pi / count) / 4) ** 2) / count
    return {vertex: 1 - count * share, **dict.fromkeys(neighbours, share)}


def _crease_midpoint(a: int, b: int, sharp: list[list[int]]) -> dict[int, float]:
    before = [vertex for vertex in sharp[a] if vertex != b]
    after = [vertex for vertex in sharp[b] if vertex != a]
    if len(before) != 1 or len(after) != 1 or before == after:
        return {a: 0.5, b: 0.5}
    return {a: 0.5625, b: 0.5625, before[0]: -0.0625, after[0]: -0.0625}


def _split(triangles: Index, midpoints: dict[tuple[int, int], int]) -> Index:
    quarters = []
    for a, b, c in triangles.tolist():
        ab, bc, ca = midpoints[_edge(a, b)], midpoints[_edge(b, c)], midpoints[_edge(c, a)]
        quarters += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.array(quarters, np.int32)


def crease_edges() -> set[tuple[int, int]]:
    """Edges of the lip and lid outlines."""
    return {_edge(a, b) for loop in HOLES for a, b in zip(loop, loop[1:] + loop[:1], strict=True)}
