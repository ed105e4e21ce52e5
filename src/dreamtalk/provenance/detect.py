"""The detector of the invisible mark: finds it after scaling, cropping and encoding, and reads its payload.

The picture is weighed by place, length and direction of its waves (whiten.py). The waves of the mark are measured at
many scales; at each, one inverse Fourier transform compares all offsets of the tile at once. The best few are decoded,
and the score of the whole tile, payload included, decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk.provenance.pattern import SHORTEST, SMALL, known_waves, payload_waves, phases_of, soft_bits
from dreamtalk.provenance.payload import decode, encode
from dreamtalk.provenance.watermark import ID_BITS, MARK_VERSION
from dreamtalk.provenance.whiten import whitened
from dreamtalk.types import VIDEO_FPS, Float, Image

FALSE_ALARM = 1e-6
"""Largest chance that a file without the mark passes, over all that is tried: offsets, scales, pieces, payloads."""

MAX_PIECES = 8
"""Pieces of PIECE_SECONDS that are searched in a video, one after the other, until one holds the mark."""

PIECE_SECONDS = 10

TRIALS_LOG2 = 23
"""Scales times offsets tried in one piece are fewer than 2 to this power; a test counts them."""

THRESHOLD = float(np.log(2.0 ** (TRIALS_LOG2 + ID_BITS) * MAX_PIECES / FALSE_ALARM))
"""Score from which the mark is there. The score of a trial is (sum of w cos d)² / (sum of w²): w are the strengths of
the waves in the picture, d their distances from the mark's phases. For a picture that knows nothing of those phases,
the d are independent and even over the circle, whatever the picture, and a score above t has a chance below exp(-t)
(Chernoff's bound with I0(x) <= exp(x²/4)). The chances of all trials, with every payload of
MARK_VERSION (others are refused), add up to FALSE_ALARM."""

_SIDE = 512
"""Larger pictures (shorter side, px) are searched at this size."""

_LONGEST = 4
"""Longer sides, over the shorter one, are cut to their middle: the mark is everywhere, and time has an end."""

_REACH = int(SHORTEST)
_COARSE, _FINE = 64, 128
"""Offsets compared along each side of the tile: at every scale, and at the best ones."""

_STEP = 0.04
"""Step of the scales, in tiles along the shorter side."""

_EVEN = range(40, 211)
"""Scales, in steps, tried in both directions at once: 1.6 to 8.4 tiles. A whole video has 4; with 10 % cut off, 3.6."""

_UNEVEN = (range(70, 106), range(42, 53))
"""Ranges in which width and height may be scaled differently: a whole video and one with 10 % cut off have 3.6 to 4
tiles, those of 256 px 2.9 to 3.2; the second is for videos of 256 px that 1.0.0 and earlier made."""

_UNEVENNESS = 16
"""Width and height differ by this many steps at most."""

_USUAL = (100, 80, 90, 72)
"""Scales, in steps, of whole videos and of those with 10 % cut off: tried first."""

_SURE, _SURE_READS = 25.0, 6
"""A scale where the known waves alone score the first is read at once, as often as the second: each is a trial."""

_BEST_SCALES = 6
_BEST_OFFSETS = 2
_NEAR = (-_STEP / 3, 0.0, _STEP / 3)
"""Finer scales around one of the best."""

_LIKELY, _WORTH = 16, 18.0
"""Where nothing is found in a picture whose shorter side is below SMALL px, so many of the likeliest payloads are tried
wherever the known waves alone score the second: the right one often is not the likeliest there. THRESHOLD reckons with
every payload, so this costs nothing of it. With more than 16 some marks were read with a wrong payload."""

_CLIP = 2.0
"""A wave counts at most this many times as much as waves of its length usually do: it is more likely the picture's."""

_SMALL_PRODUCT = 60_000
"""Multiplications in one matrix product. Above 65,536, OpenBLAS starts threads, which on a busy machine wait for each
other: 20 ms instead of 0.04."""

_ROWS = _SMALL_PRODUCT // ((2 * _REACH + 1) * (_REACH + 1))
"""Rows of the picture in one product."""

Spectrum: TypeAlias = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class FoundMark:
    """payload: 32 bits. score: see THRESHOLD. tiles: along the picture's shorter side, by its width and its height."""

    payload: int
    score: float
    tiles: tuple[float, float]


def find_mark(frames: Iterator[Image]) -> FoundMark | None:
    """The mark in a video's frames (H, W, 3) RGB at 25 fps, or in one picture; None when there is none.

    Looks at MAX_PIECES * PIECE_SECONDS seconds at most, and no further than the piece where it finds the mark.
    """
    for _ in range(MAX_PIECES):
        mean = _mean_brightness(islice(frames, PIECE_SECONDS * VIDEO_FPS))
        if mean is None:
            return None
        found = find_in_picture(mean)
        if found is not None:
            return found
    return None


def find_in_picture(brightness: Float) -> FoundMark | None:
    """The mark in a brightness picture (H, W) in grey levels; None when there is none."""
    search = _Search(brightness)
    tried = []
    for tiles in search.likely_scales():
        found = _surest(search.read(*tiles))
        if found is not None:
            return found
        tried.append(tiles)
    if search.side >= SMALL:
        return None
    return _surest([reading for tiles in tried for reading in search.read(*tiles, _LIKELY)])


def _surest(readings: list[FoundMark]) -> FoundMark | None:
    """Of those above THRESHOLD, the one whose payload was read most often; among these the one of the best score."""
    votes = Counter(reading.payload for reading in readings)
    clear = (reading for reading in readings if reading.score >= THRESHOLD)
    return max(clear, key=lambda reading: (votes[reading.payload], reading.score), default=None)


class _Search:
    """One picture and its waves at any scale. side: the shorter one, px. trials: scales times offsets tried so far."""

    def __init__(self, brightness: Float) -> None:
        side = min(brightness.shape)
        if side > _SIDE:
            size = (round(brightness.shape[1] * _SIDE / side), round(brightness.shape[0] * _SIDE / side))
            brightness = np.asarray(cv2.resize(brightness, size, interpolation=cv2.INTER_AREA), np.float32)
        self.side = min(brightness.shape)
        top, left = (max(0, length - _LONGEST * self.side) // 2 for length in brightness.shape)
        brightness = brightness[top : top + _LONGEST * self.side, left : left + _LONGEST * self.side]
        self._shape = brightness.shape
        flat = whitened(np.ascontiguousarray(brightness)).astype(np.complex64)
        self._flat = _blocks(flat, max(1, _SMALL_PRODUCT // (self._shape[1] * (_REACH + 1))))
        self._turned: dict[float, Spectrum] = {}
        self.trials = 0

    def likely_scales(self) -> Iterator[tuple[float, float]]:
        """Scales in tiles by width and by height: the sure ones as they are found, then those where the known waves
        fit best."""
        scores: dict[tuple[int, int], float] = {}
        sure = 0
        for across in sorted({*_EVEN, *_UNEVEN[0], *_UNEVEN[1]}, key=lambda steps: (steps not in _USUAL, steps)):
            columns = self._columns(across * _STEP)
            downs = {across}.union(*(steps for steps in _UNEVEN if across in steps))
            for down in sorted(downs, key=lambda steps: abs(steps - across)):
                if abs(down - across) > _UNEVENNESS:
                    break
                waves = self._waves(columns, down * _STEP)
                scores[across, down] = float(self._fits(waves, _COARSE).max())
                power = float((np.abs(waves[:_KNOWN]) ** 2).sum())
                if sure < _SURE_READS and max(scores[across, down], 0.0) ** 2 >= _SURE * power:
                    sure += 1
                    yield across * _STEP, down * _STEP
        best = sorted(scores, key=lambda steps: -scores[steps])[:_BEST_SCALES]
        yield from ((across * _STEP, down * _STEP) for across, down in best)

    def read(self, across: float, down: float, likely: int = 1) -> list[FoundMark]:
        """All readings near a scale whose checksum fits. likely: payloads tried at once; above 1: only where the known
        waves score _WORTH."""
        readings = []
        for dx in _NEAR:
            columns = self._columns(across + dx)
            for dy in _NEAR:
                waves = self._waves(columns, down + dy)
                fits = self._fits(waves, _FINE)
                for offset in np.argsort(fits, axis=None)[: -_BEST_OFFSETS - 1 : -1]:
                    y, x = divmod(int(offset), _FINE)
                    placed = waves * np.exp(2j * np.pi * (_BENCH.x * x + _BENCH.y * y) / _FINE)
                    if likely > 1 and _score(placed[:_KNOWN], known_waves().phase) < _WORTH:
                        continue
                    for payload in decode(soft_bits(placed[_KNOWN:]), likely):
                        if payload >> ID_BITS == MARK_VERSION:
                            score = _score(placed, _phases(payload))
                            readings.append(FoundMark(payload, score, (across + dx, down + dy)))
        return readings

    def _columns(self, tiles: float) -> Spectrum:
        """Every row's waves (B, _ROWS, R + 1) when so many tiles lie along the shorter side; the last rows may be 0."""
        turns = np.outer(np.arange(self._shape[1]), np.arange(_REACH + 1)) * (tiles / self.side)
        columns = self._flat @ np.exp(-2j * np.pi * turns).astype(np.complex64)
        return _blocks(columns.reshape(-1, _REACH + 1), _ROWS)

    def _waves(self, columns: Spectrum, tiles: float) -> Spectrum:
        """The waves of the tile (K,), known ones first, by strength relative to what waves of their length have."""
        turned = self._turned.get(tiles)
        if turned is None:  # making it costs more than using it
            rows = np.arange(columns.shape[0] * _ROWS).reshape(-1, 1, _ROWS)
            turns = np.arange(-_REACH, _REACH + 1)[:, np.newaxis] * rows * (tiles / self.side)
            turned = self._turned[tiles] = np.exp(-2j * np.pi * turns).astype(np.complex64)
        waves = (turned @ columns).sum(axis=0)[_BENCH.y + _REACH, _BENCH.x]
        size = np.abs(waves) + np.float32(1e-12)
        usual = np.exp(_BENCH.trend @ np.log(size))
        return np.asarray(waves / size * np.minimum(size / usual, _CLIP), np.complex64)

    def _fits(self, waves: Spectrum, grid: int) -> Float:
        """How well (grid, grid) the known waves fit at every offset of the tile, y and x."""
        self.trials += grid**2
        known = known_waves()
        table = np.zeros((grid, grid), np.complex64)
        table[known.y % grid, known.x % grid] = waves[:_KNOWN] * np.exp(-1j * known.phase)
        return np.asarray(np.fft.ifft2(table).real * grid**2, np.float32)


class _Bench:
    """What all searches share. x, y: (K,) of all waves, known ones first. trend: (K, K), from the logarithms of the
    waves' strengths to a parabola over the logarithm of their length, by least squares."""

    def __init__(self) -> None:
        waves = known_waves(), payload_waves()
        self.x = np.concatenate([part.x for part in waves])
        self.y = np.concatenate([part.y for part in waves])
        powers = np.vander(np.log(np.hypot(self.x, self.y)), 3)
        self.trend = (powers @ np.linalg.pinv(powers)).astype(np.float32)


_BENCH = _Bench()
_KNOWN = len(known_waves())


def _blocks(matrix: Spectrum, rows: int) -> Spectrum:
    """The matrix (N, M) cut into (B, rows, M), with zeros after its end."""
    count = -(-len(matrix) // rows)
    padded = np.zeros((count * rows, matrix.shape[1]), matrix.dtype)
    padded[: len(matrix)] = matrix
    return padded.reshape(count, rows, -1)


def _phases(payload: int) -> Float:
    """Phases (K,) of all waves of a mark."""
    return np.concatenate([known_waves().phase, phases_of(encode(payload))])


def _score(placed: Spectrum, phases: Float) -> float:
    """Score of a reading, see THRESHOLD. placed: (K,) waves with the offset taken out. phases: (K,) the mark's."""
    fit = max(float((placed * np.exp(-1j * phases)).real.sum()), 0.0)
    return fit**2 / float((np.abs(placed) ** 2).sum())


def _mean_brightness(frames: Iterator[Image]) -> Float | None:
    """Mean brightness (H, W) of frames (H, W, 3), or None when there are none."""
    total: NDArray[np.float64] | None = None
    count = 0
    for frame in frames:
        brightness = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if total is None:
            total = np.zeros(brightness.shape)
        if brightness.shape == total.shape:  # a file may change its size on the way
            cv2.accumulate(brightness, total)
            count += 1
    return None if total is None else (total / count).astype(np.float32)
