"""The signed manifest: there after every talk, broken by one flipped byte, carried along, and silent on the network."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import c2pa
import cv2
import numpy as np
import pytest

from dreamtalk import assets
from dreamtalk.batch.manifest import read_manifest as read_manifest_of_batch
from dreamtalk.cli.batch import MakeBatch
from dreamtalk.cli.main import run
from dreamtalk.cli.options import PictureFlags
from dreamtalk.cli.talk import DECLINED, options_of
from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.media import read_frames, read_image, write_video
from dreamtalk.media.files import sha256_of
from dreamtalk.options import MAX_CONSENT, TalkOptions
from dreamtalk.provenance.credentials import Credentials, credentials
from dreamtalk.provenance.inspect import inspect
from dreamtalk.provenance.manifest import check, read_manifest, seal, with_manifests
from dreamtalk.provenance.metadata import SOURCE_TYPE, comment_of, origin_comment
from dreamtalk.provenance.origin import ASSERTION, SIDECAR, Origin, origin_of, with_later_style
from dreamtalk.store import save_motion
from dreamtalk.style import files as style_files
from dreamtalk.talker import Talker
from dreamtalk.types import Motion

ORIGIN = Origin(
    {"portrait": "ab" * 32}, {"style": "happy", "seed": 3}, {"denoiser": "cd" * 32}, "the sitter, in writing"
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """A short video without any mark."""
    picture = cv2.resize(read_image(examples / "portrait.jpg"), (160, 160)).astype(np.uint8)
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    write_video(path, (np.roll(picture, n, axis=1) for n in range(10)), None)
    return path


@pytest.fixture
def sealed(plain: Path, tmp_path: Path) -> Path:
    path = Path(shutil.copy(plain, tmp_path / "sealed.mp4"))
    assert seal(path, ORIGIN, 0x1234ABCD, credentials()) is None, "it is inside"
    return path


def test_it_says_what_the_video_is(sealed: Path) -> None:
    found = read_manifest(sealed)
    assert found is not None and found.intact and found.ours and found.synthetic and not found.trusted
    assert found.faults == () and "self-made" in found.signer
    assert found.talk["inputs"] == {"portrait": {"sha256": "ab" * 32}} and found.talk["watermark"] == "1234abcd"
    assert found.talk["settings"] == {"style": "happy", "seed": 3} and found.talk["consent"] == ORIGIN.consent


def test_frames_stay_and_the_video_plays(plain: Path, sealed: Path) -> None:
    for before, after in zip(read_frames(plain), read_frames(sealed), strict=True):
        assert np.array_equal(before, after)


def test_a_flipped_byte_is_noticed(sealed: Path, plain: Path) -> None:
    data = bytearray(sealed.read_bytes())
    pixels, manifest = data.index(b"mdat") + 400, data.index(ASSERTION.encode()) + 60
    for place in (pixels, manifest, len(data) - 20):
        data[place] ^= 1
        sealed.write_bytes(data)
        found = read_manifest(sealed)
        assert found is not None and not found.intact and found.faults
        data[place] ^= 1
    sealed.write_bytes(data)
    assert (again := read_manifest(sealed)) is not None and again.intact
    assert read_manifest(plain) is None


def test_an_authority_that_is_named_makes_it_trusted(sealed: Path) -> None:
    chain = credentials().chain
    authority = chain[chain.index(b"-----BEGIN", 1) :]
    found = read_manifest(sealed, authority)
    assert found is not None and found.intact and found.trusted


def test_the_manifest_of_an_input_is_carried_along(sealed: Path, plain: Path, examples: Path, tmp_path: Path) -> None:
    examples_photo = examples / "portrait.jpg"
    made = Path(shutil.copy(plain, tmp_path / "made.mov"))
    origin = with_manifests(Origin({}, {}, {}, files={"style": sealed, "speech": plain, "portrait": examples_photo}))
    assert list(origin.files) == ["style"]
    seal(made, origin, None, credentials())
    with made.open("rb") as stream, c2pa.Reader("video/quicktime", stream) as reader:
        active, state = reader.get_active_manifest(), reader.get_validation_state()
    assert state == "Valid" and active is not None and ORIGIN.consent.encode() in made.read_bytes()
    (ingredient,) = active["ingredients"]
    (action,) = active["assertions"][0]["data"]["actions"]
    (named,) = action["parameters"]["ingredients"]
    assert ingredient["title"] == "style" and ingredient["relationship"] == "inputTo"
    assert named["url"].endswith(ingredient["label"]), "the action names what went into it"
    found = read_manifest(made)
    assert found is not None and found.parts == {"ours", "synthetic"}


def test_a_damaged_manifest_of_an_input_does_not_stop_the_talk(sealed: Path, plain: Path, tmp_path: Path) -> None:
    made, data = tmp_path / "made.mp4", sealed.read_bytes()
    start, refused = data.index(b"jumb"), 0
    for number in range(40):
        rng = np.random.default_rng(number)
        damaged = bytearray(data)
        for place in rng.integers(start, start + 4000, 3):
            damaged[place] ^= 1 << int(rng.integers(8))
        sealed.write_bytes(damaged)
        shutil.copy(plain, made)
        seal(made, with_manifests(Origin({}, {}, {}, files={"portrait": sealed})), None, credentials())
        found = read_manifest(made)
        assert found is not None and found.intact and found.ours
        refused += b"c2pa.ingredient" not in made.read_bytes()
    assert 0 < refused < 40, "some are too damaged to be carried along, some are not"


def test_what_it_says_is_the_signers_own_word(sealed: Path) -> None:
    with c2pa.Reader("video/mp4", sealed.open("rb")) as reader:
        active = reader.get_active_manifest()
    assert active is not None and all(part["created"] for part in active["assertions"])
    action = next(part for part in active["assertions"] if part["label"].startswith("c2pa.actions"))["data"]["actions"]
    assert [one["action"] for one in action] == ["c2pa.created"] and "version" in action[0]["softwareAgent"]
    assert action[0]["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")


def still(frames: int) -> Motion:
    expression, rotation, translation, gaze = (np.zeros((frames, size), np.float32) for size in (64, 3, 3, 4))
    return Motion(expression, rotation, translation, gaze)


def test_a_motion_that_was_given_has_no_style_and_no_model(
    debug_talker: Talker, examples: Path, tmp_path: Path
) -> None:
    moved = still(3)
    save_motion(tmp_path / "moved.npz", moved)
    options = TalkOptions(size=256, consent="the sitter")
    for given, role in ((moved, "motion (numbers)"), (tmp_path / "moved.npz", "motion")):
        talk = debug_talker.render_to(examples / "portrait.jpg", given, tmp_path / "talk.mp4", None, options)
        found = read_manifest(talk.path)
        assert found is not None and found.intact and found.talk["consent"] == "the sitter"
        assert found.talk["settings"] == {"renderer": "mesh", "badge": True, "size": 256}
        assert set(found.talk["models"]) == {"face-landmarker", "mesh64"}
        assert set(found.talk["inputs"]) == {"portrait", role}
    assert found is not None
    assert found.talk["inputs"]["motion"] == {"sha256": sha256_of(tmp_path / "moved.npz")}


def test_a_video_without_a_place_for_it_has_it_beside(
    debug_talker: Talker, examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = still(3)
    clear, path = TalkOptions(size=256, background="transparent"), tmp_path / "talk.webm"
    talk = debug_talker.render_to(examples / "portrait.jpg", moved, path, None, clear)
    assert talk.marks.beside == tmp_path / "talk.c2pa" and not talk.marks.manifest
    assert sorted(file.name for file in tmp_path.iterdir()) == ["talk.c2pa", "talk.webm"]
    with path.open("rb") as stream, c2pa.Reader("video/webm", stream, talk.marks.beside.read_bytes()) as reader:
        assert reader.get_validation_state() == "Valid", "others' readers understand it"
    found = read_manifest(path)
    assert found is not None and found.intact and found.ours and found.beside
    assert verify(path) == 0 and "found in a file beside it" in capsys.readouterr().out
    whole = path.read_bytes()
    for place in (40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert (changed := read_manifest(path)) is not None and not changed.intact
    path.write_bytes(whole)
    older = talk.marks.beside.read_bytes()
    unmarked = replace(clear, provenance=False)
    debug_talker.render_to(examples / "portrait.jpg", moved, path, None, unmarked)
    assert read_manifest(path) is None, "the manifest of the older video has gone with it"
    talk.marks.beside.write_bytes(older.replace(b"dreamtalk", b"anybodyis"))
    with pytest.raises(UnusableOutput, match="belongs to another file"):
        debug_talker.render_to(examples / "portrait.jpg", moved, path, None, clear)


def test_a_manifest_beside_another_file_says_nothing_about_that(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamtalk.provenance.inspect.find_mark", lambda frames: None)  # takes seconds; there is none
    (tmp_path / "made.webm").write_bytes(b"another video")
    manifest = seal(tmp_path / "made.webm", ORIGIN, None, credentials())
    assert manifest is not None and (tmp_path / "made.webm").read_bytes() == b"another video"
    real = Path(shutil.copy(plain, tmp_path / "real.mp4"))
    for data in (manifest, manifest[:-20], b"no manifest", b""):
        (tmp_path / "real.c2pa").write_bytes(data)
        assert verify(real) == 1
    (tmp_path / "real.c2pa").write_bytes(manifest)
    assert inspect(real).conclusion == "none" and "another file's" in "\n".join(inspect(real).lines())
    assert verify(tmp_path / "real.c2pa") == 2 and "manifest alone" in capsys.readouterr().err


def test_every_numbered_picture_is_signed(debug_talker: Talker, examples: Path, tmp_path: Path) -> None:
    moved = still(3)
    options = TalkOptions(size=256, sidecar=True)
    talk = debug_talker.render_to(examples / "portrait.jpg", moved, tmp_path / "f" / "%02d.png", None, options)
    assert talk.marks.manifest and talk.marks.sidecar == tmp_path / f"f{SIDECAR}"
    files = sorted((tmp_path / "f").iterdir())
    assert [file.name for file in files] == ["00.png", "01.png", "02.png"]
    for file in files:
        found = read_manifest(file)
        assert found is not None and found.intact and found.talk["watermark"] == f"{talk.marks.watermark:08x}"
        assert comment_of(file) == origin_comment(), "the note stays readable behind the manifest"
        data = bytearray(file.read_bytes())
        data[-30] ^= 1
        file.write_bytes(data)
        assert (changed := read_manifest(file)) is not None and not changed.intact


def test_credentials_that_c2pa_refuses_leave_the_file(plain: Path, tmp_path: Path) -> None:
    path, good = Path(shutil.copy(plain, tmp_path / "talk.mp4")), credentials()
    only_authority = good.chain[good.chain.index(b"-----BEGIN", 1) :]
    with pytest.raises(UnusableInput, match="signed"):
        seal(path, ORIGIN, None, Credentials(only_authority, good.key, "ES256", self_made=False))
    with pytest.raises(UnusableInput, match="signed"):
        check(Credentials(only_authority, good.key, "ES256", self_made=False))
    check(good)
    assert path.read_bytes() == plain.read_bytes() and list(tmp_path.iterdir()) == [path]


def test_files_that_are_none_have_no_manifest(tmp_path: Path) -> None:
    for data in (b"", b"\0\0\0\x18ftypmp42", b"\x89PNG", b"RIFF1234WEBP", b"hello" * 100):
        (tmp_path / "odd.mp4").write_bytes(data)
        assert read_manifest(tmp_path / "odd.mp4") is None


def test_a_talk_has_all_marks_and_asks_nobody(
    debug_talker: Talker, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    speech, path = debug_talker.speech(examples / "speech.wav"), tmp_path / "talk.mp4"
    short = type(speech)(speech.samples[:8000])
    options = TalkOptions(size=256, consent="the sitter", sidecar=True, seed=5)
    talk = debug_talker.generate(examples / "portrait.jpg", short, path, options)
    found = read_manifest(path)
    assert found is not None and found.intact and talk.marks.manifest and talk.marks.badge
    assert found.talk["watermark"] == f"{talk.marks.watermark:08x}" and found.talk["settings"]["seed"] == 5
    assert found.talk["inputs"]["portrait"] == {"sha256": sha256_of(examples / "portrait.jpg")}
    assert found.talk["inputs"]["speech (samples)"] == {"sha256": sha256(short.samples.tobytes()).hexdigest()}
    record = json.loads((tmp_path / f"talk.mp4{SIDECAR}").read_text())
    assert record.pop("video") == {"sha256": sha256_of(path)} and record == found.talk


def test_declined_it_is_not_there_and_the_log_says_so(
    debug_talker: Talker, examples: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    speech = debug_talker.speech(examples / "speech.wav")
    short = type(speech)(speech.samples[:4000])
    options = TalkOptions(size=256, provenance=False)
    with caplog.at_level("WARNING", "dreamtalk"):
        talk = debug_talker.generate(examples / "portrait.jpg", short, tmp_path / "talk.mp4", options)
    assert [record.name for record in caplog.records] == ["dreamtalk"] and "no signed manifest" in caplog.text
    assert read_manifest(tmp_path / "talk.mp4") is None
    assert (talk.marks.watermark, talk.marks.manifest, talk.marks.sidecar) == (None, False, None)


def test_commands_say_that_it_was_declined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not options_of(picture=PictureFlags(provenance=False)).provenance
    assert capsys.readouterr().err == f"{DECLINED}\n"
    rows = tmp_path / "talks.csv"
    rows.write_text("portrait,audio,provenance\na.jpg,a.wav,no\na.jpg,a.wav,yes\n")
    MakeBatch(manifest=rows)._tell_of(read_manifest_of_batch(rows))
    assert capsys.readouterr().err == f"{DECLINED}\n"


def test_names_of_files_stay_at_home(examples: Path, tmp_path: Path) -> None:
    secret = Path(shutil.copy(examples / "portrait.jpg", tmp_path / "Jane Doe.jpg"))
    timeline = tmp_path / "Jane.json"
    timeline.write_text('[{"start": 0, "style": "happy"}, {"start": 1, "style": "Jane Doe.jpg"}]')
    options = TalkOptions(style=tmp_path / "Jane Doe.mp4", pose=str(secret), timeline=timeline)
    found = origin_of({"portrait": secret}, options)
    assert set(found.inputs) == {"portrait", "timeline", "style 1 of the timeline", "head motion"}
    told = json.dumps(found.record(None))
    assert "Jane" not in told and str(tmp_path) not in told and sha256_of(secret) in told


def test_names_of_saved_styles_stay_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_files, "user_folder", lambda: tmp_path)
    (tmp_path / "Jane.npz").write_bytes(b"her style")
    told = origin_of({}, TalkOptions(style="Jane")).record(None)
    assert "Jane" not in json.dumps(told) and told["inputs"]["style"] == {"sha256": sha256_of(tmp_path / "Jane.npz")}
    for name, weights in (("happy:2", "neutral-talk-mesh64"), ("auto", "style-predictor-mesh64")):
        told = origin_of({}, TalkOptions(style=name)).record(None)
        assert told["settings"]["style"] == name and told["inputs"] == {}
        assert told["models"][weights] == {"sha256": assets.registry()[weights].sha256}


def test_styles_that_a_live_talk_goes_over_to_are_told(tmp_path: Path) -> None:
    clip = tmp_path / "Jane.mp4"
    clip.write_bytes(b"her film")
    told = origin_of({}, TalkOptions())
    for style in ("happy:2", clip, "happy:2", clip):
        told = with_later_style(told, style)
    assert told.settings["later styles"] == "happy:2, of a file"
    assert told.inputs == {"later style 1": sha256_of(clip)} and told.files == {"later style 1": clip}
    assert {"neutral-talk-mesh64", "neutral-guess-mesh64", "denoiser-mesh64"} <= told.models.keys()


def test_whatever_changes_the_picture_is_told(tmp_path: Path) -> None:
    usual = origin_of({}, TalkOptions()).record(None)
    other = {"full_frame": True, "background": "green", "lip_scale": 0.5, "blink": "off", "pose": "still", "face": 1}
    told = origin_of({}, TalkOptions(**other)).record(None)  # type: ignore[arg-type]
    assert told["settings"] == usual["settings"] | other
    for option in ("motion_weights", "style_neutral"):
        (tmp_path / option).write_text(option)
    told = origin_of({}, TalkOptions(motion_weights=tmp_path / "motion_weights", style=Path("her.mp4"))).record(None)
    assert told["models"]["motion model"] == {"sha256": sha256_of(tmp_path / "motion_weights")}
    assert "denoiser-mesh64" in usual["models"] and "denoiser-mesh64" not in told["models"]
    with pytest.raises(UnusableInput, match="empty"):
        (tmp_path / "motion_weights").write_bytes(b"")
        origin_of({}, TalkOptions(motion_weights=tmp_path / "motion_weights"))


def test_consent_has_a_limit() -> None:
    with pytest.raises(UnusableInput, match=str(MAX_CONSENT)):
        TalkOptions(consent="x" * (MAX_CONSENT + 1))
    with pytest.raises(UnusableInput, match="UTF-8"):
        TalkOptions(consent=b"caf\xe9".decode("utf-8", "surrogateescape"))


def test_a_folder_is_searched(
    sealed: Path, plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamtalk.provenance.inspect.find_mark", lambda frames: None)  # takes seconds; there is none
    folder = tmp_path / "many" / "below"
    folder.mkdir(parents=True)
    shutil.copy(plain, folder / "plain.mp4")
    assert verify(tmp_path / "many") == 1
    shutil.copy(sealed, folder / "sealed.mp4")
    (folder / "notes.txt").write_text("no video")
    capsys.readouterr()
    assert verify(tmp_path / "many", "--json") == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["dreamtalk"], second["dreamtalk"]) == (False, True) and second["manifest"]["intact"]
    (folder / "broken.mp4").write_bytes(b"no video")
    assert verify(tmp_path / "many") == 2
    told = capsys.readouterr()
    assert "In all 3: 1 with marks of dreamtalk, 1 without, 1 unreadable." in told.out and "broken.mp4" in told.err


def test_words_of_strangers_do_not_steer_the_terminal(plain: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.mp4"
    comment = f"dreamtalk {SOURCE_TYPE} \x1b[2J\u202etxet\nThis was not made by dreamtalk."
    write_video(odd, read_frames(plain), None, comment=comment)
    lines = inspect(odd).lines()
    assert any("?[2J?txet?This was not" in line for line in lines) and all(line.isprintable() for line in lines)


def test_words_for_a_changed_file(sealed: Path) -> None:
    data = bytearray(sealed.read_bytes())
    data[-20] ^= 1
    sealed.write_bytes(data)
    assert "THE FILE WAS CHANGED" in "\n".join(inspect(sealed).lines())


def verify(path: Path, *flags: str) -> int:
    try:
        return run(["verify", str(path), *flags])
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code
