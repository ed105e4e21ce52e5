"""What happens to files when the disk is full, or the process is killed in the middle of writing: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import UnusableOutput
from dreamtalk.media.files import replacing
from dreamtalk.store import save_motion
from dreamtalk.types import Motion

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX systems")

_FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from dreamtalk.cli.main import run
sys.exit(run(sys.argv[2:]))
"""

_FULL_MANY = """
import json, resource, sys
from pathlib import Path
from dreamtalk.cli.main import run
from dreamtalk.errors import UnusableOutput
from dreamtalk.face.model import FaceModel
from dreamtalk.train.face_model import write_face_model
most, lines = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
for line in lines:
    print(run(line), flush=True)
try:
    write_face_model(FaceModel.load(), Path(sys.argv[2]))
except UnusableOutput as problem:
    print(2)
    print(problem, file=sys.stderr)
"""

_SLOW = """
import sys, time
import numpy as np
from dreamtalk.media import write_video

def frames():
    for n in range(1000):
        yield np.random.default_rng(n).integers(0, 255, (256, 256, 3), np.uint8)
        print(n, flush=True)

write_video(sys.argv[1], frames(), None)
"""


@pytest.fixture
def motion_file(tmp_path: Path) -> Path:
    n = 400
    noise = np.random.default_rng(0).normal(0, 0.1, (n, 64)).astype(np.float32)
    still = np.zeros((n, 3), np.float32)
    save_motion(tmp_path / "motion.npz", Motion(noise, still, still, np.zeros((n, 4), np.float32)))
    return tmp_path / "motion.npz"


@pytest.mark.parametrize("name", ["talk.mp4", "talk.webm", "talk.mov", "pictures/%04d.png"])
def test_a_full_disk_leaves_the_old_video(name: str, tmp_path: Path, examples: Path, motion_file: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    if "%" not in name:
        (folder / name).write_text("the old one")
    before = sorted(folder.rglob("*"))
    arguments = ["render", str(examples / "portrait.jpg"), str(motion_file), "--size", "256", "-o", str(folder / name)]
    done = run_full(20_000, arguments)
    assert done.returncode == 2 and "could not be written" in done.stderr and "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before
    assert "%" in name or (folder / name).read_text() == "the old one"


@pytest.mark.parametrize("name", ["copy.csv", "copy.npz"])
def test_a_full_disk_leaves_the_old_file(name: str, tmp_path: Path, motion_file: Path) -> None:
    (tmp_path / name).write_text("the old one")
    done = run_full(20_000, ["export", str(motion_file), "-o", str(tmp_path / name)])
    if name.endswith(".csv"):
        assert done.returncode == 2 and "Is the disk full?" in done.stderr
    assert "Traceback" not in done.stderr and (tmp_path / name).read_text() == "the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, motion_file.name])


def test_a_full_disk_leaves_what_every_other_verb_had_written(
    tmp_path: Path, examples: Path, motion_file: Path
) -> None:
    portrait, speech = str(examples / "portrait.jpg"), str(examples / "speech.wav")
    lines = {
        "talk.mp4": ["generate", portrait, speech, "--size", "256", "--sidecar", "-o", "talk.mp4"],
        "motion.npz": ["motion", speech, "-o", "motion.npz"],
        "track.npz": ["track", portrait, "-o", "track.npz"],
        "style.npz": ["style", "extract", portrait, "-o", "style.npz"],
        "head.glb": ["export", str(motion_file), "-o", "head.glb"],
    }
    place = tmp_path / "out"
    place.mkdir()
    for name in (*lines, "talk.mp4.provenance.json", "face.safetensors"):
        (place / name).write_text("the old one")
    told = json.dumps([600, list(lines.values())])
    command = [sys.executable, "-c", _FULL_MANY, told, "face.safetensors"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=place)
    assert done.stdout.split() == ["2"] * 6 and "Traceback" not in done.stderr, done.stderr
    assert {path.name: path.read_text() for path in place.iterdir()} == dict.fromkeys(
        (*lines, "talk.mp4.provenance.json", "face.safetensors"), "the old one"
    )


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), replacing(tmp_path / "a.txt") as part:
        part.write_text("half")
        (tmp_path).open("wb")
    with pytest.raises(UnusableOutput, match="full"), replacing(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_killed_in_the_middle_the_old_video_is_there(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    path.write_text("the old one")
    process = subprocess.Popen([sys.executable, "-c", _SLOW, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 40:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert path.read_text() == "the old one"
    assert [other.name for other in tmp_path.iterdir() if not other.name.startswith(".")] == ["talk.mp4"]


def test_stopped_in_the_middle_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "talk.mp4"
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    process.wait()
    assert list(tmp_path.iterdir()) == []


def run_full(most: int, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """A command that can write no file of more than `most` bytes, as on a disk that is full."""
    command = [sys.executable, "-c", _FULL, str(most), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)
