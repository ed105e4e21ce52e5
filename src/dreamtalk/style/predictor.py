"""The style predictor S_phi: from speech and a portrait to the style code of a face that speaks so (paper III-B).

    s(0) = S_phi(s(t), t, A, I),    L_pred = || s(0) - S_phi(s(t), t, A, I) ||^2    (eq. 4, 10)

A transformer encoder reads, in this order, the speech tokens A, the diffusion step t, a speaker token made of the
portrait's identity coefficients I, the noised style code s(t), and a learned query; what it makes of the query is the
clean code. Codes are those of one motion model's style encoder: a predictor goes with that model alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from dreamtalk import assets
from dreamtalk.errors import UnusableInput
from dreamtalk.motion.layers import EncoderLayer, sinusoid_table, time_embedding
from dreamtalk.motion.model import MotionModel
from dreamtalk.motion.sampler import ddim, ddpm
from dreamtalk.motion.schedule import VarianceSchedule
from dreamtalk.types import Float
from dreamtalk.weights import load_model, save_model

DEFAULT_PREDICTOR = "style-predictor-mesh64"

Sampler: TypeAlias = Literal["ddim", "ddpm"]

SAMPLER_STEPS = 10
"""Of DDIM. DDPM takes all of the schedule's."""

_FORMAT = "dreamtalk-style-predictor-1"

_SAME_CODE = 0.02
"""Two motion models whose codes of "no style" differ by less than this share of their length have the same style
encoder. Students and other number formats leave it as it is (0); a predictor's file rounds the code (0.0002)."""


@dataclass(frozen=True, slots=True)
class StylePredictorConfig:
    """Sizes of the network, and what it is made for. speaker and diffusion: False for the variants of Table V."""

    feature_size: int = 512
    identity_size: int = 32
    code_size: int = 128
    width: int = 128
    heads: int = 4
    hidden: int = 256
    layers: int = 2
    dropout: float = 0.2
    stride: int = 10
    """Speech features (at 50 Hz) whose mean is one token: 0.2 s."""
    tokens: int = 20
    """Most speech tokens heard at once: 4 s."""
    speaker: bool = True
    diffusion: bool = True
    encoder: str = "whisper-base-l3"
    face_space: str = "mesh64"
    anchors: tuple[str, ...] = ()
    """Named styles whose codes at the time of training are kept (see style/around.py)."""


