"""A person's face at rest, from a track of them talking."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import align, unit_face
from dreamtalk.face.measures import aperture, eye_opening, mouth_width
from dreamtalk.types import Bool, Float

_CLOSED = 20.0
"""Percentile of the aperture below which a mouth counts as closed."""

_OPEN_EYES = 40.0
"""Percentile of the eye opening above which there is no blink."""

_RELAXED_WIDTH = 75.0
"""Percentile of the mouth width to stay near: closed mouths alone would select puckered ones."""

_SHUT = 2.0
"""Percentile of the aperture that stands for touching lips."""

_MAX_SHUT = 1.0
"""Touching lips are tracked at most so far apart, % iod (0 to 0.9 on 11 GRID speakers); more is extrapolated."""

_PARTED = 1.0
"""A neutral whose lips are parted by so much more than when shut, % iod, is closed."""

_MIN_FRAMES = 3


def neutral_of_track(landmarks: Float, reference: Float, valid: Bool | None = None) -> Float:
    """The resting face (478, 3) in the face frame, from landmarks (T, 478, 3) px of one person, any number of clips.

    Mouth closed but not puckered, eyes open: median of the candidates, then the mean of the half closest to it, twice,
    the second time aligned to the first result. Lively talkers hardly rest: lips that remain parted are then closed
    along the person's own way of closing them. reference: (468 or 478, 3) face frame, gives the orientation.
    valid: (T,) frames to use. Raises UnusableInput with fewer than three usable frames.
    """
    if valid is not None:
        landmarks = landmarks[valid]
    if len(landmarks) < _MIN_FRAMES:
        raise UnusableInput(f"A neutral face needs {_MIN_FRAMES} frames with a face; there are {len(landmarks)}.")
    aligned, _ = align(landmarks, reference)
    neutral = unit_face(_robust_mean(aligned[calm_frames(aligned)]))
    aligned, _ = align(landmarks, neutral)
    return unit_face(_with_closed_lips(_robust_mean(aligned[calm_frames(aligned)]), aligned))


def _with_closed_lips(neutral: Float, aligned: Float) -> Float:
    """The neutral moved along the regression of the face on its aperture until the lips touch; as is if they do."""
    opening = aperture(aligned)
    shut = min(float(np.percentile(opening, _SHUT)), _MAX_SHUT)
    excess = float(aperture(neutral)) - shut
    if excess <= _PARTED:
        return neutral
    low = opening <= np.median(opening)  # wide mouths move differently
    change = opening[low] - opening[low].mean()
    slope = np.einsum("t,tij->ij", change, aligned[low]) / max(float(change @ change), 1e-6)
    return np.asarray(neutral - excess * slope, dtype=np.float32)


def calm_frames(aligned: Float) -> NDArray[np.int64]:
    """Indices of resting frames among landmarks (T, 478, 3) in the face frame; at least one."""
    opening, eyes, width = aperture(aligned), eye_opening(aligned).mean(axis=-1), mouth_width(aligned)
    closed = opening <= np.percentile(opening, _CLOSED)
    awake = eyes >= np.percentile(eyes, _OPEN_EYES)
    candidates = np.flatnonzero(closed & awake)
    if len(candidates) == 0:  # a clip with shut eyes whenever the mouth is closed
        candidates = np.flatnonzero(closed)
    from_relaxed = np.abs(width[candidates] - np.percentile(width, _RELAXED_WIDTH))
    nearest = np.argsort(from_relaxed, kind="stable")[: -(-len(candidates) // 2)]
    return np.asarray(candidates[np.sort(nearest)])


def _robust_mean(faces: Float) -> Float:
    """Mean (478, 3) of the half of faces (N, 478, 3) that is closest to their median."""
    distance = np.linalg.norm((faces - np.median(faces, axis=0)).reshape(len(faces), -1), axis=1)
    closest = np.argsort(distance, kind="stable")[: -(-len(faces) // 2)]
    return np.asarray(faces[closest].mean(axis=0), dtype=np.float32)
