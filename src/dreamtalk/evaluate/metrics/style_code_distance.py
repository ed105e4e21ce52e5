"""SCD: is it the same manner of speaking? Distance of style codes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.motion.model import MotionModel
from dreamtalk.types import Float

METRIC = Metric(
    name="style_code_distance",
    title="style code distance",
    unit="",
    span="0 and more",
    good="near 0",
    definition="Euclidean distance between style codes of the video and of the real one. The shipped motion model's "
    "style encoder reads them from expression (mesh64, relative to the video's own neutral), first 256 frames.",
    reference="SCD of DreamTalk's Table V, where one code is predicted from speech and portrait: 0.42, by another "
    "encoder, whose codes have another size: not comparable. Ours: named styles of level 2 are 4 to 11 from the "
    "neutral, levels of one style 2 to 5 apart.",
    pitfalls="The judge is the encoder that the style was made with: it overlooks what the model overlooks. The "
    "neutral of a clip without any calm frame is guessed, and a wrong guess is a large distance. It hears nothing: "
    "lips out of step cost nothing.",
)


def code_distance(code: Float, others: Float) -> float:
    """Mean Euclidean distance from a code (D,) to each of others (N, D), those of faces that it may stand for."""
    return float(np.linalg.norm(others.astype(np.float64) - code, axis=1).mean())


def style_code_distance(made: Float, real: Float) -> float:
    """Between the manners of two expressions (T, 64) and (U, 64); nan where one has no frames."""
    if min(len(made), len(real)) == 0:
        return float("nan")
    reader = _style_reader()
    codes = [reader.encode_style(expression, "video").code for expression in (made, real)]
    return code_distance(codes[0], codes[1][None])


@lru_cache(maxsize=1)
def _style_reader() -> MotionModel:
    # In float32 the same clip's code differs by 1e-6 between processes: where its numbers lie in memory decides.
    return MotionModel.load().double()
