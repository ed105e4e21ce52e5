"""Links between the pages lead somewhere, and what the pages promise of the command line is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from dreamtalk import assets
from dreamtalk.cli.main import VERBS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
MAX_TRACKED_BYTES = 30 * 2**20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_every_command_and_model_is_documented() -> None:
    commands = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    assert all(f"`{name}" in commands for name in VERBS)
    for asset in assets.registry().values():
        assert (ROOT / "docs" / asset.card).is_file(), f"{asset.name} has no model card"


def test_the_repository_stays_small() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    sizes = [(ROOT / name).stat().st_size for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()]
    assert sum(sizes) < MAX_TRACKED_BYTES
