"""Pictures and speech that come with the package, for a first talk without any upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """name: in requests, as example:<name>. title: for people. file: in FOLDER. media: its media type."""

    name: str
    kind: Literal["image", "audio"]
    title: str
    file: str
    media: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return FOLDER / self.file


_EXAMPLES = (
    Example("astronaut", "image", "Astronaut Eileen Collins (NASA, public domain)", "astronaut.jpg", "image/jpeg"),
    Example(
        "reading", "audio", "A sentence of Jane Austen, read for LibriVox (public domain)", "reading.ogg", "audio/ogg"
    ),
    Example("machine", "audio", "A machine's voice says that it is one (CC0)", "machine.ogg", "audio/ogg"),
)

EXAMPLES = {example.name: example for example in _EXAMPLES}
