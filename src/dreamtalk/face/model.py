"""The statistical face model `mesh64`: a linear 3DMM of identity and expression on the 468-point face mesh.

    face = mean + identity_basis * identity + expression_basis * expression        (face frame, iod)

Expression dimensions 0..39 move the lower face (mouth, jaw, cheeks, nose wings), 40..63 the upper face (brows, lids,
forehead). Each block is a weighted PCA of displacements times a smooth mask; the two masks sum to 1. Coefficients are
not whitened: one unit moves the weighted mesh by one iod in total, so that a mean squared error of coefficients is one
of vertices. Trained by `dreamtalk train face-model` (train/face_model.py, docs/face_model.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from dreamtalk import assets
from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import ALL_POINTS, FACE_POINTS, align, pose_of, to_face_frame
from dreamtalk.face.arkit import ARKIT, scores_to_arkit
from dreamtalk.face.measures import (
    IRIS_LEFT,
    IRIS_RIGHT,
    MEASURES,
    UPPER_LID_LEFT,
    UPPER_LID_RIGHT,
)
from dreamtalk.face.neutral import neutral_of_track
from dreamtalk.types import Bool, Float

_LANDMARK_NOISE = 0.006
"""Standard deviation of a landmark coordinate in iod that the fits assume (tracker jitter and what the basis lacks)."""

_PRIOR_WIDTH = 3.0
"""The prior of an expression fit, in standard deviations of the training data: wide, it only tames noise."""

_IMAGE_PRIOR_WIDTH = 0.05
"""The same for the expression of a single portrait, around what the blendshape scores say: narrow, or a person's
features are taken for an expression. Chosen on GRID frames with a known neutral."""

_SCORE_MARGIN = 0.3
"""By how much a score must exceed that of a resting face before a portrait counts as showing the action. Without it the
neutral of a calm frame is off by 1.2 instead of 0.5 % iod at the lips."""

_OPENERS = np.array(
    [name.startswith(("jaw", "mouthFunnel", "mouthUpperUp", "mouthLowerDown", "mouthClose")) for name in ARKIT]
).astype(np.float32)
"""Actions taken out of a portrait: those that part the lips. The scores of others (pucker, squint, brows, smile) say
more about a person's features or manner than about a passing expression: every fourth portrait "puckers" by 0.58."""


