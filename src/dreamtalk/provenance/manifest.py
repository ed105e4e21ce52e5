"""The signed manifest (C2PA): put into a finished video, and read from anybody's file.

Nothing here touches the network: no time stamp is asked for, no manifest and no revocation list fetched.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import c2pa
import cv2
import numpy as np

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.provenance.credentials import Credentials
from dreamtalk.provenance.metadata import SOURCE_TYPE
from dreamtalk.provenance.origin import ASSERTION, BESIDE, MAX_MANIFEST, Origin, is_file, manifest_beside
from dreamtalk.version import package_version

SEALED = {".mp4": "video/mp4", ".mov": "video/quicktime", ".png": "image/png"}
"""Formats that can hold a manifest, of those that we write. C2PA knows none for WebM: see origin.BESIDE."""

_ANYTHING = "application/octet-stream"
"""What C2PA is told of files that it knows no place for a manifest in."""

_OTHERS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"II*\0": "image/tiff"}
"""What files that C2PA knows begin with; its own MIME types."""

_SOURCE_URI = f"http://cv.iptc.org/newscodes/digitalsourcetype/{SOURCE_TYPE}"

_OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}

_UNTRUSTED = "signingCredential.untrusted"

_SYNTHETIC = "lgorithmicMedia", "compositeSynthetic"
"""Parts of IPTC's digital source types that say so."""


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """What a file's manifest says. intact: the file and the manifest are as they were signed. trusted: the signer is
    vouched for by one of the given authorities. signer, generator: names. ours: made by dreamtalk. synthetic: says so
    of itself. talk: our own part (Origin.record). faults: C2PA's codes of what does not fit. beside: it lies in a file
    of its own. parts: what the manifests of files say that went into this one, "ours" and "synthetic".
    """

    intact: bool
    trusted: bool
    signer: str
    generator: str
    ours: bool
    synthetic: bool
    talk: Mapping[str, Any]
    faults: tuple[str, ...]
    beside: bool = False
    parts: frozenset[str] = frozenset()


def seal(video: Path, origin: Origin, watermark: int | None, signer: Credentials) -> bytes | None:
    """Put a signed manifest into a finished video or picture, in place. Where its format can hold none, the file stays
    as it is, and its manifest is given.

    The manifest holds a random salt, so files of one seed differ in it; picture and sound do not. Raises
    UnusableOutput when the file cannot be written, UnusableInput when C2PA refuses the credentials.
    """
    kind = SEALED.get(video.suffix.lower())
    if kind is None:
        with video.open("rb") as plain:
            return sign(BESIDE.get(video.suffix.lower(), _ANYTHING), plain, None, origin, watermark, signer)
    sealed = video.with_name(f"{video.stem}.sealed{video.suffix}")
    try:
        with video.open("rb") as plain, sealed.open("w+b") as out:
            sign(kind, plain, out, origin, watermark, signer)
        if origin.files and not ((made := read_manifest(sealed)) and made.intact):
            # An input's damaged manifest, which C2PA carries along and then holds against the whole.
            with video.open("rb") as plain, sealed.open("w+b") as out:
                sign(kind, plain, out, replace(origin, files={}), watermark, signer)
        os.replace(sealed, video)
    except OSError as error:
        raise UnusableOutput(f"The signed manifest cannot be written to {video.parent}: {error.strerror}.") from error
    finally:
        sealed.unlink(missing_ok=True)
    return None


def check(signer: Credentials) -> None:
    """Sign a dot, so that credentials which C2PA refuses are known before hours of work. Raises UnusableInput."""
    done, dot = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))
    assert done
    sign("image/png", io.BytesIO(dot.tobytes()), io.BytesIO(), Origin({}, {}, {}), None, signer)


def with_manifests(origin: Origin) -> Origin:
    """The same with those of its files alone that came with a manifest of their own."""
    return replace(origin, files={role: file for role, file in origin.files.items() if _has_manifest(file)})


def _has_manifest(file: Path) -> bool:
    found = read_manifest(file)
    return found is not None and not found.beside


def sign(
    kind: str, plain: BinaryIO, out: BinaryIO | None, origin: Origin, watermark: int | None, signer: Credentials
) -> bytes:
    """Sign, and give the manifest. out: the signed copy; None: the manifest stays outside. origin: see with_manifests;
    its files' manifests are carried along, or none where one of them is too damaged for that."""
    try:
        try:
            return _build(origin, watermark, kind, plain, out, signer)
        except c2pa.C2paError:
            if not origin.files:
                raise
            plain.seek(0)
            if out is not None:
                out.seek(0)
                out.truncate()
            return _build(replace(origin, files={}), watermark, kind, plain, out, signer)
    except c2pa.C2paError.Io as error:
        raise UnusableOutput("The signed copy of the video could not be written. Is the disk full?") from error
    except c2pa.C2paError as error:
        raise UnusableInput(f"The video cannot be signed with these credentials: {error}") from error


