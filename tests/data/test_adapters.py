"""Every data set's official folders are understood, and any other folder is refused in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamtalk.data.adapters import LAYOUTS, layout
from dreamtalk.data.source import Part, SourceClip, plain_name
from dreamtalk.errors import UnusableInput

TREES: dict[str, list[str]] = {
    "mead": [
        "M003/video/front/angry/level_1/001.mp4",
        "M003/video/left_30/angry/level_1/001.mp4",
        "M003/audio/angry/level_1/001.m4a",
        "W011/video/front/neutral/level_1/002.mp4",
    ],
    "hdtf": ["RD_Radio1_000.mp4", "WDA/WDA_MikeThompson0_001.mp4", "WDA/WDA_MikeThompson1_000.mp4", "notes.txt"],
    "voxceleb2": [
        "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4",
        "dev/aac/id00012/21Uxsk56VDQ/00001.m4a",
        "test/mp4/id00017/01dfn2spqyE/00007.mp4",
    ],
    "ravdess": [
        "Actor_01/01-01-03-02-01-01-01.mp4",
        "Actor_01/02-01-03-02-01-01-01.mp4",  # no sound
        "Actor_01/01-02-03-02-01-01-01.mp4",  # a song
        "Video_Speech_Actor_24/Actor_24/01-01-05-01-02-02-24.mp4",
    ],
    "crema-d": ["VideoFlash/1001_DFA_ANG_XX.flv", "AudioWAV/1001_DFA_ANG_XX.wav", "VideoFlash/1091_IEO_SAD_HI.flv"],
    "grid": ["s1/bbaf2n.mpg", "s1/align/bbaf2n.align", "s22/video/mpg_6000/swwz9s.mpg", "readme.txt"],
    "folder": ["anna/one.mp4", "anna/two.webm", "alone.mov", ".hidden.mp4", "anna/one.txt"],
}


def plant(root: Path, files: list[str]) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(name: str, root: Path) -> dict[str, SourceClip]:
    return {clip.id: clip for clip in layout(name).clips(root)}


def test_mead(tmp_path: Path) -> None:
    clips = found("mead", plant(tmp_path, TREES["mead"]))
    assert list(clips) == ["mead-M003-angry-1-001", "mead-W011-neutral-1-002"], "other cameras are left alone"
    angry = clips["mead-M003-angry-1-001"]
    assert (angry.speaker, angry.emotion, angry.intensity) == ("mead-M003", "angry", "1")
    assert angry.sound == tmp_path / "M003/audio/angry/level_1/001.m4a"
    assert clips["mead-W011-neutral-1-002"].sound is None


def test_hdtf_cut_clips(tmp_path: Path) -> None:
    clips = found("hdtf", plant(tmp_path, TREES["hdtf"]))
    assert list(clips) == ["hdtf-RD_Radio1-000", "hdtf-WDA_MikeThompson0-001", "hdtf-WDA_MikeThompson1-000"]
    assert clips["hdtf-RD_Radio1-000"].speaker == "hdtf-RD_Radio1"
    speakers = {clip.speaker for clip in clips.values() if "Thompson" in clip.id}
    assert speakers == {"hdtf-WDA_MikeThompson"}, "the same man in two videos"


def test_hdtf_whole_videos_by_the_authors_lists(tmp_path: Path) -> None:
    plant(tmp_path, ["Radio11.mp4", "WRA_RandPaul0.mp4", "Radio24_1.mp4", "holiday_1.mp4"])
    (tmp_path / "RD_annotion_time.txt").write_text("Radio11.mp4 00:30-01:00 1:01:30-1:02:30\nRadio24.mp4 00:00-00:09\n")
    (tmp_path / "RD_crop_wh.txt").write_text("Radio11_0.mp4 412 599 0 590\n")
    (tmp_path / "HDTF_dataset").mkdir()
    (tmp_path / "HDTF_dataset/WRA_annotion_time.txt").write_text("RandPaul0.mp4 00:01-00:05\n")
    clips = found("hdtf", tmp_path)
    assert list(clips) == [
        "hdtf-RD_Radio11-000",
        "hdtf-RD_Radio11-001",
        "hdtf-RD_Radio24-001",
        "hdtf-WRA_RandPaul0-000",
    ], "Radio24 was cut already, and a holiday is not HDTF"
    assert clips["hdtf-RD_Radio24-001"].part is None
    assert clips["hdtf-RD_Radio11-000"].part == Part(30.0, 60.0, (412, 0, 599, 590))
    assert clips["hdtf-RD_Radio11-001"].part == Part(3690.0, 3750.0, None)
    (tmp_path / "RD_annotion_time.txt").write_text("Radio11.mp4 soon\n")
    with pytest.raises(UnusableInput, match="'soon'"):
        found("hdtf", tmp_path)


def test_voxceleb2(tmp_path: Path) -> None:
    plant(tmp_path, TREES["voxceleb2"])
    clips = found("voxceleb2", tmp_path)
    dev, test = clips["vox2-id00012-21Uxsk56VDQ-00001"], clips["vox2-id00017-01dfn2spqyE-00007"]
    assert (dev.split, test.split) == ("train", "dev")
    assert dev.speaker == "vox2-id00012-21Uxsk56VDQ" and dev.sound is not None and test.sound is None
    assert list(found("voxceleb2", tmp_path / "test")) == [test.id]


def test_ravdess(tmp_path: Path) -> None:
    clips = found("ravdess", plant(tmp_path, TREES["ravdess"]))
    assert list(clips) == ["ravdess-01-01-03-02-01-01-01", "ravdess-01-01-05-01-02-02-24"], "speech with sound only"
    happy, angry = clips.values()
    assert (happy.speaker, happy.emotion, happy.intensity) == ("ravdess-01", "happy", "strong")
    assert (angry.speaker, angry.emotion, angry.transcript) == ("ravdess-24", "angry", "dogs are sitting by the door")


def test_crema_d(tmp_path: Path) -> None:
    clips = found("crema-d", plant(tmp_path, TREES["crema-d"]))
    angry, sad = clips["crema-1001_DFA_ANG_XX"], clips["crema-1091_IEO_SAD_HI"]
    assert (angry.speaker, angry.emotion, angry.intensity) == ("crema-1001", "angry", "")
    assert angry.transcript == "don't forget a jacket" and angry.sound is not None
    assert (sad.emotion, sad.intensity, sad.sound) == ("sad", "high", None)


def test_grid(tmp_path: Path) -> None:
    plant(tmp_path, TREES["grid"])
    (tmp_path / "s1/align/bbaf2n.align").write_text("0 14000 sil\n14000 19750 bin\n19750 25000 blue\n25000 74500 sil\n")
    clips = found("grid", tmp_path)
    assert list(clips) == ["grid-s1-bbaf2n", "grid-s22-swwz9s"]
    assert clips["grid-s1-bbaf2n"].transcript == "bin blue"
    assert clips["grid-s22-swwz9s"].transcript == "set white with z nine soon"
    assert {clip.licence_class for clip in clips.values()} == {"clean"}


def test_a_plain_folder_with_and_without_a_table(tmp_path: Path) -> None:
    plant(tmp_path, TREES["folder"])
    clips = found("folder", tmp_path)
    assert [(c.id, c.speaker) for c in clips.values()] == [
        ("alone", "alone"),
        ("anna-one", "anna"),
        ("anna-two", "anna"),
    ]
    assert {clip.licence_class for clip in clips.values()} == {"unclear"}
    (tmp_path / "clips.csv").write_text("id,speaker,emotion,licence_class\nalone,zoe,happy,clean\nanna/one,,sad,\n")
    clips = found("folder", tmp_path)
    assert (clips["alone"].speaker, clips["alone"].emotion, clips["alone"].licence_class) == ("zoe", "happy", "clean")
    assert (clips["anna-one"].speaker, clips["anna-one"].emotion) == ("anna", "sad")


@pytest.mark.parametrize(
    ("table", "message"),
    [("name\nalone\n", "a column called file or id"), ("id,licence_class\nalone,free\n", "not 'free'")],
)
def test_a_wrong_table_is_refused(tmp_path: Path, table: str, message: str) -> None:
    plant(tmp_path, ["alone.mp4"])
    (tmp_path / "clips.csv").write_text(table)
    with pytest.raises(UnusableInput, match=message):
        found("folder", tmp_path)


def test_talkset(tmp_path: Path) -> None:
    columns = "id,file,split,kind,dataset,speaker,gender,language,emotion,intensity,statement,repetition,duration_s,"
    columns += "frames,fps,width,height,licence_class,source,transcript,note"
    rows = [
        "a,video/a.mp4,train,av,GRID,s1,m,en,neutral,,,,3.00,75,25,256,256,clean,x,bin blue,",
        "b,video/b.mp4,dev,av,other,o,f,en,,,,,5.00,125,25,256,256,unclear,x,,",
        "c,style/c.mp4,train,style,MEAD,m,f,en,,,,,5.00,125,25,256,256,research,x,,",
    ]
    (tmp_path / "clips.csv").write_text("\n".join([columns, *rows]))
    (tmp_path / "lags.csv").write_text("id,lag_frames,r_at_lag,r_at_0\na,-3.0,0.9,0.1\nb,-3.0,0.4,0.1\n")
    clips = found("talkset", tmp_path)
    assert list(clips) == ["a", "b"], "silent style clips are no talks"
    assert (clips["a"].lag_frames, clips["b"].lag_frames) == (-3.0, None), "a lag that fits badly is not believed"
    assert (clips["a"].licence_class, clips["b"].split) == ("clean", "dev")


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_wrong_root_says_what_was_expected_and_found(name: str, tmp_path: Path) -> None:
    plant(tmp_path, [f"{letter}.txt" for letter in "abcdefgh"])
    with pytest.raises(UnusableInput) as refused:
        found(name, tmp_path)
    assert LAYOUTS[name].expected in str(refused.value) and "a.txt, b.txt" in str(refused.value)
    assert "and 2 more" in str(refused.value)
    with pytest.raises(UnusableInput, match="is not a folder"):
        found(name, tmp_path / "nowhere")


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(UnusableInput, match="Known: mead, hdtf"):
        layout("lrs2")


def test_two_clips_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="both be called a-b"):
        found("folder", plant(tmp_path, ["a/b.mp4", "a-b.mp4"]))


def test_names_are_fit_for_files() -> None:
    assert plain_name("a b/c", "é", "x_1.2") == "a-b-c-é-x_1.2"
