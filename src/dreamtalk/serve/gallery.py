"""Pictures and speech that come with the package, for a first talk without any upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dreamtalk.examples import example


@dataclass(frozen=True, slots=True)
class Example:
    """name: in requests, as example:<name>. title: for people. file: among the package's. media: its media type."""

    name: str
    kind: Literal["image", "audio"]
    title: str
    file: str
    media: str

    @property
    def path(self) -> Path:
        """Where it lies. Raises AssetMissing."""
        return example(self.file)


_EXAMPLES = (
    Example("astronaut", "image", "Astronaut Eileen Collins (NASA, public domain)", "portrait.jpg", "image/jpeg"),
    Example(
        "reading", "audio", "A sentence of Jane Austen, read for LibriVox (public domain)", "speech.wav", "audio/wav"
    ),
    Example("machine", "audio", "A machine's voice says that it is one (CC0)", "speech_synthetic.ogg", "audio/ogg"),
)

EXAMPLES = {one.name: one for one in _EXAMPLES}
