"""Writes docs/licences.md: what dreamtalk installs, in which version here, under which licence.

    python docs/make_licences.py

Run it where the extras are installed whose packages it should list (`make test` installs those of `dev`).
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]

FREE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Zlib|0BSD|CC0|HPND|Unlicense|LGPL|Public Domain"
    r"|Boost|BSL-1\.0|Historical Permission|NCSA|Artistic",
    re.IGNORECASE,
)
"""Licences that allow any use, LGPL for libraries that are only linked."""

BARRED = re.compile(r"NonCommercial|Non-Commercial|CC[ -]BY[ -]NC|AGPL|Affero|proprietary", re.IGNORECASE)


@dataclass(frozen=True)
class Package:
    """One installed package. needed_by: "core" or the first extra that brings it in."""

    name: str
    version: str
    licence: str
    needed_by: str


def packages() -> list[Package]:
    """Everything that the core and the extras bring in and that is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, Package] = {}
    for group, needs in {"core": project["dependencies"], **project["optional-dependencies"]}.items():
        for need in needs:
            _walk(Requirement(need), group, found)
    return sorted(found.values(), key=lambda package: (package.needed_by != "core", package.needed_by, package.name))


def missing() -> list[str]:
    """Names of packages the core asks for that are not installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = [Requirement(need) for need in project["dependencies"]]
    return [need.name for need in needs if _applies(need, ()) and _installed(need.name) is None]


def _walk(need: Requirement, group: str, found: dict[str, Package]) -> None:
    installed = _installed(need.name)
    if installed is None or not _applies(need, ()) or _key(need.name) in found:
        return
    found[_key(need.name)] = Package(_key(need.name), installed.version, licence_of(installed), group)
    for text in installed.requires or []:
        inner = Requirement(text)
        if _applies(inner, tuple(need.extras)):
            _walk(inner, group, found)


def licence_of(installed: Distribution) -> str:
    """What a package's metadata says of its licence, in one line."""
    said = installed.metadata
    classifiers = [
        line.split("::")[-1].strip() for line in said.get_all("Classifier", []) if line.startswith("License")
    ]
    text = said.get("License-Expression") or "; ".join(classifiers) or said.get("License") or "not said"
    return text.splitlines()[0][:120]


def _applies(need: Requirement, extras: tuple[str, ...]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def page(listed: list[Package]) -> str:
    """The page, in Markdown."""
    rows = [f"| {one.name} | {one.version} | {one.licence} | {one.needed_by} |" for one in listed]
    head = [
        "# Licences of what is installed",
        "",
        "Made by `python docs/make_licences.py` from the packages' own metadata; do not edit. What the metadata does",
        "not say: the wheels of **av** carry FFmpeg with x264, which is GPL software; **soxr** is LGPL, and is linked.",
        "The models that ship have cards of their own in `docs/model_cards`; `dreamtalk doctor` checks them.",
        "",
        "| package | version | licence | needed by |",
        "|---|---|---|---|",
    ]
    return "\n".join(head + rows) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "licences.md").write_text(page(packages()), encoding="utf-8")
