"""The motion model as it is shipped and used: speech features and a style in, expression out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dreamtalk import assets
from dreamtalk.errors import UnusableInput
from dreamtalk.motion.baselines import make_network
from dreamtalk.motion.closure import lips_meet
from dreamtalk.motion.denoiser import DenoiserConfig
from dreamtalk.motion.formats import EachStyle, Format, Precision, choose_format, compiled, computing, convert
from dreamtalk.motion.sampler import Sampling, Scale, ddim, frame_noise, guided
from dreamtalk.motion.schedule import Spacing, VarianceSchedule
from dreamtalk.style.timeline import Halves, StyleFrames, constant
from dreamtalk.types import Float, SpeechFeatures, Style
from dreamtalk.weights import load_model, save_model

DEFAULT_MODEL = "denoiser-mesh64"
_CHUNK = 250
"""Frames denoised at once: memory stays flat, and chunks equal the whole because frames are independent."""

_FORMAT = "dreamtalk-motion-1"

_MEASURED = "mesh64"
"""The face space of the weights whose quality was measured in every number format (docs/fast_motion.md)."""

_WIDE = 256
"""Width from which on a network is faster in smaller number formats."""


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Everything besides the weights that sampling needs; saved with them."""

    denoiser: DenoiserConfig
    encoder: str = "whisper-base-l3"
    face_space: str = "mesh64"
    noise_smoothing: float = 3.0
    """Standard deviation, in frames, of the noise's kernel along time."""
    upper_smoothing: float | None = None
    """The same for the upper face; None: as for the lower. Brows change more slowly than lips."""
    lower_temperature: float = 1.0
    """Size of the lower face's noise when motion is drawn: 1 draws from what was learned, 0 takes its centre."""
    steps: int = 10
    """Steps of the sampler that this model is for; a student needs fewer (train/student.py)."""
    spacing: Spacing = "leading"
    """Which diffusion steps they are."""
    shifted: bool = False
    """Whether the model has a `style_shift`."""


