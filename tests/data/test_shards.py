"""Prepared folders: what is written is read again, one clip at a time, by us and by anyone's Parquet reader."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from tests.data.prepared import ENCODER, LOUD, make_prepared

from dreamtalk.data.manifest import FILE, Manifest, is_prepared
from dreamtalk.data.prepared import load_prepared
from dreamtalk.data.shards import ClipArrays, PreparedClip, read_shards, write_shard
from dreamtalk.data.talkers import TalkingClip
from dreamtalk.errors import UnusableInput

pytest.importorskip("pyarrow", reason="prepared folders need pyarrow (pip install 'dreamtalk[train]')")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_prepared(tmp_path_factory.mktemp("prepared"))


def test_what_is_written_is_read_again(tmp_path: Path, folder: Path) -> None:
    clips = [PreparedClip(h.info, h.quality, h.arrays()) for h in read_shards(folder)]
    write_shard(tmp_path / "shard-00000.parquet", clips)
    manifest = read_shards(folder).manifest
    entry = replace(manifest.shards[0], file="shard-00000.parquet", clips=len(clips))
    replace(manifest, shards=(entry,)).write(tmp_path)
    again = read_shards(tmp_path)
    assert len(again) == 10
    for number in (9, 0, 4):  # in any order
        assert again[number].info == clips[number].info
        for field in fields(ClipArrays):
            np.testing.assert_array_equal(again[number].array(field.name), getattr(clips[number].arrays, field.name))


def test_the_same_clips_give_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    again = make_prepared(tmp_path / "again")
    for file in folder.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_others_can_read_a_shard(folder: Path) -> None:
    import pyarrow.parquet as parquet

    row = parquet.read_table(folder / "shard-00000.parquet").to_pylist()[1]
    clip = read_shards(folder)[1]
    assert row["speaker"] == "ben" and len(row["expression"]) == 64 * row["frames"]
    features = np.frombuffer(row["features"], "<f2").reshape(-1, row["feature_size"])
    np.testing.assert_array_equal(features, clip.array("features"))


def test_arrays_that_do_not_fit_are_refused_and_leave_no_file(tmp_path: Path, folder: Path) -> None:
    handle = read_shards(folder)[0]
    arrays = replace(handle.arrays(), pose=handle.array("pose")[:-1])
    with pytest.raises(ValueError, match="pose has the shape"):
        write_shard(tmp_path / "shard.parquet", [PreparedClip(handle.info, handle.quality, arrays)])
    assert list(tmp_path.iterdir()) == []


def test_a_reader_travels_to_other_processes(folder: Path) -> None:
    clips = read_shards(folder)
    first = clips[3].array("pose")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clips))[3].array("pose"), first)


def test_a_folder_without_manifest_is_not_finished(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "shard-00000.parquet").write_bytes((folder / "shard-00000.parquet").read_bytes())
    assert not is_prepared(tmp_path) and is_prepared(folder)
    with pytest.raises(UnusableInput, match="not a finished prepared folder"):
        read_shards(tmp_path)


def test_a_damaged_shard_is_named(tmp_path: Path, folder: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "shard-00001.parquet").write_bytes(b"PAR1 is not enough")
    with pytest.raises(UnusableInput, match=r"shard-00001\.parquet cannot be read"):
        read_shards(tmp_path)


def test_another_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"format": "something else"}')
    with pytest.raises(UnusableInput, match="not of the format"):
        Manifest.read(tmp_path)


def test_talkers_come_without_blinks_rare_speakers_first(folder: Path) -> None:
    talkers = load_prepared(folder, ENCODER)
    assert {t.speaker for t in talkers[:6]} == {"ben", "cleo"} and talkers[-1].speaker == "ada"
    handle = read_shards(folder)[1]
    talker = talkers[0]
    assert talker.id == handle.info.id == "made-001" and not talker.rest
    np.testing.assert_array_equal(talker.expression, handle.array("unblinking"))
    assert np.abs(handle.array("expression") - talker.expression).max() > 0.01
    assert talker.features.dtype == np.float32 and len(talker.features) == 2 * len(talker.expression)
    assert np.corrcoef(talker.features[::2, LOUD].mean(axis=1), talker.closure)[0, 1] > 0.95


def test_a_changed_copy_of_a_talker_is_a_plain_clip(folder: Path) -> None:
    talker = load_prepared(folder, ENCODER, max_clips=1)[0]
    copy = replace(talker, expression=talker.expression[:10])
    assert type(copy) is TalkingClip and len(copy.expression) == 10 and copy.speaker == talker.speaker


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"encoder": "wav2vec2"}, "prepared with whisper-base-l3, but this training needs wav2vec2"),
        ({"split": "dev"}, "no licence-clean talking clips in its split 'dev'"),
        ({"face_space": "bfm64"}, "prepared with mesh64"),
    ],
)
def test_a_folder_for_something_else_is_refused(folder: Path, choice: dict[str, str], message: str) -> None:
    with pytest.raises(UnusableInput, match=message):
        load_prepared(folder, **{"encoder": ENCODER, **choice})
