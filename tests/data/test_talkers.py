"""Talking clips: sound and picture in step, no blinks, silence where silence was put."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.audio import SpeechEncoder
from dreamtalk.data.talkers import TalkingClip, shift_features, with_silence
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput

COLUMNS = (
    "id,file,split,kind,dataset,speaker,gender,language,emotion,intensity,statement,repetition,duration_s,frames,fps,"
    "width,height,licence_class,source,transcript,note"
)


@pytest.fixture
def talkset(tmp_path: Path) -> Path:
    rows = [
        "a,video/a.mp4,train,av,GRID,s1,m,en,neutral,,,,3.00,75,25,256,256,clean,x,bin blue,",
        "b,video/b.mp4,dev,av,other,o,f,en,,,,,5.00,125,25,256,256,unclear,x,,",
    ]
    (tmp_path / "clips.csv").write_text("\n".join([COLUMNS, *rows]))
    (tmp_path / "lags.csv").write_text("id,lag_frames,r_at_lag,r_at_0\nb,-3.0,0.9,0.1\n")
    return tmp_path


def test_talkset_rows_and_their_lags(talkset: Path) -> None:
    first, second = read_talkset(talkset)
    assert first.clean and not second.clean and first.frames == 75 and first.file == talkset / "video/a.mp4"
    assert (first.lag_frames, second.lag_frames) == (0.0, -3.0)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"clips\.csv is missing"):
        read_talkset(tmp_path)


def test_late_sound_is_advanced_only_when_the_lag_is_trusted(talkset: Path) -> None:
    clip: Clip = read_talkset(talkset)[1]
    features = np.arange(100, dtype=np.float32)[:, None]
    assert shift_features(features, clip)[10, 0] == 16  # 3 frames late: 6 features further on
    assert shift_features(features, replace(clip, lag_fit=0.5))[10, 0] == 10


def test_silence_around_a_clip_is_rest_and_the_clip_itself_is_kept(talkset: Path, examples: Path) -> None:
    clip = replace(read_talkset(talkset)[0], file=examples / "speech.wav")
    talk = np.random.default_rng(0).standard_normal((100, 64)).astype(np.float32)
    talker = TalkingClip("a", talk, np.ones(100, np.float32), np.zeros((200, 512), np.float32), "s1")
    padded = with_silence(clip, talker, SpeechEncoder.load(threads=1), seconds=1.0, noise=0.0)
    assert padded.rest and len(padded.features) == 2 * len(padded.expression)
    np.testing.assert_array_equal(padded.expression[25:125], talk)
    assert np.abs(padded.expression[:19]).max() == 0 and np.abs(padded.expression[131:]).max() == 0
    # The encoder hears the same silence whatever it is called: early features are those of digital silence.
    assert np.abs(padded.features[2:30] - padded.features[102 + 2 : 102 + 2 + 28]).mean() > 0.1