@dataclass(frozen=True)
class FaceModel:
    """mean: (468, 3) iod. identity_basis: (32, 468, 3), identity_std: (32,). expression_basis: (64, 468, 3),
    expression_std: (64,). point_weights: (468, 3) of the fit. score_floor: (52,) what a resting face scores in each
    ARKit action. arkit_read: (52, 64) expression to ARKit. arkit_write: (64, 52) ARKit to expression. lid_shut: (2,)
    % iod by which tracked eyes close in a full blink (right, left of the person). lower_size: lower face dimensions.
    """

    mean: Float
    identity_basis: Float
    identity_std: Float
    expression_basis: Float
    expression_std: Float
    point_weights: Float
    score_floor: Float
    arkit_read: Float
    arkit_write: Float
    lid_shut: Float
    lower_size: int = 40

    @classmethod
    def load(cls, name: str = "mesh64") -> FaceModel:
        """The shipped model of that name. Raises AssetMissing when there is none."""
        return _load(assets.path(name))

    @classmethod
    def read(cls, file: Path) -> FaceModel:
        """A model file (safetensors) made by `dreamtalk train face-model`."""
        return _load(file)

    @property
    def lower(self) -> tuple[int, ...]:
        """Expression dimensions of the lower face."""
        return tuple(range(self.lower_size))

    @property
    def upper(self) -> tuple[int, ...]:
        """Expression dimensions of the upper face."""
        return tuple(range(self.lower_size, len(self.expression_basis)))

    def displacement(self, expression: Float) -> Float:
        """How far each point moves from the neutral: (..., 468, 3) iod in the face frame, of expression (..., 64)."""
        moved = expression @ self.expression_basis.reshape(len(self.expression_basis), -1)
        return np.asarray(moved, dtype=np.float32).reshape(*expression.shape[:-1], FACE_POINTS, 3)

    def face(self, identity: Float, expression: Float) -> Float:
        """Points (..., 468, 3) iod in the face frame of identity (..., 32) and expression (..., 64)."""
        shape = self.mean + np.tensordot(identity, self.identity_basis, axes=1) + self.displacement(expression)
        return np.asarray(shape, dtype=np.float32)

    def expression_of(self, displacement: Float) -> Float:
        """Expression (..., 64) that best explains a displacement (..., 468, 3): one matrix product."""
        flat = displacement.reshape(*displacement.shape[:-2], -1)
        return np.asarray(flat @ self._solver32.T, dtype=np.float32)

    def fit(self, landmarks: Float, neutral: Float) -> tuple[Float, Float, Float]:
        """Expression (T, 64), pose (T, 6) and gaze (T, 4) of landmarks (T, 478, 3) px of the person with that neutral.

        neutral: (478, 3) in the face frame, as from `neutral`. Pose as in FaceTrack; gaze as in Motion. Nothing is
        smoothed. Raises UnusableInput when the shapes are wrong.
        """
        if landmarks.ndim != 3 or landmarks.shape[1:] != (ALL_POINTS, 3) or neutral.shape != (ALL_POINTS, 3):
            raise UnusableInput(
                f"Landmarks must be (frames, {ALL_POINTS}, 3) and the neutral ({ALL_POINTS}, 3); "
                f"got {landmarks.shape} and {neutral.shape}."
            )
        aligned, similarity = align(landmarks, neutral)
        expression = self.expression_of((aligned - neutral)[:, :FACE_POINTS])
        return expression, pose_of(similarity), gaze_of(aligned) - gaze_of(neutral)

    def neutral(self, landmarks: Float, blendshapes: Float | None = None, valid: Bool | None = None) -> Float:
        """The person's resting face (478, 3) in the face frame.

        From a track (T, 478, 3) px: calm frames are picked (see neutral_of_track). From one picture (478, 3) px: parted
        lips are closed as its blendshape scores (52,) and the landmarks suggest; eyes, brows and a smile stay.
        """
        if landmarks.ndim == 3:
            return neutral_of_track(landmarks, self.mean, valid)
        face = to_face_frame(landmarks, self.mean)
        face[:FACE_POINTS] -= self.displacement(self.portrait_expression(face, blendshapes))
        return face

    def portrait_expression(self, face: Float, blendshapes: Float | None = None) -> Float:
        """Expression (64,) in a single face (478, 3) in the face frame: the most probable split from identity.

        Gaussian priors: identity around the mean face, expression around what the blendshape scores (52,) say.
        """
        guess = np.zeros(len(self.expression_basis), dtype=np.float32)
        if blendshapes is not None:
            guess = self.from_arkit(self.above_rest(blendshapes, margin=_SCORE_MARGIN) * _OPENERS)
        weight = (self.point_weights / _LANDMARK_NOISE).reshape(-1)
        identity = self.identity_basis.reshape(len(self.identity_basis), -1) * self.identity_std[:, None]
        spread = _IMAGE_PRIOR_WIDTH * self.expression_std
        expression = self.expression_basis.reshape(len(self.expression_basis), -1) * spread[:, None]
        design = (np.concatenate([identity, expression]) * weight).T.astype(np.float64)
        residual = (face[:FACE_POINTS] - self.mean - self.displacement(guess)).reshape(-1) * weight
        normal = design.T @ design + np.eye(design.shape[1])
        split = np.linalg.solve(normal, design.T @ residual)
        return np.asarray(guess + split[len(identity) :] * spread, dtype=np.float32)

    def identity(self, neutral: Float) -> Float:
        """Identity (32,) of a neutral face (478 or 468, 3) in the face frame, by regularised least squares."""
        weight = (self.point_weights / _LANDMARK_NOISE).reshape(-1)
        basis = self.identity_basis.reshape(len(self.identity_basis), -1) * self.identity_std[:, None]
        design = (basis * weight).T.astype(np.float64)
        residual = (neutral[:FACE_POINTS] - self.mean).reshape(-1) * weight
        solved = np.linalg.solve(design.T @ design + np.eye(design.shape[1]), design.T @ residual)
        return np.asarray(solved * self.identity_std, dtype=np.float32)

    def to_arkit(self, expression: Float) -> Float:
        """ARKit weights (..., 52) in 0..1, in the order of arkit.ARKIT, of expression (..., 64): linear, clipped."""
        return np.asarray(np.clip(expression @ self.arkit_read.T, 0.0, 1.0), dtype=np.float32)

    def from_arkit(self, scores: Float) -> Float:
        """Expression (..., 64) of ARKit weights (..., 52) in the order of arkit.ARKIT. Linear."""
        return np.asarray(scores @ self.arkit_write.T, dtype=np.float32)

    def above_rest(self, blendshapes: Float, margin: float = 0.0) -> Float:
        """Tracker scores (..., 52) as ARKit weights (..., 52): 0 up to a resting face's score plus margin, 1 at 1."""
        floor = self.score_floor + margin
        weights = (scores_to_arkit(blendshapes) - floor) / (1.0 - floor)
        return np.asarray(np.clip(weights, 0.0, 1.0), dtype=np.float32)

    def measure(self, name: str) -> Float:
        """(64,) so that expression @ measure(name) is the change of that measure in % iod; names: measures.MEASURES."""
        return MEASURES[name](self.expression_basis)

    def lid_closure(self, expression: Float) -> Float:
        """How shut the eyes are (..., 2), right and left of the person: 0 open as in the neutral, 1 shut.

        The tracker sees shut eyes as a little open; 1 stands for how far tracked eyes close in a full blink.
        """
        return np.asarray(np.clip(-(expression @ self._eye_opening) / self.lid_shut, 0.0, 1.0), dtype=np.float32)

    @cached_property
    def _eye_opening(self) -> Float:
        """(64, 2) expression to the change of the eyes' opening in % iod."""
        return np.stack([self.measure("eye_opening_right"), self.measure("eye_opening_left")], axis=1)

    @cached_property
    def _solver32(self) -> Float:
        return self.solver.astype(np.float32)

    @cached_property
    def solver(self) -> NDArray[np.float64]:
        """(64, 468 * 3): weighted, slightly regularised least squares from displacement to expression."""
        weight = (self.point_weights / _LANDMARK_NOISE).reshape(-1).astype(np.float64)
        design = self.expression_basis.reshape(len(self.expression_basis), -1).T.astype(np.float64) * weight[:, None]
        prior = np.diag(1.0 / (_PRIOR_WIDTH * self.expression_std.astype(np.float64)) ** 2)
        return np.asarray(np.linalg.solve(design.T @ design + prior, design.T * weight))


def gaze_of(face: Float) -> Float:
    """Iris centres (..., 4) in iod relative to the middle of the eye corners: right x, y, left x, y; face frame."""
    parts = []
    for iris, upper in ((IRIS_RIGHT, UPPER_LID_RIGHT), (IRIS_LEFT, UPPER_LID_LEFT)):
        middle = (face[..., upper[0], :2] + face[..., upper[-1], :2]) / 2
        parts.append(face[..., iris, :2] - middle)
    return np.concatenate(parts, axis=-1)


@lru_cache
def _load(file: Path) -> FaceModel:
    tensors = {name: value.astype(np.float32) for name, value in load_file(file).items()}
    lower_size = int(tensors.pop("lower_size"))
    return FaceModel(**tensors, lower_size=lower_size)
