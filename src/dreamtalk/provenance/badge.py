"""The visible mark: two letters, AI, on a small dark plate in the lower right corner of every frame."""

from __future__ import annotations

import cv2
import numpy as np

from dreamtalk.types import Float, Image

_HEIGHT = 0.045
"""Height of the plate as a share of the frame's shorter side."""

_MIN_HEIGHT_PX = 14
_MARGIN = 0.55
"""Distance from the frame's edges, in plate heights."""

_ASPECT = 1.55
"""Width of the plate over its height."""

_PLATE_OPACITY = 0.45
_TEXT_OPACITY = 0.92
_TEXT_HEIGHT = 0.50
"""Height of the letters over the height of the plate."""

_OVERSAMPLING = 8
"""The badge is drawn this much larger and averaged down: smooth edges at every size."""


class Badge:
    """Draws the mark into frames of one size. The blend is made once; a frame costs a patch of some hundred pixels."""

    def __init__(self, height: int, width: int) -> None:
        """height, width: of the frames, in px. Frames too small for the plate stay as they are."""
        plate_height = max(_MIN_HEIGHT_PX, round(_HEIGHT * min(height, width)))
        plate_width = round(_ASPECT * plate_height)
        margin = round(_MARGIN * plate_height)
        self._fits = plate_height + 2 * margin <= height and plate_width + 2 * margin <= width
        self._rows = slice(height - margin - plate_height, height - margin)
        self._columns = slice(width - margin - plate_width, width - margin)
        plate, text = _masks(plate_height, plate_width)
        self._keep = (1.0 - plate) * (1.0 - text)
        self._add = 255.0 * text

    def draw(self, frame: Image) -> Image:
        """Put the mark into a frame (H, W, 3 or 4), which is changed and returned; the mark itself is opaque."""
        if self._fits:
            patch = frame[self._rows, self._columns]
            colours = patch[..., :3]
            if frame.shape[2] == 4:
                # Behind the plate is what can be seen there: the person, or black where nothing is.
                colours = colours * (patch[..., 3:] / np.float32(255.0))
                patch[..., 3] = np.where(self._keep[..., 0] < 1.0, 255, patch[..., 3])
            marked = np.rint(colours * self._keep + self._add).astype(np.uint8)
            patch[..., :3] = np.where(self._keep < 1.0, marked, patch[..., :3])
        return frame


def _masks(height: int, width: int) -> tuple[Float, Float]:
    """Opacity (h, w, 1) in [0, 1] of the rounded plate and of the letters."""
    big_height, big_width = height * _OVERSAMPLING, width * _OVERSAMPLING
    plate = np.zeros((big_height, big_width), np.uint8)
    radius = round(0.28 * big_height)
    cv2.rectangle(plate, (radius, 0), (big_width - radius - 1, big_height - 1), 255, -1)
    cv2.rectangle(plate, (0, radius), (big_width - 1, big_height - radius - 1), 255, -1)
    for x in (radius, big_width - radius - 1):
        for y in (radius, big_height - radius - 1):
            cv2.circle(plate, (x, y), radius, 255, -1)
    text = np.zeros_like(plate)
    _letters(text)
    size = (width, height)
    return (
        _shrunk(plate, size) * np.float32(_PLATE_OPACITY),
        _shrunk(text, size) * np.float32(_TEXT_OPACITY),
    )


def _letters(canvas: Image) -> None:
    """An A and an I as strokes: no font file, the same on every machine."""
    height, width = canvas.shape[:2]
    tall = _TEXT_HEIGHT * height
    stroke = max(1, round(0.17 * tall))
    top, bottom = round((height - tall) / 2), round((height + tall) / 2)
    left, letter, gap = round(width / 2 - 0.72 * tall), round(0.95 * tall), round(0.42 * tall)
    apex = (left + letter // 2, top)
    bar_y = round(top + 0.66 * tall)
    inset = round(0.34 * (bottom - bar_y) / tall * letter)
    stem = left + letter + gap
    strokes = [
        ((left, bottom), apex),
        (apex, (left + letter, bottom)),
        ((left + inset, bar_y), (left + letter - inset, bar_y)),
        ((stem, top), (stem, bottom)),
    ]
    for start, end in strokes:
        cv2.line(canvas, start, end, 255, stroke, cv2.LINE_AA)


def _shrunk(mask: Image, size: tuple[int, int]) -> Float:
    return (cv2.resize(mask, size, interpolation=cv2.INTER_AREA)[..., np.newaxis] / 255.0).astype(np.float32)
