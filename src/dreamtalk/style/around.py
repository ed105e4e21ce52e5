"""The named styles as landmarks in the space of style codes: what a predicted code is like, and what it lacks.

A predictor keeps the codes that the named styles had when it was trained. Where the library has been tuned since, what
it predicts moves with them, so that the two never drift apart and a better "angry" is a better angry for --style auto.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.library import LEVELS, STYLES, is_named, named_style
from dreamtalk.style.predictor import StylePredictor
from dreamtalk.style.timeline import blended
from dreamtalk.types import Float, Style

REACH = 3.0
"""Distance at which two codes are still of one opinion: clips of one named style by different people lie so far from
their middle."""

_NEAR = 2.0
"""Distance at which a named style still has a say in what else a code comes with: levels of one style are 3 apart."""


def style_names() -> tuple[str, ...]:
    """All styles of the library, with their levels."""
    return tuple(
        name if name == "neutral" else f"{name}:{level}"
        for name in STYLES
        for level in (LEVELS if name != "neutral" else LEVELS[:1])
    )


class Surroundings:
    """Named styles around predicted codes. names: of the K styles that the predictor knew and the library still has.

    Level 3, which is for showing an emotion plainly whoever speaks, is not among them.
    """

    def __init__(self, predictor: StylePredictor, model: MotionModel, face: FaceModel) -> None:
        known = predictor.config.anchors or style_names()
        self.names = tuple(name for name in known if _counts(name))
        self._named = [named_style(name, model, face) for name in self.names]
        self.now = np.stack([style.code for style in self._named])
        """(K, D) their codes."""
        self._then = self.now
        if predictor.config.anchors:
            rows = [row for row, name in enumerate(predictor.config.anchors) if _counts(name)]
            self._then = predictor.anchors.cpu().numpy()[rows]

    def followed(self, codes: Float) -> Float:
        """Codes (N, D) as predicted, moved as the named styles around them moved since the predictor was trained."""
        moved = codes + _shares(codes, self._then) @ (self.now - self._then)
        return np.asarray(moved, dtype=np.float32)

    def nearest(self, codes: Float) -> NDArray[np.int64]:
        """(N,) which of `names` each of the codes (N, D) is nearest to, after `followed`."""
        return np.asarray(np.linalg.norm(codes[:, None] - self.now[None], axis=2).argmin(axis=1))

    def dressed(self, code: Float) -> Style:
        """A style of that code (D,), with the resting mouth, guidance and liveliness of the named styles around it."""
        around = blended(self._named, _shares(code[None], self.now), np.ones(len(self.names)))
        return Style(
            code=np.asarray(code, dtype=np.float32),
            source=f"auto: like {self.names[int(self.nearest(code[None])[0])]}",
            rest=None if around.rest is None else around.rest[0],
            guidance=float(around.strength[0]),
            liveliness=around.liveliness[0],
        )


def _counts(name: str) -> bool:
    return is_named(name) and not name.endswith(f":{LEVELS[-1]}")


def _shares(codes: Float, marks: Float) -> NDArray[np.float64]:
    """(N, K) how much each landmark (K, D) has to say about each code (N, D): Gaussian in the distance, sum 1."""
    square = (np.linalg.norm(codes[:, None] - marks[None], axis=2) / _NEAR) ** 2
    shares = np.exp(-0.5 * (square - square.min(axis=1, keepdims=True)))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float64)
