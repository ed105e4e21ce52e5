"""Does a reference clip's manner reach the speech of others, and does it stay out of their lips?

    report = evaluate_style(StyleEvaluation(dataset=Path("talkset"), out=Path("out/style")))

Silent emotional clips of dev people are the references, dev speech drives; everything is measured on motion alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import track as progress

from dreamtalk.audio import SpeechEncoder
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate import closure
from dreamtalk.evaluate.clips import GRID_TRAINED, GRID_UNSEEN, Clip, Made, load_clips
from dreamtalk.evaluate.mouth import moved_mouth
from dreamtalk.evaluate.report import Report, Value, versions
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.evaluate.style_emotions import EmotionClassifier
from dreamtalk.evaluate.style_references import EMOTIONS, StyleReference, load_references
from dreamtalk.face.model import FaceModel
from dreamtalk.media import check_output
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.encode import style_of_clip
from dreamtalk.style.files import StyleClip
from dreamtalk.style.guess import neutral_guess
from dreamtalk.style.library import DEFAULT_LEVEL, STYLES, named_style, offset_of
from dreamtalk.types import Float, SpeechFeatures, Style

REAL, OURS, PICTURED, GUESSED, NEUTRAL, SHUFFLED = (
    "real clip", "ours, neutral clip", "ours, neutral picture", "ours, neutral guessed", "neutral style",
    "another reference",
)  # fmt: skip
ROWS = (REAL, OURS, PICTURED, GUESSED, NEUTRAL, SHUFFLED)
LEGEND = {
    REAL: "The reference clip itself.",
    OURS: "Speech in the reference's style, with a clip of the same person in neutral; styles by name stand here, too.",
    PICTURED: "With a neutral picture of the person in place of the clip.",
    GUESSED: "With a guess of the person's neutral: all that a stranger's video gives.",
    NEUTRAL: "The same speech in no style.",
    SHUFFLED: "The same speech in the style of another reference: chance.",
}
BOUNDS = (REAL, NEUTRAL, SHUFFLED)

KNOWN, UNKNOWN, NAMED = "references with a known neutral", "references without", "styles by name, level 2"
SETS = (KNOWN, UNKNOWN, NAMED)

_STRENGTHS = np.arange(0.0, 2.01, 0.25)
_GROWTH_SPEECHES = 5
"""Speech clips on which the growth with intensity is looked at."""

COSINE = Metric(
    "cosine", "cosine with the clip's own offset", "", "-1 to 1", "at least 0.8",
    "Of the generated mean pose less that of the neutral style for the same speech, mean over speeches, with the "
    "reference's own mean pose less that of the same person's neutral clip. Real clip: between its two halves. Styles "
    "by name: with the sum of their facial actions.",
    "a study with MEAD offsets in training: 0.93 to 0.95.",
    "Without a known neutral the reference's own offset is a guess, the very one that the style was made from.",
)  # fmt: skip
SIZE = Metric(
    "size", "size of the offset", "", "0 and above", "near 1",
    "Length of the generated offset as a share of the reference's own.",
    "none published.", "Large alone is not good: read it with the cosine.",
)  # fmt: skip
EMOTION = Metric(
    "emotion", "emotion recognised", "share", "0 to 1", "at least 0.8 of the real row",
    "Share of 2 s windows whose mean offset a linear classifier of seven emotions, trained on train-split MEAD people, "
    "takes for the reference's emotion. Chance 0.14.",
    "the real row.", "Two people taught it, so even real clips of a third are often mistaken.",
)  # fmt: skip
LIPS = Metric(
    "lips", "lip aperture r with neutral", "", "-1 to 1", "above 0.97",
    "Correlation of the lip aperture with the one in the neutral style for the same speech.",
    "none published.", "Says that lips keep their timing, not that it was right.",
)  # fmt: skip
BILABIAL = Metric(
    "bilabial", "bilabials closed < 2", "share", "0 to 1", "as in the neutral row",
    "As in the motion evaluation, level 2 % iod, at intensity 1. Real clip: the speaker's own lips.",
    "the neutral row.", "GRID sentences with known words only.",
)  # fmt: skip
GROWTH = Metric(
    "growth", "intensity steps that grow", "share", "0 to 1", "at least 0.95",
    "Share of the 8 steps of 0.25 of the intensity from 0 to 2 in which the length of the mean offset grows, on five "
    "speeches each.",
    "paper IV-E shows it on pictures.", "Length alone; the direction stays by construction of the guidance.",
)  # fmt: skip
METRICS = (COSINE, SIZE, EMOTION, LIPS, BILABIAL, GROWTH)


@dataclass(frozen=True, slots=True)
class StyleEvaluation:
    """What to evaluate on, and how."""

    dataset: Path
    """Folder of the talkset (clips.csv, style/, video/)."""
    model: Path | None = None
    """A motion model file (.safetensors) instead of the shipped one."""
    out: Path | None = None
    """Folder for table.md, report.json, metrics.csv and clips.csv; none: only the screen."""
    tracks: Path | None = None
    """Folder of ready <id>.npz track files; what is not there is tracked and kept in the user's cache."""
    limit: int = 8
    """At most so many speeches of the trained speaker and of unseen ones."""
    seed: int = 0
    """Of the motion and the bootstrap."""
    resamples: int = 1000
    """Of the bootstrap."""


