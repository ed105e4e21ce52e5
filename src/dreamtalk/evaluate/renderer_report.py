"""What the renderer's evaluation found, per portrait and by kind of portrait: on the screen, as Markdown and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Printed

from dreamtalk.evaluate.figures import Figure, Table
from dreamtalk.evaluate.identity import Identity
from dreamtalk.evaluate.likeness import between, shape_distance
from dreamtalk.evaluate.page import tables_page
from dreamtalk.evaluate.report import csv_text, versions, write_files
from dreamtalk.evaluate.retrack import Agreement
from dreamtalk.evaluate.same_person import Reference, StyleDistance
from dreamtalk.evaluate.stamps import shipped
from dreamtalk.evaluate.stillness import Stillness
from dreamtalk.evaluate.subjects import NO_PHOTOS
from dreamtalk.types import Float

GOALS: dict[str, tuple[float, float, float]] = {
    "aperture": (0.95, 0.9, 1.1), "width": (0.0, 0.85, 1.15), "lids": (0.9, 0.0, 9.0), "brows": (0.8, 0.0, 9.0)
}  # fmt: skip
"""By measure: least correlation, least and largest slope wanted; 0 and 9 where nothing is said."""


@dataclass(frozen=True, slots=True)
class Followed:
    """How one measure of one portrait followed a drive. drawn, seen: against what was meant (see retrack.py). found:
    share of frames in which the tracker finds a face. noise: deviation of what the tracker sees while the measure keeps
    still and all else moves; NaN where that was not tried."""

    drive: str
    measure: str
    drawn: Agreement
    seen: Agreement
    found: float
    noise: float = float("nan")

    @property
    def ceiling(self) -> float:
        """The correlation that this noise leaves to a picture that follows exactly."""
        signal = self.seen.slope * self.seen.spread
        return signal / float(np.hypot(signal, self.noise)) if signal > 0.0 else float("nan")

    @property
    def corrected(self) -> float:
        """Correlation without the tracker's noise, at most 1 (Spearman 1904)."""
        return min(self.seen.r / self.ceiling, 1.0)


@dataclass(frozen=True, slots=True)
class BrowWitness:
    """Heights of the brows in px against those drawn: where the picture shows them, and where the tracker sees them."""

    picture: Agreement
    tracker: Agreement


@dataclass(frozen=True, slots=True)
class Likeness:
    """shapes: of the resting frame (first) and of expressions, see shape_code. home: embedding of the photo. styles:
    distances from it while speaking. The last two only where there is an embedding."""

    shapes: tuple[Float, ...]
    home: Float | None = None
    styles: tuple[StyleDistance, ...] = ()

    def away(self) -> list[float]:
        """Shape distances of the expressions from rest."""
        return [shape_distance(self.shapes[0], code) for code in self.shapes[1:]]


@dataclass(frozen=True, slots=True)
class PortraitResult:
    """One portrait. id, group: see subjects.py. parted: whether the renderer takes the mouth in the photo for open: it
    then closes it, so that the photo does not come back without motion. dots: distance of dots painted beside the
    corners of the mouth against that of the drawn corners."""

    id: str
    group: str
    parted: bool
    still: Stillness
    followed: tuple[Followed, ...]
    brows: BrowWitness
    dots: Agreement
    likeness: Likeness

    def misses(self, drive: str) -> float:
        """How far seen correlations and slopes under a drive are from the goals, in all; 0: all are met."""
        return sum(_miss(one) for one in self.followed if one.drive == drive)


