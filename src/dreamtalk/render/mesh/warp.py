"""The photo drawn through the moved mesh: triangles into a sampling map, strip by strip, then bicubic samples of it.

All compiled by numba, in one file: numba does not notice when a function that a cached one calls changes elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from dreamtalk.render.mesh.drawing import Index
from dreamtalk.render.mesh.raster import compiled
from dreamtalk.types import Bool, Float, Image

_EDGE = 1e-4
"""Slack at triangle edges in barycentric units, so that neighbours leave no seam."""
_FAR = np.float32(1e9)
_STRIP_ROWS = 32
"""The picture is warped in strips of so many rows, whose maps fit into the processor's cache."""

_STEP_BITS, _WEIGHT_BITS = 6, 14
"""Samples are taken at multiples of 1/64 px, with weights in units of 2^-14."""
_STILL_PX = 0.5 / (1 << _STEP_BITS)
"""Points that move by less stand still: nothing between them would be sampled elsewhere."""
_SHARPNESS = -0.75
"""Slope of the bicubic kernel at distance 1 (Keys 1981, "Cubic convolution interpolation", a); OpenCV's choice."""
_TAPS = 4


def _sample_weights() -> NDArray[np.int16]:
    """(64, 64, 4, 4) weight of each of 4 x 4 pixels for a sample 1/64 px steps down and right; each sums to 2^14."""
    a, t = _SHARPNESS, np.arange(1 << _STEP_BITS) / (1 << _STEP_BITS)
    powers = np.stack([np.ones_like(t), t, t**2, t**3], axis=1)
    kernel = np.array([(0, 1, 0, 0), (a, 0, -a, 0), (-2 * a, -a - 3, 2 * a + 3, a), (a, a + 2, -a - 2, -a)])
    line = powers @ kernel
    exact = np.einsum("yk,xj->yxkj", line, line) * (1 << _WEIGHT_BITS)
    weights = np.rint(exact).astype(np.int64).reshape(-1, _TAPS * _TAPS)
    largest = weights.argmax(axis=1)
    # Rounding must not change plain areas: the largest weight takes what is missing.
    weights[np.arange(len(weights)), largest] += (1 << _WEIGHT_BITS) - weights.sum(axis=1)
    return np.asarray(weights.reshape(exact.shape), np.int16)


_WEIGHTS = _sample_weights()


@dataclass(frozen=True, slots=True)
class Texture:
    """The photo as the sampler reads it. pixels: (H + 2 margin, W + 2 margin, 4) uint8 RGBA, mirrored at its edges:
    with the fourth byte 4 pixels are one load of the processor.
    """

    pixels: Image
    margin: int

    @classmethod
    def of(cls, picture: Image, margin: int, alpha: Image | None = None) -> Texture:
        """A copy of a picture (H, W, 3). margin: how far outside it may be sampled, px, at least 2. alpha: (H, W)."""
        margin = max(2, margin)
        opaque = np.full(picture.shape[:2], 255, np.uint8) if alpha is None else alpha
        sides = (margin, margin, margin, margin)
        padded = cv2.copyMakeBorder(np.dstack([picture, opaque]), *sides, cv2.BORDER_REFLECT_101)
        return cls(np.ascontiguousarray(padded, np.uint8), margin)

    @property
    def picture(self) -> Image:
        """(H, W, 3) the picture itself, to be painted on."""
        height, width = (length - 2 * self.margin for length in self.pixels.shape[:2])
        return self.pixels[self.margin : self.margin + height, self.margin : self.margin + width, :3]


def draw_photo(
    picture: Image, texture: Texture, target: Float, source: Float, triangles: Index, one_sided: Bool
) -> None:
    """Draws what the mesh has moved into the picture (H, W, 3 or 4), in place; the rest is left as it is.

    target: (N, 3) px and depth, smaller is nearer. source: (N, 2) px of the photo. triangles: (M, 3). one_sided: (M,)
    triangles that are skipped when they are turned over.
    """
    _draw_strips(picture, texture.pixels, texture.margin, target, source, triangles, one_sided, _WEIGHTS)


