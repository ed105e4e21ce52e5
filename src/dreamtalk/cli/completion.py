"""dreamtalk completion: a script that lets a shell complete commands, flags and choices.

tyro's own scripts know one command at a time; ours know all of them (cli/main.py), and need no Python while typing.
"""

from __future__ import annotations

import re
import warnings
from argparse import Action
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Literal, TypeAlias

from tyro.conf import Positional, arg

from dreamtalk.cli.main import VERBS
from dreamtalk.options import AUTO, KEEP, TRANSPARENT

Shell: TypeAlias = Literal["bash", "zsh", "fish"]

_WORDS = {
    "style": (AUTO,),
    "pose": ("natural", "still"),
    "background": (KEEP, TRANSPARENT, "black", "white", "grey", "red", "green", "blue"),
}
"""Names that may stand in place of a file or colour, by flag."""

_MOST_HELP = 70
"""Characters of a flag's help that shells show."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Print a script for your shell. bash: put eval "$(dreamtalk completion bash)" into ~/.bashrc. zsh: the same with
    zsh into ~/.zshrc, after compinit. fish: dreamtalk completion fish > ~/.config/fish/completions/dreamtalk.fish"""

    shell: Annotated[Positional[Shell], arg(metavar="bash|zsh|fish")]
    """Your shell."""

    def run(self) -> None:
        """Print it."""
        print(script(self.shell), end="")


@dataclass(frozen=True, slots=True)
class Flag:
    """names: such as -o and --output. value: whether one follows. choices: what it can be. open: a file may stand in
    their place. about: one line."""

    names: tuple[str, ...]
    value: bool
    choices: tuple[str, ...]
    open: bool
    about: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its flags, and the choices of what stands without a flag."""

    name: str
    about: str
    flags: tuple[Flag, ...]
    places: tuple[str, ...]


def script(shell: Shell) -> str:
    """The script of a shell."""
    known = [_command(name) for name in VERBS]
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](known)


def _command(name: str) -> Command:
    """What a command understands, as tyro has it."""
    import tyro

    module, cls, about = VERBS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser = tyro.extras.get_parser(getattr(import_module(f"dreamtalk.cli.{module}"), cls))
    flags, places = [], list[str]()
    for action in parser._actions:
        if action.option_strings:
            flags.append(_flag(action))
        else:
            places += [str(choice) for choice in action.choices or ()]
    return Command(name, about, tuple(flags), tuple(places))


def _flag(action: Action) -> Flag:
    """A flag of tyro's. Names with _ for - are the same ones again."""
    names = tuple(name for name in action.option_strings if "_" not in name)
    closed = tuple(str(choice) for choice in action.choices or ())
    choices = closed or _WORDS.get(action.dest, ())
    if action.dest == "style":
        from dreamtalk.style.library import STYLES

        choices = (*STYLES, *choices)
    about = re.sub(r"\s*\((default|required|optional)[^)]*\)\s*$", "", " ".join((action.help or "").split()))
    about = re.sub(r"[^\w ,.;/<>+-]", "", re.split(r"[.:(] ?", about, maxsplit=1)[0])  # nothing that a shell could read
    return Flag(names, action.nargs != 0, choices, not closed, about[:_MOST_HELP].strip())


def _groups(commands: list[Command]) -> dict[str, list[str]]:
    """Second words of commands by their first."""
    groups: dict[str, list[str]] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        groups.setdefault(first, []).extend([second] if second else [])
    return groups


def _bash(commands: list[Command]) -> str:
    """One function; words come from two tables, by command and by flag."""
    groups = _groups(commands)
    seconds = [f'    "{first}") words="{" ".join(seconds)}" ;;' for first, seconds in groups.items() if seconds]
    flags = [
        f'    "{c.name}") words="{" ".join([*(n for f in c.flags for n in f.names), *c.places])}"'
        + ("; value=closed ;;" if c.places else " ;;")
        for c in commands
    ]
    values = [
        f'    "{c.name} {name}") words="{" ".join(f.choices)}"; value={"open" if f.open else "closed"} ;;'
        for c in commands
        for f in c.flags
        if f.value
        for name in f.names
    ]
    pairs = "|".join(f'"{first}"' for first, seconds in groups.items() if seconds)
    return f"""\
# bash completion for dreamtalk; made by: dreamtalk completion bash
_dreamtalk() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}"
  local verb="${{COMP_WORDS[1]}}" words="" value=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(groups)} --help --version" -- "$cur"))
    return
  fi
  case "$verb" in {pairs})
    if [ "$COMP_CWORD" -eq 2 ]; then
      case "$verb" in
{chr(10).join(seconds)}
      esac
      COMPREPLY=($(compgen -W "$words --help" -- "$cur"))
      return
    fi
    verb="$verb ${{COMP_WORDS[2]}}" ;;
  esac
  case "$verb $prev" in
{chr(10).join(values)}
  esac
  if [ -z "$value" ]; then
    case "$verb" in
{chr(10).join(flags)}
    esac
    case "$cur" in
      -*) ;;
      *) words="$(printf '%s\\n' $words | grep -v '^-')" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  case "$value$cur" in
    -*|closed*) ;;
    *) compopt -o filenames 2>/dev/null
       local IFS=$'\\n'
       COMPREPLY+=($(compgen -f -- "$cur")) ;;
  esac
}}
complete -F _dreamtalk dreamtalk
"""


