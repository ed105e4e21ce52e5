"""The cepstrum SyncNet hears, against python_speech_features."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.metrics.mfcc import mfcc


def test_equals_python_speech_features() -> None:
    """Values of python_speech_features 0.6 on the same second of noise, computed once by hand."""
    noise = np.random.default_rng(0).standard_normal(16000) * 3000 * np.sin(np.arange(16000) / 900)
    found = mfcc(noise.astype(np.int16).astype(np.float32) / 32768)
    assert found.shape == (13, 99)
    other = [19.62923769, -36.53606185, -12.17900866, -14.46878703, -1.2863963, -3.26575243, 0.12123417]
    assert found[:7, 50] == pytest.approx(other, abs=1e-4)
    assert found[:4, 0] == pytest.approx([19.23017724, -37.74818408, -8.62040116, -8.69087392], abs=1e-3)


def test_silence_is_finite_and_time_goes_on_at_100_per_second() -> None:
    found = mfcc(np.zeros(32000, np.float32))
    assert np.isfinite(found).all()
    assert found.shape[1] == 199