def _build(
    origin: Origin, watermark: int | None, kind: str, plain: BinaryIO, out: BinaryIO | None, signer: Credentials
) -> bytes:
    """Raises C2paError."""
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg[signer.algorithm], signer.chain, signer.key, None)
    claim = json.dumps(_claim(origin, watermark))
    with c2pa.Context.from_dict(_OFFLINE) as context, c2pa.Builder(claim, context) as builder:
        for role, file in origin.files.items():
            with file.open("rb") as stream:
                ingredient = {"title": role, "label": role, "relationship": "inputTo"}
                builder.add_ingredient_from_stream(json.dumps(ingredient), _kind_of(stream) or _ANYTHING, stream)
        if out is None:
            builder.set_no_embed()
        manifest: bytes = builder.sign(c2pa.Signer.from_info(info), kind, plain, _Nowhere() if out is None else out)
        return manifest


class _Nowhere(io.RawIOBase):
    """Takes the copy of a file that C2PA writes also where the manifest stays outside, and keeps nothing of it."""

    def __init__(self) -> None:
        self._at = self._end = 0

    def write(self, data: Any) -> int:
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _claim(origin: Origin, watermark: int | None) -> dict[str, Any]:
    agent = {"name": "dreamtalk", "version": package_version()}
    created: dict[str, Any] = {"action": "c2pa.created", "digitalSourceType": _SOURCE_URI, "softwareAgent": agent}
    if origin.files:
        created["parameters"] = {"ingredientIds": list(origin.files)}  # C2PA asks the action to name what went into it
    parts = {"c2pa.actions": {"actions": [created]}, ASSERTION: origin.record(watermark)}
    return {
        "claim_generator_info": [agent],
        "title": "Synthetic talking face",
        # created: the signer's own word, not something gathered from elsewhere.
        "assertions": [{"label": label, "data": data, "created": True} for label, data in parts.items()],
    }


def read_manifest(file: Path, authorities: bytes | None = None) -> FoundManifest | None:
    """The manifest in a picture or video, or beside it, checked against every byte of the file that it covers; None
    without one.

    authorities: PEM certificates of those whose word counts; None: nobody's. A file that says it holds a manifest which
    cannot be understood gives one that is not intact.
    """
    settings: dict[str, Any] = dict(_OFFLINE)
    if authorities is not None:
        settings["trust"] = {"user_anchors": authorities.decode("ascii", "replace")}
    with file.open("rb") as stream:
        kind = _kind_of(stream)
        found = None if kind is None else _read(kind, stream, None, settings)
        beside = manifest_beside(file)
        if found is None and beside != file and is_file(beside) and beside.stat().st_size <= MAX_MANIFEST:
            stream.seek(0)
            found = _read(kind or _ANYTHING, stream, beside.read_bytes(), settings)
    return found


def _kind_of(stream: BinaryIO) -> str | None:
    """MIME type by a file's first bytes, whatever its name."""
    head = stream.read(12)
    stream.seek(0)
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return {b"avif": "image/avif", b"heic": "image/heic", b"qt  ": "video/quicktime"}.get(brand, "video/mp4")
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/avi", b"WAVE": "audio/wav"}.get(head[8:12])
    return next((kind for start, kind in _OTHERS.items() if head.startswith(start)), None)


def _read(kind: str, stream: BinaryIO, beside: bytes | None, settings: dict[str, Any]) -> FoundManifest | None:
    """beside: a manifest from outside of the file."""
    try:
        with c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader.try_create(kind, stream, beside, context)
            if reader is None:
                return None
            with reader:
                store = json.loads(reader.json())
                state = reader.get_validation_state()
    except c2pa.C2paError as error:
        if beside is None and _no_media(stream):
            return None
        return FoundManifest(False, False, "", "", False, False, {}, (str(error),), beside is not None)
    manifests = dict(store.get("manifests", {}))
    active = manifests.pop(store.get("active_manifest"), {})
    ours, synthetic, talk = _says(active)
    signature = active.get("signature_info", {})
    parts = [_says(part) for part in manifests.values()]
    return FoundManifest(
        intact=state in ("Valid", "Trusted"),
        trusted=state == "Trusted",
        signer=" / ".join(filter(None, (signature.get("issuer"), signature.get("common_name")))),
        generator=", ".join(_generators(active)),
        ours=ours,
        synthetic=synthetic,
        talk=talk,
        faults=tuple(fault["code"] for fault in store.get("validation_status", []) if fault.get("code") != _UNTRUSTED),
        beside=beside is not None,
        parts=frozenset(name for name, said in (("ours", 0), ("synthetic", 1)) if any(part[said] for part in parts)),
    )


def _says(manifest: Mapping[str, Any]) -> tuple[bool, bool, Mapping[str, Any]]:
    """Of one manifest: whether it is ours, whether it says that its file is synthetic, and our own part of it."""
    assertions = {part.get("label"): part.get("data") for part in manifest.get("assertions", [])}
    talk = assertions.get(ASSERTION)
    ours = "dreamtalk" in _generators(manifest) and isinstance(talk, dict)
    synthetic = any(word in json.dumps(assertions) for word in _SYNTHETIC)
    return ours, synthetic, talk if isinstance(talk, dict) else {}


def _generators(manifest: Mapping[str, Any]) -> list[str]:
    return [str(one.get("name", "")) for one in manifest.get("claim_generator_info", [])]


def _no_media(stream: BinaryIO) -> bool:
    """Whether a file holds no trace of a manifest, so that an error of the reader says nothing about one."""
    stream.seek(0)
    tail = b""
    while block := stream.read(1 << 20):
        if b"c2pa" in tail + block:
            return False
        tail = block[-3:]
    return True