def _zsh(commands: list[Command]) -> str:
    """_arguments for each command."""
    groups = _groups(commands)
    about = {c.name: c.about.replace("'", "").replace(":", ";") for c in commands}
    firsts = "\n".join(f"    '{f}:{about.get(f, ', '.join(s)).replace(':', ';')}'" for f, s in groups.items())
    seconds = "\n".join(
        f"      {first}) second=({' '.join(repr(f'{s}:' + about[f'{first} {s}']) for s in second)}) ;;"
        for first, second in groups.items()
        if second
    )
    cases = "\n".join(f"    '{c.name}') specs=({' '.join(_specs(c))}) ;;" for c in commands)
    return f"""\
#compdef dreamtalk
# zsh completion for dreamtalk; made by: dreamtalk completion zsh
_dreamtalk_or_file() {{
  local -a names
  names=("${{(@)argv:#-*}}")
  compadd -a names
  _files
}}
_dreamtalk() {{
  local -a first second specs
  local verb="$words[2]"
  first=(
{firsts}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' first
    return
  fi
  case "$verb" in
{seconds}
  esac
  if (( $#second )); then
    if (( CURRENT == 3 )); then
      _describe 'command' second
      return
    fi
    verb="$verb $words[3]"
    shift words
    (( CURRENT-- ))
  fi
  shift words
  (( CURRENT-- ))
  case "$verb" in
{cases}
  esac
  _arguments $specs
}}
compdef _dreamtalk dreamtalk
"""


def _specs(command: Command) -> list[str]:
    """What _arguments reads."""
    specs = []
    for flag in command.flags:
        ends = ""
        if flag.value:
            ends = f":value:({' '.join(flag.choices)})" if not flag.open else ":file:_files"
            if flag.open and flag.choices:
                ends = f":value:_dreamtalk_or_file {' '.join(flag.choices)}"
        specs += [f"'{name}[{flag.about}]{ends}'" for name in flag.names]
    places = f"({' '.join(command.places)})" if command.places else "_files"
    return [*specs, f"'*:file:{places}'"]


def _fish(commands: list[Command]) -> str:
    """One line per command and flag."""
    lines = [
        "# fish completion for dreamtalk; made by: dreamtalk completion fish",
        "function __dreamtalk_at",
        "    set -l typed (commandline -opc)",
        '    string match -q -- "$argv[1] *" "$typed[2..-1] "',
        "end",
        "function __dreamtalk_after",
        "    set -l typed (commandline -opc)",
        '    test "$typed" = "$argv[1]"',
        "end",
    ]
    groups = _groups(commands)
    about = {c.name: c.about.replace("'", "") for c in commands}
    for first, seconds in groups.items():
        told = about.get(first, ", ".join(seconds))
        lines.append(f"complete -c dreamtalk -f -n '__dreamtalk_after dreamtalk' -a {first} -d '{told}'")
        for second in seconds:
            where = f"-n '__dreamtalk_after \"dreamtalk {first}\"'"
            lines.append(f"complete -c dreamtalk -f {where} -a {second} -d '{about[f'{first} {second}']}'")
    for command in commands:
        where = f"-n '__dreamtalk_at \"{command.name}\"'"
        if command.places:
            lines.append(f"complete -c dreamtalk {where} -f -a '{' '.join(command.places)}'")
        for flag in command.flags:
            named = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in flag.names)
            takes = "" if not flag.value else " -r" if flag.open else " -x"
            words = f" -a '{' '.join(flag.choices)}'" if flag.choices else ""
            lines.append(f"complete -c dreamtalk {where} {named}{takes}{words} -d '{flag.about}'")
    return "\n".join(lines) + "\n"
