"""M-LMD and F-LMD: how far are the landmarks from those of the real video?"""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Float

_PITFALLS = "Landmark detector, alignment and picture size change the number; a still photo scores well on short clips."

MOUTH = Metric(
    name="m_lmd",
    title="M-LMD",
    unit="px at 256",
    span="0 and more",
    good="below the still photo",
    definition="Distance of the 20 mouth landmarks (of 68, taken from the face mesh), each face's mean over those "
    "landmarks removed, in px of the 256 px face crop; mean over landmarks and frames.",
    reference="Chen et al. 2019, mean-aligned as EAT does. The paper on MEAD: 2.91.",
    pitfalls=_PITFALLS,
)
FACE = Metric(
    name="f_lmd",
    title="F-LMD",
    unit="px at 256",
    span="0 and more",
    good="below the still photo",
    definition="The same of all 68 landmarks.",
    reference="As M-LMD. The paper on MEAD: 1.93.",
    pitfalls=_PITFALLS + " Includes head motion, which no sound tells.",
)
MOUTH_NORMALISED = Metric(
    name="m_lmd_normalised",
    title="M-LMD, pose removed",
    unit="% iod",
    span="0 and more",
    good="below the still photo",
    definition="Distance of the 20 mouth landmarks in the face frame (head pose removed by 27 stable points), in "
    "hundredths of the distance of the outer eye corners; mean over landmarks and frames.",
    reference="Ours.",
    pitfalls="The resting mouth of another portrait counts as an error.",
)
FACE_NORMALISED = Metric(
    name="f_lmd_normalised",
    title="F-LMD, pose removed",
    unit="% iod",
    span="0 and more",
    good="below the still photo",
    definition="The same of all 68 landmarks.",
    reference="Ours.",
    pitfalls="As M-LMD, pose removed.",
)

_JAW = (127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_MOUTH = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)

FACE_68 = _JAW + _BROWS + _NOSE + _EYES + _MOUTH
"""Points of the face mesh nearest to the 68 landmarks of the iBUG scheme, in its order."""
MOUTH_20 = _MOUTH


def landmark_distance(made: Float, truth: Float, centred: bool) -> float:
    """Mean distance of landmarks (T, N, D) in their own unit; centred: each frame's mean removed from both."""
    if centred:
        made, truth = made - made.mean(axis=1, keepdims=True), truth - truth.mean(axis=1, keepdims=True)
    return float(np.linalg.norm(made - truth, axis=-1).mean())
