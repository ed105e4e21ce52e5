"""The invisible mark: a faint pattern in the brightness of every frame, made once per talk from its first frame.

It is strongest in texture and weakest on smooth skin and sky: everywhere the same small loss of structural similarity.
It stands still, so averaging a video's frames makes it clearer, and another frame rate changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import cv2
import numpy as np

from dreamtalk.provenance.pattern import SMALL, draw, tile_side
from dreamtalk.provenance.payload import encode
from dreamtalk.types import Float, FrameStream, Image

MARK_VERSION = 1
"""First 4 bits of the payload. Raise it when the pattern or the code changes."""

ID_BITS = 28
"""The rest of the payload: which video."""

MIN_PSNR = 42.5
"""The marked first frame is at least this close to the plain one, dB."""

MIN_SSIM = 0.991
"""The same as structural similarity of the brightness."""

_SMALL_LIMITS = 42.05, 0.9920
"""Both for frames whose shorter side is below SMALL. In most talks later frames lose up to 0.0025 more similarity than
the first, 0.004 where a head moves over a smooth wall."""

_LOSS = 0.010
"""Loss of structural similarity wherever there is grain to hide in and both limits allow it."""

_CALMING, _GRAIN = 0.25, 3.0
"""Without any grain the mark is weaker by the first; a variance of the second (squared grey levels) is grain to hide
in. A wall of one colour gets 0.57 grey levels rms: at 0.73 it looked faintly marbled at 300 %, at 0.46 x264 wiped it
out."""

_STRONGEST = 6.0
"""Grey levels rms in the wildest texture."""

_PEAK = 2.2
"""Waves that add up to more than this many times the rms are cut off: single spots would show on smooth skin."""

_SSIM_FLOOR = (0.03 * 255) ** 2
_SSIM_MEAN_FLOOR = (0.01 * 255) ** 2
"""Constants of structural similarity (Wang et al. 2004), for 8 bits."""

_REACH = 5.0
"""Width (sigma) of the neighbourhood whose texture hides the mark, px in frames whose tile is 128 px."""

_TILE = 128.0


class Watermark:
    """The mark of one video. Making it costs some tens of ms, a frame under 1 ms at 512 × 512."""

    def __init__(self, first: Image, payload: int) -> None:
        """first: the first frame (H, W, 3 or 4) RGB. payload: 32 bits, see payload_of."""
        height, width = first.shape[:2]
        brightness = cv2.cvtColor(first[..., :3], cv2.COLOR_RGB2GRAY).astype(np.float32)
        pattern = np.clip(draw(height, width, encode(payload)), -_PEAK, _PEAK)
        levels = np.rint(_as_strong_as_allowed(brightness, pattern))
        self._lighter, self._darker = np.zeros((2, *first.shape), np.uint8)
        # The same for red, green and blue: colours stay.
        self._lighter[..., :3] = np.maximum(levels, 0)[..., np.newaxis]
        self._darker[..., :3] = np.maximum(-levels, 0)[..., np.newaxis]

    def mark(self, frame: Image) -> Image:
        """A copy of a frame of the same shape with the mark in it; alpha stays. Raises ValueError for other shapes."""
        if frame.shape != self._lighter.shape:
            raise ValueError(f"The mark is made for frames {self._lighter.shape}, not {frame.shape}.")
        return cv2.subtract(cv2.add(frame, self._lighter), self._darker).astype(np.uint8, copy=False)


def watermarked(
    frames: FrameStream, payload: int | None = None, told: Callable[[int], None] | None = None
) -> FrameStream:
    """Frames with the invisible mark. payload: 32 bits; None: payload_of the first frame. told: is told the payload."""
    watermark: Watermark | None = None
    for frame in frames:
        if watermark is None:
            payload = payload_of(frame.tobytes()) if payload is None else payload
            watermark = Watermark(frame, payload)
            if told is not None:
                told(payload)
        yield watermark.mark(frame)


def payload_of(data: bytes) -> int:
    """The payload of a video made from this data: MARK_VERSION and the first ID_BITS of its SHA-256."""
    return MARK_VERSION << ID_BITS | int.from_bytes(hashlib.sha256(data).digest()[:4], "big") >> (32 - ID_BITS)


def texture_of(brightness: Float, sigma: float) -> Float:
    """Local variance (H, W) of a brightness picture (H, W), in squared grey levels."""
    detail = brightness - cv2.GaussianBlur(brightness, (0, 0), sigma)
    return np.asarray(cv2.GaussianBlur(detail * detail, (0, 0), sigma), np.float32)


def strength_of(texture: Float) -> Float:
    """How strong (H, W) the mark may be, rms: structural similarity loses the same everywhere. Any unit."""
    return np.asarray(np.sqrt(2.0 * texture + _SSIM_FLOOR), np.float32)


def _as_strong_as_allowed(brightness: Float, pattern: Float) -> Float:
    """The mark (H, W) in grey levels: _LOSS, or less where a limit on the whole frame asks for it."""
    scale = tile_side(*brightness.shape) / _TILE
    texture = texture_of(brightness, _REACH * scale)
    # A flat area beside an edge is flat to the eye: the calmest texture nearby counts.
    side = 2 * round(0.8 * _REACH * scale) + 1
    calm = cv2.GaussianBlur(cv2.erode(texture, np.ones((side, side), np.uint8)), (0, 0), 0.8 * _REACH * scale)
    strength = strength_of(np.asarray(calm, np.float32)) * (1 - _CALMING * np.exp(-calm / _GRAIN))
    psnr, ssim = _SMALL_LIMITS if min(brightness.shape) < SMALL else (MIN_PSNR, MIN_SSIM)
    loss = _LOSS
    while True:
        levels = np.asarray(np.minimum(np.sqrt(loss) * strength, _STRONGEST) * pattern, np.float32)
        marked = np.clip(brightness + np.rint(levels), 0, 255)
        too_far = max(
            _mean_square(marked - brightness) / _square_of(psnr), (1.0 - similarity(brightness, marked)) / (1.0 - ssim)
        )
        if too_far <= 1.0:
            return levels
        loss *= 0.97 / too_far


def similarity(plain: Float, marked: Float) -> float:
    """Mean structural similarity of two brightness pictures (H, W) (Wang et al. 2004, 11 px Gaussian window)."""

    def mean(picture: Float) -> Float:
        return np.asarray(cv2.GaussianBlur(picture, (11, 11), 1.5), np.float32)

    means = mean(plain), mean(marked)
    spreads = mean(plain * plain) - means[0] ** 2, mean(marked * marked) - means[1] ** 2
    common = mean(plain * marked) - means[0] * means[1]
    product, squares = means[0] * means[1], means[0] ** 2 + means[1] ** 2
    light = (2 * product + _SSIM_MEAN_FLOOR) / (squares + _SSIM_MEAN_FLOOR)
    structure = (2 * common + _SSIM_FLOOR) / (spreads[0] + spreads[1] + _SSIM_FLOOR)
    return float((light * structure).mean())


def _mean_square(difference: Float) -> float:
    return float(np.mean(difference * difference))


def _square_of(psnr: float) -> float:
    """Mean square error at a PSNR in dB, 8 bits."""
    return float(255.0**2 / 10 ** (psnr / 10))
