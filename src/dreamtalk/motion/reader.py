"""What the mouth is doing while it is heard: speech features to probabilities of places of articulation.

The motion model learned lips from faces on which a tracker sees neither tongues nor a lip bitten by teeth. A phone says
where they are: th, l, n, t, d raise the tip of the tongue, f and v put the lower lip under the upper teeth, p, b, m
shut the lips. The network is two small convolutions over time; it is trained by `dreamtalk train articulation`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk import assets
from dreamtalk.errors import UnusableInput
from dreamtalk.types import FEATURE_RATE, VIDEO_FPS, Float, SpeechFeatures
from dreamtalk.weights import load_model, save_model

DEFAULT_READER = "articulation-reader"
_FORMAT = "dreamtalk-articulation-1"

GROUPS = (
    "silence",
    "p b",
    "m",
    "f v",
    "th",
    "l",
    "n",
    "t d",
    "s z sh ch",
    "k g ng h",
    "w",
    "r",
    "front vowel",
    "open vowel",
    "round vowel",
)
"""What is told apart, by the place in the mouth. Names are sounds of English; th stands for both, j counts as a front
vowel."""

BILABIAL = tuple(GROUPS.index(name) for name in ("p b", "m"))
LABIODENTAL = (GROUPS.index("f v"),)
TONGUE = tuple(GROUPS.index(name) for name in ("th", "l", "n", "t d"))
"""Groups whose probabilities are summed."""

FEATURES_PER_FRAME = FEATURE_RATE // VIDEO_FPS


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """width: channels each feature is reduced to. hidden: channels after the convolution over time. reach: features
    (20 ms) that are heard before and after the one that is judged."""

    feature_size: int = 512
    width: int = 32
    hidden: int = 48
    reach: int = 5
    groups: int = len(GROUPS)
    encoder: str = "whisper-base-l3"


class ArticulationReader(nn.Module):
    """Features (B, N, F) to logits (B, N - 2 reach, G), G in the order of GROUPS."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("feature_mean", torch.zeros(config.feature_size))
        self.register_buffer("feature_std", torch.ones(config.feature_size))
        self.narrow = nn.Linear(config.feature_size, config.width)
        self.over_time = nn.Conv1d(config.width, config.hidden, 2 * config.reach + 1)
        self.judge = nn.Conv1d(config.hidden, config.groups, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of the features that have `reach` others on both sides."""
        x = F.relu(self.narrow((features - self.feature_mean) / self.feature_std))
        x = F.dropout(F.relu(self.over_time(x.transpose(1, 2))), 0.1, self.training)
        return torch.as_tensor(self.judge(x)).transpose(1, 2)

    @torch.inference_mode()
    def read(self, features: SpeechFeatures, first: int = 0, count: int | None = None, heard_from: int = 0) -> Float:
        """Probabilities (count, G) of features first, first + 1, ... of the speech.

        features: the whole speech's, or a part of them that begins with feature heard_from. Before its beginning and
        after its end the speech goes on as it began and ended. Raises UnusableInput for another encoder's features.
        """
        if features.encoder != self.config.encoder:
            raise UnusableInput(f"The articulation reader hears {self.config.encoder}, not {features.encoder}.")
        count = len(features.values) - first if count is None else count
        reach = self.config.reach
        index = np.arange(first - reach, first + count + reach) - heard_from
        heard = torch.from_numpy(features.values[np.clip(index, 0, len(features.values) - 1)]).float()
        logits: Tensor = self(heard[None])[0]
        return np.asarray(logits.softmax(dim=-1).numpy(), dtype=np.float32)

    def save(self, file: Path, extra: dict[str, str] | None = None) -> None:
        """Weights as fp16 safetensors, config as JSON in the header."""
        save_model(file, self, _FORMAT, json.dumps(asdict(self.config)), extra)

    @classmethod
    def load(cls, name: str | Path = DEFAULT_READER) -> ArticulationReader:
        """A registered reader by name, or a file written by save(). Raises UnusableInput when it is none."""
        file = name if isinstance(name, Path) else assets.path(name)
        return load_model(file, _FORMAT, "articulation reader", lambda config: cls(ReaderConfig(**config)))
