"""Style codes on a map (t-SNE, paper Fig. 13), and what the codes themselves say, which a map cannot.

points = style_points(data, tracks, model, face, speeches)
figure, table = style_map(points)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.figures import Figure, Table
from dreamtalk.evaluate.plots import SERIES, svg
from dreamtalk.evaluate.style_codes import UNLABELLED, StylePoint

_COLOURS = {
    "happy": 1,
    "sad": 0,
    "angry": 2,
    "fear": 4,
    "disgusted": 5,
    "contempt": 3,
    "surprised": 6,
    "neutral": 7,
    UNLABELLED: 8,
}
"""Of the emotions, as numbers of plots.SERIES; every other emotion takes what is left, in turn."""
_PERPLEXITY = 15.0
"""Neighbours that count for a point: about the clips of one speaker or emotion in a set of some dozen."""
_SIZE, _LEGEND, _MARGIN = (920, 600), 210, 24
"""px: of the figure; of its legend, on the right; around the points."""
_MARKS = ("circle", "square", "diamond", "up", "down", "cross", "star")
"""One per speaker, most clips first; all further speakers share the last one."""
_OTHERS = "other speakers"
_LEAST = 5
"""Clips below which there is nothing to map."""

TRAPS = (
    "t-SNE keeps neighbours and nothing else: distances between groups, their sizes and how dense they look mean "
    "nothing, and axes have no unit. Another seed gives another picture. Groups may be made by the clip, its speaker, "
    "the words said or the light as well as by the emotion."
)
"""What the figure cannot show."""


def style_map(points: Sequence[StylePoint], seed: int = 0) -> tuple[Figure, Table]:
    """The map, and the numbers of the codes in all their dimensions. Raises UnusableInput for fewer than 5 clips, or
    without scikit-learn."""
    if find_spec("sklearn") is None:
        raise UnusableInput("The style map needs scikit-learn. Install: pip install 'dreamtalk[eval]'")
    real = [point for point in points if not point.made]
    if len(real) < _LEAST:
        raise UnusableInput(f"A map of styles needs at least {_LEAST} clips, not {len(real)}.")
    places, kept = _places(points, seed)
    text = (
        f"{len(real)} style clips of {len({p.speaker for p in real})} people (filled) and {len(points) - len(real)} "
        "generated talks in their styles, encoded again (hollow), each joined to its clip. Colour: emotion; mark: "
        f"speaker. t-SNE of 256 dimensions, seed {seed}; {kept:.0%} of each point's neighbours are kept. {TRAPS}"
    )
    return Figure("Style codes", text, svg=_drawing(points, places)), _table(points)


def csv_lines(points: Sequence[StylePoint], seed: int = 0) -> list[tuple[object, ...]]:
    """The map's data, heads first: of each point its clip, labels and place."""
    places, _ = _places(points, seed)
    lines: list[tuple[object, ...]] = [("clip", "speaker", "emotion", "intensity", "source", "x", "y")]
    for p, (x, y) in zip(points, places, strict=True):
        source = "generated" if p.made else "real"
        lines.append((p.clip, p.speaker, p.emotion, p.intensity, source, f"{x:.4f}", f"{y:.4f}"))
    return lines


