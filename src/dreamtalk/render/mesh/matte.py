"""The person cut out of the photo: how much of each pixel is person, and the person's own colours at the edges.

No network: GrabCut (Rother, Kolmogorov, Blake 2004) learns the colours of person and background from where the face
mesh says they are, and a guided filter (He, Sun, Tang 2010) brings the edge to the photo's resolution and hair. Good
where person and background differ in colour; docs/renderer.md shows where it fails.
"""

from __future__ import annotations

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, spread_colours
from dreamtalk.types import Bool, Float, Image

_WORK_SIDE = 256
"""Longest side of the picture that GrabCut sees, px: more costs seconds and follows single hairs wrongly."""
_ROUNDS = 4
_SURE_SIDES, _SURE_TOP = 1.0, 1.22
"""The face outline enlarged sideways and upwards to these is surely person: even a bald head ends higher."""
_HAIR_SIDES, _HAIR_TOP = 1.42, 1.75
"""The outline enlarged to these is probably person: hair and ears."""
_LONG_HAIR, _LONG_HAIR_FROM, _LONG_HAIR_TO = 0.85, -0.75, 0.3
"""Beside the face hair is probable up to this, in face widths from the middle, between these heights below the chin."""
_HEAD_ROOM = 2.1
"""Beyond the outline enlarged to this, and above the shoulders, nothing is person."""
_SHOULDERS = 0.25
"""Shoulders begin this far below the chin, in face heights."""
_NECK, _WAIST, _WAIST_DOWN = 0.33, 1.25, 1.1
"""Half widths of the body in face widths: at the chin, and so many face heights below it; probably person between."""
_SURE_BODY = 0.7
"""This share of the probable width is surely body."""
_SMOOTH, _SMOOTH_EPSILON = 0.045, 3e-4
"""Guided filter: radius in face widths, and the variance (of brightness 0..1) that it takes for flat."""
_SOLID, _CLEAR = 0.92, 0.10
"""Cover above the first becomes 1, below the second 0."""


