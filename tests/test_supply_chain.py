"""What is installed, shipped and asked for: free licences, registered weights, no pickles, no network."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

from dreamtalk import assets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]

_REFUSAL = """
import os, socket

HERE = ("127.0.0.1", "::1")

def guarded(name, owner):
    usual = getattr(owner, name)
    def asked(*given, **named):
        # An address, or a name alone; what is no address is a path on this machine.
        places = [part[0] if isinstance(part, tuple) else part for part in given if isinstance(part, (tuple, str))]
        if not any(place in HERE for place in places):
            with open(os.environ["ASKED"], "a") as file:
                file.write(f"{name} {given}\\n")
            raise OSError(f"the network was asked: {name} {given}")
        return usual(*given, **named)
    setattr(owner, name, asked)

for name in ("connect", "connect_ex", "sendto", "bind"):
    guarded(name, socket.socket)
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    guarded(name, socket)
"""
"""As sitecustomize.py it is read by every Python that starts, the server's workers too."""

_COMMANDS = """
import os, signal, sys, webbrowser
from dreamtalk.cli.main import run

webbrowser.open = lambda url: os.kill(os.getpid(), signal.SIGINT)  # the page is ready: Ctrl-C
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


def test_the_page_lists_every_package(licences: ModuleType) -> None:
    listed = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for package in licences.packages():
        if sys.platform == "linux":
            assert f"| {package.name} |" in listed, "run: python docs/make_licences.py"


def test_every_shipped_weight_is_registered() -> None:
    folder = ROOT / "src" / "dreamtalk" / "assets"
    known = {asset.file for asset in assets.registry().values()}
    shipped = {path.name for path in folder.iterdir() if path.suffix not in (".py", ".toml") and path.is_file()}
    assert shipped == known
    for name, asset in assets.registry().items():
        assert hashlib.sha256(assets.path(name).read_bytes()).hexdigest() == asset.sha256
        assert asset.licence and asset.source and (ROOT / "docs" / asset.card).is_file()


def test_every_requirement_has_both_bounds_and_fits_what_is_installed() -> None:
    project = _project()
    for text in (
        *project["dependencies"],
        *(need for needs in project["optional-dependencies"].values() for need in needs),
    ):
        need = Requirement(text)
        signs = {part.operator for part in need.specifier}
        assert {">="} <= signs and "<" in signs, f"{text} has no lower or no upper bound"
        with contextlib.suppress(PackageNotFoundError):
            assert need.specifier.contains(version(need.name)), f"{text}, but {version(need.name)} is installed"


def test_the_pinned_versions_are_among_those_allowed() -> None:
    project = _project()
    needs = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    asked = {need.name: need.specifier for need in map(Requirement, needs)}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert pinned
    for pin in pinned:
        (exact,) = pin.specifier
        assert exact.operator == "==" and asked[pin.name].contains(exact.version), f"{pin} against {asked[pin.name]}"


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def test_every_command_runs_with_the_network_refused(tmp_path: Path) -> None:
    portrait, speech, video = ROOT / "examples" / "portrait.jpg", tmp_path / "short.wav", tmp_path / "talk.mp4"
    _first_second(ROOT / "examples" / "speech.wav", speech)
    _talkset(tmp_path)
    motion, hidden = tmp_path / "talk.npz", tmp_path / "refusal"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(_REFUSAL, encoding="utf-8")
    commands = [
        f"generate|{portrait}|{speech}|-o|{video}|--size|256|--style|happy|--sidecar",
        f"motion|{speech}|-o|{motion}",
        f"render|{portrait}|{motion}|--audio|{speech}|--size|256|-o|{tmp_path / 'again.mp4'}",
        f"verify|{video}",
        "style|list",
        f"style|extract|{video}|-o|{tmp_path / 'style.npz'}",
        f"track|{video}|-o|{tmp_path / 'track.npz'}",
        f"evaluate|motion|{tmp_path}|--tracks|{tmp_path / 'tracks'}|--resamples|10",
        f"app|--port|0|--data|{tmp_path / 'data'}",
    ]
    places = os.pathsep.join(filter(None, (str(hidden), os.environ.get("PYTHONPATH"))))
    asked = tmp_path / "asked"
    environment = os.environ | {"PYTHONPATH": places, "ASKED": str(asked), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    program = [sys.executable, "-c", _COMMANDS, *commands]
    done = subprocess.run(program, capture_output=True, text=True, timeout=900, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not asked.exists(), asked.read_text()
    assert video.is_file() and "synthetic" in done.stdout and "the page is at" in done.stderr


def test_the_refusal_is_seen(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_REFUSAL, encoding="utf-8")
    code = "import urllib.request as u\ntry:\n u.urlopen('http://example.org')\nexcept OSError:\n pass"
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "ASKED": str(tmp_path / "asked"), "no_proxy": "*"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
    assert "example.org" in (tmp_path / "asked").read_text()


def _talkset(folder: Path) -> None:
    """A talkset of three clips of the same video, which is made meanwhile."""
    head = "id,file,split,kind,dataset,speaker,emotion,frames,licence_class,transcript"
    kinds = {"a": "dev", "b": "dev", "c": "train"}
    rows = [f"{name},talk.mp4,{split},av,GRID,grid-s1,neutral,25,clean,bin blue" for name, split in kinds.items()]
    (folder / "clips.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    (folder / "lags.csv").write_text("id,lag_frames,r_at_lag,r_at_0\n", encoding="utf-8")


def _first_second(source: Path, target: Path) -> None:
    import wave

    with wave.open(str(source)) as given, wave.open(str(target), "wb") as made:
        made.setparams(given.getparams())
        made.writeframes(given.readframes(given.getframerate()))


def test_the_bill_of_materials_names_every_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    make_sbom = importlib.import_module("make_sbom")
    plain = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "numpy"}]}
    bill = make_sbom.add_models(make_sbom.add_models(plain))
    models = {one["name"]: one for one in bill["components"] if one["type"] == "machine-learning-model"}
    assert len(bill["components"]) == 1 + len(models) and set(models) == set(assets.registry())
    for name, asset in assets.registry().items():
        assert models[name]["hashes"] == [{"alg": "SHA-256", "content": asset.sha256}]
        assert models[name]["licenses"] == [{"license": {"id": asset.licence}}]
    if importlib.util.find_spec("cyclonedx") and importlib.util.find_spec("jsonschema"):
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