class StylePredictor(nn.Module):
    """S_phi with its normalisers and sampler."""

    feature_mean: Tensor
    feature_std: Tensor
    identity_scale: Tensor
    code_mean: Tensor
    code_scale: Tensor
    null_code: Tensor
    anchors: Tensor
    position: Tensor

    def __init__(self, config: StylePredictorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.speech_in = nn.Linear(config.feature_size, width)
        self.summary_in = nn.Linear(config.feature_size, width, bias=False)
        self.layers = nn.ModuleList(
            EncoderLayer(width, config.heads, config.hidden, config.dropout) for _ in range(config.layers)
        )
        self.query = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.code_out = nn.Linear(width, config.code_size)
        if config.speaker:
            self.speaker_in = nn.Sequential(nn.Linear(config.identity_size, width), nn.SiLU(), nn.Linear(width, width))
        if config.diffusion:
            self.time_net = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            self.code_in = nn.Linear(config.code_size, width)
        self.schedule = VarianceSchedule.linear()
        self.register_buffer("position", sinusoid_table(config.tokens, width), persistent=False)
        self.register_buffer("feature_mean", torch.zeros(config.feature_size))
        self.register_buffer("feature_std", torch.ones(config.feature_size))
        self.register_buffer("identity_scale", torch.ones(config.identity_size))
        self.register_buffer("code_mean", torch.zeros(config.code_size))
        self.register_buffer("code_scale", torch.ones(1))
        self.register_buffer("null_code", torch.zeros(config.code_size))
        self.register_buffer("anchors", torch.zeros(len(config.anchors), config.code_size))

    @classmethod
    def load(cls, name: str | Path = DEFAULT_PREDICTOR) -> StylePredictor:
        """A registered predictor by name, or a .safetensors file written by save().

        Raises UnusableInput when the file is no style predictor.
        """
        file = name if isinstance(name, Path) else assets.path(name)

        def build(sizes: dict[str, Any]) -> StylePredictor:
            return cls(StylePredictorConfig(**{**sizes, "anchors": tuple(sizes["anchors"])}))

        return load_model(file, _FORMAT, "style predictor", build)

    @classmethod
    def debug(cls, model: MotionModel, seed: int = 0) -> StylePredictor:
        """A tiny predictor with random weights for a motion model, for tests that only need the shapes to fit."""
        sizes = model.config.denoiser
        config = StylePredictorConfig(
            feature_size=sizes.feature_size, code_size=sizes.width, width=16, heads=2, hidden=32, layers=1
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            predictor = cls(config).eval()
        predictor.null_code.copy_(torch.from_numpy(model.neutral_style().code))
        return predictor

    def save(self, file: Path, extra: dict[str, str] | None = None) -> None:
        """Weights as fp16 safetensors, config as JSON in the header."""
        save_model(file, self, _FORMAT, json.dumps(asdict(self.config)), extra)

    def check_fits(self, model: MotionModel) -> None:
        """Raises UnusableInput unless the codes made here are those of this motion model's style encoder."""
        if not same_codes(self.null_code.cpu().numpy(), model):
            raise UnusableInput(
                "The style predictor speaks the style codes of the motion model it was trained with, not of this one. "
                "Use --style auto without --motion-weights, or train a predictor: dreamtalk train style-predictor."
            )

    def forward(self, speech: Tensor, padded: Tensor | None, identity: Tensor, noised: Tensor, t: Tensor) -> Tensor:
        """The clean code (B, D), in the network's units.

        speech: (B, M, F) tokens, means of raw features; padded: (B, M) True where there is none. identity: (B, I)
        coefficients of the portrait. noised: (B, D) s(t) in the network's units. t: (B,) or (1,) diffusion steps. The
        variants without speaker or diffusion leave out the tokens they do not know.
        """
        rows, width = len(speech), self.config.width
        units = (speech - self.feature_mean) / self.feature_std
        parts = [self.speech_in(units) + self._summary(units, padded) + self.position[: speech.shape[1]]]
        if self.config.diffusion:
            parts.append(self.time_net(time_embedding(t, width))[:, None].expand(rows, 1, width))
        if self.config.speaker:
            parts.append(self.speaker_in(identity / self.identity_scale)[:, None])
        if self.config.diffusion:
            parts.append(self.code_in(noised)[:, None])
        x = torch.cat([*parts, self.query.expand(rows, 1, width)], dim=1)
        mask = None
        if padded is not None:
            mask = torch.cat([padded, padded.new_zeros(rows, x.shape[1] - speech.shape[1])], dim=1)
        for layer in self.layers:
            x = layer(x, mask)
        return torch.as_tensor(self.code_out(x[:, -1]))

    def _summary(self, units: Tensor, padded: Tensor | None) -> Tensor:
        """What the mean of all tokens says (B, 1, D), added to each: it alone tells most of the emotion."""
        if padded is None:
            return torch.as_tensor(self.summary_in(units.mean(dim=1, keepdim=True)))
        there = (~padded).to(units.dtype)[:, :, None]
        return torch.as_tensor(self.summary_in((units * there).sum(1, keepdim=True) / there.sum(1, keepdim=True)))

    def normalise(self, code: Tensor) -> Tensor:
        """Style codes to the network's units."""
        return (code - self.code_mean) / self.code_scale

    @torch.inference_mode()
    def draw(
        self,
        speech: Sequence[Float],
        identity: Float,
        count: int,
        seed: int = 0,
        sampler: Sampler = "ddim",
        steps: int = SAMPLER_STEPS,
    ) -> Float:
        """`count` style codes (R, count, D) of faces that speak so, for each of R speeches; same seed, same codes.

        speech: tokens (M, F) each, of which at most config.tokens are heard. identity: (I,), or (R, I) one for each.
        The variant without diffusion knows one code only and gives it `count` times.
        """
        heard, padded = _stacked([part[: self.config.tokens] for part in speech])
        heard, padded = heard.repeat_interleave(count, 0), padded.repeat_interleave(count, 0)
        each = np.broadcast_to(np.asarray(identity, np.float32), (len(speech), self.config.identity_size))
        people = torch.from_numpy(each.copy()).repeat_interleave(count, 0)
        chance = torch.Generator().manual_seed(seed)

        def noise(_: int = 0) -> Tensor:
            return torch.randn(len(heard), self.config.code_size, generator=chance)

        def predict(x_t: Tensor, t: int) -> Tensor:
            made: Tensor = self(heard, padded, people, x_t, torch.tensor([t]))
            return made

        start = noise()
        if not self.config.diffusion:
            x0 = predict(start, 1)
        elif sampler == "ddpm":
            x0 = ddpm(predict, start, self.schedule, noise)
        else:
            x0 = ddim(predict, start, self.schedule, steps, spacing="trailing")
        codes = (x0 * self.code_scale + self.code_mean).view(len(speech), count, -1)
        return np.asarray(codes.numpy(), dtype=np.float32)


def same_codes(null_code: Float, model: MotionModel) -> bool:
    """Whether a motion model has the style encoder that says `null_code` (D,) of no style.

    The file's checksum would not do: a model read in another number format is the same model.
    """
    its = model.neutral_style().code
    own = np.asarray(null_code, dtype=np.float32)
    return own.shape == its.shape and bool(np.linalg.norm(own - its) <= _SAME_CODE * np.linalg.norm(own))


def _stacked(speech: Sequence[Float]) -> tuple[Tensor, Tensor]:
    """Speeches (R, M, F) of the longest one's length, and (R, M) True after their ends."""
    most = max(len(part) for part in speech)
    stacked = np.zeros((len(speech), most, speech[0].shape[1]), np.float32)
    padded = np.ones((len(speech), most), np.bool_)
    for row, part in enumerate(speech):
        stacked[row, : len(part)], padded[row, : len(part)] = part, False
    return torch.from_numpy(stacked), torch.from_numpy(padded)


def densest(codes: Float, reach: float) -> int:
    """Which of the codes (K, D) has the most others near it: the centre of the commonest among several opinions.

    reach: distance at which another one counts for exp(-1/2).
    """
    apart = np.linalg.norm(codes[:, None] - codes[None], axis=2)
    return int(np.exp(-0.5 * (apart / reach) ** 2).sum(axis=1).argmax())
