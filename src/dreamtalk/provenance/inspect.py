"""All that can be found out about where a picture or video comes from: what `dreamtalk verify` and the server tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamtalk.errors import UnusableInput
from dreamtalk.foreign import printable
from dreamtalk.media import is_image, read_frames, read_image
from dreamtalk.media.files import check_input
from dreamtalk.provenance.detect import MAX_PIECES, PIECE_SECONDS, THRESHOLD, FoundMark, find_mark
from dreamtalk.provenance.manifest import FoundManifest, read_manifest
from dreamtalk.provenance.metadata import comment_of


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file says about itself. picture: it is a still. watermark, manifest, comment: None where there is none."""

    file: Path
    picture: bool
    watermark: FoundMark | None
    manifest: FoundManifest | None
    comment: str | None

    @property
    def ours(self) -> bool:
        """Whether any mark of dreamtalk was found."""
        return self.watermark is not None or self.comment is not None or bool(self.manifest and self.manifest.ours)

    def lines(self) -> list[str]:
        """The findings in plain words, ready for a terminal."""
        last = (
            "This was made by dreamtalk: it is synthetic."
            if self.ours
            else "No mark of dreamtalk was found, but the file's own manifest says that it is synthetic."
            if self.manifest and self.manifest.synthetic
            else "No mark of dreamtalk was found. That does not show that the file is real."
        )
        lines = [
            f"{self.file}:",
            f"  invisible watermark: {self._watermark()}",
            f"  signed manifest (C2PA): {_manifest(self.manifest)}",
            f"  note in the metadata: {'not found' if self.comment is None else f'found: {self.comment}'}",
            "  visible badge: programs cannot read it; look for the letters AI in the lower right corner",
            last,
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

    def record(self) -> dict[str, Any]:
        """The findings as plain values for JSON."""
        mark, manifest = self.watermark, self.manifest
        return {
            "file": str(self.file),
            "dreamtalk": self.ours,
            "watermark": None if mark is None else {"payload": f"{mark.payload:08x}", "score": round(mark.score, 1)},
            "manifest": None
            if manifest is None
            else {
                "intact": manifest.intact,
                "trusted": manifest.trusted,
                "signer": manifest.signer,
                "generator": manifest.generator,
                "synthetic": manifest.synthetic,
                "talk": dict(manifest.talk),
                "faults": list(manifest.faults),
            },
            "comment": self.comment,
        }


def inspect(file: Path, authorities: bytes | None = None) -> Findings:
    """Look for every mark in a picture or video. authorities: see read_manifest. Raises UnusableInput."""
    check_input(file)
    picture = is_image(file)
    mark = find_mark(iter([read_image(file)]) if picture else read_frames(file))
    return Findings(file, picture, mark, read_manifest(file, authorities), comment_of(file))


def files_in(folder: Path) -> Iterator[Path]:
    """Files of a folder and those below it that may be pictures or videos, in order of their names; none hidden."""
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.is_file() and not hidden and file.suffix.lower() in _SEARCHED:
            yield file


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
    who = f"{found.generator or 'an unnamed program'}, signed by {found.signer or 'nobody'}"
    if not found.intact:
        return f"found, but THE FILE WAS CHANGED after it was signed, or the manifest was ({'; '.join(found.faults)})"
    trust = "who is vouched for" if found.trusted else "whom nobody you named vouches for (--trust)"
    says = "it says that it is synthetic" if found.synthetic else "it does not say whether it is synthetic"
    return f"found and intact: {who}, {trust}; {says}"