@compiled
def moving_by_strip(
    target: Float, source: Float, triangles: Index, least: float, rows: int, strips: int
) -> tuple[Index, Index, Float]:
    """The triangles that move, for each strip of `rows` rows of the picture.

    A triangle moves when one of its points does by more than `least` px. Returns (strips + 1,) where each strip's
    triangles begin, their numbers, and (strips, 2) the columns from and to which they reach.
    """
    count = triangles.shape[0]
    first, last = np.empty(count, np.int32), np.empty(count, np.int32)
    start = np.zeros(strips + 1, np.int32)
    spans = np.empty((strips, 2), np.float32)
    spans[:, 0], spans[:, 1] = 1e9, -1e9
    for t in range(count):
        moves = False
        x0, y0, x1, y1 = np.float32(1e9), np.float32(1e9), np.float32(-1e9), np.float32(-1e9)
        for corner in range(3):
            n = triangles[t, corner]
            x, y = target[n, 0], target[n, 1]
            if abs(x - source[n, 0]) > least or abs(y - source[n, 1]) > least:
                moves = True
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
        first[t], last[t] = 0, -1
        if moves and y1 >= 0.0:
            first[t] = max(0, int(y0 - 1) // rows)
            last[t] = min(strips - 1, int(y1 + 1) // rows)
            for strip in range(first[t], last[t] + 1):
                start[strip + 1] += 1
                spans[strip, 0], spans[strip, 1] = min(spans[strip, 0], x0), max(spans[strip, 1], x1)
    for strip in range(strips):
        start[strip + 1] += start[strip]
    place = start.copy()
    members = np.empty(start[strips], np.int32)
    for t in range(count):
        for strip in range(first[t], last[t] + 1):
            members[place[strip]] = t
            place[strip] += 1
    return start, members, spans


@compiled
def _crossing(p: float, q: float, c: float) -> tuple[float, float]:
    """Where c + p x + q y vanishes, with a slack outwards: x = first + second y. Nowhere for p = 0."""
    return (0.0, 0.0) if p == 0.0 else (-(c + _EDGE) / p, -q / p)


@compiled
def _plane(
    a: float, b: float, c: float, p1: float, q1: float, c1: float, p2: float, q2: float, c2: float
) -> tuple[float, float, float]:
    """A value given at three corners, as slope x + slope y + value at 0, by the corners' weights."""
    ab, ac = np.float64(b) - a, np.float64(c) - a
    return ab * p1 + ac * p2, ab * q1 + ac * q2, a + ab * c1 + ac * c2


@compiled
def draw_map(
    target: Float,
    source: Float,
    triangles: Index,
    members: Index,
    one_sided: Bool,
    map_x: Float,
    map_y: Float,
    depth: Float,
    x0: int,
    y0: int,
) -> None:
    """Draws some triangles with their photo coordinates into a sampling map, nearest first.

    target, source, triangles, one_sided: see draw_photo. members: (K,) numbers of the triangles to draw. map_x, map_y:
    (h, w) photo coordinates of each pixel, and depth: (h, w), of the region whose upper left pixel is (x0, y0).
    """
    height, width = map_x.shape
    for t in members:
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ay, by, cy = np.float64(target[i, 1]) - y0, np.float64(target[j, 1]) - y0, np.float64(target[k, 1]) - y0
        first = max(0, int(np.ceil(min(ay, by, cy) - _EDGE)))
        last = min(height - 1, int(np.floor(max(ay, by, cy) + _EDGE)))
        ax, bx, cx = np.float64(target[i, 0]) - x0, np.float64(target[j, 0]) - x0, np.float64(target[k, 0]) - x0
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if last < first or abs(area) <= 1e-6 or (one_sided[t] and area < 0.0):
            continue
        # weight of a corner at (x, y): c + p x + q y
        p1, q1 = (cy - ay) / area, (ax - cx) / area
        p2, q2 = (ay - by) / area, (bx - ax) / area
        c1, c2 = -p1 * ax - q1 * ay, -p2 * ax - q2 * ay
        p0, q0, c0 = -p1 - p2, -q1 - q2, 1.0 - c1 - c2
        # It vanishes in row y at x = at + slope y, on the left (p > 0) or on the right (p < 0) of the triangle.
        at0, slope0 = _crossing(p0, q0, c0)
        at1, slope1 = _crossing(p1, q1, c1)
        at2, slope2 = _crossing(p2, q2, c2)
        leftmost, rightmost = max(0.0, min(ax, bx, cx) - _EDGE), min(width - 1.0, max(ax, bx, cx) + _EDGE)
        ux, uy, u0 = _plane(source[i, 0], source[j, 0], source[k, 0], p1, q1, c1, p2, q2, c2)
        vx, vy, v0 = _plane(source[i, 1], source[j, 1], source[k, 1], p1, q1, c1, p2, q2, c2)
        zx, zy, z0 = _plane(target[i, 2], target[j, 2], target[k, 2], p1, q1, c1, p2, q2, c2)
        for y in range(first, last + 1):
            low, high = leftmost, rightmost
            side0, side1, side2 = at0 + slope0 * y, at1 + slope1 * y, at2 + slope2 * y
            low = max(low, side0 if p0 > 0.0 else low, side1 if p1 > 0.0 else low, side2 if p2 > 0.0 else low)
            high = min(high, side0 if p0 < 0.0 else high, side1 if p1 < 0.0 else high, side2 if p2 < 0.0 else high)
            left, right = int(np.ceil(low)), int(np.floor(high))
            u = np.float32(u0 + uy * y + ux * left)
            v = np.float32(v0 + vy * y + vx * left)
            z = np.float32(z0 + zy * y + zx * left)
            for x in range(left, right + 1):
                if z < depth[y, x]:
                    depth[y, x] = z
                    map_x[y, x] = u
                    map_y[y, x] = v
                u += np.float32(ux)
                v += np.float32(vx)
                z += np.float32(zx)


def _bicubic_code(context: Any, pixels: Any, stride: Any, weights: Any) -> Any:
    """The weighted sum of 4 x 4 pixels of 4 bytes, as one 32-bit number, in the processor's own vectors.

    pixels: address of the first of them. stride: bytes from row to row. weights: address of 16 int16. OpenCV's remap
    computes the same one channel at a time.
    """

    def code(_: Any, builder: ir.IRBuilder, __: Any, arguments: Any) -> Any:
        word = ir.IntType(32)

        def vector(bits: int, length: int) -> ir.VectorType:
            return ir.VectorType(ir.IntType(bits), length)

        def pick(values: Any, order: list[int]) -> Any:
            nothing = ir.Constant(values.type, ir.Undefined)
            return builder.shuffle_vector(values, nothing, ir.Constant(vector(32, len(order)), order))

        def load(address: Any, kind: ir.VectorType, align: int) -> Any:
            return builder.load(builder.inttoptr(address, kind.as_pointer()), align=align)

        first, step, table = arguments
        pairs = load(table, vector(32, 8), 4)  # two weights each: rows of two pairs
        total = None
        for row in range(_TAPS):
            address = builder.add(first, builder.mul(step, ir.Constant(step.type, row)))
            # Neighbours side by side, channel by channel, then a multiply-add of pairs (pmaddwd, smlal).
            beside = pick(load(address, vector(8, 16), 1), [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15])
            factor = builder.bitcast(pick(pairs, [2 * row] * 4 + [2 * row + 1] * 4), vector(16, 16))
            product = builder.mul(builder.zext(beside, vector(32, 16)), builder.sext(factor, vector(32, 16)))
            summed = builder.add(pick(product, list(range(0, 16, 2))), pick(product, list(range(1, 16, 2))))
            total = summed if total is None else builder.add(total, summed)

        def every(value: int) -> ir.Constant:
            return ir.Constant(vector(32, 4), [value] * 4)

        colour = builder.add(pick(total, [0, 1, 2, 3]), pick(total, [4, 5, 6, 7]))
        colour = builder.ashr(builder.add(colour, every(1 << (_WEIGHT_BITS - 1))), every(_WEIGHT_BITS))
        colour = builder.select(builder.icmp_signed(">", colour, every(0)), colour, every(0))
        colour = builder.select(builder.icmp_signed("<", colour, every(255)), colour, every(255))
        return builder.bitcast(builder.trunc(colour, vector(8, 4)), word)

    return types.uint32(types.intp, types.intp, types.intp), code


_bicubic = cast(Callable[[int, int, int], int], intrinsic(_bicubic_code))


@compiled
def _draw_strips(
    picture: Image,
    pixels: Image,
    margin: int,
    target: Float,
    source: Float,
    triangles: Index,
    one_sided: Bool,
    weights: NDArray[np.int16],
) -> None:
    """See draw_photo."""
    height, width, alpha = picture.shape[0], picture.shape[1], picture.shape[2] == 4
    strips = (height + _STRIP_ROWS - 1) // _STRIP_ROWS
    start, members, spans = moving_by_strip(target, source, triangles, _STILL_PX, _STRIP_ROWS, strips)
    map_x = np.empty((_STRIP_ROWS, width), np.float32)
    map_y, depth = np.empty_like(map_x), np.empty_like(map_x)
    stride, steps = pixels.shape[1] * 4, 1 << _STEP_BITS
    origin, table = pixels.ctypes.data, weights.ctypes.data
    shift = np.float32(margin + 0.5 / steps)  # rounds to the nearest step
    last_x, last_y = np.float32(pixels.shape[1] - 3), np.float32(pixels.shape[0] - 3)
    for strip in range(strips):
        left, right = max(0, int(np.floor(spans[strip, 0]))), min(width, int(np.ceil(spans[strip, 1])) + 1)
        if right <= left:
            continue
        top = strip * _STRIP_ROWS
        bottom = min(height, top + _STRIP_ROWS)
        depth[: bottom - top, left:right] = _FAR
        drawn = members[start[strip] : start[strip + 1]]
        shown = bottom - top
        draw_map(target, source, triangles, drawn, one_sided, map_x[:shown], map_y[:shown], depth[:shown], 0, top)
        for y in range(top, bottom):
            for x in range(left, right):
                if depth[y - top, x] >= _FAR:
                    continue
                u = int(min(max(map_x[y - top, x] + shift, np.float32(1.0)), last_x) * np.float32(steps))
                v = int(min(max(map_y[y - top, x] + shift, np.float32(1.0)), last_y) * np.float32(steps))
                corner = origin + ((v >> _STEP_BITS) - 1) * stride + ((u >> _STEP_BITS) - 1) * 4
                place = ((v & (steps - 1)) << _STEP_BITS) + (u & (steps - 1))
                colour = _bicubic(corner, stride, table + place * (2 * _TAPS * _TAPS))
                picture[y, x, 0] = colour & 255
                picture[y, x, 1] = (colour >> 8) & 255
                picture[y, x, 2] = (colour >> 16) & 255
                if alpha:
                    picture[y, x, 3] = colour >> 24
