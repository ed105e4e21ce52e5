"""How bright things are inside the mouth: by how much of it the photo could show, and by how the upper lip is raised.

Chosen on self-reenactment of people of the talkset's train split, against the bare warp; see docs/renderer.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, smoothstep
from dreamtalk.render.mesh.geometry import turn_angles

_COARSE, _SHARP = 0.85, 1.35
"""Px of the photo per mm: in a photo of the first or fewer, teeth, gaps and lips run into each other; in one of the
second or more each stands by itself."""
_RAISED_SHARE, _RAISED_MM = 0.2, (-0.5, 5.0)
"""Upper teeth come into the light where the upper lip rises (smiles, snarls), not where the jaw falls: from how many mm
on, and fully, beyond the share of the opening that it takes anyway."""
_TURNED, _TURNED_DIM = (np.radians(10.0), np.radians(28.0)), 0.30
"""In a head turned to the side by the first angle or less the upper teeth are as bright as ever; by the second they
lose that share, or they look like a bright square in the half of a mouth."""
_COLDEST = 1.0
"""Teeth look no colder than this: a pale painted skin does not mean blue light."""
_WHITE_SKIN = np.array([1.13, 0.95, 0.80])
"""Chroma of skin under white light: what the light's own colour is measured against."""


@dataclass(frozen=True, slots=True)
class MouthLight:
    """slit: mm of opening that let all light in. wet: mm of the lips' inside that are seen. covered, raised: brightness
    of the upper teeth below a lip that lies on them, and below a raised one. edge: mm below the resting lip line at
    which the upper teeth end. tinge: share of the light's own colour in that of the teeth. cavity, flesh: brightness of
    cavity and tongue, times their colour.
    """

    slit: float
    wet: float
    covered: float
    raised: float
    edge: float
    tinge: float
    cavity: float
    flesh: float

    def upper_teeth(self, lip_up: float, gap: float, tuck: float) -> float:
        """Their brightness. lip_up: y of the upper lip's edge since rest, mm. gap: opening, mm. tuck: see Shape."""
        shown = max(tuck, float(smoothstep(*_RAISED_MM, -lip_up - _RAISED_SHARE * gap)))
        return self.covered + (self.raised - self.covered) * shown

    def tooth_tint(self, canvas: Canvas) -> Double:
        """(3,) factor on the teeth's colour: they take the skin's brightness, and a share of its light's colour."""
        brightness = float(np.clip(canvas.luma / 175.0, 0.25, 1.15))
        if canvas.grey:
            return np.full(3, 0.93 * brightness)
        light = np.clip(canvas.skin / max(canvas.luma, 1.0) / _WHITE_SKIN, 0.6, 1.5)
        light[1:] = np.minimum(light[1:], _COLDEST * light[0])
        return np.asarray(brightness * (1.0 - self.tinge + self.tinge * light) * (0.94, 0.92, 0.91))


_IN_COARSE = MouthLight(13.0, 1.9, 0.58, 1.08, 1.3, 0.9, 1.6, 1.45)
_IN_SHARP = MouthLight(9.5, 1.5, 0.80, 1.10, 2.2, 0.6, 1.1, 1.15)


def mouth_light(canvas: Canvas) -> MouthLight:
    """That of a portrait: contrast in the mouth is lower where the photo has few pixels for it."""
    sharp = float(smoothstep(_COARSE, _SHARP, canvas.mm / canvas.zoom))
    each = (field.name for field in fields(MouthLight))
    pairs = ((getattr(_IN_COARSE, name), getattr(_IN_SHARP, name)) for name in each)
    light = MouthLight(*(coarse + sharp * (fine - coarse) for coarse, fine in pairs))
    dim = 1.0 - _TURNED_DIM * float(smoothstep(*_TURNED, abs(turn_angles(canvas.rotation)[1])))
    return replace(light, covered=light.covered * dim, raised=light.raised * dim)
