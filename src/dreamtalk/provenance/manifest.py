"""The signed manifest (C2PA): put into a finished video, and read from anybody's file.

Nothing here touches the network: no time stamp is asked for, no manifest and no revocation list fetched.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import c2pa
import cv2
import numpy as np

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.provenance.credentials import Credentials
from dreamtalk.provenance.metadata import SOURCE_TYPE
from dreamtalk.provenance.origin import Origin
from dreamtalk.version import package_version

ASSERTION = "org.dreamtalk.talk"
"""Label of the part of the manifest that is our own: see Origin.record."""

SEALED = {".mp4": "video/mp4", ".mov": "video/quicktime"}
"""Formats that can hold a manifest, of those that we write. C2PA knows none for WebM."""

_OTHERS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"II*\0": "image/tiff"}
"""What files that C2PA knows begin with; its own MIME types."""

_SOURCE_URI = f"http://cv.iptc.org/newscodes/digitalsourcetype/{SOURCE_TYPE}"

_OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}

_UNTRUSTED = "signingCredential.untrusted"


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """What a file's manifest says. intact: the file and the manifest are as they were signed. trusted: the signer is
    vouched for by one of the given authorities. signer, generator: names. ours: made by dreamtalk. synthetic: says so
    of itself. talk: our own part (Origin.record). faults: C2PA's codes of what does not fit.
    """

    intact: bool
    trusted: bool
    signer: str
    generator: str
    ours: bool
    synthetic: bool
    talk: Mapping[str, Any]
    faults: tuple[str, ...]


def seal(video: Path, origin: Origin, watermark: int | None, signer: Credentials) -> bool:
    """Put a signed manifest into a finished file, in place; False where its format can hold none.

    The manifest holds a random salt, so files of one seed differ in it; picture and sound do not. Raises
    UnusableOutput when the file cannot be written, UnusableInput when C2PA refuses the credentials.
    """
    kind = SEALED.get(video.suffix.lower())
    if kind is None:
        return False
    sealed = video.with_name(f"{video.stem}.sealed{video.suffix}")
    try:
        with video.open("rb") as plain, sealed.open("w+b") as out:
            sign(kind, plain, out, origin, watermark, signer)
        os.replace(sealed, video)
    except OSError as error:
        raise UnusableOutput(f"The signed manifest cannot be written to {video.parent}: {error.strerror}.") from error
    finally:
        sealed.unlink(missing_ok=True)
    return True


def check(signer: Credentials) -> None:
    """Sign a dot, so that credentials which C2PA refuses are known before hours of work. Raises UnusableInput."""
    done, dot = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))
    assert done
    sign("image/png", io.BytesIO(dot.tobytes()), io.BytesIO(), Origin({}, {}, {}), None, signer)


def sign(kind: str, plain: BinaryIO, out: BinaryIO, origin: Origin, watermark: int | None, signer: Credentials) -> None:
    """Sign with the manifests that inputs came with, or without any where one of these is too damaged for that."""
    claim = _claim(origin, watermark)
    signed = {role: file for role, file in origin.files.items() if read_manifest(file) is not None}
    try:
        try:
            _build(claim, signed, kind, plain, out, signer)
        except c2pa.C2paError:
            if not signed:
                raise
            plain.seek(0)
            out.seek(0)
            out.truncate()
            _build(claim, {}, kind, plain, out, signer)
    except c2pa.C2paError.Io as error:
        raise UnusableOutput("The signed copy of the video could not be written. Is the disk full?") from error
    except c2pa.C2paError as error:
        raise UnusableInput(f"The video cannot be signed with these credentials: {error}") from error


def _build(
    claim: Mapping[str, Any],
    signed: Mapping[str, Path],
    kind: str,
    plain: BinaryIO,
    out: BinaryIO,
    signer: Credentials,
) -> None:
    """signed: inputs whose own manifests are carried along, as C2PA's ingredients. Raises C2paError."""
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg[signer.algorithm], signer.chain, signer.key, None)
    with c2pa.Context.from_dict(_OFFLINE) as context, c2pa.Builder(json.dumps(claim), context) as builder:
        for role, file in signed.items():
            with file.open("rb") as stream:
                ingredient = {"title": role, "relationship": "inputTo"}
                builder.add_ingredient_from_stream(json.dumps(ingredient), _kind_of(stream), stream)
        builder.sign(c2pa.Signer.from_info(info), kind, plain, out)


def _claim(origin: Origin, watermark: int | None) -> dict[str, Any]:
    agent = {"name": "dreamtalk", "version": package_version()}
    created = {"action": "c2pa.created", "digitalSourceType": _SOURCE_URI, "softwareAgent": agent}
    parts = {"c2pa.actions": {"actions": [created]}, ASSERTION: origin.record(watermark)}
    return {
        "claim_generator_info": [agent],
        "title": "Synthetic talking-face video",
        # created: the signer's own word, not something gathered from elsewhere.
        "assertions": [{"label": label, "data": data, "created": True} for label, data in parts.items()],
    }


def read_manifest(file: Path, authorities: bytes | None = None) -> FoundManifest | None:
    """The manifest in a picture or video, checked against the file's every byte that it covers; None without one.

    authorities: PEM certificates of those whose word counts; None: nobody's. A file that says it holds a manifest which
    cannot be understood gives one that is not intact.
    """
    settings: dict[str, Any] = dict(_OFFLINE)
    if authorities is not None:
        settings["trust"] = {"user_anchors": authorities.decode("ascii", "replace")}
    with file.open("rb") as stream:
        kind = _kind_of(stream)
        return None if kind is None else _read(kind, stream, settings)


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


def _read(kind: str, stream: BinaryIO, settings: dict[str, Any]) -> FoundManifest | None:
    try:
        with c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader.try_create(kind, stream, context=context)
            if reader is None:
                return None
            with reader:
                store = json.loads(reader.json())
                state = reader.get_validation_state()
    except c2pa.C2paError as error:
        return None if _no_media(stream) else FoundManifest(False, False, "", "", False, False, {}, (str(error),))
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    assertions = {part.get("label"): part.get("data") for part in active.get("assertions", [])}
    signature = active.get("signature_info", {})
    talk = assertions.get(ASSERTION)
    generators = [one.get("name", "") for one in active.get("claim_generator_info", [])]
    return FoundManifest(
        intact=state in ("Valid", "Trusted"),
        trusted=state == "Trusted",
        signer=" / ".join(filter(None, (signature.get("issuer"), signature.get("common_name")))),
        generator=", ".join(generators),
        ours="dreamtalk" in generators and isinstance(talk, dict),
        synthetic="lgorithmicMedia" in json.dumps(assertions),
        talk=talk if isinstance(talk, dict) else {},
        faults=tuple(fault["code"] for fault in store.get("validation_status", []) if fault.get("code") != _UNTRUSTED),
    )


def _no_media(stream: BinaryIO) -> bool:
    """Whether a file holds no trace of a manifest, so that an error of the reader says nothing about one."""
    stream.seek(0)
    tail = b""
    while block := stream.read(1 << 20):
        if b"c2pa" in tail + block:
            return False
        tail = block[-3:]
    return True
