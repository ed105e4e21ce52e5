"""wav2vec 2.0 speech features, as the official denoiser was trained with (facts 1.2).

Needs the `hub` extra (transformers), imported only here and only when an encoder is loaded. The whole utterance goes
through the network at once, so memory grows with the square of its length: a minute is fine, ten are not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from dreamtalk.device import torch_threads
from dreamtalk.errors import AssetMissing, UnusableAudio
from dreamtalk.types import FEATURE_RATE, VIDEO_FPS, Float, Speech, SpeechFeatures

HUB_NAMES = {"wav2vec2-large-xlsr-53-english": "jonatasgrosman/wav2vec2-large-xlsr-53-english"}
"""Our name of an encoder to the Hugging Face hub's."""

FIELD, STRIDE = 400, 320
"""Samples that the first feature hears, and samples from one to the next, at 16 kHz."""

MAX_SECONDS = 600.0
"""Longest utterance: its attention takes about 3.5 GB per layer."""

_FEATURES_PER_FRAME = FEATURE_RATE // VIDEO_FPS
_VARIANCE_FLOOR = 1e-7
"""Added to the variance of the samples, as transformers' feature extractor does."""


class Wav2Vec2Encoder:
    """Whole utterances to last hidden states at 50 Hz. `name` is what a motion model calls it, `width` its numbers."""

    def __init__(self, model: Any, name: str, threads: int | None = None) -> None:
        """model: a transformers Wav2Vec2Model. threads: CPU threads to use while encoding; None: torch's."""
        self.name = name
        self.width = int(model.config.hidden_size)
        self._model = model.eval()
        self._threads = threads

    @classmethod
    def load(
        cls, name: str, source: str | Path | None = None, device: str = "cpu", threads: int | None = None
    ) -> Wav2Vec2Encoder:
        """The encoder that a motion model calls `name`.

        source: a folder as transformers saves it, or a name on the Hugging Face hub, which is then downloaded into
        transformers' own cache; by default the hub's name for `name`, where it is one of HUB_NAMES: what a stranger's
        model calls its encoder opens no connection. Raises AssetMissing when it cannot be had.
        """
        if source is None and name not in HUB_NAMES:
            raise AssetMissing(
                f"The speech encoder {name!r} is not known. Give its folder or hub name: --speech-encoder"
            )
        try:
            from transformers import Wav2Vec2Model
            from transformers.utils import logging
        except ImportError as error:
            raise AssetMissing(
                f"The speech encoder {name} needs the transformers library: pip install 'dreamtalk[hub]'"
            ) from error
        place = HUB_NAMES[name] if source is None else str(source)
        before = logging.get_verbosity()
        logging.set_verbosity_error()  # the checkpoint's text head is left out on purpose
        logging.disable_progress_bar()
        try:
            model = Wav2Vec2Model.from_pretrained(place, use_safetensors=True)  # never a pickle
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            raise AssetMissing(
                f"The speech encoder {place} is neither a folder with a wav2vec2 model nor one on the Hugging Face hub "
                f"that can be reached: {str(error).splitlines()[0]}"
            ) from error
        finally:
            logging.set_verbosity(before)
            logging.enable_progress_bar()
        return cls(model.to(device), name, threads)

    def encode(self, speech: Speech) -> SpeechFeatures:
        """Features (N, width), N = floor((S - 400) / 320) + 1 of S samples; feature n begins at sample 320 n.

        Raises UnusableAudio for speech shorter than one video frame's features, or longer than MAX_SECONDS.
        """
        if feature_count(len(speech.samples)) < _FEATURES_PER_FRAME:
            raise UnusableAudio(f"The speech is too short: {speech.seconds:.3f} s, at least 0.05 s are needed.")
        if speech.seconds > MAX_SECONDS:
            raise UnusableAudio(
                f"The speech lasts {speech.seconds:.0f} s; {self.name} takes at most {MAX_SECONDS:.0f} s at once."
            )
        with torch_threads(self._threads), torch.inference_mode():
            samples = torch.from_numpy(normalised(speech.samples))[None].to(self._model.device)
            values = self._model(samples).last_hidden_state[0].float().cpu().numpy()
        return SpeechFeatures(values, self.name)


def normalised(samples: Float) -> Float:
    """Samples (S,) with mean 0 and variance 1 over the utterance."""
    wide = samples.astype(np.float64)
    return np.asarray((wide - wide.mean()) / np.sqrt(wide.var() + _VARIANCE_FLOOR), dtype=np.float32)


def feature_count(samples: int) -> int:
    """N for so many samples at 16 kHz; 0 for less than one feature."""
    return max(0, (samples - FIELD) // STRIDE + 1)


def frame_count(features: int) -> int:
    """Video frames of N features: N // 2, frame i with feature 2 i."""
    return features // _FEATURES_PER_FRAME