def _places(points: Sequence[StylePoint], seed: int) -> tuple[NDArray[np.float64], float]:
    """(N, 2) in 0 ... 1, and how true the neighbours are (scikit-learn's trustworthiness, 5 neighbours)."""
    from sklearn.manifold import TSNE, trustworthiness

    codes = np.stack([p.code for p in points]).astype(np.float64)
    perplexity = min(_PERPLEXITY, (len(codes) - 1) / 3)
    # exact: the same on every machine with any number of threads
    made = TSNE(2, perplexity=perplexity, init="pca", method="exact", random_state=seed).fit_transform(codes)
    kept = trustworthiness(codes, made, n_neighbors=min(5, len(codes) // 2 - 1))
    spread = made.max(axis=0) - made.min(axis=0)
    return np.asarray((made - made.min(axis=0)) / np.maximum(spread, 1e-9), np.float64), float(kept)


def _table(points: Sequence[StylePoint]) -> Table:
    """In all 256 dimensions: do clips group by person or by emotion, and does our motion come back to its style?"""
    real, ours = [p for p in points if not p.made], [p for p in points if p.made]
    known = [p for p in real if p.emotion != UNLABELLED]
    lines = [
        ("silhouette by speaker", _number(_silhouette(real, lambda p: p.speaker)), "–"),
        ("silhouette by emotion", _number(_silhouette(known, lambda p: p.emotion)), "–"),
    ]
    if ours:
        codes = np.stack([p.code for p in real])
        pairs = [(p, real[int(np.linalg.norm(codes - p.code, axis=1).argmin())]) for p in ours]
        keys: dict[str, Callable[[StylePoint], str]] = {
            "is its own": lambda p: p.clip,
            "shows its emotion": lambda p: p.emotion,
            "is of its person": lambda p: p.speaker,
        }
        for what, key in keys.items():
            chance = sum((count / len(real)) ** 2 for count in Counter(map(key, real)).values())
            same = _share(key(a) == key(b) for a, b in pairs)
            lines.append((f"generated talk: the nearest clip {what}", same, f"{chance:.2f}"))
    note = (
        "From the codes in all 256 dimensions. Silhouette: 1 groups apart, 0 none, below 0 nearer to another group "
        "(groups of one clip left out). A generated talk was given its clip's code: what is measured is the way back."
    )
    return Table("What the style codes say", ("", "measured", "chance"), tuple(lines), note)


def _silhouette(points: Sequence[StylePoint], key: Callable[[StylePoint], str]) -> float:
    from sklearn.metrics import silhouette_score

    count = Counter(map(key, points))
    kept = [p for p in points if count[key(p)] > 1]
    groups = {key(p) for p in kept}
    if not 2 <= len(groups) < len(kept):
        return float("nan")
    return float(silhouette_score(np.stack([p.code for p in kept]), [key(p) for p in kept]))


def _share(found: Iterable[bool]) -> str:
    return f"{np.mean(list(found)):.2f}"


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _drawing(points: Sequence[StylePoint], places: NDArray[np.float64]) -> str:
    """The map with its legend. The generated points are drawn first: the real ones lie above them."""
    width, height = _SIZE
    at = _MARGIN + places * (np.array([width - _LEGEND, height]) - 2 * _MARGIN)
    speakers = [name for name, _ in Counter(p.speaker for p in points).most_common()]
    marks = {name: _MARKS[min(number, len(_MARKS) - 1)] for number, name in enumerate(speakers)}
    colours = _colours(points)
    homes = {p.clip: place for p, place in zip(points, at, strict=True) if not p.made}
    parts = []
    for p, (x, y) in zip(points, at, strict=True):
        if p.made:
            home_x, home_y = homes[p.clip]
            parts.append(
                f"<line class='line-{colours[p.emotion]}' stroke-opacity='.25' x1='{x:.1f}' y1='{y:.1f}' "
                f"x2='{home_x:.1f}' y2='{home_y:.1f}'/>"
            )
    for made in (True, False):
        for p, (x, y) in zip(points, at, strict=True):
            if p.made == made:
                said = f"{p.clip}: {p.speaker}, {p.emotion} {p.intensity}{', generated' if made else ''}"
                parts.append(_mark(marks[p.speaker], x, y, colours[p.emotion], made, said))
    parts.append(_legend(colours, speakers, marks, width - _LEGEND + 26))
    return svg(width, height, "".join(parts), "Map of style codes by emotion and speaker")


def _colours(points: Sequence[StylePoint]) -> dict[str, int]:
    emotions = [name for name, _ in Counter(p.emotion for p in points).most_common()]
    free = [c for c in range(len(SERIES)) if c not in {_COLOURS.get(name) for name in emotions}] or [7]
    new = [name for name in emotions if name not in _COLOURS]
    return {name: _COLOURS[name] if name in _COLOURS else free[new.index(name) % len(free)] for name in emotions}


def _legend(colours: dict[str, int], speakers: Sequence[str], marks: dict[str, str], x: float) -> str:
    parts, y = [f"<text x='{x - 10}' y='20' font-weight='600'>emotion</text>"], 40
    for name, colour in colours.items():
        parts += [_mark("circle", x, y, colour, False, name), f"<text x='{x + 14}' y='{y + 4}'>{escape(name)}</text>"]
        y += 19
    parts.append(f"<text x='{x - 10}' y='{y + 16}' font-weight='600'>speaker</text>")
    y += 36
    alone = speakers if len(speakers) <= len(_MARKS) else speakers[: len(_MARKS) - 1]
    for name in (*alone, *((_OTHERS,) if len(alone) < len(speakers) else ())):
        mark = marks.get(name, _MARKS[-1])
        parts += [_mark(mark, x, y, 7, False, name), f"<text x='{x + 14}' y='{y + 4}'>{escape(name[:24])}</text>"]
        y += 19
    y += 12
    for made, text in ((False, "real clip"), (True, "generated")):
        parts += [_mark("circle", x, y, 7, made, text), f"<text x='{x + 14}' y='{y + 4}'>{text}</text>"]
        y += 19
    return "".join(parts)


def _mark(mark: str, x: float, y: float, colour: int, hollow: bool, said: str) -> str:
    r = 4.5 if hollow else 6.0
    look = f"class='{f'open line-{colour}' if hollow else f'fill-{colour}'}' stroke-width='1.6'"
    title = f"<title>{escape(said)}</title>"
    if mark == "circle":
        return f"<circle {look} cx='{x:.1f}' cy='{y:.1f}' r='{r}'>{title}</circle>"
    corners = " ".join(f"{x + r * dx:.1f},{y + r * dy:.1f}" for dx, dy in _CORNERS[mark])
    return f"<polygon {look} points='{corners}'>{title}</polygon>"


def _star(points: int, inner: float) -> tuple[tuple[float, float], ...]:
    turns = np.pi * np.arange(2 * points) / points
    reach = np.where(np.arange(2 * points) % 2 == 0, 1.35, inner)
    return tuple((float(r * np.sin(t)), float(-r * np.cos(t))) for r, t in zip(reach, turns, strict=True))


_CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    "up": ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
    "down": ((0, 1.2), (1.15, -0.9), (-1.15, -0.9)),
    "cross": _star(4, 0.45),
    "star": _star(5, 0.6),
}
"""Corners of the marks, for a radius of 1."""
