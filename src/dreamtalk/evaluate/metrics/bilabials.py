"""Bilabials of videos: do the lips meet for p, b and m, in any language and without a transcript?"""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.closure import CLOSED, WINDOW, dips
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.motion.reader import BILABIAL, FEATURES_PER_FRAME, ArticulationReader
from dreamtalk.types import Bool, Float, SpeechFeatures

METRIC = Metric(
    name="bilabials_closed",
    title="bilabials closed",
    unit="share",
    span="0 to 1",
    good="near 1, far above shuffled",
    definition="Of the moments in which the real lips meet (aperture below 2 % iod between openings above 4 within "
    "0.32 s) and the articulation reader hears p, b or m within 2 frames with a probability of 0.5, the share in which "
    "the video's lips meet within 2 frames as well. Share of all such moments of all clips; 1 in the real row by "
    "construction.",
    reference="As `evaluate motion`, there by the places of words in GRID sentences. Other talkers' lips by chance: "
    "0.4 (44 real clips; half of all closures are heard as bilabials). People see an open mouth at an m "
    "at once (paper, Fig. 3).",
    pitfalls="It lies for our own videos a little: our lips are closed with the help of the same reader, and moments "
    "that it misses do not count for anybody. English taught it. A mouth that never opens scores 1: read it "
    "with M-LMD. Small or blurred faces are tracked with lips apart and lose moments of the real row. The shuffled "
    "row is what lips that meet at any time are worth. Sound and picture out of step lose all.",
)

_HEARD = 0.5
"""Probability from which a p, b or m is heard."""


def heard_bilabials(reader: ArticulationReader, features: Float, frames: int) -> Bool:
    """(frames,) where p, b or m is heard within 2 frames, in features (N, D) of the reader's encoder."""
    said = reader.read(SpeechFeatures(features, reader.config.encoder))[:, list(BILABIAL)].sum(axis=1)
    whole = np.zeros(frames * FEATURES_PER_FRAME, dtype=np.float32)
    whole[: len(said)] = said[: len(whole)]
    per_frame = whole.reshape(frames, FEATURES_PER_FRAME).max(axis=1) >= _HEARD
    padded = np.pad(per_frame, WINDOW)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * WINDOW + 1).any(axis=1))


def bilabials_closed(made: Float, real: Float, heard: Bool) -> Score:
    """Of apertures (T,) in % iod of the video and of the real one, and where bilabials are heard (T,). The weight
    counts moments."""
    moments = [frame for frame in dips(real) if heard[frame]]
    if not moments:
        return Score(float("nan"), 0.0)
    met = [made[max(0, frame - WINDOW) : frame + WINDOW + 1].min() < CLOSED for frame in moments]
    return Score(float(np.mean(met)), float(len(moments)))
