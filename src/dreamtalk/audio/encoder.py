"""SpeechEncoder: 16 kHz samples to Whisper features at 50 Hz, in fixed windows, with flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk import assets
from dreamtalk.audio.mel import LogMel
from dreamtalk.audio.weights import load_encoder
from dreamtalk.audio.whisper import WhisperEncoder
from dreamtalk.audio.windows import WINDOWS, SampleBuffer, Window
from dreamtalk.device import torch_threads
from dreamtalk.types import FEATURE_RATE, SAMPLE_RATE, VIDEO_FPS, Float, Latency, Speech, SpeechFeatures

_BLOCK = 10 * SAMPLE_RATE
"""Samples handed on at a time when a whole file is encoded; any number gives the same features."""

FEATURES_PER_FRAME = FEATURE_RATE // VIDEO_FPS


class SpeechEncoder:
    """What speech sounds like, 50 times per second.

    Feature n is centred on time n / 50 s. Values are raw activations (not normalised); `width` of them per time.
    """

    def __init__(self, model: WhisperEncoder, name: str, threads: int | None = None) -> None:
        self.name = name
        self.width = model.config.width
        self._model = model.eval()
        self._mel = LogMel()
        self._threads = threads
        self._silences: dict[Window, Float] = {}

    @classmethod
    def load(cls, name: str = "whisper-base-l3", threads: int | None = None) -> SpeechEncoder:
        """The embedded encoder `name` of the asset registry. threads: CPU threads to use while encoding; None: torch's.

        Raises AssetMissing when its file is absent or damaged.
        """
        return cls(load_encoder(assets.path(name)), name, threads)

    @classmethod
    def from_file(cls, path: Path, threads: int | None = None) -> SpeechEncoder:
        """An encoder in our own safetensors format that is not in the registry (experiments, conversions)."""
        return cls(load_encoder(path), path.stem, threads)

    def encode(self, speech: Speech, latency: Latency = "quality") -> SpeechFeatures:
        """Features (N, width) of a whole speech, N = 2 x speech.frames; what follows the end is silence."""
        stream = FeatureStream(self, latency)
        blocks = [stream.push(speech.samples[at : at + _BLOCK]) for at in range(0, len(speech.samples), _BLOCK)]
        values = np.concatenate([*blocks, stream.finish()])
        return SpeechFeatures(values[: FEATURES_PER_FRAME * speech.frames], self.name)

    def stream(self, latency: Latency = "live") -> FeatureStream:
        """For audio that arrives piece by piece: the same features as `encode` with the same latency."""
        return FeatureStream(self, latency)

    def window(self, samples: Float, window: Window, around: int = 0) -> Float:
        """One window: samples (window.samples,) to the features it keeps and, of those it heard besides, `around` on
        either side: (window.keep + 2 around, width). Silence is heard once; any number of threads may call this.
        """
        kept = slice(window.before - around, window.before + window.keep + around)
        if samples.any():
            return self._hear(samples)[kept]
        if window not in self._silences:
            self._silences[window] = self._hear(samples)
        return np.asarray(self._silences[window][kept].copy())

    def _hear(self, samples: Float) -> Float:
        """All features (window.length, width) of one window."""
        with torch_threads(self._threads), torch.inference_mode():
            mel: Tensor = self._mel(torch.from_numpy(samples)[None])
            features: Tensor = self._model(mel)[0]
        return np.asarray(features.numpy(), np.float32)


class FeatureStream:
    """Features as soon as the samples they need have come in. One use: push ..., finish."""

    def __init__(self, encoder: SpeechEncoder, latency: Latency) -> None:
        self._encoder = encoder
        self._window = WINDOWS[latency]
        self._buffer = SampleBuffer(self._window)
        self._samples = 0
        self._given = 0

    def push(self, samples: Float) -> Float:
        """Add the next samples (n,), any n. Returns the features (m, width) that are complete now; m is often 0."""
        self._samples += len(samples)
        self._buffer.push(samples)
        return self._collect(self._complete())

    def finish(self) -> Float:
        """The features that were still waiting for what follows: silence. In all there are 2 per video frame begun."""
        total = FEATURES_PER_FRAME * max(1, -(-self._samples * VIDEO_FPS // SAMPLE_RATE))
        rest = self._collect(self._padded(total))
        return rest[: len(rest) - max(0, self._given - total)]

    def _complete(self) -> Iterator[Float]:
        while self._buffer.ready():
            yield self._encoder.window(self._buffer.pop(), self._window)

    def _padded(self, total: int) -> Iterator[Float]:
        while self._given < total:
            yield self._encoder.window(self._buffer.pop(), self._window)

    def _collect(self, parts: Iterator[Float]) -> Float:
        blocks = [np.zeros((0, self._encoder.width), np.float32)]
        for part in parts:
            self._given += len(part)
            blocks.append(part)
        return np.concatenate(blocks)
