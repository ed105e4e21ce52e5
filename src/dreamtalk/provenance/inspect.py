"""All that can be found out about where a picture or video comes from: what `dreamtalk verify` tells."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from dreamtalk.errors import UnusableInput
from dreamtalk.foreign import printable
from dreamtalk.media import is_image, read_frames, read_image
from dreamtalk.media.files import check_input
from dreamtalk.provenance.detect import MAX_PIECES, PIECE_SECONDS, THRESHOLD, FoundMark, find_mark
from dreamtalk.provenance.manifest import FoundManifest, read_manifest
from dreamtalk.provenance.metadata import comment_of
from dreamtalk.provenance.origin import MANIFEST

Conclusion: TypeAlias = Literal["made", "contains", "claimed", "synthetic", "none", "unreadable"]
"""made: by dreamtalk, as the watermark or an unbroken manifest shows. contains: something made by it, as an unbroken
manifest says. claimed: only what anybody can copy into any file says so. synthetic: no mark of ours, but a manifest of
its own says that it is synthetic. none: no mark. unreadable: not looked at."""

_WORDS: dict[Conclusion, str] = {
    "made": "SYNTHETIC: this was made by dreamtalk.",
    "contains": "SYNTHETIC, at least in part: something made by dreamtalk went into this.",
    "claimed": "NOT SURE: it carries only signs of dreamtalk that anybody can copy into a file, also into a real one.",
    "synthetic": "SYNTHETIC, as the file's own manifest says. No mark of dreamtalk was found.",
    "none": "NO MARK of dreamtalk was found. That does not show that the file is real.",
    "unreadable": "NOT LOOKED AT.",
}

_LONGEST_WORDS = 1000
"""Characters of a stranger's text that are shown."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file says about itself. picture: it is a still. watermark, manifest, comment: None where there is none."""

    file: Path
    picture: bool
    watermark: FoundMark | None
    manifest: FoundManifest | None
    comment: str | None

    @property
    def conclusion(self) -> Conclusion:
        """What follows from all marks together; never "unreadable"."""
        manifest = self.manifest
        intact = manifest is not None and manifest.intact
        if self.watermark is not None or (manifest and intact and manifest.ours):
            return "made"
        if manifest and intact and "ours" in manifest.parts:
            return "contains"
        # A manifest beside a file that it does not fit is bound to it by nothing but its name.
        if self.comment is not None or (manifest and manifest.ours and not manifest.beside):
            return "claimed"
        if manifest and intact and (manifest.synthetic or "synthetic" in manifest.parts):
            return "synthetic"
        return "none"

    @property
    def ours(self) -> bool:
        """Whether any mark of dreamtalk was found, were it only one that can be forged."""
        return self.conclusion in ("made", "contains", "claimed")

    def lines(self) -> list[str]:
        """The findings in plain words, ready for a terminal."""
        lines = [
            f"{self.file}:",
            f"  {_WORDS[self.conclusion]}",
            f"  invisible watermark: {self._watermark()}",
            f"  signed manifest (C2PA): {_manifest(self.manifest)}",
            *(f"    {line}" for line in _told(self.manifest)),
            f"  note in the metadata: {self._note()}",
            "  visible badge: programs cannot read it; look for the letters AI in the lower right corner",
        ]
        return [printable(line) for line in lines]

    def _watermark(self) -> str:
        if self.watermark is None:
            return "not found" + ("" if self.picture else f" in the first {MAX_PIECES * PIECE_SECONDS} s")
        told = self.manifest.talk.get("watermark") if self.manifest else None
        number = f"{self.watermark.payload:08x}"
        fits = "" if told is None else ", as the manifest says" if told == number else f", but the manifest says {told}"
        return (
            f"found; video {number}{fits} (score {self.watermark.score:.0f}, {THRESHOLD:.0f} needed: "
            "fewer than one false alarm in a million files)"
        )

    def _note(self) -> str:
        if self.comment is None:
            return "not found"
        warned = "; it is only a note, which anybody can write" if self.conclusion == "claimed" else ""
        return f'found{warned}: "{_shortened(self.comment)}"'

    def record(self) -> dict[str, Any]:
        """The findings as plain values for JSON: docs/provenance.md tells of every key."""
        mark, manifest = self.watermark, self.manifest
        return {
            "file": str(self.file),
            "conclusion": self.conclusion,
            "dreamtalk": self.ours,
            "watermark": None if mark is None else {"payload": f"{mark.payload:08x}", "score": round(mark.score, 1)},
            "manifest": None
            if manifest is None
            else {
                "intact": manifest.intact,
                "trusted": manifest.trusted,
                "signer": manifest.signer,
                "generator": manifest.generator,
                "dreamtalk": manifest.ours,
                "synthetic": manifest.synthetic,
                "beside": manifest.beside,
                "parts": sorted(manifest.parts),
                "talk": dict(manifest.talk),
                "faults": list(manifest.faults),
            },
            "comment": self.comment,
            "error": None,
        }


