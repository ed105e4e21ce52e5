"""Test lists: the rule of every data set, the user's own list, and lags that are believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.test_adapters import plant

from dreamtalk.data.held_out import held_out, read_list
from dreamtalk.errors import UnusableInput

CLIPS = "id,file,split,kind,dataset,speaker,emotion,intensity,frames,licence_class,transcript\n"
LAGS = "id,lag_frames,r_at_lag,r_at_0\n"


def ids(dataset: str, root: Path, listed: Path | None = None) -> list[str]:
    return [clip.id for clip in held_out(dataset, root, listed).clips]


def test_mead_takes_the_actors_that_the_authors_ship(tmp_path: Path) -> None:
    plant(tmp_path, [f"{actor}/video/front/angry/level_3/001.mp4" for actor in ("M003", "M030", "W009", "W011")])
    assert ids("mead", tmp_path) == [f"mead-{actor}-angry-3-001" for actor in ("M030", "W009", "W011")]
    assert held_out("mead", tmp_path).published == "MEAD"


def test_ravdess_takes_actors_that_no_weights_have_heard(tmp_path: Path) -> None:
    plant(tmp_path, [f"Actor_{n:02d}/01-01-03-02-01-01-{n:02d}.mp4" for n in (1, 20, 21, 24)])
    assert ids("ravdess", tmp_path) == ["ravdess-01-01-03-02-01-01-21", "ravdess-01-01-03-02-01-01-24"]


def test_hdtf_takes_a_tenth_of_the_talkers_and_all_of_their_clips(tmp_path: Path) -> None:
    plant(tmp_path, [f"RD_Radio{n}_{part:03d}.mp4" for n in range(200) for part in (0, 1)])
    found = ids("hdtf", tmp_path)
    assert 20 < len(found) < 60
    assert {name[:-1] + "0" for name in found} == {name for name in found if name.endswith("0")}
    assert found == ids("hdtf", tmp_path), "the same talkers every time"


def test_voxceleb2_takes_the_makers_test(tmp_path: Path) -> None:
    plant(tmp_path, ["dev/mp4/id1/a/00001.mp4", "test/mp4/id2/b/00001.mp4"])
    assert ids("voxceleb2", tmp_path) == ["vox2-id2-b-00001"]


def test_a_folder_is_all_of_it_or_what_its_table_marks(tmp_path: Path) -> None:
    plant(tmp_path, ["a.mp4", "b.mp4"])
    assert ids("folder", tmp_path) == ["a", "b"]
    (tmp_path / "clips.csv").write_text("id,split,emotion\na,train,happy\nb,test,sad\n")
    found = held_out("folder", tmp_path)
    assert [(clip.id, clip.emotion) for clip in found.clips] == [("b", "sad")]


def test_a_list_decides_and_unknown_names_are_told(tmp_path: Path) -> None:
    plant(tmp_path, ["a.mp4", "b.mp4", "c.mp4"])
    (tmp_path / "list.txt").write_text("# of Friday\nc.mp4\na\n")
    assert ids("folder", tmp_path, tmp_path / "list.txt") == ["a", "c"]
    (tmp_path / "list.csv").write_text("speaker,id\nx,b\n")
    assert read_list(tmp_path / "list.csv") == ["b"]
    (tmp_path / "list.txt").write_text("d\n")
    with pytest.raises(UnusableInput, match="names clips that are not there: d"):
        ids("folder", tmp_path, tmp_path / "list.txt")
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(UnusableInput, match="names no clips"):
        read_list(tmp_path / "list.txt")


def test_nothing_left_is_said_with_the_rule(tmp_path: Path) -> None:
    plant(tmp_path, ["M003/video/front/angry/level_3/001.mp4"])
    with pytest.raises(UnusableInput, match="M030, W009, W011"):
        held_out("mead", tmp_path)


def test_the_talkset_gives_dev_talks_silent_references_and_clear_lags(tmp_path: Path) -> None:
    rows = [
        "talk-1,video/talk-1.mp4,dev,av,GRID,grid-s1,neutral,,75,clean,",
        "talk-2,video/talk-2.mp4,dev,av,other,obama,unlabelled,,75,unclear,",
        "talk-3,video/talk-3.mp4,train,av,GRID,grid-A,neutral,,75,clean,",
        "mood,style/mood.mp4,dev,style,MEAD,mead-M030,happy,3,75,research,",
    ]
    (tmp_path / "clips.csv").write_text(CLIPS + "\n".join(rows) + "\n")
    (tmp_path / "lags.csv").write_text(LAGS + "talk-1,-3.0,0.90,0.89\ntalk-2,-4.0,0.85,0.2\n")
    found = held_out("talkset", tmp_path)
    assert {clip.id: clip.lag_frames for clip in found.clips} == {"talk-1": None, "talk-2": -4.0}
    assert [(clip.id, clip.emotion, clip.intensity) for clip in found.references] == [("mood", "happy", "3")]
    assert found.clips[1].emotion == ""
    assert dict(found.groups) == {"talk-1": "GRID s1, a speaker of training", "talk-2": "other videos"}