@dataclass(frozen=True)
class Talks:
    """Speeches (clips, heard) and what the neutral style makes of each: neutral (T, 64)."""

    model: MotionModel
    face: FaceModel
    clips: Sequence[Clip]
    heard: Sequence[SpeechFeatures]
    neutral: Sequence[Float]
    seed: int

    @classmethod
    def of(cls, clips: Sequence[Clip], model: MotionModel, face: FaceModel, seed: int) -> Talks:
        encoder = SpeechEncoder.load(model.config.encoder)
        heard = [encoder.encode(clip.speech) for clip in clips]
        style = model.neutral_style()
        neutral = [model.generate(h, style, c.frames, seed=seed) for h, c in zip(heard, clips, strict=True)]
        return cls(model, face, clips, heard, neutral, seed)

    def spoken(self, style: Style) -> list[Float]:
        """(T, 64) per speech."""
        pairs = zip(self.heard, self.clips, strict=True)
        return [self.model.generate(heard, style, clip.frames, seed=self.seed) for heard, clip in pairs]

    def offset(self, talks: Sequence[Float]) -> Float:
        """(64,) mean over speeches of how the mean pose differs from the neutral style's."""
        moved = [(a - b).mean(axis=0) for a, b in zip(talks, self.neutral, strict=True)]
        return np.asarray(np.mean(moved, axis=0), dtype=np.float32)

    def scores(self, talks: Sequence[Float]) -> dict[str, Score]:
        """LIPS and BILABIAL."""
        aperture, pairs = self.face.measure("aperture"), list(zip(talks, self.neutral, strict=True))
        r = [float(np.corrcoef(a @ aperture, b @ aperture)[0, 1]) for a, b in pairs]
        return {LIPS.name: Score(float(np.mean(r))), BILABIAL.name: self.closed(talks)}

    def closed(self, talks: Sequence[Float], real: bool = False) -> Score:
        """Bilabials closed below 2 % iod, over all speeches; real: of the clips themselves."""
        found = []
        for clip, talk in zip(self.clips, talks, strict=True):
            mouth = clip.mouth if real else moved_mouth(self.face, clip.portrait, talk)
            found.append(closure.bilabial_scores(clip, Made(mouth))[1])
        events = sum(score.weight for score in found)
        kept = sum(score.value * score.weight for score in found if score.weight)
        return Score(kept / events if events else float("nan"), events)

    def growth(self, style: Style) -> Score:
        """See GROWTH."""
        grown = []
        for speech in range(min(_GROWTH_SPEECHES, len(self.clips))):
            heard, frames, neutral = self.heard[speech], self.clips[speech].frames, self.neutral[speech]
            said = [self.model.generate(heard, style, frames, float(s), self.seed) for s in _STRENGTHS]
            lengths = [float(np.linalg.norm((made - neutral).mean(axis=0))) for made in said]
            grown.append(np.diff(lengths) > 0)
        return Score(float(np.mean(grown)), float(np.size(grown)))


