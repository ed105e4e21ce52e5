"""Silence: is the mouth shut where nothing is said?"""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.evaluate.silence import ENOUGH, READY, SETTLE
from dreamtalk.motion.rest import SPEAKING, speech_activity
from dreamtalk.types import VIDEO_FPS, Bool, Float

METRIC = Metric(
    name="silence_openness",
    title="mouth open in silence",
    unit="% iod",
    span="-1 to 30",
    good="at most the real row",
    definition="Mean tracked aperture of the inner lips in frames in which nobody has spoken for "
    f"{SETTLE / VIDEO_FPS:.2f} s nor will for {READY / VIDEO_FPS:.2f} s, by the energy of the video's own sound; none "
    f"where there are fewer than {ENOUGH} such frames.",
    reference="Ours, as `evaluate motion` does with silence put around the speech. Real GRID "
    "talkers, who wait with shut lips: 0.1 to 0.2; real free talkers, who breathe in: 7 to 17, with speech at 7 to 14.",
    pitfalls="It lies where the sound is not silent although nobody speaks (music, street: no frame counts, or breath "
    "is taken for speech), where people listen or laugh with an open mouth (the real row says so), and for portraits "
    "with parted lips. Held at the first frame's mouth a still photo scores whatever that frame shows. A mouth that "
    "never opens scores best: read it with M-LMD.",
)


def silent_frames(samples: Float, frames: int) -> Bool:
    """(frames,) where nothing is said nor just was nor soon will be, of sound (S,) at 16 kHz."""
    spoken = np.zeros(frames, dtype=np.bool_)
    heard = speech_activity(samples)[:frames] >= SPEAKING
    spoken[: len(heard)] = heard
    quiet = ~spoken
    for late in range(1, SETTLE + 1):
        quiet[late:] &= ~spoken[:-late]
    for early in range(1, READY + 1):
        quiet[:-early] &= ~spoken[early:]
    return quiet


def silence_openness(aperture: Float, samples: Float) -> float:
    """Of apertures (T,) in % iod with the video's sound (S,) at 16 kHz; nan without sound or silence in it."""
    if len(samples) == 0:
        return float("nan")
    quiet = silent_frames(samples, len(aperture))
    return float(aperture[quiet].mean()) if quiet.sum() >= ENOUGH else float("nan")