@dataclass(frozen=True)
class RendererReport:
    """All portraits. identity: the embedding, if one was used. references: what it says about real people."""

    portraits: tuple[PortraitResult, ...]
    identity: Identity | None = None
    references: tuple[Reference, ...] = ()

    @cached_property
    def drives(self) -> tuple[str, ...]:
        """Rows that hold more than one measure: the sweeps as a whole, and the talks."""
        names = [one.drive for one in self.portraits[0].followed] if self.portraits else []
        return tuple(dict.fromkeys(name for name in names if names.count(name) > 1))

    def show(self, console: Console | None = None) -> None:
        """Prints the tables."""
        console = console or Console()
        for title, head, rows in self._tables():
            table = Printed(title=title, title_justify="left")
            for number, name in enumerate(head):
                table.add_column(name, justify="left" if number == 0 else "right")
            for row in rows:
                table.add_row(*row)
            console.print(table)

    def markdown(self) -> str:
        """All tables."""
        lines = ["# Renderer evaluation", ""]
        for title, head, rows in self._tables():
            lines += [f"## {title}", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
            lines += [f"| {' | '.join(row)} |" for row in rows] + [""]
        return "\n".join(lines)

    def write(self, folder: Path, figures: Sequence[Figure] = ()) -> None:
        """report.html (with the figures), table.md, followed.csv (portrait, drive and measure), portraits.csv and, with
        an embedding, identity.csv (portrait and style).

        Raises UnusableOutput.
        """
        tables = [Table(title, tuple(head), tuple(map(tuple, rows))) for title, head, rows in self._tables() if rows]
        files = [
            (
                "report.html",
                tables_page("Renderer evaluation", tables, figures, {"versions": versions(), "weights": shipped()}),
            ),
            ("table.md", self.markdown()),
            ("followed.csv", csv_text(_FOLLOWED, self._followed_rows())),
            ("portraits.csv", csv_text(_PORTRAITS, [_portrait_row(found) for found in self.portraits])),
        ]
        if self.identity is not None:
            files.append(("identity.csv", csv_text(_KEPT, self._kept_rows())))
        write_files(folder, files)

    def _tables(self) -> Iterable[tuple[str, list[str], list[list[str]]]]:
        groups = list(dict.fromkeys(found.group for found in self.portraits))
        head = ["kind", "n", *(f"{measure} r, slope" for measure in GOALS)]
        for drive in self.drives:
            rows = [self._followed_row(group, drive, _in(group)) for group in groups]
            rows.append(self._followed_row("all (worst r)", drive, lambda _: True, worst=True))
            rows.append(self._followed_row("all, as drawn", drive, lambda _: True, drawn=True))
            yield f"{drive}: seen in the frames against meant (median over portraits)", head, rows
        yield "px against drawn, by witnesses (r, slope)", _WITNESSES, self._witness_rows(groups)
        if any(np.isfinite(one.noise) for found in self.portraits for one in found.followed):
            yield "brows in talks, beside the tracker's noise (median over portraits)", _NOISE, self._noise_rows()
        for title, parted in (("closed mouth", False), ("parted lips, which are closed on purpose", True)):
            rows = [_still_row(found) for found in self.portraits if found.parted == parted]
            yield f"what must not move: {title}", _STILL, rows
        yield "the same person", _SAME, self._same_rows()
        if self.identity is not None:
            yield f"distance from the photo by style ({self.identity.name})", _IDENTITY, self._identity_rows()
        yield "furthest from the goals under sweeps", ["portrait", "kind", "by"], self._worst_rows()

    def _followed_row(
        self,
        name: str,
        drive: str,
        belongs: Callable[[PortraitResult], bool],
        worst: bool = False,
        drawn: bool = False,
    ) -> list[str]:
        chosen = [found for found in self.portraits if belongs(found)]
        cells = []
        for measure in GOALS:
            hits = [o for found in chosen for o in found.followed if (o.drive, o.measure) == (drive, measure)]
            pairs = [hit.drawn if drawn else hit.seen for hit in hits]
            cell = f"{_median(p.r for p in pairs):.2f}, {_median(p.slope for p in pairs):.2f}"
            cells.append(cell + (f" ({min((p.r for p in pairs), default=float('nan')):.2f})" if worst else ""))
        return [name, str(len(chosen)), *cells]

    def _witness_rows(self, groups: Sequence[str]) -> list[list[str]]:
        rows = []
        for name, belongs in [(group, _in(group)) for group in groups] + [("all", lambda _: True)]:
            chosen = [found for found in self.portraits if belongs(found)]
            cells = [
                _pair([found.dots for found in chosen]),
                _pair([found.brows.picture for found in chosen]),
                _pair([found.brows.tracker for found in chosen]),
            ]
            rows.append([name, str(len(chosen)), *cells])
        return rows

    def _noise_rows(self) -> list[list[str]]:
        rows = []
        least = GOALS["brows"][0]
        for drive in self.drives:
            hits = [o for found in self.portraits for o in found.followed if (o.drive, o.measure) == (drive, "brows")]
            hits = [hit for hit in hits if np.isfinite(hit.noise)]
            if hits:
                columns = [(hit.seen.spread, hit.noise, hit.seen.r, hit.ceiling, hit.corrected) for hit in hits]
                kept = (sum(column[place] >= least for column in columns) for place in (2, 4))
                cells = [f"{_median(values):.2f}" for values in zip(*columns, strict=True)]
                rows.append([drive, *cells, *(f"{count} of {len(hits)}" for count in kept)])
        return rows

    def _same_rows(self) -> list[list[str]]:
        rest = [found.likeness.shapes[0] for found in self.portraits]
        away = [value for found in self.portraits for value in found.likeness.away()]
        rows = [["shape", *_spread(away, max), *_spread(between(rest, shape_distance), min)]]
        if self.identity is not None:
            homes = [found.likeness.home for found in self.portraits if found.likeness.home is not None]
            kept = [value for found in self.portraits for one in found.likeness.styles for value in one.distances]
            others = between(homes, self.identity.distance)
            rows.append([f"embedding, {self.identity.name}", *_spread(kept, max), *_spread(others, min)])
        return rows

    def _identity_rows(self) -> list[list[str]]:
        """By style: over photos, median of all frames, largest and whose, photos above the goal; then other pictures;
        then real people."""
        goal = self.identity.goal if self.identity is not None and self.identity.goal is not None else float("inf")
        rows = []
        for style in dict.fromkeys(one.style for found in self.portraits for one in found.likeness.styles):
            by = {found.id: one for found in self.portraits for one in found.likeness.styles if one.style == style}
            photos = {found.id: by[found.id].distances for found in self.portraits if found.group not in NO_PHOTOS}
            drawn = [by[found.id].distances for found in self.portraits if found.group in NO_PHOTOS]
            worst = max(photos, key=lambda name: max(photos[name]), default="")
            above = sum(max(distances) > goal for distances in photos.values())
            cells = [*_spread(_all(photos.values()), max), worst, f"{above} of {len(photos)}"]
            rows.append([style, *cells, *_spread(_all(drawn), max)])
        return rows + [[f"real: {one.name}", *_spread(one.distances, max), "", "", "", ""] for one in self.references]

    def _worst_rows(self) -> list[list[str]]:
        drive = self.drives[-1] if "sweeps" not in self.drives else "sweeps"
        order = sorted(self.portraits, key=lambda found: -found.misses(drive))[:5]
        return [[found.id, found.group, f"{found.misses(drive):.2f}"] for found in order]

    def _kept_rows(self) -> list[list[str]]:
        return [
            [found.id, found.group, one.style, f"{np.median(one.distances):.4f}", f"{max(one.distances):.4f}"]
            for found in self.portraits
            for one in found.likeness.styles
        ]

    def _followed_rows(self) -> list[list[str]]:
        return [
            [found.id, found.group, one.drive, one.measure, *_numbers(one.drawn), *_numbers(one.seen),
             f"{one.seen.spread:.3f}", f"{one.found:.3f}", f"{one.noise:.3f}"]
            for found in self.portraits
            for one in found.followed
        ]  # fmt: skip


_FOLLOWED = [
    "portrait", "kind", "drive", "measure", "drawn_r", "drawn_slope", "seen_r", "seen_slope", "spread", "found",
    "noise",
]  # fmt: skip
_PORTRAITS = [
    "portrait", "kind", "parted", "inside_db", "outside", "same", "jump", "halved", "dots_r", "dots_slope",
    "brow_picture_r", "brow_picture_slope", "brow_tracker_r", "brow_tracker_slope", "shape_worst",
]  # fmt: skip
_WITNESSES = ["kind", "n", "mouth width, painted dots", "brows, in the picture", "brows, by the tracker"]
_NOISE = [
    "talk", "brows move, % iod", "seen while held still", "r seen", "r that noise leaves", "r without it",
    "portraits with r 0.8", "without noise",
]  # fmt: skip
_STILL = ["portrait", "kind", "inside, dB", "outside, levels", "same bytes", "jump, levels", "of it at 50 fps"]
_IDENTITY = [
    "style", "photos: median", "largest", "of", "above the goal", "no photos: median", "largest",
]  # fmt: skip
_KEPT = ["portrait", "kind", "style", "median", "largest"]
_SAME = ["measure", "expressions: median", "largest", "other people: median", "smallest"]


def _all(parts: Iterable[Sequence[float]]) -> list[float]:
    return [value for part in parts for value in part]


def _in(group: str) -> Callable[[PortraitResult], bool]:
    return lambda found: found.group == group


def _miss(one: Followed) -> float:
    least, low, high = GOALS[one.measure]
    short = max(low - one.seen.slope, one.seen.slope - high, 0.0) + max(least - one.seen.r, 0.0)
    return short if np.isfinite(short) else 1.0


def _median(values: Iterable[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def _pair(found: Sequence[Agreement]) -> str:
    return f"{_median(one.r for one in found):.2f}, {_median(one.slope for one in found):.2f}"


def _numbers(found: Agreement) -> tuple[str, str]:
    return f"{found.r:.4f}", f"{found.slope:.4f}"


def _spread(values: Sequence[float], worst: Callable[[Sequence[float]], float]) -> tuple[str, str]:
    """Median, and the value nearest to a mistake."""
    if not values:
        return "–", "–"
    return f"{np.median(values):.2f}", f"{worst(values):.2f}"


def _still_row(found: PortraitResult) -> list[str]:
    still = found.still
    same = "yes" if still.same else "NO"
    jumps = f"{still.jump:.1f}", f"{still.halved:.2f}"
    return [found.id, found.group, f"{still.inside_db:.1f}", str(still.outside), same, *jumps]


def _portrait_row(found: PortraitResult) -> list[str]:
    still = found.still
    return [
        found.id, found.group, str(found.parted),
        f"{still.inside_db:.2f}", str(still.outside), str(still.same), f"{still.jump:.2f}", f"{still.halved:.3f}",
        *_numbers(found.dots), *_numbers(found.brows.picture), *_numbers(found.brows.tracker),
        f"{max(found.likeness.away()):.3f}",
    ]  # fmt: skip
