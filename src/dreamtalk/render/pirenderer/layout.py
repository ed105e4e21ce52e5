"""What the numbers of a coefficient row mean, for each face space.

Every layout has the published order:

| columns | published name | `bfm64` | `mesh64` |
|---|---|---|---|
| 0 to 63 | expression | Deep3DFaceRecon's, raw | of the face model, times 4 |
| 64 to 66 | angle | pitch, yaw, roll as Deep3DFaceRecon has them, rad | rotation x, y, z of the head, rad |
| 67 to 69 | translation | Deep3DFaceRecon's | in iod from the head's usual place |
| 70 to 72 | crop: s, tx, ty | scale and place of its alignment in 256 px | 4 iod / side, anchor x and y (framing.py) |
| 73 to 76 | - | - | only in `mesh64-gaze`: both irises x, y, iod, times 4 |

Rotation and expression are absolute (the head as the camera sees it; away from the person's neutral face). In `mesh64`
the crop numbers are constant within a video: what moves is in the translation. In `bfm64` they are the motion's own
where it brings some (a pose file), or else those of a head that does not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.face.bfm64 import STILL_POSE
from dreamtalk.face.pose import euler_of, rotation_from_euler
from dreamtalk.render.pirenderer.framing import Head, Square, placed
from dreamtalk.types import Float, Motion

_STILL_CROP = STILL_POSE[6:]
"""Crop numbers of a portrait framed as framing.py does it, in the published layout."""


@dataclass(frozen=True, slots=True)
class Layout:
    """face_space: of the motion it takes. expression: how many numbers of it. relative: rotation counts from the
    portrait's own (`Motion` of our own face space) rather than from the camera. gain: of expression and gaze, which
    are otherwise much smaller than the other numbers. gaze: four numbers of gaze at the end.
    """

    face_space: str
    expression: int
    relative: bool
    gain: float = 1.0
    gaze: bool = False

    @property
    def size(self) -> int:
        """Numbers per row."""
        return self.expression + 9 + 4 * self.gaze

    def rows(self, motion: Motion, head: Head, square: Square) -> Float:
        """Rows (T, size) of a motion for the portrait whose head stands so in the square. Raises UnusableInput."""
        if motion.face_space != self.face_space or motion.expression.shape[1] != self.expression:
            raise UnusableInput(
                f"This renderer draws the face space {self.face_space} ({self.expression} numbers), "
                f"not {motion.face_space} ({motion.expression.shape[1]})."
            )
        rotation = turned(motion.rotation, head) if self.relative else motion.rotation
        own_crop = _STILL_CROP if motion.crop is None else motion.crop
        crop = placed(head, square) if self.relative else own_crop
        return self.join(motion.expression, rotation, motion.translation, crop, motion.gaze)

    def join(self, expression: Float, rotation: Float, translation: Float, crop: Float, gaze: Float) -> Float:
        """Rows (T, size) of their parts: (T, E), (T, 3) absolute, (T, 3), (3,) or (T, 3), (T, 4)."""
        parts = [self.gain * expression, rotation, translation, np.broadcast_to(crop, (len(expression), 3))]
        if self.gaze:
            parts.append(self.gain * gaze)
        return np.concatenate(parts, axis=1).astype(np.float32)


LAYOUTS = {
    "bfm64": Layout("bfm64", 64, relative=False),
    "mesh64": Layout("mesh64", 64, relative=True, gain=4.0),
    "mesh64-gaze": Layout("mesh64", 64, relative=True, gain=4.0, gaze=True),
}
"""By the name that a weights file gives. Another face space needs an entry here and nothing else."""


def layout_of(name: str) -> Layout:
    """The layout of that name. Raises UnusableInput."""
    if name not in LAYOUTS:
        raise UnusableInput(f"There is no coefficient layout {name!r}. Known: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]


def turned(rotation: Float, head: Head) -> Float:
    """Angles (T, 3) of the portrait's head turned further by `rotation` (T, 3) in picture axes."""
    return np.stack([euler_of(rotation_from_euler(angles) @ head.rotation) for angles in rotation])
