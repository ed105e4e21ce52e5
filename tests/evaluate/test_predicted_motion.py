"""MD of predicted styles, on ten made-up clips with motion of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.prepared import make_prepared

from dreamtalk.data.shards import read_shards
from dreamtalk.evaluate.predicted_motion import PredictedMotion
from dreamtalk.motion import MotionModel
from dreamtalk.train.style_pairs import Utterance

pytest.importorskip("pyarrow")


def test_the_right_motion_is_that_of_the_clip_and_its_own_style_comes_nearest(tmp_path: Path) -> None:
    data, model = make_prepared(tmp_path / "ten"), MotionModel.load()
    clips = list(read_shards(data))
    said = [Utterance(clip.info.id, clip.info.speaker, "happy", "1", (), (0,)) for clip in clips]
    own = np.stack([model.encode_style(np.array(clip.array("expression")), "own").code for clip in clips])
    spoken = PredictedMotion.of(data, tmp_path, said, own, model, most=4)
    assert spoken.rows.tolist() == [0, 3, 6, 9]
    np.testing.assert_array_equal(spoken.right[1], clips[3].array("expression"))
    frames = len(spoken.right[0])
    made = spoken.in_styles(own)[0][:frames]
    by_hand = np.mean(np.sqrt(((made.astype(float) - spoken.right[0]) ** 2).sum(axis=1)))
    assert spoken.distances(own)[0] == pytest.approx(by_hand, rel=1e-5)
    far = own + 3.0 * np.random.default_rng(0).standard_normal(own.shape).astype(np.float32)
    assert spoken.distances(own).mean() < spoken.distances(far).mean()
