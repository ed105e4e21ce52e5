"""Do the lips meet where lips must meet, and only there?

Without phone alignments: a closure of the real mouth is a dip of the tracked aperture below 2 % iod between openings.
In a GRID sentence the words with b, m or p are known and stand at about the same place in every sentence, so the dips
at those places are taken for the bilabials.
"""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.clips import SAMPLES_PER_FRAME, Clip, Made
from dreamtalk.evaluate.mouth import spells
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.types import Bool, Float

CLOSED = 2.0
"""% iod: inner lips this close look closed; the tracker's noise on the aperture is 0.3 to 0.45."""

OPEN = 4.0
"""% iod: inner lips this far apart look open."""

LEVELS = (1.0, 2.0, 3.0)
"""% iod at which closure is reported."""

_BESIDE = 8
"""Frames (0.32 s) before and after a dip in which the mouth must be open."""

WINDOW = 2
"""Frames by which ours may be early or late."""

_PLACES = (-0.06, 0.13, 0.34, 0.46, None, 0.77)
"""Where the bilabial of word 1 to 6 stands, as a share of the spoken stretch. Seen in 150 training sentences of speaker
s1 (the digits have none)."""

_NEAR = 0.12
"""How far from its place a dip may be, in the same share (about 4 frames)."""

_FULL = 0.3
"""Share of the loudest frames' amplitude from which on a frame counts as wholly spoken."""

_QUIET_COST = 0.4
"""What a frame costs in the search for the spoken stretch, where a wholly spoken frame earns 1."""

_EVENTS = (
    "Closures: dips of the tracked aperture below 2 % iod with more than 4 % iod within 0.32 s on both sides, or the "
    "end of the resting mouth for a sentence-initial b or p. Kept at a level when the generated aperture goes below "
    "that level within 2 frames. "
)


def _bilabial(level: float) -> Metric:
    return Metric(
        name=f"bilabial_closure_{level:.0f}",
        title=f"bilabials closed < {level:.0f}",
        unit="share",
        span="0 to 1",
        good="at least 0.9 of the real row",
        definition=_EVENTS
        + f"Level {level:.0f} % iod, GRID sentences with known words only: for each word with b, m or p "
        "the dip nearest to where that word usually is. Share of all events.",
        reference="shared feasibility study with real alignments, s1: 0.94, 0.99, 0.99 at 1, 2, 3 % iod, real 0.98.",
        pitfalls="No forced alignment: a few events are w, f, v or r closures, and bilabials that the tracker sees "
        "open are left out, so the real row is 1 below 2 % iod by construction, up to what the face space loses. A "
        "mouth that never opens scores 1: read it together with the falsely closed frames.",
    )


BILABIAL = tuple(_bilabial(level) for level in LEVELS)

ANY = Metric(
    name="closure_any_2",
    title="closures kept < 2",
    unit="share",
    span="0 to 1",
    good="as in the real row",
    definition=_EVENTS + "Level 2 % iod, every closure of the clip, whatever its sound. Share of all events.",
    reference="none published.",
    pitfalls="Many closures are habits, swallowing or smiles that no sound tells of; no model can keep all.",
)

FALSE = Metric(
    name="falsely_closed",
    title="falsely closed",
    unit="share",
    span="0 to 1",
    good="0",
    definition="Share of the frames with a tracked aperture above 4 % iod in which the generated aperture is below 2 % "
    "iod.",
    reference="shared feasibility study, s1: 0.020 to 0.027 (real mouth open at any width).",
    pitfalls="Counts the flanks of closures that are a frame early or late, and people who breathe with an open mouth "
    "in pauses while ours rests.",
)


def closures(clip: Clip) -> list[int]:
    """Frames of all closures of the real mouth between openings."""
    return dips(clip.mouth.aperture, clip.valid)


def dips(opened: Float, valid: Bool | None = None) -> list[int]:
    """Frames in which lips with apertures (T,) in % iod meet between openings; valid: (T,) those that may be one."""
    aperture = opened if valid is None else np.where(valid, opened, np.inf)
    found = []
    for start, end in spells(aperture < CLOSED):
        before, after = opened[max(0, start - _BESIDE) : start], opened[end : end + _BESIDE]
        if before.max(initial=0.0) > OPEN and after.max(initial=0.0) > OPEN:
            found.append(start + int(aperture[start:end].argmin()))
    return found


def bilabials(clip: Clip) -> list[int]:
    """Frames of the real mouth's closures that belong to the words with b, m or p of a GRID sentence, in order."""
    first, last = _spoken(clip.samples)
    if len(clip.words) != len(_PLACES) or first == last:
        return []
    free = closures(clip)
    release = _release(clip, first)
    if release is not None and release not in free:
        free.append(release)
    found = []
    for word, place in zip(clip.words, _PLACES, strict=True):
        if place is None or not free or word[0] not in "bmp":
            continue
        nearest = min(free, key=lambda frame: abs(frame - first - place * (last - first)))
        if abs(nearest - first - place * (last - first)) <= _NEAR * (last - first):
            found.append(nearest)
            free.remove(nearest)
    return sorted(found)


def bilabial_scores(clip: Clip, made: Made) -> list[Score]:
    """See BILABIAL: one score per level."""
    events = bilabials(clip)
    return [_kept(events, made.mouth.aperture, level) for level in LEVELS]


def any_score(clip: Clip, made: Made) -> Score:
    """See ANY."""
    return _kept(closures(clip), made.mouth.aperture, CLOSED)


def false_score(clip: Clip, made: Made) -> Score:
    """See FALSE."""
    wide = clip.valid & (clip.mouth.aperture > OPEN)
    closed = made.mouth.aperture[wide] < CLOSED
    return Score(float(closed.mean()) if len(closed) else float("nan"), float(len(closed)))


def _kept(events: list[int], aperture: Float, level: float) -> Score:
    if not events:
        return Score(float("nan"), 0.0)
    lowest = [aperture[max(0, frame - WINDOW) : frame + WINDOW + 1].min() for frame in events]
    return Score(float(np.mean(np.array(lowest) < level)), float(len(events)))


def _spoken(samples: Float) -> tuple[int, int]:
    """First and last frame of the spoken stretch: the run of frames with the largest sum of loudness less cost.

    Clicks and breath before and after a sentence do not pay for the silence between.
    """
    frames = samples[: len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME].reshape(-1, SAMPLES_PER_FRAME)
    level = np.sqrt((frames**2).mean(axis=1))
    gain = np.minimum(level / max(_FULL * float(np.percentile(level, 98)), 1e-5), 1.0) - _QUIET_COST
    total = np.concatenate([[0.0], np.cumsum(gain)])
    sums = np.triu(total[None, :] - total[:, None])  # [a, b]: frames a to b - 1
    first, end = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(first), max(int(first), int(end) - 1)


def _release(clip: Clip, first: int) -> int | None:
    """The last closed frame around the first spoken frame, when the mouth was closed for long and opens after it."""
    for start, end in spells(clip.mouth.aperture < CLOSED):
        long_before = clip.mouth.aperture[max(0, start - _BESIDE) : start].max(initial=0.0) <= OPEN
        opens = clip.mouth.aperture[end : end + _BESIDE].max(initial=0.0) > OPEN
        if long_before and opens and abs(end - 1 - first) <= _BESIDE:
            return end - 1
    return None
