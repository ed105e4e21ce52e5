"""dreamtalk convert official: official DreamTalk checkpoints become files of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from dreamtalk.errors import UnusableInput

DENOISER, RENDERER = "denoiser.safetensors", "renderer.safetensors"
"""Names in the output folder."""


@dataclass(frozen=True, kw_only=True)
class ConvertOfficial:
    """Turn denoising_network.pth and renderer.pt of the official release into safetensors. Nothing in them is run."""

    denoiser: Path | None = None
    """denoising_network.pth: becomes denoiser.safetensors."""
    renderer: Path | None = None
    """renderer.pt, of DreamTalk or PIRender: becomes renderer.safetensors."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("official")
    """Folder to write to; made if it is not there."""

    def run(self) -> None:
        """Convert what was given and report what became of the keys."""
        from dreamtalk.convert.official import convert_denoiser, convert_renderer

        if self.denoiser is None and self.renderer is None:
            raise UnusableInput("Give --denoiser denoising_network.pth, --renderer renderer.pt, or both.")
        if self.denoiser is not None:
            print(convert_denoiser(self.denoiser, self.output / DENOISER).report())
        if self.renderer is not None:
            print(convert_renderer(self.renderer, self.output / RENDERER).report())
