"""Flags that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff


@dataclass(frozen=True, kw_only=True)
class MotionFlags:
    """How the face moves."""

    style: str = "neutral"
    """Manner of speaking: a name (dreamtalk style list) such as happy or happy:3, or a video or track file (.npz) of
    somebody speaking that way, or auto: as the speech sounds (by weights for non-commercial use only)."""
    auto_timeline: Annotated[bool, FlagCreatePairsOff] = False
    """With --style auto: change the style over time when the speech does."""
    style_neutral: Path | None = None
    """A calm picture or clip of the person in that video: the style is then truer. Without it, guessed."""
    intensity: float = 1.0
    """How much of the style: 0 none, 1 as it is; above 2 faces may break, up to 3."""
    upper_intensity: float | None = None
    """The same for eyes and brows alone. Default: --intensity."""
    lower_intensity: float | None = None
    """The same for the mouth alone. Default: --intensity."""
    timeline: Path | None = None
    """Styles over time: a JSON or YAML list of {start, style, intensity, transition} in seconds, or D-ID's
    driver_expressions. --style is the one before the first of them, the intensities are factors on those in the file.
    """
    pose: str = "natural"
    """Head motion: natural, still, or a video, track or motion file whose head motion is taken over."""
    blink: Literal["natural", "off"] = "natural"
    """Blinks."""
    gaze: Literal["natural", "still"] = "natural"
    """Small jumps of the eyes, and glances aside."""
    accents: Literal["natural", "off"] = "natural"
    """Brow raises on stressed words."""
    seed: int = 0
    """The same seed gives the same motion."""
    latency: Literal["quality", "live"] = "quality"
    """live: each frame is made of no more than the next 0.32 s of speech, the same as in a live talk."""
    motion_weights: Path | None = None
    """A motion model (.safetensors) in the embedded one's place. For a converted official one, style and pose are
    coefficient files (.mat)."""
    speech_encoder: str | None = None
    """Folder or Hugging Face hub name of the wav2vec2 that a converted official motion model hears."""


@dataclass(frozen=True, kw_only=True)
class PictureFlags:
    """How the picture is made."""

    renderer: Literal["mesh", "pirenderer"] = "mesh"
    """What draws the frames. mesh: warps the portrait itself, on the CPU. pirenderer: a network, 256 px a head."""
    renderer_weights: Path | None = None
    """Weights of the pirenderer (.safetensors)."""
    size: Literal["native", "256", "512", "1024"] = "native"
    """Size of the video: the picture's own, or a square of so many pixels around the head."""
    full_frame: Annotated[bool, FlagCreatePairsOff] = False
    """Show the whole photo, however small the face in it. Without this it is shown unless the face is tiny."""
    no_full_frame: Annotated[bool, FlagCreatePairsOff] = False
    """Show a square around the head, at the photo's own resolution."""
    background: str = "keep"
    """What is behind the person: keep, transparent (.mov, .webm, .png), a colour (green, black, ...) or #rrggbb."""
    face: int = 0
    """Which face of the portrait, counted from the largest (0)."""
    badge: bool = True
    """Draw the visible AI mark into the corner."""
    provenance: bool = True
    """Put the invisible watermark into the frames and the signed C2PA manifest into the file (dreamtalk verify)."""
    consent: str = ""
    """Who agreed to the use of face and voice, and when; stands in the manifest, readable by everybody."""
    sidecar: Annotated[bool, FlagCreatePairsOff] = False
    """Also write what the manifest says beside the video, as VIDEO.provenance.json."""


@dataclass(frozen=True, kw_only=True)
class ControlFlags:
    """How much of the motion is shown."""

    expression_scale: float = 1.0
    """Motion of brows and wide eyes: 0 none, 1 as it is, up to 2. Blinks stay."""
    lip_scale: float = 1.0
    """Motion of mouth and jaw: 0 none, 1 as it is, up to 2."""
    pose_scale: float = 1.0
    """Motion of the head: 0 none, 1 as it is, up to 2."""
    gaze_scale: float = 1.0
    """Motion of the irises: 0 none, 1 as it is, up to 2."""
    smoothing: float = 1.0
    """Smoothing of brows and head, in frames (0 off, up to 5); lips, lids and irises are never smoothed."""


@dataclass(frozen=True, kw_only=True)
class DeviceFlags:
    """What does the work."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Processor for the networks."""
    threads: int | None = None
    """CPU threads. By default all cores but one for the networks, and the last one for the video encoder."""
