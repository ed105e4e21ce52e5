"""What clients send, checked, and what it means for a Talker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dreamtalk.errors import UnusableInput
from dreamtalk.options import AUTO, KEEP, MAX_CONSENT, Accents, Blink, Gaze, Size
from dreamtalk.serve.problems import Problem, wrong_fields
from dreamtalk.serve.settings import Settings
from dreamtalk.types import Latency


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Upload(_Strict):
    """A file that was sent before."""

    upload: str = Field(description="id of an upload, or of a style made by POST /v1/styles")


def _number(given: object) -> object:
    """Forms and menus send numbers as text."""
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 6 else given


class Options(_Strict):
    """How the talk looks: dreamtalk.TalkOptions without what names files of the server's own."""

    style: str | Upload = Field(
        default="neutral",
        description="a name of GET /v1/styles such as happy or happy:3, auto, or the upload of a video",
    )
    style_neutral: Upload | None = Field(
        default=None, description="a calm picture or clip of the person in the style video"
    )
    intensity: float = Field(default=1.0, description="of the style: 0 none, 1 as it is, up to 3")
    upper_intensity: float | None = Field(default=None, description="the same for eyes and brows alone")
    lower_intensity: float | None = Field(default=None, description="the same for the mouth alone")
    timeline: list[Any] | dict[str, Any] | None = Field(
        default=None, description="styles over time: [{start, style, intensity, transition}], or an uploaded timeline"
    )
    auto_timeline: bool = Field(default=False, description="with the style auto: change it when the speech does")
    pose: Literal["natural", "still"] | Upload = Field(
        default="natural", description="head motion, or whose is taken over"
    )
    blink: Blink = "natural"
    gaze: Gaze = "natural"
    accents: Accents = Field(default="natural", description="brow raises on stressed words")
    size: Annotated[Size, BeforeValidator(_number)] = Field(
        default="native", description="the picture's own, or the side of a square around the head, px"
    )
    seed: int = Field(default=0, description="the same one gives the same motion")
    face: int = Field(default=0, description="which face of the picture, 0 the largest")
    badge: bool = Field(default=True, description="draw the visible AI mark")
    provenance: bool = Field(
        default=True, description="the invisible watermark and the signed manifest; declining them is logged"
    )
    expression_scale: float = Field(default=1.0, description="motion of brows and lids, 0 to 2")
    lip_scale: float = Field(default=1.0, description="motion of mouth and jaw, 0 to 2")
    pose_scale: float = Field(default=1.0, description="motion of the head, 0 to 2")
    latency: Latency = Field(default="quality", description="live: as a live session would show it")
    gaze_scale: float = Field(default=1.0, description="motion of the irises, 0 to 2")
    smoothing: float = Field(default=1.0, description="of brows and head, frames, 0 to 5")
    full_frame: bool | None = Field(
        default=None, description="the whole photo moves (true), or a square around the head"
    )
    background: str = Field(
        default=KEEP, description="keep, transparent (webm and mov), or a colour (a name or #rrggbb)"
    )


class TalkRequest(_Strict):
    """A talk to make."""

    portrait: str = Field(description="id of an uploaded picture, or example:<name>")
    audio: str = Field(description="id of uploaded sound or of a video with sound, or example:<name>")
    options: Options = Field(default_factory=Options)
    consent: str | None = Field(
        default=None,
        max_length=MAX_CONSENT,
        description="who agreed to the use of the face, of the voice, and of videos that lend a style or head motion, "
        "and how that is known; it goes into the signed manifest, where everybody can read it",
    )
    format: Literal["mp4", "webm", "mov"] = "mp4"


class StyleRequest(_Strict):
    """A style to be made of a video."""

    upload: str = Field(description="id of a video of somebody speaking, or of a picture")
    neutral: str | None = Field(default=None, description="id of a calm picture or clip of the same person")


class KeyRequest(_Strict):
    """The API key of somebody who uses the web page."""

    key: str


_KNOWN = {
    "": ", ".join(TalkRequest.model_fields),
    "options": ", ".join(Options.model_fields),
}