def unreadable_record(file: Path, error: UnusableInput) -> dict[str, Any]:
    """The same keys as Findings.record, of a file that cannot be read."""
    found = dict.fromkeys(("watermark", "manifest", "comment"))
    return {"file": str(file), "conclusion": "unreadable", "dreamtalk": False, **found, "error": str(error)}


def inspect(file: Path, authorities: bytes | None = None) -> Findings:
    """Look for every mark in a picture or video. authorities: see read_manifest. Raises UnusableInput."""
    check_input(file)
    if file.suffix.lower() == MANIFEST:
        raise UnusableInput(f"{file} is a manifest alone. Give the picture or video that it belongs to.")
    try:
        picture = is_image(file)
        mark = find_mark(iter([read_image(file)]) if picture else read_frames(file))
        return Findings(file, picture, mark, read_manifest(file, authorities), comment_of(file))
    except OSError as error:
        raise UnusableInput(f"{file} cannot be read: {error.strerror}.") from error


def files_in(folder: Path, refused: Callable[[Path, UnusableInput], None]) -> Iterator[Path]:
    """Files of a folder and those below it that may be pictures or videos, in order of their names; none hidden.

    refused: told of folders that cannot be looked into. Links to folders are not followed, as they may go round.
    """

    def told(error: OSError) -> None:
        place = Path(error.filename)
        refused(place, UnusableInput(f"{place} cannot be looked into: {error.strerror}."))

    for place, folders, names in os.walk(folder, onerror=told):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            if not name.startswith(".") and file.suffix.lower() in _SEARCHED and _may_be_file(file):
                yield file


def _may_be_file(path: Path) -> bool:
    """No pipe and no device. Of what cannot be asked, `inspect` says why."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


_VIDEOS = "mp4 m4v mov webm mkv avi mpg mpeg ts m2ts flv wmv ogv 3gp gif"
_PICTURES = "png jpg jpeg webp bmp tif tiff avif heic"
_SEARCHED = frozenset(f".{ending}" for ending in f"{_VIDEOS} {_PICTURES}".split())


def read_authorities(file: Path) -> bytes:
    """PEM certificates of those whose word counts. Raises UnusableInput."""
    data = check_input(file).read_bytes()
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise UnusableInput(f"{file} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).")
    return data


def _manifest(found: FoundManifest | None) -> str:
    if found is None:
        return "not found"
    place = "found in a file beside it" if found.beside else "found"
    if not found.intact:
        codes = _shortened("; ".join(found.faults))
        other = " or it is another file's" if found.beside else ", or the manifest was, or it is another file's"
        return f"{place}, but THE FILE WAS CHANGED after it was signed{other} ({codes})"
    return f"{place}, and the file is as it was signed"


def _told(found: FoundManifest | None) -> list[str]:
    """What an unbroken manifest says, for people."""
    if found is None or not found.intact:
        return []
    if found.synthetic:
        says = "synthetic"
    elif "synthetic" in found.parts:
        says = "something synthetic went into this"
    else:
        says = "it does not say whether this is synthetic"
    trust = "who is vouched for" if found.trusted else "whom nobody you named vouches for (--trust)"
    settings, inputs, consent = (found.talk.get(name) for name in ("settings", "inputs", "consent"))
    lines = [
        f"what this is: {says}; made with {found.generator or 'an unnamed program'}",
        f"signed by: {found.signer or 'nobody'}, {trust}",
    ]
    if isinstance(inputs, dict) and inputs:
        lines.append(f"made of: {', '.join(map(str, inputs))} (their SHA-256: --json)")
    if isinstance(settings, dict) and settings:
        lines.append(f"settings: {', '.join(f'{name} {_word(value)}' for name, value in settings.items())}")
    if found.ours:
        lines.append(f'consent, in its maker\'s words: "{consent}"' if consent else "consent: its maker said nothing")
    return [_shortened(line) for line in lines]


def _word(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_WORDS else f"{text[:_LONGEST_WORDS]} ..."
