"""How a video was made, as its manifest and its sidecar say it. No file names: they often are people's names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk import assets
from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.media.files import check_input, exists, replacing, sha256_of
from dreamtalk.option_values import FILES, WORDS_OR_FILES
from dreamtalk.options import AUTO, TalkOptions
from dreamtalk.provenance.metadata import SOURCE_TYPE
from dreamtalk.types import Motion, Portrait, Speech, Style
from dreamtalk.version import package_version

SIDECAR = ".provenance.json"
"""Added to a video's name for its sidecar."""

MANIFEST = ".c2pa"
"""In place of a video's ending: the signed manifest of a video that has no place for it. C2PA's readers look there."""

BESIDE = {".webm": "video/webm"}
"""Formats that we write for whose manifest C2PA knows no place inside, and their MIME types."""

MAX_MANIFEST = 64 * 2**20
"""Bytes; a larger file is no manifest. Ours have some kB, more where inputs came with large ones."""

ASSERTION = "org.dreamtalk.talk"
"""Label of the part of the manifest that is our own: see Origin.record."""

_NO_SETTINGS = (*FILES, *WORDS_OR_FILES, "provenance", "consent", "sidecar")
_ALWAYS_TOLD = ("intensity", "seed", "renderer", "badge")
"""Settings that stand in every manifest; the others where they are not as usual."""

_OF_MOTION = (
    *("intensity", "upper_intensity", "lower_intensity", "auto_timeline"),
    *("blink", "gaze", "accents", "seed"),
)
"""Settings that say nothing where the motion was given."""

Setting = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Origin:
    """inputs: SHA-256 of each file, or of the numbers given in place of one, by what it was used as. settings: what was
    asked for, plain values. models: SHA-256 of the weights by name. consent: what the user said about the rights to
    face and voice, "" when nothing. files: the inputs themselves; where one came with a C2PA manifest, the video's
    carries it along.
    """

    inputs: Mapping[str, str]
    settings: Mapping[str, Setting]
    models: Mapping[str, str]
    consent: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)

    def record(self, watermark: int | None) -> dict[str, Any]:
        """The same as plain values for JSON. watermark: its 32 bits; None: there is none."""
        return {
            "generator": f"dreamtalk {package_version()}",
            "digitalSourceType": SOURCE_TYPE,
            "inputs": {role: {"sha256": digest} for role, digest in self.inputs.items()},
            "settings": dict(self.settings),
            "models": {name: {"sha256": digest} for name, digest in self.models.items()},
            **({} if watermark is None else {"watermark": f"{watermark:08x}"}),
            **({"consent": self.consent} if self.consent else {}),
        }


def origin_of(given: Mapping[str, object], options: TalkOptions, moved: bool = True) -> Origin:
    """Of a talk made from these inputs (by what they are used as) and options. Iterators and functions have no entry.

    moved: by the motion model; False: the motion was given, and what else shapes it has no entry. Raises UnusableInput
    for a file that cannot be read.
    """
    inputs = dict(given) | (_moving(options) if moved else {})
    files, digests = _digests(inputs)
    return Origin(digests, _settings(options, moved), _models(options, moved), options.consent, files)


def with_later_style(origin: Origin, style: object) -> Origin:
    """Of a talk that went over to another style on its way."""
    word, source = style_word(style)
    styles = [name for name in str(origin.settings.get("later styles", "")).split(", ") if name]
    number = 1 + sum(role.startswith("later style") for role in origin.inputs)
    files, digests = _digests({f"later style {number}": source})
    if set(digests.values()) <= set(origin.inputs.values()):  # seen before
        files, digests = {}, {}
    return replace(
        origin,
        settings={**origin.settings, "later styles": ", ".join(dict.fromkeys((*styles, word)))},
        inputs={**origin.inputs, **digests},
        files={**origin.files, **files},
        models={**origin.models, **_shipped(_weights_of_style(TalkOptions(style=style)))},  # type: ignore[arg-type]
    )


def _digests(inputs: Mapping[str, object]) -> tuple[dict[str, Path], dict[str, str]]:
    """The files among inputs, and the SHA-256 of each input, by what they are used as."""
    files = {role: file for role, value in inputs.items() if (file := _file_of(value)) is not None}
    digests = {role: _sha256(file) for role, file in files.items()}
    for role, value in inputs.items():
        what, arrays = _arrays_of(value)
        if role not in files and arrays:
            digests[f"{role} ({what})"] = _sha256_of_arrays(arrays)
    return files, digests


def _moving(options: TalkOptions) -> dict[str, object]:
    """What shapes the motion, by what it is used as."""
    from dreamtalk.style.timeline_file import files_in

    inputs: dict[str, object] = {
        "style": style_word(options.style)[1],
        "neutral face": options.style_neutral,
        "timeline": options.timeline,
        "head motion": options.pose,
    }
    if isinstance(options.timeline, str | Path):
        named = files_in(Path(options.timeline))
        inputs |= {f"style {number} of the timeline": file for number, file in enumerate(named, start=1)}
    return inputs


def _settings(options: TalkOptions, moved: bool) -> dict[str, Setting]:
    told: dict[str, Setting] = {"style": style_word(options.style)[0]} if moved else {}
    for option in fields(options):
        value = getattr(options, option.name)
        if option.name in _NO_SETTINGS or (not moved and option.name in _OF_MOTION):
            continue
        if option.name in _ALWAYS_TOLD or value != option.default:
            told[option.name] = value.item() if isinstance(value, np.generic) else value
    if moved and options.pose == "still":
        told["pose"] = "still"
    if moved and callable(options.timeline):
        told["timeline"] = "of a program"
    return told


