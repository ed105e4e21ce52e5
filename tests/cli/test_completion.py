"""Completion scripts in real shells: what people type, and what is offered."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dreamtalk.cli.completion import Shell, script
from dreamtalk.cli.main import VERBS

TYPED = {
    "dreamtalk ge": {"generate"},
    "dreamtalk train de": {"denoiser"},
    "dreamtalk generate --siz": {"--size"},
    "dreamtalk generate --size ": {"native", "256", "512", "1024"},
    "dreamtalk generate --blink na": {"natural"},
    "dreamtalk generate a.jpg b.wav --style surp": {"surprised"},
    "dreamtalk generate port": {"portrait.jpg"},
    "dreamtalk generate --style port": {"portrait.jpg"},
    "dreamtalk batch --dry": {"--dry-run"},
    "dreamtalk train denoiser --devic": {"--device", "--devices"},
    "dreamtalk completion ": {"bash", "zsh", "fish"},
}

BASH = """
source {script}
cd {folder}
read -ra COMP_WORDS <<< "{line}"
{empty}
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_dreamtalk
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture, and the script of each shell."""
    folder = tmp_path_factory.mktemp("shells")
    (folder / "portrait.jpg").touch()
    shells: tuple[Shell, ...] = ("bash", "zsh", "fish")
    for shell in shells:
        (folder / f"complete.{shell}").write_text(script(shell))
    return folder


def shell(name: str) -> str:
    """Its program, or the test is left out."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here")
    return found


@pytest.mark.parametrize("line", TYPED)
def test_bash_offers_what_can_come_next(line: str, place: Path) -> None:
    empty = 'COMP_WORDS+=("")' if line.endswith(" ") else ""
    text = BASH.format(script=place / "complete.bash", folder=place, line=line, empty=empty)
    done = subprocess.run([shell("bash"), "--norc", "-c", text], capture_output=True, text=True)
    assert set(done.stdout.split()) == TYPED[line], done.stderr


def test_bash_offers_every_command_and_ends_groups(place: Path) -> None:
    text = BASH.format(script=place / "complete.bash", folder=place, line="dreamtalk", empty='COMP_WORDS+=("")')
    offered = subprocess.run([shell("bash"), "--norc", "-c", text], capture_output=True, text=True).stdout.split()
    assert {name.split()[0] for name in VERBS} <= set(offered) and "portrait.jpg" not in offered


def test_fish_offers_the_same(place: Path) -> None:
    asked = "\n".join(f"echo '== {line}'; complete -C '{line}'" for line in TYPED)
    text = f"source {place}/complete.fish; cd {place}\n{asked}"
    done = subprocess.run([shell("fish"), "--no-config", "-c", text], capture_output=True, text=True)
    assert done.stderr == ""
    for block in done.stdout.split("== ")[1:]:
        line, *offered = block.splitlines()
        assert {entry.split("\t")[0] for entry in offered} == TYPED[line], line


def test_zsh_reads_its_script(place: Path) -> None:
    text = f"autoload -U compinit; compinit -u -D; source {place}/complete.zsh; print $_comps[dreamtalk]"
    done = subprocess.run([shell("zsh"), "-f", "-c", text], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("_dreamtalk", "")


def test_flags_of_every_command_are_known() -> None:
    text = script("bash")
    assert all(f'    "{name}") words="' in text for name in VERBS)