def evaluate_style(config: StyleEvaluation) -> Report:
    """Measure reference clips and named styles on the dev split. Raises UnusableInput when a folder is not usable."""
    for name in ("limit", "resamples"):
        if getattr(config, name) < 1:
            raise UnusableInput(f"--{name} must be at least 1, not {getattr(config, name)}.")
    if config.out is not None:
        check_output(config.out / "table.md", ".md")
    face = FaceModel.load()
    model = MotionModel.load(config.model) if config.model else MotionModel.load()
    references = load_references(config.dataset, config.tracks, face, "dev")
    if len(references) < 2:
        raise UnusableInput(f"{config.dataset} has no two emotional clips of its dev split (kind style) to compare.")
    classifier = EmotionClassifier.trained(load_references(config.dataset, config.tracks, face, "train"))
    dev = load_clips(config.dataset, config.tracks, face, config.limit)
    speeches = [c for c in dev if c.set in (GRID_TRAINED, GRID_UNSEEN)]
    if not speeches:
        raise UnusableInput(f"{config.dataset} has no GRID clips with sound in its dev split.")
    talks = Talks.of(speeches, model, face, config.seed)
    values: list[Value] = []
    for index, reference in enumerate(progress(references, description="References", transient=True)):
        other = references[(index + 1) % len(references)]
        values += _of_reference(reference, other, talks, classifier)
    for name in progress([s.name for s in STYLES.values() if s.actions], description="Names", transient=True):
        values += _of_name(name, talks, classifier)
    chosen = {field.name: str(getattr(config, field.name)) for field in fields(config)}
    facts: dict[str, object] = {"config": chosen, "versions": versions()}
    report = Report(METRICS, SETS, ROWS, tuple(values), facts, config.resamples, config.seed, "Style", LEGEND, BOUNDS)
    if config.out is not None:
        report.write(config.out)
    return report


def _of_reference(
    reference: StyleReference, other: StyleReference, talks: Talks, classifier: EmotionClassifier
) -> list[Value]:
    """All rows of one reference."""
    group = KNOWN if reference.known else UNKNOWN
    value = partial(_values, group, reference.id)
    share: Callable[[Sequence[Float]], float] = partial(_recognised, classifier, talks, reference.emotion)

    def styled(clip: StyleClip, growth: bool) -> dict[str, Score]:
        style = style_of_clip(clip, talks.model, talks.face, reference.id)
        said = talks.spoken(style)
        found = {**_alike(talks.offset(said), reference.offset), EMOTION.name: Score(share(said)), **talks.scores(said)}
        return {**found, GROWTH.name: talks.growth(style)} if growth else found

    own = reference.truest.expression - neutral_guess().talk
    halves = [half.mean(axis=0) for half in np.array_split(own, 2)]
    real = {COSINE.name: Score(_cosine(*halves)), EMOTION.name: Score(classifier.share(own, reference.emotion))}
    real[BILABIAL.name] = talks.closed(talks.neutral, real=True)
    neutral = {BILABIAL.name: talks.closed(talks.neutral), SIZE.name: Score(0.0)}
    rows = {REAL: real, GUESSED: styled(reference.guessed, growth=reference.known is None), NEUTRAL: neutral}
    if reference.known is not None:
        rows[OURS] = styled(reference.known, growth=True)
    if reference.pictured is not None:
        rows[PICTURED] = styled(reference.pictured, growth=False)
    rows[SHUFFLED] = styled(other.truest, growth=False)
    return [found for row, scores in rows.items() for found in value(row, scores)]


def _of_name(name: str, talks: Talks, classifier: EmotionClassifier) -> list[Value]:
    """One row of a style of the library."""
    style = named_style(name, talks.model, talks.face)
    said = talks.spoken(style)
    emotion = name if name in EMOTIONS else ""
    scores = {
        **_alike(talks.offset(said), offset_of(STYLES[name], DEFAULT_LEVEL, talks.face)),
        EMOTION.name: Score(_recognised(classifier, talks, emotion, said)),
        **talks.scores(said),
        GROWTH.name: talks.growth(style),
    }
    return _values(NAMED, name, OURS, scores)


def _recognised(classifier: EmotionClassifier, talks: Talks, emotion: str, said: Sequence[Float]) -> float:
    """Mean over speeches of the share of windows that show the emotion."""
    pairs = zip(said, talks.neutral, strict=True)
    return float(np.mean([classifier.share(styled - neutral, emotion) for styled, neutral in pairs]))


def _alike(made: Float, own: Float) -> dict[str, Score]:
    """COSINE and SIZE of a generated offset (64,) against its reference's."""
    size = float(np.linalg.norm(made) / max(float(np.linalg.norm(own)), 1e-6))
    return {COSINE.name: Score(_cosine(made, own)), SIZE.name: Score(size)}


def _cosine(a: Float, b: Float) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def _values(group: str, clip: str, row: str, scores: dict[str, Score]) -> list[Value]:
    return [Value(group, row, clip, metric, score) for metric, score in scores.items()]
