"""`--style auto`: the style, or the styles over time, that speech itself asks for (paper III-B, "Inference").

The predictor draws several codes for each window of the speech; of these the one with most others near it is taken, for
a single draw may be an outlier. What a code alone does not say (the mouth in silence, guidance, liveliness) comes from
the named styles around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dreamtalk.audio import SpeechEncoder
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.around import REACH, Surroundings
from dreamtalk.style.hearing import hear
from dreamtalk.style.predictor import StylePredictor, densest
from dreamtalk.style.timeline import StyleKey, Timeline
from dreamtalk.types import FEATURE_RATE, Float, Speech, Style

DRAWS = 8
"""Codes drawn for each window."""

_HOP = 5
"""Tokens (1 s) from one window to the next in a timeline."""

_MOST_WINDOWS = 24
"""Windows that a single style is drawn from; of a longer speech so many are taken, evenly spread."""

_CHANGE_COST = 5.0
"""What a change of emotion costs, as the logarithm of odds. A window whose draws all agree is worth 4.3: one alone does
not pay for a change even at the ends of a speech, and three do for the two changes there and back."""

_DOUBT = 0.1
"""Share of the draws that is taken to be wrong, whatever they say."""

_TRANSITION = 0.8
"""Seconds that a face takes over to the next emotion."""


@dataclass(frozen=True)
class Listener:
    """What hears a style in speech. Raises UnusableInput when the predictor is for another motion model."""

    predictor: StylePredictor
    encoder: SpeechEncoder
    model: MotionModel
    face: FaceModel

    def __post_init__(self) -> None:
        self.predictor.check_fits(self.model)
        wanted = self.predictor.config.encoder
        if self.encoder.name != wanted:
            raise UnusableInput(f"The style predictor hears {wanted}, not {self.encoder.name}.")

    def style(self, speech: Speech, identity: Float, seed: int = 0) -> Style:
        """One style for a whole speech, of the person with that identity (I,). Without speech in it: the neutral."""
        windows = [tokens for _, tokens in self._windows(speech, self.predictor.config.tokens)]
        if not windows:
            return self.model.neutral_style()
        if len(windows) > _MOST_WINDOWS:
            windows = [windows[i] for i in np.linspace(0, len(windows) - 1, _MOST_WINDOWS).astype(int)]
        codes = self._draw(windows, identity, seed)
        return self.around.dressed(_commonest(codes.reshape(-1, codes.shape[2])))

    def timeline(self, speech: Speech, identity: Float, seed: int = 0) -> Timeline:
        """Styles that follow the speech: a new one where several windows in a row hear another emotion."""
        windows = self._windows(speech, _HOP)
        if not windows:
            return Timeline((StyleKey(0.0, self.model.neutral_style()),))
        codes = self._draw([tokens for _, tokens in windows], identity, seed)
        nearest = self.around.nearest(codes.reshape(-1, codes.shape[2])).reshape(codes.shape[:2])
        names = [name.partition(":")[0] for name in self.around.names]
        kinds = sorted(set(names))
        emotions = np.array([kinds.index(name) for name in names])[nearest]
        path = steadiest(emotions, len(kinds))
        keys, begin = [], 0
        for end in range(1, len(path) + 1):
            if end < len(path) and path[end] == path[begin]:
                continue
            agreeing = codes[begin:end][emotions[begin:end] == path[begin]]
            if not len(agreeing):  # nobody said so in this stretch; it was only the way from one to another
                agreeing = codes[begin:end].reshape(-1, codes.shape[2])
            start = 0.0 if begin == 0 else max(0.0, (windows[begin - 1][0] + windows[begin][0]) / 2 - _TRANSITION / 2)
            keys.append(StyleKey(round(start, 2), self.around.dressed(_commonest(agreeing)), transition=_TRANSITION))
            begin = end
        return Timeline(tuple(keys))

    def _windows(self, speech: Speech, hop: int) -> list[tuple[float, Float]]:
        """Middle, in seconds, and tokens of every window with enough speech in it."""
        config = self.predictor.config
        heard = hear(speech, self.encoder, config.stride)
        last = max(1, len(heard.values) - config.tokens + hop)
        parts = [(first, heard.part(first, config.tokens)) for first in range(0, last, hop)]
        second = FEATURE_RATE / config.stride
        return [((first + config.tokens / 2) / second, part) for first, part in parts if part is not None]

    def _draw(self, windows: list[Float], identity: Float, seed: int) -> Float:
        """Codes (R, DRAWS, D) for each window, among today's named styles."""
        codes = self.predictor.draw(windows, identity, DRAWS, seed)
        return self.around.followed(codes.reshape(-1, codes.shape[2])).reshape(codes.shape)

    @cached_property
    def around(self) -> Surroundings:
        """The named styles among the codes."""
        return Surroundings(self.predictor, self.model, self.face)


def steadiest(said: np.ndarray, kinds: int) -> list[int]:
    """The likeliest emotion of each window (R,) when draws (R, K) say what they say and emotions seldom change.

    Viterbi's path through windows in a row: hysteresis that looks ahead.
    """
    shares = np.stack([(said == kind).mean(axis=1) for kind in range(kinds)], axis=1)
    odds = np.log((1.0 - _DOUBT) * shares + _DOUBT / kinds)
    best, came = odds[0], np.zeros((*said.shape[:1], kinds), np.int64)
    for row in range(1, len(odds)):
        leave = int(best.argmax())
        stays = best >= best[leave] - _CHANGE_COST
        came[row] = np.where(stays, np.arange(kinds), leave)
        best = np.where(stays, best, best[leave] - _CHANGE_COST) + odds[row]
    path = [int(best.argmax())]
    for row in range(len(odds) - 1, 0, -1):
        path.append(int(came[row][path[-1]]))
    return path[::-1]


def _commonest(codes: Float) -> Float:
    return np.asarray(codes[densest(codes, REACH)])
