"""What the code never does: run what a file holds, ask a shell, unpack archives over paths, open connections, or leave
the check of an input to `assert`, which `python -O` takes away. Read from the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "dreamtalk"
OTHERS = ("examples", "docs", "benchmarks")

NEVER = {
    "eval",
    "exec",
    "compile",
    "__import__",
    *("pickle.load", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open", "joblib.load", "dill.load"),
    *("dill.loads", "cloudpickle.load", "cloudpickle.loads", "pd.read_pickle", "pandas.read_pickle", "torch.hub.load"),
    *("yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("tempfile.mktemp", "shutil.unpack_archive"),
}
"""Calls that are nowhere."""

ONLY_WITH = {
    "torch.load": ("weights_only", "True"),
    "np.load": ("allow_pickle", "False"),
    "numpy.load": ("allow_pickle", "False"),
    "from_pretrained": ("use_safetensors", "True"),
}
"""Calls that need a word."""

ONLY_IN = {
    "pickle.loads": {"workers.py"},  # what our own processes send each other
    "torch.jit.load": {"evaluate/metrics/picture_frechet.py"},  # FID and FVD: docs/metrics.md says that it is code
}
"""Calls that have one place."""

CONNECTIONS = (
    "socket",
    "ssl",
    "http",
    "urllib.request",
    "urllib3",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
)
MAY_CONNECT = {
    "serve/run.py": {"socket"},  # the server's own
    "cli/app.py": {"http.client"},  # whether it runs, on 127.0.0.1
    "serve/guard.py": {"http.cookies"},  # reads a header
    "media/files.py": {"socket"},  # what this computer is called
}
"""Modules that can reach other computers, and who may import them."""

USED = {"assert dreamtalk.audio", "assert done"}
"""Not of an input: an import that is wanted for its effect, a picture of one black dot."""


def faults(text: str, name: str, shipped: bool = True) -> Iterator[str]:
    """What a source file does that it must not. name: its path below src/dreamtalk. shipped: it is in the package."""
    for node in ast.walk(ast.parse(text)):
        call = isinstance(node, ast.Call) and not _calls_well(node, name)
        check = isinstance(node, ast.Assert) and shipped and not _narrows(node)
        reach = isinstance(node, ast.Import | ast.ImportFrom) and shipped and not _stays_here(node, name)
        if call or check or reach:
            yield ast.unparse(node)


def _stays_here(node: ast.Import | ast.ImportFrom, name: str) -> bool:
    wanted = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module or ""}
    reaching = {module for module in wanted if module in CONNECTIONS or module.split(".")[0] in CONNECTIONS}
    return reaching <= MAY_CONNECT.get(name, set())


def _calls_well(call: ast.Call, name: str) -> bool:
    called = ast.unparse(call.func)
    words = {word.arg: ast.unparse(word.value) for word in call.keywords}
    for known, (word, value) in ONLY_WITH.items():
        if (called == known or called.endswith(f".{known}")) and words.get(word) != value:
            return False
    unpacks = called.endswith((".extractall", ".extract")) and not called.startswith("re.")
    misplaced = called in ONLY_IN and name not in ONLY_IN[called]
    return not (called in NEVER or misplaced or unpacks or words.get("shell", "False") != "False")


def _narrows(node: ast.Assert) -> bool:
    """Whether it only tells the type checker what is known already."""
    said = ast.unparse(node.test)
    return (
        said.startswith(("isinstance(", "not isinstance("))
        or said.endswith(" is not None")
        or ast.unparse(node) in USED
    )


@pytest.mark.parametrize("folder", ["", *OTHERS])
def test_the_code_does_none_of_it(folder: str) -> None:
    place = ROOT / folder if folder else SOURCE
    files = sorted(place.rglob("*.py"))
    assert files
    found = [
        f"{file}: {fault}"
        for file in files
        for fault in faults(file.read_text(encoding="utf-8"), file.relative_to(place).as_posix(), not folder)
    ]
    assert found == []


@pytest.mark.parametrize(
    "bad",
    [
        "eval(text)",
        "pickle.load(file)",
        "pickle.loads(data)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "torch.jit.load(file)",
        "np.load(file)",
        "Model.from_pretrained(place)",
        "subprocess.run(line, shell=True)",
        "os.system(line)",
        "tempfile.mktemp()",
        "archive.extractall(folder)",
        "assert size > 0",
        "assert len(data)",
        "import urllib.request",
        "from http.client import HTTPConnection",
        "import requests",
    ],
)
def test_each_of_them_would_be_found(bad: str) -> None:
    assert list(faults(bad, "some/file.py")) == [bad]


def test_their_harmless_likes_are_not() -> None:
    for good in (
        "network.eval()",
        "yaml.safe_load(text)",
        "np.load(file, allow_pickle=False)",
        "torch.load(file, weights_only=True)",
        "assert isinstance(frame, Frame)",
        "assert found is not None",
        "from urllib.parse import urlsplit",
        "re.compile(text)",
    ):
        assert list(faults(good, "some/file.py")) == []
