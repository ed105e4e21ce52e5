"""How near does the renderer come to real frames? Self-reenactment of clips (data/reenacted.py), layer by layer.

The first good frame of a clip is the portrait, the rest of the clip is the truth. PSNR and SSIM (Wang et al. 2004, as
scikit-image computes it) of the mouth's crop, the eyes' crops and the face, and how far from the real landmarks our
tracker finds those of the frame; means over frames, then over clips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track as progress
from rich.table import Table as Printed

from dreamtalk.data.cache import make_tracks
from dreamtalk.data.reenacted import Reenacted, Reenactment, onto_truth, reenact, truth_crop, truth_picture
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.figures import Table
from dreamtalk.evaluate.metrics.psnr_ssim import PSNR, SSIM, psnr, ssim
from dreamtalk.evaluate.page import page
from dreamtalk.evaluate.report import Report, Value, csv_text, versions, write_files
from dreamtalk.evaluate.retrack import landmark_errors
from dreamtalk.evaluate.scoring import Estimate, Metric, Score, combine
from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import FaceTracker
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.drawing import region
from dreamtalk.render.refine import RefineNetwork, Refiner
from dreamtalk.render.refine.layers import Layers
from dreamtalk.render.refine.regions import REGIONS, crop_matrix, cut
from dreamtalk.types import Float, Image

STILL, RIGID, WARP, MOUTH, DRAWN = "still photo", "rigid motion", "warp", "warp, mouth", "warp, mouth, eyes"
REFINED, REAL = "refined", "real frame, tracked again"
"""The rows: the portrait; moved with the head; its skin warped, nothing painted; with the painted mouth; as the
renderer draws it; refined; and the real frame in the same place, for what the tracker adds by itself."""
PLACES = ("mouth", "eyes", "face")
MEASURES = ("PSNR", "SSIM", "landmarks")
"""The last one: mean distance of lips, eyes or all points of the face from the real ones, % iod. Less is better."""
EVERYBODY = "all people"
LANDMARKS = Metric(
    "landmarks", "landmark distance", "% iod", "0 and above", "near the real frame, tracked again",
    "Mean distance of the points our tracker finds in the frame (lips, eyes, or the whole face) from the real ones.",
    "the real frame, tracked again: what the tracker adds by itself.",
    "A picture in which no face is found does not count.",
)  # fmt: skip
_OF_THE_PLACE = "Of the crop of the place, not of the whole face: "
_METRICS = {
    MEASURES[0]: replace(PSNR, good="above the warp", definition=_OF_THE_PLACE + PSNR.definition),
    MEASURES[1]: replace(SSIM, good="above the warp", definition=_OF_THE_PLACE + SSIM.definition),
    MEASURES[2]: LANDMARKS,
}
LEGEND = {
    STILL: "The portrait, held.",
    RIGID: "The portrait, moved with the head.",
    WARP: "Its skin warped, nothing painted.",
    MOUTH: "With the painted mouth.",
    DRAWN: "As the renderer draws it.",
    REFINED: "As the refinement leaves it.",
    REAL: "The real frame in the same place: what the tracker adds by itself.",
}
_POINTS = {"mouth": "lips", "eyes": "eyes", "face": "face"}
"""By place: the landmarks that belong to it (retrack.REGIONS)."""
_NOSE_TIP = 4


@dataclass(frozen=True, slots=True)
class ReenactmentEvaluation:
    """What to measure, and how."""

    dataset: Path
    """Folder of the talkset (clips.csv, video/, style/)."""
    refine: Path | None = None
    """A trained refinement (.safetensors) for one more row."""
    speakers: tuple[str, ...] = ()
    """People to measure on. By default those of the dev split."""
    cache: Path = Path("work")
    """Folder where tracks are kept."""
    frames: int = 12
    """Frames per clip, spread over it."""
    clips: int = 4
    """Clips per person, at most."""
    resamples: int = 1000
    """Of the bootstrap."""
    seed: int = 0
    """Of the bootstrap."""


class Measured(NamedTuple):
    """One number: of one clip, one row (STILL ... REAL), one place (PLACES), one measure (MEASURES)."""

    person: str
    clip: str
    row: str
    place: str
    measure: str
    value: float


@dataclass(frozen=True, slots=True)
class ReenactmentReport:
    """Everything that was measured. rows: those that are rendered."""

    values: tuple[Measured, ...]
    rows: tuple[str, ...]
    resamples: int
    seed: int

    def estimate(self, person: str, row: str, place: str, measure: str) -> Estimate | None:
        """Mean over a person's (or everybody's) clips with its 95 % bootstrap interval."""
        found = [v for v in self.values if v[2:5] == (row, place, measure) and person in (v.person, EVERYBODY)]
        return combine([Score(v.value) for v in found], "mean", self.resamples, self.seed)

    def gain(self, person: str, row: str, over: str, place: str, measure: str) -> Estimate | None:
        """By how much one row is better than another on the same clips."""
        pairs: dict[str, dict[str, float]] = {}
        for v in self.values:
            if v[3:5] == (place, measure) and person in (v.person, EVERYBODY):
                pairs.setdefault(v.clip, {})[v.row] = v.value
        scores = [Score(pair[row] - pair[over]) for pair in pairs.values() if row in pair and over in pair]
        return combine(scores, "mean", self.resamples, self.seed)

    @property
    def people(self) -> tuple[str, ...]:
        """In the order of their clips."""
        return tuple(dict.fromkeys(v.person for v in self.values))

    def lines(self, spread: bool = True) -> Iterator[tuple[str, ...]]:
        """The table: everybody's rows, gains of the last row, each person's means. spread: with intervals."""
        for row in self.rows:
            yield (row, *(_text(self.estimate(EVERYBODY, row, *cell), cell[1], spread) for cell in _cells()))
        yield (REAL, *(_text(self.estimate(EVERYBODY, REAL, *cell), cell[1], spread) for cell in _cells()))
        for row, over in self._steps():
            gains = (self.gain(EVERYBODY, row, over, *cell) for cell in _cells())
            texts = (_text(gain, cell[1], spread, sign=True) for gain, cell in zip(gains, _cells(), strict=True))
            yield (f"{row} over {over}", *texts)
        for person in self.people:
            for row in self.rows[-2:]:
                found = (self.estimate(person, row, *cell) for cell in _cells())
                texts = (_text(each, cell[1], False) for each, cell in zip(found, _cells(), strict=True))
                yield (f"{person}: {row}", *texts)

    def _steps(self) -> list[tuple[str, str]]:
        """Rows and those above them; the last one against the bare warp as well."""
        steps = [(row, over) for over, row in zip(self.rows[1:], self.rows[2:], strict=False)]
        return [*steps, (self.rows[-1], WARP)]

    def show(self, console: Console | None = None) -> None:
        """Print the table without its intervals, which are in the files."""
        clips = len({v.clip for v in self.values})
        table = Printed(title=f"Self-reenactment, {clips} clips of {len(self.people)} people", title_justify="left")
        for head in _heads():
            table.add_column(head, justify="left" if not head else "right")
        for line in self.lines(spread=False):
            table.add_row(*line)
        (console or Console()).print(table)

    def report(self) -> Report:
        """The same numbers as one table per place, with the whole table of gains and people beside."""
        values = [Value(v.place, v.row, v.clip, _METRICS[v.measure].name, Score(v.value)) for v in self.values]
        facts: dict[str, object] = {"versions": versions()}
        whole = Table("Rows, gains and people", ("row", *_heads()[1:]), tuple(self.lines(spread=False)))
        rows = (*self.rows, REAL)
        return Report(
            tuple(_METRICS.values()), PLACES, rows, tuple(values), facts, self.resamples, self.seed,
            "Self-reenactment", LEGEND, (STILL, REAL), (whole,),
        )  # fmt: skip

    def write(self, folder: Path) -> None:
        """report.html, table.md, and clips.csv with every number. Raises UnusableOutput when the folder cannot be
        written."""
        rule = "|---" * len(_heads()) + "|"
        table = [f"| {' | '.join(line)} |" for line in (_heads(), *self.lines())]
        files = [
            ("report.html", page(self.report())),
            ("table.md", "\n".join([table[0], rule, *table[1:], ""])),
            ("clips.csv", csv_text(Measured._fields, self.values)),
        ]
        write_files(folder, files)


def evaluate_reenactment(config: ReenactmentEvaluation) -> ReenactmentReport:
    """Reenact the chosen clips and compare. Raises UnusableInput without scikit-image, or without such clips."""
    if find_spec("skimage") is None:
        raise UnusableInput("This needs scikit-image. Install it with: pip install 'dreamtalk[eval]'")
    clips = _chosen(config)
    model, tracker = FaceModel.load(), FaceTracker.load()
    network = RefineNetwork.load(config.refine) if config.refine is not None else None
    values: list[Measured] = []
    pairs = zip(clips, make_tracks(clips, config.cache / "tracks"), strict=True)
    for clip, track in progress(pairs, description="Reenacting", total=len(clips), transient=True):
        try:
            values += measured(clip, reenact(clip.file, track, model, config.frames), network, tracker)
        except UnusableInput:
            continue
    if not values:
        raise UnusableInput(f"{config.dataset} has no clips of these people that show a face.")
    rows = (STILL, RIGID, WARP, MOUTH, DRAWN) + ((REFINED,) if network is not None else ())
    return ReenactmentReport(tuple(values), rows, config.resamples, config.seed)


def measured(
    clip: Clip, reenactment: Reenactment, network: RefineNetwork | None, tracker: FaceTracker
) -> list[Measured]:
    """All numbers of one clip. Landmarks only of frames in which the tracker finds a face."""
    canvas = reenactment.canvas
    refiner = Refiner(network, canvas) if network is not None else None
    found: dict[tuple[str, str, str], list[float]] = {}
    for frame in reenactment.frames:
        layers = frame.layers
        pictures = {STILL: canvas.image, RIGID: layers.rigid, WARP: layers.warped}
        pictures |= {MOUTH: mouth_only(layers, np.asarray(canvas.down[:2], np.float32)), DRAWN: layers.drawn}
        if refiner is not None:
            pictures[REFINED] = layers.drawn.copy()
            refiner.draw(pictures[REFINED], layers.shape)
        for place, truth, cuts in _places(frame, canvas.iod, pictures):
            for row, made in cuts.items():
                found.setdefault((row, place, MEASURES[0]), []).append(psnr(made, truth))
                found.setdefault((row, place, MEASURES[1]), []).append(ssim(made, truth))
        for row, place, value in _landmarks(frame, pictures | {REAL: truth_picture(frame)}, tracker):
            found.setdefault((row, place, MEASURES[2]), []).append(value)
    return [Measured(clip.speaker, clip.id, *key, float(np.mean(numbers))) for key, numbers in found.items()]


def mouth_only(layers: Layers, down: Float) -> Image:
    """(H, W, 3): painted below the tip of the nose only, which leaves the eyes as they are warped. down: (2,)."""
    height, width = layers.drawn.shape[:2]
    across, along = np.meshgrid(np.arange(width), np.arange(height))
    x, y = layers.shape.vertices[_NOSE_TIP, :2]
    below = (across - x) * down[0] + (along - y) * down[1] > 0.0
    return np.where(below[..., None], layers.drawn, layers.warped)


def _landmarks(frame: Reenacted, pictures: dict[str, Image], tracker: FaceTracker) -> Iterator[tuple[str, str, float]]:
    """Row, place and error of every picture in which a face is found, against the real landmarks brought onto it."""
    back = cv2.invertAffineTransform(onto_truth(frame.layers.shape.vertices, frame.landmarks))
    wanted = frame.landmarks[:, :2] @ back[:, :2].T + back[:, 2]
    for row, picture in pictures.items():
        face = next(iter(tracker.track_frames([np.ascontiguousarray(picture)])))
        if face is not None:
            errors = landmark_errors(face.landmarks[None], wanted[None])
            yield from ((row, place, errors[_POINTS[place]]) for place in PLACES)


def _places(frame: Reenacted, iod: float, pictures: dict[str, Image]) -> Iterator[tuple[str, Image, dict[str, Image]]]:
    """Each place with the real crop of it and that of every row."""
    points = frame.layers.shape.vertices
    for number, each in enumerate(REGIONS):
        matrix = crop_matrix(each, points, iod)
        crops = {row: cut(picture, matrix) for row, picture in pictures.items()}
        yield PLACES[min(number, 1)], truth_crop(frame, each, matrix), crops
    box = region(points[list(topo.OVAL), :2], 0.0, frame.truth.shape)
    if box is not None:
        x0, y0, x1, y1 = box
        yield PLACES[2], truth_picture(frame)[y0:y1, x0:x1], {r: p[y0:y1, x0:x1] for r, p in pictures.items()}


def _chosen(config: ReenactmentEvaluation) -> list[Clip]:
    rows = [c for c in read_talkset(config.dataset) if c.kind in ("av", "style")]
    rows = [c for c in rows if (c.speaker in config.speakers if config.speakers else c.split == "dev")]
    chosen: list[Clip] = []
    for speaker in dict.fromkeys(c.speaker for c in rows):
        own = [c for c in rows if c.speaker == speaker]
        chosen += [own[i] for i in np.linspace(0, len(own) - 1, min(config.clips, len(own))).astype(int)]
    if not chosen:
        raise UnusableInput(f"{config.dataset} has no clips of these people.")
    return chosen


def _cells() -> list[tuple[str, str]]:
    return [(place, measure) for place in PLACES for measure in MEASURES]


def _heads() -> tuple[str, ...]:
    return ("", *(f"{measure}, {place}" for place, measure in _cells()))


def _text(found: Estimate | None, measure: str, spread: bool, sign: bool = False) -> str:
    if found is None:
        return "–"
    form = ("+" if sign else "") + (".3f" if measure == "SSIM" else ".2f")
    interval = f" [{found.low:{form}}, {found.high:{form}}]" if spread else ""
    return f"{found.value:{form}}{interval}"
