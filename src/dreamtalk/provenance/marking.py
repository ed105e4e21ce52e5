"""The marks of one output file, from the options that ask for them to what was set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk.provenance.origin import Origin, origin_of, with_later_style, write_manifest, write_sidecar

if TYPE_CHECKING:
    from dreamtalk.options import TalkOptions
    from dreamtalk.provenance.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Marks:
    """What marks a written video carries besides the note in its metadata. badge: visible. watermark: its payload.
    manifest: a signed one (C2PA) is in the file. beside: the file with it, where the video has no place for it.
    sidecar: the file with the same in JSON.
    """

    badge: bool
    watermark: int | None
    manifest: bool
    sidecar: Path | None = None
    beside: Path | None = None


class Marking:
    """Marks one video: seal it (numbered pictures: each) before it gets its name, and set beside it what belongs
    there."""

    def __init__(self, given: Mapping[str, object], options: TalkOptions, moved: bool = True) -> None:
        """given: the inputs by what they are used as. moved: see origin_of. Raises UnusableInput when own credentials
        cannot be used."""
        self._options = options
        self._origin: Origin = origin_of(given, options, moved)
        self._signer: Credentials | None = None
        self._sealed = False
        self._beside: bytes | None = None
        if options.provenance:
            from dreamtalk.provenance.credentials import credentials

            self._signer = credentials()
            if not self._signer.self_made:
                from dreamtalk.provenance.manifest import check

                check(self._signer)

    def seal(self, file: Path, payloads: list[int]) -> None:
        """Sign a finished file. payloads: of its watermark, one or none."""
        if self._signer is not None:
            from dreamtalk.provenance.manifest import seal, with_manifests

            if not self._sealed:
                self._origin, self._sealed = with_manifests(self._origin), True
            self._beside = seal(file, self._origin, _of(payloads), self._signer)

    def later_style(self, style: object) -> None:
        """A talk went over to another style on its way: the manifest names it too. Call before `seal`."""
        self._origin = with_later_style(self._origin, style)

    def set(self, video: Path, payloads: list[int]) -> Marks:
        """Write what belongs beside a complete video, and tell what marks there are."""
        beside = write_manifest(video, self._beside)
        sidecar = write_sidecar(video, self._origin, _of(payloads)) if self._options.sidecar else None
        return Marks(self._options.badge, _of(payloads), self._sealed and beside is None, sidecar, beside)


def _of(payloads: list[int]) -> int | None:
    return payloads[0] if payloads else None
