"""How a video was made, as its manifest and its sidecar say it. No file names: they often are people's names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamtalk import assets
from dreamtalk.media.files import exists, replacing, sha256_of
from dreamtalk.options import AUTO, TalkOptions
from dreamtalk.provenance.metadata import SOURCE_TYPE
from dreamtalk.version import package_version

SIDECAR = ".provenance.json"
"""Added to a video's name for its sidecar."""


@dataclass(frozen=True, slots=True)
class Origin:
    """inputs: SHA-256 of each file by what it was used as. settings: what was asked for, plain values. models: SHA-256
    of the weights by name. consent: what the user said about the rights to face and voice, "" when nothing.
    files: the inputs themselves; where one came with a C2PA manifest, the video's carries it along.
    """

    inputs: Mapping[str, str]
    settings: Mapping[str, str | int | float | bool]
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
    """Of a talk made from these inputs (by what they are used as) and options. What came as arrays has no entry.

    moved: by the motion model; False: the motion was given, and what shapes it has no entry.
    """
    from dreamtalk.motion.model import DEFAULT_MODEL

    files, settings = dict(given), dict[str, str | int | float | bool]()
    if moved:
        named, style = style_word(options.style)
        files |= {
            "style": style,
            "neutral face": options.style_neutral,
            "timeline": options.timeline,
            "head motion": options.pose,
        }
        settings = {"style": named, "intensity": options.intensity, "seed": options.seed}
    settings |= {"renderer": options.renderer, "badge": options.badge}
    found = {role: Path(file) for role, file in files.items() if isinstance(file, str | Path) and is_file(Path(file))}
    models: dict[str, str] = {}
    if moved and options.motion_weights is None:
        models[DEFAULT_MODEL] = assets.registry()[DEFAULT_MODEL].sha256
    for name, weights in (("motion model", options.motion_weights), ("renderer", options.renderer_weights)):
        if weights is not None and (moved or name == "renderer") and is_file(Path(weights)):
            models[name] = sha256_of(Path(weights))
    inputs = {role: sha256_of(file) for role, file in found.items()}
    return Origin(inputs, settings, models, options.consent, found)


def style_word(style: object) -> tuple[str, object]:
    """What the manifest calls a style, and the file it comes from. Names that people gave stay at home."""
    from dreamtalk.style.files import saved_names, saved_path
    from dreamtalk.style.library import is_named

    if isinstance(style, str) and (style == AUTO or is_named(style)):
        return style, None
    return "of a file", saved_path(style) if isinstance(style, str) and style in saved_names() else style


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


def is_file(path: Path) -> bool:
    """Whether there is such a file; names that the file system cannot hold belong to none."""
    return exists(path) and path.is_file()
