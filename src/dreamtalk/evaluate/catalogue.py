"""Every metric there is, by the evaluation it belongs to, and the list of them in docs/metrics.md.

python -m dreamtalk.evaluate.catalogue docs/metrics.md      # writes the list anew after a metric has changed
"""

from __future__ import annotations

import sys
from pathlib import Path

from dreamtalk.evaluate import motion, predictor_report, reenactment, style, suite
from dreamtalk.evaluate.judges import Judges
from dreamtalk.evaluate.metrics import csim, emotion_accuracy, intensity, style_accuracy
from dreamtalk.evaluate.scoring import Metric

_BEGIN, _END = "<!-- list: made by dreamtalk.evaluate.catalogue -->", "<!-- end of list -->"


def catalogue() -> dict[str, tuple[Metric, ...]]:
    """Metrics by the command that measures them."""
    given = (csim.METRIC, *Judges.LPIPS, *Judges.SYNCNET, emotion_accuracy.EMOTION, emotion_accuracy.PROBABILITY)
    videos = (*suite.metrics_of(suite.SUITE), *given, style_accuracy.METRIC, intensity.ORDER, intensity.SIZE)
    return {
        "evaluate videos, evaluate protocol": videos,
        "evaluate motion": motion.METRICS,
        "evaluate style": style.METRICS,
        "evaluate style-predictor": predictor_report.METRICS,
        "evaluate reenactment": (reenactment.LANDMARKS,),
    }


def listed() -> str:
    """The list, as Markdown: of each metric what it measures, its unit and direction, and when it lies."""
    lines = []
    for command, metrics in catalogue().items():
        lines += [f"### dreamtalk {command}", ""]
        for m in metrics:
            about = f"{m.unit or 'no unit'}; {m.span}; good: {m.good}; {m.combine} over clips"
            lines += [f"**{m.title}** (`{m.name}`: {about}). {m.definition} Compare with: {m.reference}"]
            lines += [f"*When it lies:* {m.pitfalls}", ""]
    return "\n".join(lines)


def renewed(text: str) -> str:
    """The page with its list made anew. Raises ValueError when the marks of the list are not in it."""
    before, _, rest = text.partition(_BEGIN)
    _, found, after = rest.partition(_END)
    if not found:
        raise ValueError(f"no {_BEGIN} ... {_END} in the page")
    return f"{before}{_BEGIN}\n\n{listed()}\n{_END}{after}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
