"""One pass over the clips gives what all frames at once would."""

from __future__ import annotations

import numpy as np

from dreamtalk.data.statistics import measure_talkers
from dreamtalk.data.talkers import TalkingClip


def test_one_pass_equals_all_frames_at_once() -> None:
    rng = np.random.default_rng(0)
    aperture = rng.standard_normal(64).astype(np.float32)
    talkers = [
        TalkingClip(
            f"c{n}",
            (0.3 * (n % 3) + rng.standard_normal((20 + n, 64)) * rng.random(64)).astype(np.float32),
            np.zeros(20 + n, np.float32),
            np.zeros((2, 4), np.float32),
            "abc"[n % 3],
        )
        for n in range(7)
    ]
    made = measure_talkers(iter(talkers), aperture)
    means = {s: np.concatenate([t.expression for t in talkers if t.speaker == s]).mean(axis=0) for s in "abc"}
    for name, mean in means.items():
        np.testing.assert_allclose(made.speaker_means[name], mean, atol=1e-5)
    np.testing.assert_allclose(made.clip_means, [t.expression.mean(axis=0) for t in talkers], atol=1e-5)
    assert made.owners == ("a", "b", "c", "a", "b", "c", "a")
    frames = np.concatenate([t.expression - means[t.speaker] for t in talkers])
    opening = frames @ aperture
    np.testing.assert_allclose(made.opening, frames.T @ opening / (opening @ opening), atol=1e-5)