class MotionModel(nn.Module):
    """The denoiser with its normalisers, schedule and sampler."""

    feature_mean: Tensor
    feature_std: Tensor
    expression_scale: Tensor
    expression_mean: Tensor
    aperture: Tensor
    opening: Tensor
    """(E,) each, see closure.lips_meet; all 0 where lips are left as they are."""
    style_shift: Tensor | None
    """(E, D) what the network leaves out of a style's mean pose, read from its code less that of no style
    (train/style_shift.py)."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        self.config = config
        self.denoiser = make_network(config.denoiser)
        self.schedule = VarianceSchedule.linear()
        self.register_buffer("feature_mean", torch.zeros(config.denoiser.feature_size))
        self.register_buffer("feature_std", torch.ones(config.denoiser.feature_size))
        self.register_buffer("expression_mean", torch.zeros(config.denoiser.expression_size))
        self.register_buffer("expression_scale", torch.ones(config.denoiser.expression_size))
        self.register_buffer("aperture", torch.zeros(config.denoiser.expression_size))
        self.register_buffer("opening", torch.zeros(config.denoiser.expression_size))
        shift = torch.zeros(config.denoiser.expression_size, config.denoiser.width) if config.shifted else None
        self.register_buffer("style_shift", shift)
        self.number_format: Format = "float32"
        self._each: EachStyle = self.denoiser.each_style
        self._nothing: Tensor | None = None

    @classmethod
    def load(
        cls,
        name: str | Path = DEFAULT_MODEL,
        device: str = "cpu",
        precision: Precision = "float32",
        compile: bool = False,
    ) -> MotionModel:
        """A registered model by name, or a .safetensors file written by save().

        precision, compile: see `faster`. Raises UnusableInput when the file is no such model.
        """
        file = name if isinstance(name, Path) else assets.path(name)
        model = load_model(file, _FORMAT, "motion model", lambda values: cls(config_of(values)))
        return model.to(device).faster(precision, compile)

    def faster(self, precision: Precision = "auto", compile: bool = False) -> MotionModel:
        """This model, in place, made faster. For use only: it can neither be trained nor saved any more.

        precision: number format of the matrix products; "auto" is the fastest one that weights like these were measured
        to be as good in (docs/fast_motion.md); one that the device has no instructions for becomes float32. compile:
        compile the network (formats.compiled), for GPUs. Raises UnusableInput for an unknown precision.
        """
        device = self.feature_mean.device.type
        worth_it = self.config.face_space == _MEASURED and self.config.denoiser.width >= _WIDE
        self.number_format = choose_format(precision, device, worth_it)
        convert(self.denoiser, self.number_format)
        if compile:
            self._each = compiled(self.denoiser)
        with torch.inference_mode():
            self._nothing = self.denoiser.null_style()
        return self

    @classmethod
    def debug(cls, seed: int = 0) -> MotionModel:
        """A tiny model with random weights, for tests that only need the shapes to fit."""
        tiny = DenoiserConfig(feature_size=512, lower=tuple(range(40)), width=16, heads=2, hidden=32, layers=1)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return cls(MotionConfig(replace(tiny, style_layers=1))).eval()

    def save(self, file: Path, extra: dict[str, str] | None = None, precision: torch.dtype = torch.float16) -> None:
        """Weights as safetensors of that precision, config as JSON in the header."""
        save_model(file, self, _FORMAT, json.dumps(asdict(self.config)), extra, precision)

    @torch.inference_mode()
    def encode_style(self, expression: Float, source: str) -> Style:
        """The style code of a clip (T, E) of expression at 25 fps: its first 256 frames (10.24 s)."""
        if len(expression) == 0 or expression.shape[1] != self.config.denoiser.expression_size:
            raise UnusableInput(f"The style clip {source} has no frames of this model's face space.")
        frames = torch.from_numpy(expression[: self.config.denoiser.style_frames]).to(self.expression_mean)
        clip = self.normalise(frames)
        code = self.denoiser.encode_style(clip[None])
        return Style(code=code[0].cpu().numpy(), source=source)

    @torch.inference_mode()
    def neutral_style(self) -> Style:
        """The style of no particular emotion: what the network says when it is told nothing."""
        return Style(code=self._no_style()[0].cpu().numpy(), source="neutral")

    @torch.inference_mode()
    def generate(
        self,
        features: SpeechFeatures,
        style: Style | StyleFrames,
        frames: int,
        intensity: float | Halves = 1.0,
        seed: int = 0,
        steps: int | None = None,
        start: int = 0,
        first_feature: int = 0,
        eta: float = 0.0,
    ) -> Float:
        """Expression (frames, E) for frames start, start + 1, ... of the speech.

        style: one for all frames, or one for each of them. intensity: guidance scale omega (paper eq. 9), 0 = neutral,
        1 = the style, up to about 2, for the whole face or for its halves; style.guidance times it. features: the whole
        utterance's, or the part from feature number first_feature on that these frames and their windows need. steps:
        of the sampler; None: as many as the model is for. eta: see Sampling. The same seed gives the same numbers,
        whatever the chunks (in number formats below float32 but for their rounding).
        """
        if features.encoder != self.config.encoder:
            raise UnusableInput(f"This model hears {self.config.encoder}, not {features.encoder}.")
        if first_feature + features.values.shape[0] < 2 * (start + frames) - 1:
            raise ValueError(f"{frames} frames from {start} need {2 * (start + frames)} features at 50 Hz")
        styles = constant(style) if isinstance(style, Style) else style
        sampling = Sampling(steps or self.config.steps, eta, seed, self.config.spacing)
        chunks = []
        for at in range(start, start + frames, _CHUNK):
            count = min(_CHUNK, start + frames - at)
            manner = self._manner(styles.part(at - start, count), intensity)
            chunks.append(self._generate_chunk(features, first_feature, manner, at, count, sampling))
        return np.concatenate(chunks)

    def _manner(self, styles: StyleFrames, intensity: float | Halves) -> tuple[Tensor, Scale]:
        """Style code (1, D) or (L, 1, D) and guidance scale of some frames."""
        device = self.feature_mean.device
        code = torch.from_numpy(styles.code).to(device)
        upper, lower = intensity if isinstance(intensity, Halves) else (intensity, intensity)
        if styles.steady and upper == lower:
            return code, float(upper * styles.strength[0])
        config = self.config.denoiser
        scale = np.empty((len(styles.strength), config.expression_size))
        scale[:, config.upper] = upper * styles.strength[:, None]
        scale[:, config.lower] = lower * styles.strength[:, None]
        return code if styles.steady else code[:, None], torch.from_numpy(scale.astype(np.float32)).to(device)

    def _generate_chunk(
        self,
        features: SpeechFeatures,
        first_feature: int,
        manner: tuple[Tensor, Scale],
        start: int,
        frames: int,
        sampling: Sampling,
    ) -> Float:
        device = self.feature_mean.device
        with computing(self.number_format, device.type):
            prepared = self.denoiser.prepare(self._content(features.values, first_feature, start, frames))

        def each(x_t: Tensor, t: int, codes: Tensor) -> Tensor:
            with computing(self.number_format, device.type):
                made = self._each(x_t, torch.tensor([t], device=device), prepared, codes.to(prepared.dtype))
            return made.float()

        def noise(step: int) -> Tensor:
            return self._noise(sampling.seed, start, frames, step)

        code, scale = manner
        predict = guided(each, code, self._no_style, scale)
        open_variance = self.denoiser.residual_log_variance
        variance = None if open_variance is None else open_variance.exp()
        x0 = ddim(predict, noise(0), self.schedule, sampling.steps, sampling.eta, noise, sampling.spacing, variance)
        expression = lips_meet(self.denormalise(x0) + self._shift(code, scale), self.aperture, self.opening)
        return np.asarray(expression.cpu().numpy(), dtype=np.float32)

    def _shift(self, code: Tensor, scale: Scale) -> Tensor | float:
        """(1 or L, E) by which the mean pose of style codes (1, D) or (L, 1, D) moves besides; none in no style."""
        if self.style_shift is None:
            return 0.0
        told = (code - self._no_style()).flatten(0, -2)
        return scale * (told @ self.style_shift.T)

    def _no_style(self) -> Tensor:
        """The code (1, D) that says nothing; made once where weights stay as they are (`faster`)."""
        return self.denoiser.null_style() if self._nothing is None else self._nothing

    def _noise(self, seed: int, start: int, frames: int, step: int) -> Tensor:
        """Noise (frames, E) for absolute frames start, ..., each half of the face at its own speed and temperature."""
        config, size = self.config, self.config.denoiser.expression_size
        drawn = frame_noise(seed, start, frames, size, config.noise_smoothing, step)
        upper, lower = list(config.denoiser.upper), list(config.denoiser.lower)
        if config.upper_smoothing is not None:
            drawn[:, upper] = frame_noise(seed, start, frames, size, config.upper_smoothing, step)[:, upper]
        drawn[:, lower] *= config.lower_temperature
        return drawn.to(self.feature_mean.device)

    def _content(self, values: Float, first_feature: int, start: int, frames: int) -> Tensor:
        """Content tokens (frames, W, D) of frames start, ... from features (N, F), the first being first_feature."""
        window, total = self.config.denoiser.window, len(values)
        needed = np.arange(2 * start - window, 2 * (start + frames) + window) - first_feature
        inside = np.clip(needed, 0, total - 1)
        heard = torch.from_numpy(values[inside]).to(self.feature_mean.device)
        heard = (heard - self.feature_mean) / self.feature_std
        if self.config.denoiser.edges == "zeros":
            heard[torch.from_numpy(needed != inside)] = 0.0
        return self.denoiser.encode_neighboured(heard[None], frames)[0]

    def normalise(self, expression: Tensor) -> Tensor:
        """Expression in the face space's units to the network's."""
        return (expression - self.expression_mean) / self.expression_scale

    def denormalise(self, values: Tensor) -> Tensor:
        """The network's units to the face space's."""
        return values * self.expression_scale + self.expression_mean


def config_of(values: dict[str, Any]) -> MotionConfig:
    """The config that save() wrote, as JSON has it."""
    sizes = values["denoiser"]
    denoiser = DenoiserConfig(**{**sizes, "lower": tuple(sizes["lower"])})
    return MotionConfig(**{**values, "denoiser": denoiser})