_DEEPEST = 30
"""Lists and objects within each other; a request has seven."""
_MOST_PARTS = 10_000
"""Values in it; a timeline of 2000 styles has as many."""


def read_json(text: str | bytes, what: str = "The request") -> Any:
    """JSON as it was sent. Raises Problem."""
    title = f"{what} is not JSON that can be read."
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = str(error).splitlines()[0] if isinstance(error, json.JSONDecodeError) else "It is no text, or too deep."
        raise Problem(400, "wrong_json", title, why) from error
    if _too_much(content):
        raise Problem(
            400, "wrong_json", title, f"It is more than {_DEEPEST} deep, or has more than {_MOST_PARTS} parts."
        )
    return content


def _too_much(content: Any) -> bool:
    layer, parts = [content], 0
    for _ in range(_DEEPEST):
        layer = [
            part
            for value in layer
            if isinstance(value, dict | list)
            for part in (value.values() if isinstance(value, dict) else value)
        ]
        parts += len(layer)
        if not layer or parts > _MOST_PARTS:
            return bool(layer)
    return True


def read_request(content: Any) -> TalkRequest:
    """A talk to make, from JSON. Raises Problem."""
    try:
        return TalkRequest.model_validate(content)
    except ValidationError as error:
        raise wrong_fields([dict(one) for one in error.errors(include_url=False)], _KNOWN) from error


def check_rights(settings: Settings, request: Mapping[str, Any]) -> None:
    """Raise Problem where the operator asks for more than a request says: marks, or words of consent."""
    if settings.require_provenance and request["options"].get("provenance") is False:
        title = "This server marks all that it makes."
        raise Problem(422, "provenance_required", title, "Leave out provenance: false.")
    given = [str(request[role]) for role in ("portrait", "audio")]
    ours = all(one.startswith("example:") for one in given) and not uploads_in(request["options"])
    if settings.require_consent and not ours and not (request.get("consent") or "").strip():
        title = "This server asks who agreed to the use of face and voice."
        raise Problem(422, "consent_required", title, "Say so in consent, such as: it is me; or who agreed, and when.")


def asked_options(request: TalkRequest) -> dict[str, Any]:
    """The options that were sent; the others keep their defaults, whatever these are when the talk is made."""
    return request.options.model_dump(exclude_unset=True)


def uploads_in(value: Any) -> list[str]:
    """Ids of all uploads that a part of a request names."""
    if isinstance(value, dict):
        if set(value) == {"upload"}:
            return [str(value["upload"])]
        return [one for part in value.values() for one in uploads_in(part)]
    return [one for part in value for one in uploads_in(part)] if isinstance(value, list) else []


def check_style_name(name: str) -> None:
    """Raises UnusableInput for a word that is no style: a style of a request is never a path."""
    from dreamtalk.style.files import saved_names
    from dreamtalk.style.library import STYLES, is_named, read_name

    if is_named(name):
        read_name(name)
    elif name not in (AUTO, *saved_names()):
        known = ", ".join((*STYLES, *saved_names(), AUTO))
        raise UnusableInput(f"There is no style called {name[:80]!r}. Use {known}, or the upload of a video.")


def write_timeline(timeline: Any, path: Path, place_of: dict[str, Path]) -> None:
    """Write a timeline as the file that a Talker reads, uploads as paths. Raises UnusableInput when it is none.

    place_of: where the uploads lie that it names.
    """
    from dreamtalk.style.timeline_file import read_timeline

    path.write_text(json.dumps(_placed(timeline, place_of)), encoding="utf-8")
    allowed = {str(place) for place in place_of.values()}
    for entry in read_timeline(path):
        if entry.style == AUTO:
            raise UnusableInput("The style auto cannot stand in a timeline. Use auto_timeline.")
        if entry.style not in allowed:
            check_style_name(entry.style)


def _placed(value: Any, place_of: dict[str, Path]) -> Any:
    """The same with {"upload": id} replaced by paths."""
    if isinstance(value, dict):
        if set(value) == {"upload"}:
            return str(place_of[str(value["upload"])])
        return {name: _placed(part, place_of) for name, part in value.items()}
    return [_placed(part, place_of) for part in value] if isinstance(value, list) else value