def _models(options: TalkOptions, moved: bool) -> dict[str, str]:
    """The weights at work. Own ones have no name here, as files have none."""
    from dreamtalk.motion.model import DEFAULT_MODEL

    shipped, own = ["face-landmarker", "mesh64"], {"renderer": options.renderer_weights}
    if moved:
        own |= {"motion model": options.motion_weights, "speech encoder": options.speech_encoder}
        shipped += [] if options.motion_weights else [DEFAULT_MODEL, "whisper-base-l3", "articulation-reader"]
        shipped += _weights_of_style(options)
    models = _shipped(shipped)
    for name, given in own.items():
        if given is not None and (file := _file_of(given)) is not None:
            models[name] = _sha256(file)
        elif given is not None and Path(given).is_dir():
            models[name] = _sha256_of_folder(Path(given))
    return models


def _shipped(names: list[str]) -> dict[str, str]:
    return {name: assets.registry()[name].sha256 for name in names}


def _weights_of_style(options: TalkOptions) -> list[str]:
    from dreamtalk.style.guess import GUESS
    from dreamtalk.style.library import CARRIER
    from dreamtalk.style.predictor import DEFAULT_PREDICTOR

    if options.style == AUTO:
        return [DEFAULT_PREDICTOR, CARRIER]
    word, source = style_word(options.style)
    several = options.timeline is not None
    from_video = source is not None and options.style_neutral is None and not isinstance(source, Style)
    return ([CARRIER] if several or word != "neutral" else []) + ([GUESS] if several or from_video else [])


def style_word(style: object) -> tuple[str, object]:
    """What the manifest calls a style, and the file it comes from. Names that people gave stay at home."""
    from dreamtalk.style.files import saved_names, saved_path
    from dreamtalk.style.library import is_named

    if isinstance(style, str) and (style == AUTO or is_named(style)):
        return style, None
    if isinstance(style, Style):
        return "of a program", style
    return "of a file", saved_path(style) if isinstance(style, str) and style in saved_names() else style


def _file_of(value: object) -> Path | None:
    """The file that was given, if it was one."""
    path = value.source if isinstance(value, Speech) else value
    return Path(path) if isinstance(path, str | Path) and is_file(Path(path)) else None


def _arrays_of(value: object) -> tuple[str, list[NDArray[Any]]]:
    """The numbers of an input that came as such, and what they are."""
    if isinstance(value, np.ndarray):
        return "pixels", [value]
    if isinstance(value, Portrait):
        return "pixels", [value.image]
    if isinstance(value, Speech):
        return "samples", [value.samples]
    if isinstance(value, Style):
        return "code", [value.code]
    if isinstance(value, Motion):
        return "numbers", [part for part in _parts(value) if isinstance(part, np.ndarray)]
    keys = getattr(value, "keys", None)
    if isinstance(keys, tuple):  # a Timeline
        return "codes", [key.style.code for key in keys]
    return "", []


def _parts(motion: Motion) -> Iterator[object]:
    return (getattr(motion, part.name) for part in fields(motion))


def _sha256(file: Path) -> str:
    try:
        return sha256_of(check_input(file))
    except OSError as error:
        raise UnusableInput(f"{file} cannot be read: {error.strerror}.") from error


def _sha256_of_arrays(arrays: list[NDArray[Any]]) -> str:
    """Of the bytes of all arrays, one after the other, as they lie in memory row by row."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _sha256_of_folder(folder: Path) -> str:
    """Of the digests of all its files, in order of their names."""
    digests = [_sha256(file) for file in sorted(folder.iterdir()) if file.is_file()]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def write_sidecar(video: Path, origin: Origin, watermark: int | None) -> Path:
    """Write <video>.provenance.json beside a video (for numbered pictures: beside their folder); gives its path."""
    pictures = "%" in video.name
    path = (video.parent if pictures else video).with_name((video.parent if pictures else video).name + SIDECAR)
    record = origin.record(watermark)
    if not pictures:
        record["video"] = {"sha256": sha256_of(video)}
    with replacing(path) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def write_manifest(video: Path, manifest: bytes | None) -> Path | None:
    """Write the signed manifest of a video that has no place for it beside that, and give its path.

    manifest: None: the video has none, or inside. A manifest of an older video of that name then goes.
    """
    if manifest is None:
        _drop_manifest(video)
        return None
    with replacing(manifest_beside(video)) as part:
        part.write_bytes(manifest)
    return manifest_beside(video)


def check_beside(video: Path) -> None:
    """Raise UnusableOutput where a manifest that is not ours lies in the place of a video's own."""
    path = manifest_beside(video)
    if video.suffix.lower() in BESIDE and exists(path) and not is_ours(path):
        raise UnusableOutput(f"{path} belongs to another file, and the manifest of {video} would replace it.")


def manifest_beside(video: Path) -> Path:
    """Where the manifest of a video lies that has no place for it."""
    return video.with_suffix(MANIFEST)


def is_ours(manifest: Path) -> bool:
    """Whether that is a file with a manifest of dreamtalk."""
    small = is_file(manifest) and manifest.stat().st_size <= MAX_MANIFEST
    return small and ASSERTION.encode() in manifest.read_bytes()


def drop_beside(video: Path) -> None:
    """Remove what was written beside a video, for one that is removed itself."""
    video.with_name(video.name + SIDECAR).unlink(missing_ok=True)
    _drop_manifest(video)


def _drop_manifest(video: Path) -> None:
    if video.suffix.lower() in BESIDE and is_ours(manifest_beside(video)):
        manifest_beside(video).unlink(missing_ok=True)


def is_file(path: Path) -> bool:
    """Whether there is such a file; names that the file system cannot hold belong to none."""
    return exists(path) and path.is_file()