def person_matte(canvas: Canvas) -> Float:
    """(H, W) float32, 0 background to 1 person. The same picture gives the same matte."""
    image = canvas.image
    height, width = image.shape[:2]
    scale = min(1.0, _WORK_SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    landmarks = canvas.landmarks[:, :2] * (size[0] / width, size[1] / height)
    person = _largest_with_face(_grab(small, landmarks, canvas.rotation), landmarks)
    cover = cv2.resize(person.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    radius = max(2, round(_SMOOTH * canvas.width))
    soft = _guided(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8), np.asarray(cover, np.float32), radius)
    return np.asarray(np.clip((soft - _CLEAR) / (_SOLID - _CLEAR), 0.0, 1.0), np.float32)


def own_colours(canvas: Canvas, matte: Float) -> Image:
    """The picture (H, W, 3) with the background's share taken out of half-covered pixels and beyond them.

    A pixel is matte * person + (1 - matte) * background; both are guessed from their surroundings.
    """
    image = canvas.image
    height, width = matte.shape
    scale = min(1.0, _WORK_SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    cover_small = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    mm = canvas.mm * scale

    def spread(known: Bool) -> Float:
        return np.asarray(cv2.resize(spread_colours(small, known, mm), (width, height)), np.float32)

    person, behind = spread(cover_small > 0.98), spread(cover_small < 0.02)
    cover = matte[..., None]
    solved = (image - (1.0 - cover) * behind) / np.maximum(cover, 0.05)
    trust = np.clip((cover - 0.2) / 0.6, 0.0, 1.0)
    mixed = person + (np.clip(solved, 0.0, 255.0) - person) * trust
    return np.where(matte[..., None] > 0.98, image, np.clip(mixed + 0.5, 0, 255)).astype(np.uint8)


def over_colour(canvas: Canvas, matte: Float, colour: tuple[int, int, int]) -> Image:
    """The person (H, W, 3) before a plain colour (R, G, B)."""
    cover = matte[..., None]
    mixed = own_colours(canvas, matte) * cover + np.array(colour, np.float32) * (1.0 - cover)
    return np.where(cover >= 1.0, canvas.image, np.rint(mixed)).astype(np.uint8)


def _grab(small: Image, landmarks: Double, rotation: Double) -> Bool:
    """GrabCut from the face mesh: (h, w) person."""
    down = rotation[:2, 1].copy()
    down /= max(float(np.linalg.norm(down)), 1e-6)
    across = np.array([down[1], -down[0]])
    oval = landmarks[list(topo.OVAL)]
    centre, chin = oval.mean(axis=0), landmarks[topo.CHIN]
    tall = max(4.0, float((chin - landmarks[topo.FOREHEAD]) @ down))
    wide = max(4.0, float(np.ptp(oval @ across)))
    ys, xs = np.mgrid[0 : small.shape[0], 0 : small.shape[1]].astype(np.float64)
    sideways = np.abs((xs - chin[0]) * across[0] + (ys - chin[1]) * across[1]) / wide
    below = ((xs - chin[0]) * down[0] + (ys - chin[1]) * down[1]) / tall

    def inside(sides: float, top: float) -> Bool:
        """The outline enlarged sideways, and upwards above its middle."""
        from_centre = oval - centre
        up = from_centre @ down
        grown = np.outer(from_centre @ across, across) * sides + np.outer(up * np.where(up < 0.0, top, sides), down)
        mask = np.zeros(small.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint(centre + grown).astype(np.int32)], 1)
        return mask > 0

    labels = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    labels[~inside(_HEAD_ROOM, _HEAD_ROOM) & (below < _SHOULDERS)] = cv2.GC_BGD
    half = _NECK + (_WAIST - _NECK) * np.clip(below / _WAIST_DOWN, 0.0, 1.0)
    labels[inside(_HAIR_SIDES, _HAIR_TOP) | ((below > -0.1) & (sideways < half))] = cv2.GC_PR_FGD
    labels[(below > _LONG_HAIR_FROM) & (below < _LONG_HAIR_TO) & (sideways < _LONG_HAIR)] = cv2.GC_PR_FGD
    labels[inside(_SURE_SIDES, _SURE_TOP) | ((below > -0.1) & (sideways < _SURE_BODY * half))] = cv2.GC_FGD
    if not (labels == cv2.GC_BGD).any() and not (labels == cv2.GC_PR_BGD).any():
        return np.ones(labels.shape, np.bool_)
    cv2.setRNGSeed(0)  # the colour models start from random clusters
    behind, person = np.zeros((1, 65)), np.zeros((1, 65))  # the colour models that GrabCut fills
    nowhere = (0, 0, 1, 1)
    cv2.grabCut(_told_apart(small), labels, nowhere, behind, person, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def _told_apart(picture: Image) -> Image:
    """The colours (h, w, 3) as GrabCut should measure them: finer where they are dark, as hair before a wall."""
    return np.asarray((np.sqrt(np.arange(256) / 255.0) * 255.0).astype(np.uint8)[picture])


def _largest_with_face(person: Bool, landmarks: Double) -> Bool:
    """The connected part that holds the face, without its holes."""
    _, labels = cv2.connectedComponents(person.astype(np.uint8))
    x, y = np.rint(landmarks[4]).astype(int)
    height, width = person.shape
    kept = labels == labels[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
    outside = np.pad((~kept).astype(np.uint8), 1, constant_values=1)
    outside[-1, :] = 0  # a body goes on below the picture: holes that touch its lower edge stay
    _, holes = cv2.connectedComponents(outside, connectivity=4)
    return np.asarray((holes != holes[0, 0])[1:-1, 1:-1] | kept)


def _guided(guide: Image, values: Float, radius: int) -> Float:
    """Guided filter of values (h, w) by a grey guide (h, w)."""
    light = guide.astype(np.float32) / np.float32(255.0)
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(array: Float) -> Float:
        return np.asarray(cv2.boxFilter(array, cv2.CV_32F, size, borderType=cv2.BORDER_REFLECT_101), np.float32)

    m_light, m_values = mean(light), mean(values)
    spread = mean(light * light) - m_light * m_light + np.float32(_SMOOTH_EPSILON)
    slope = (mean(light * values) - m_light * m_values) / spread
    offset = m_values - slope * m_light
    return np.asarray(mean(slope) * light + mean(offset), np.float32)
