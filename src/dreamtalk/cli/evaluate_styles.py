"""dreamtalk evaluate style-map: style codes on a map and a portrait by guidance scale, as one report page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.evaluate.style_report import StyleMapEvaluation, evaluate_style_map


@dataclass(frozen=True)
class EvaluateStyleMap(StyleMapEvaluation):
    """Draw the style codes of clips and of speech generated in their styles (t-SNE); a portrait by guidance scale."""

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """A talkset (clips.csv with rows of kind style), or a folder made by `dreamtalk prepare`."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """Folder for report.html, table.md, style_map.svg, style_map.csv and omega.jpg."""

    def run(self) -> None:
        """Write them, and print the numbers."""
        print(evaluate_style_map(self))
