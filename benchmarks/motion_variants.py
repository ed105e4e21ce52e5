"""Quality of the motion model's faster variants: the dev table for numbers of steps, number formats and students.

    python benchmarks/motion_variants.py ../shared/talkset --tracks work/tracks --model FILE \
        [--steps 1 2 3 5 10 20 50] [--spacing leading trailing] [--formats float32 bfloat16] [--students FILE ...] \
        -o out/variants

One process loads the clips and hears them once. Beside the metrics of `dreamtalk evaluate motion` it tells how the
upper face moves (size and speed over the real ones), how much two seeds differ, and how strongly a style clip acts
(mean pose moved by it, over what the clip itself moves; the talkset's MEAD clips).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from dreamtalk.audio import SpeechEncoder
from dreamtalk.evaluate.clips import (
    GRID_TRAINED,
    GRID_UNSEEN,
    OTHER_LAGGED,
    Clip,
    Made,
    load_clips,
    read_rows,
    with_silence,
)
from dreamtalk.evaluate.motion import METRICS, OURS, REAL, MotionEvaluation, model_source, scores
from dreamtalk.evaluate.mouth import moved_mouth
from dreamtalk.evaluate.scoring import Score, combine
from dreamtalk.evaluate.sources import Listening, Remembering, Source, partners, real, shuffled
from dreamtalk.evaluate.tracks import load_track
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.motion.formats import Precision
from dreamtalk.types import Float, Speech, SpeechFeatures

_SETS = (GRID_TRAINED, GRID_UNSEEN, OTHER_LAGGED)

_MOVING_CLIPS = 6
"""Clips that upper face and seeds are measured on: half of them of the trained speaker."""

_SILENCE_CLIPS = 4
"""Clips per set that are also spoken between digital silence."""

_STYLES_PER_SPEAKER = 3


@dataclass(frozen=True)
class Variant:
    """name: for the table. model: with its steps and format."""

    name: str
    model: MotionModel


@dataclass(frozen=True)
class Talks:
    """What is heard and seen. styles: clips (T, E), and by how much (E,) their mean differs from the neutral clip's."""

    face: FaceModel
    clips: list[Clip]
    encode: Callable[[Speech], SpeechFeatures]
    styles: list[tuple[Float, Float]]

    @property
    def moving(self) -> list[Clip]:
        """Few clips, for what takes many passes."""
        own = [c for c in self.clips if c.set == GRID_TRAINED]
        others = [c for c in self.clips if c.set != GRID_TRAINED][::-1]
        return own[: _MOVING_CLIPS // 2] + others[: _MOVING_CLIPS // 2]


def main() -> None:
    """Measure all variants and write one table."""
    parser = argparse.ArgumentParser(description="Dev table of the motion model's faster variants.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--tracks", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--steps", type=int, nargs="*", default=[1, 2, 3, 5, 10, 20, 50])
    parser.add_argument("--spacing", nargs="*", default=["leading", "trailing"])
    parser.add_argument("--formats", nargs="*", default=["bfloat16"], help="at the model's own steps")
    parser.add_argument("--students", type=Path, nargs="*", default=[])
    parser.add_argument("--limit", type=int, help="at most so many clips per set")
    parser.add_argument("-o", "--out", type=Path, default=Path("out/variants"))
    flags = parser.parse_args()
    torch.set_num_threads(1)
    talks = load(flags.dataset, flags.tracks, flags.limit)
    config = MotionEvaluation(dataset=flags.dataset)
    lines = [head()]
    for variant in variants(flags.model, flags.steps, flags.spacing, flags.formats, flags.students):
        model = Listening(model_source(variant.model, variant.model.neutral_style(), config, talks.face), talks.encode)
        if len(lines) == 1:
            lines.append(line("real", measured(talks, real, REAL), "1 | 1 | | | 1 | 1"))
            wrong = shuffled(model, partners(talks.clips, config.seed))
            lines.append(line("shuffled", measured(talks, wrong, "shuffled"), " | ".join("–" * 6)))
        lines.append(line(variant.name, measured(talks, model, OURS), movement(variant.model, talks)))
        flags.out.mkdir(parents=True, exist_ok=True)
        (flags.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(lines[-1], flush=True)


Values = dict[tuple[str, str], list[Score]]
"""By set and metric."""


def measured(talks: Talks, source: Source, row: str) -> Values:
    """All metrics of all clips; row as in dreamtalk.evaluate.motion."""
    values: Values = {}
    for name in _SETS:
        for number, clip in enumerate(c for c in talks.clips if c.set == name):
            neutral = clip.neutral if row == REAL else clip.portrait
            mouth = moved_mouth(talks.face, neutral, source(clip))
            silent = row == OURS and number < _SILENCE_CLIPS
            padded = moved_mouth(talks.face, neutral, source(with_silence(clip))) if silent else None
            for metric, score in zip(METRICS, scores(clip, Made(mouth, padded), row), strict=True):
                values.setdefault((name, metric.name), []).append(score)
    return values


def variants(
    file: Path | None, steps: Sequence[int], spacings: Sequence[str], formats: Sequence[Precision], students: list[Path]
) -> list[Variant]:
    """The model as it is, then every other one asked for."""

    def loaded(**changes: object) -> MotionModel:
        model = MotionModel.load(file) if file else MotionModel.load()
        model.config = replace(model.config, **changes)  # type: ignore[arg-type]
        return model

    made = [Variant("as it is", loaded())]
    made += [Variant(f"{form}", loaded().faster(form)) for form in formats]
    for student in students:
        network = MotionModel.load(student)
        made.append(Variant(f"student {network.config.steps}", network))
        made += [
            Variant(f"student {network.config.steps} {form}", MotionModel.load(student, precision=form))
            for form in formats
        ]
    made += [Variant(f"{n} {spacing}", loaded(steps=n, spacing=spacing)) for n in steps for spacing in spacings]
    return made


def load(dataset: Path, tracks: Path | None, limit: int | None) -> Talks:
    """Clips and styles of the talkset."""
    face = FaceModel.load()
    clips = [c for c in load_clips(dataset, tracks, face, limit) if c.set in _SETS]
    encode = Remembering(SpeechEncoder.load(threads=1).encode)
    return Talks(face, clips, encode, style_clips(dataset, tracks, face))


def style_clips(dataset: Path, tracks: Path | None, face: FaceModel) -> list[tuple[Float, Float]]:
    """Expression of MEAD's style clips, and by how much their mean differs from the person's neutral clip's."""
    rows = [r for r in read_rows(dataset) if r["kind"] == "style" and r["dataset"] == "MEAD"]
    found = []
    for speaker in sorted({r["speaker"] for r in rows})[:2]:
        landmarks = {r["emotion"]: load_track(dataset / r["file"], tracks) for r in rows if r["speaker"] == speaker}
        neutral = face.neutral(landmarks["neutral"].landmarks[landmarks["neutral"].valid])
        moved = {emotion: face.fit(t.landmarks[t.valid], neutral)[0] for emotion, t in landmarks.items()}
        rest = moved.pop("neutral").mean(axis=0)
        found += [(clip, clip.mean(axis=0) - rest) for clip in list(moved.values())[:_STYLES_PER_SPEAKER]]
    return found


def movement(model: MotionModel, talks: Talks) -> str:
    """Cells: upper face's size and speed over the real ones, difference of seeds (lower, upper), size and direction of
    styles."""
    upper, lower = list(talks.face.upper), list(talks.face.lower)
    neutral = model.neutral_style()
    heard = [(talks.encode(c.speech), c) for c in talks.moving]
    made = [model.generate(f, neutral, c.frames) for f, c in heard]
    again = [model.generate(f, neutral, c.frames, seed=1) for f, c in heard]
    size, speed = (
        np.mean([of(m) for m in made]) / np.mean([of(c.expression) for _, c in heard])
        for of in (lambda e: size_of(e[:, upper]), lambda e: speed_of(e[:, upper]))
    )
    apart = [np.sqrt(np.mean([((m - a)[:, part] ** 2).sum(1).mean() for m, a in zip(made, again, strict=True)]) / 2)
             for part in (lower, upper)]  # fmt: skip
    words, clip = heard[0]
    calm = made[0].mean(axis=0)
    strengths, cosines = [], []
    for reference, offset in talks.styles:
        moved = model.generate(words, model.encode_style(reference, "clip"), clip.frames).mean(axis=0) - calm
        strengths.append(np.linalg.norm(moved) / np.linalg.norm(offset))
        cosines.append(moved @ offset / np.linalg.norm(moved) / np.linalg.norm(offset))
    cells = (f"{size:.2f}", f"{speed:.2f}", *(f"{a:.3f}" for a in apart))
    return " | ".join([*cells, f"{np.mean(strengths):.3f}", f"{np.mean(cosines):.3f}"])


def size_of(expression: Float) -> float:
    """Standard deviation about the clip's mean, all dimensions together."""
    return float(np.sqrt(expression.var(axis=0).sum()))


def speed_of(expression: Float) -> float:
    """Change from frame to frame, likewise."""
    return float(np.sqrt((np.diff(expression, axis=0) ** 2).sum(axis=1).mean()))


COLUMNS = {
    "aperture r": "aperture_correlation",
    "width r": "width_correlation",
    "lip error": "lip_error_centred",
    "silence": "silence_aperture",
    "bilabials < 1 %": "bilabial_closure_1",
    "falsely shut": "falsely_closed",
    "offset": "offset",
}


def head() -> str:
    """First lines of the table. Each cell: GRID s1 / unseen GRID / other, lag-corrected."""
    names = ["", *COLUMNS, "upper size", "upper speed", "seeds: lower", "seeds: upper", "style", "its cosine"]
    return "| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|"


def line(name: str, values: Values, rest: str) -> str:
    """One row of the table."""
    how = {metric.name: metric.combine for metric in METRICS}
    cells = []
    for metric in COLUMNS.values():
        found = [combine(values.get((part, metric), []), how[metric], 1, 0) for part in _SETS]
        digits = 0 if metric == "offset" else 3
        cells.append(" / ".join("–" if f is None else f"{f.value:.{digits}f}" for f in found))
    return "| " + " | ".join([name, *cells]) + " | " + rest + " |"


if __name__ == "__main__":
    main()
