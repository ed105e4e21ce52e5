"""What is installed, shipped and asked for: free licences, registered weights, no pickles, no network."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dreamtalk import assets

ROOT = Path(__file__).parents[1]

_OFFLINE = """
import socket, sys

def refused(*given, **named):
    raise AssertionError(f"the network was asked: {given}")

socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refused
socket.getaddrinfo = socket.create_connection = refused
from dreamtalk.cli.main import run
for command in sys.argv[1:]:
    code = run(command.split("|"))
    if code:
        sys.exit(f"{command} ended with {code}")
"""


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_licences", ROOT / "docs" / "make_licences.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_licences"] = module
    spec.loader.exec_module(module)
    return module


def test_what_is_installed_is_free_to_use(licences: ModuleType) -> None:
    found = licences.packages()
    assert {"torch", "av", "c2pa-python"} <= {package.name for package in found} and licences.missing() == []
    barred = [package for package in found if licences.BARRED.search(package.licence)]
    unknown = [package for package in found if not licences.FREE.search(package.licence)]
    assert barred == [] and unknown == []


def test_the_page_lists_every_core_package(licences: ModuleType) -> None:
    listed = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for package in licences.packages():
        if package.needed_by == "core" and sys.platform == "linux":
            assert f"| {package.name} |" in listed, "run: python docs/make_licences.py"


def test_every_shipped_weight_is_registered() -> None:
    folder = ROOT / "src" / "dreamtalk" / "assets"
    known = {asset.file for asset in assets.registry().values()}
    shipped = {path.name for path in folder.iterdir() if path.suffix not in (".py", ".toml") and path.is_file()}
    assert shipped == known
    for name, asset in assets.registry().items():
        assert hashlib.sha256(assets.path(name).read_bytes()).hexdigest() == asset.sha256
        assert asset.licence and asset.source and (ROOT / "docs" / asset.card).is_file()


def test_files_are_never_unpickled() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            named = {word.arg: ast.unparse(word.value) for word in call.keywords}
            if name == "torch.load":
                assert named.get("weights_only") == "True", f"{path}: {ast.unparse(call)}"
            if name in ("np.load", "numpy.load"):
                assert named.get("allow_pickle") == "False", f"{path}: {ast.unparse(call)}"
            if name in ("pickle.load", "joblib.load", "dill.load", "torch.hub.load", "eval", "exec"):
                raise AssertionError(f"{path}: {ast.unparse(call)}")
            if name == "pickle.loads":  # what our own processes send each other
                assert path.name == "workers.py", path


def test_the_whole_line_runs_with_the_network_refused(tmp_path: Path) -> None:
    portrait, speech = ROOT / "examples" / "portrait.jpg", tmp_path / "short.wav"
    _first_second(ROOT / "examples" / "speech.wav", speech)
    video = tmp_path / "talk.mp4"
    commands = [
        f"generate|{portrait}|{speech}|-o|{video}|--size|256|--style|happy|--sidecar",
        f"verify|{video}",
        "style|list",
        f"track|{video}|-o|{tmp_path / 'track.npz'}",
    ]
    done = subprocess.run([sys.executable, "-c", _OFFLINE, *commands], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert video.is_file() and "synthetic" in done.stdout


def _first_second(source: Path, target: Path) -> None:
    import wave

    with wave.open(str(source)) as given, wave.open(str(target), "wb") as made:
        made.setparams(given.getparams())
        made.writeframes(given.readframes(given.getframerate()))
