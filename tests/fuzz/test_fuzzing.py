"""A few damaged files for every reader; the long run is fuzzing.py itself, see docs/robustness.md."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # its parts, where spawned processes look for them too
_SPEC = importlib.util.spec_from_file_location("fuzzing", Path(__file__).with_name("fuzzing.py"))
assert _SPEC is not None and _SPEC.loader is not None
fuzzing = importlib.util.module_from_spec(_SPEC)
sys.modules["fuzzing"] = fuzzing
_SPEC.loader.exec_module(fuzzing)
Target = sys.modules["fuzz_targets"].Target

COUNT = {"talk": 6, "wishes": 6, "session": 4, "face video": 4, "verify": 12, "upload": 20, "manifest of input": 20}
"""Inputs per target; 40 unless said."""

REFUSED = {("sound of video", "a.gif"), ("body", "style"), ("body", "key"), ("body", "gone")}
"""Good files that are refused all the same: no sound, no such upload, no key of this server, no such talk."""


@pytest.fixture(scope="module", autouse=True)
def no_server_is_left() -> Iterator[None]:
    yield
    sys.modules["fuzz_server"].close()


@pytest.mark.parametrize("name", list(fuzzing.TARGETS))
def test_damaged_files_are_read_or_refused_in_words(name: str, tmp_path: Path) -> None:
    failures, refused, done = [], 0, 0
    for number, file, data in fuzzing.inputs(name, 0, range(COUNT.get(name, 40))):
        outcome = fuzzing.try_one(name, number, file, data, tmp_path)
        refused, done = refused + outcome.refused, done + 1
        if outcome.failure:
            failures.append(f"--only {name!r} --seed 0 --number {number}\n{outcome.failure}")
    assert not failures, "\n".join(failures)
    # Bytes of a damaged manifest are never a reason to refuse a talk.
    assert (refused == 0) if name == "manifest of input" else 0 < refused <= done, "the damage does nothing"


@pytest.mark.parametrize("name", list(fuzzing.TARGETS))
def test_good_files_are_read(name: str, tmp_path: Path) -> None:
    for file, data in fuzzing.TARGETS[name].seeds().items():
        outcome = fuzzing.try_one(name, 0, file, data, tmp_path)
        assert outcome.failure is None and outcome.refused == ((name, file) in REFUSED), (file, outcome)


def test_what_a_reader_must_not_do_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(path: Path) -> object:
        raise ValueError("odd")

    def litter(path: Path) -> object:
        (path.parent / "half.mp4").write_bytes(b"half")
        return None

    for read, told in ((crash, "ValueError: odd"), (litter, "left behind: ['half.mp4']")):
        monkeypatch.setitem(fuzzing.TARGETS, "bad", Target(dict, read))
        outcome = fuzzing.try_one("bad", 0, "a.png", b"x", tmp_path)
        assert outcome.failure is not None and told in outcome.failure


def test_an_inputs_manifest_that_spoils_ours_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by "manifest of input", seed 51, number 390: C2PA took a damaged claim along, and held it against ours."""
    from dreamtalk.provenance import manifest
    from dreamtalk.provenance.credentials import credentials
    from dreamtalk.provenance.origin import Origin

    seeds, carried = fuzzing.TARGETS["manifest of input"].seeds(), list[int]()
    picture, video = tmp_path / "a.png", tmp_path / "a.mp4"
    picture.write_bytes(seeds["a.png"])
    video.write_bytes(seeds["sealed.mp4"])
    usual = manifest.sign

    def spoilt(kind, plain, out, origin, *more):  # type: ignore[no-untyped-def]
        carried.append(len(origin.files))
        usual(kind, plain, out, origin, *more)
        if origin.files:
            out.seek(-1, 2)
            out.write(b"\xff")

    monkeypatch.setattr(manifest, "sign", spoilt)
    manifest.seal(video, Origin({}, {}, {}, files={"portrait": picture}), None, credentials())
    found = manifest.read_manifest(video)
    assert carried == [1, 0] and found is not None and found.intact
