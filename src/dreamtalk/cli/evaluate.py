"""dreamtalk evaluate motion | lip-expert | renderer: the tables of docs/evaluation.md, lip_expert.md, renderer.md."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from dreamtalk.evaluate.motion import MotionEvaluation, evaluate_motion
from dreamtalk.evaluate.protocol import ProtocolEvaluation
from dreamtalk.evaluate.reenactment import ReenactmentEvaluation, evaluate_reenactment
from dreamtalk.evaluate.style import StyleEvaluation, evaluate_style
from dreamtalk.evaluate.videos import VideosEvaluation


@dataclass(frozen=True)
class EvaluateMotion(MotionEvaluation):
    """Measure the motion model on the dev clips of a talkset, against real talkers and baselines."""

    dataset: Annotated[Positional[Path], arg(metavar="DATASET")]
    """Folder of the talkset (clips.csv, lags.csv, video/)."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for table.md, report.json, metrics.csv and clips.csv; none: only the screen."""

    def run(self) -> None:
        """Print the tables, and write them where `out` says."""
        evaluate_motion(self).show()


@dataclass(frozen=True, kw_only=True)
class EvaluateLipExpert:
    """Measure a lip expert on the dev clips of a talkset, as they are and in drawn styles."""

    expert: Annotated[Positional[Path], arg(metavar="EXPERT")]
    """The expert's file, as from `dreamtalk train lip-expert`."""
    dataset: Annotated[Positional[Path], arg(metavar="DATASET")]
    """Folder of the talkset (clips.csv, lags.csv, video/)."""
    cache: Path = Path("work")
    """Folder where tracks and features are kept."""
    seed: int = 0
    """Of the styles."""

    def run(self) -> None:
        """Print the table."""
        from dreamtalk.evaluate.lip_expert import evaluate_lip_expert, show

        show(evaluate_lip_expert(self.expert, self.dataset, self.cache, seed=self.seed))


@dataclass(frozen=True, kw_only=True)
class EvaluateRenderer:
    """Measure the mesh renderer: portraits of a talkset are moved, and their frames tracked again."""

    dataset: Annotated[Positional[Path], arg(metavar="TALKSET")]
    """Folder of the talkset (clips.csv, portrait/)."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for table.md, followed.csv, portraits.csv and contact sheets (they show faces); none: only the screen."""
    only: tuple[str, ...] = ()
    """Portraits by id; none: all 29 of every kind."""
    size: int = 512
    """Side of the square around the head, px."""
    talk: bool = True
    """Also measure two generated talks."""
    sheets: bool = True
    """Also draw portraits against 14 expressions."""
    embedding: str | None = None
    """Also measure whether it stays the same person in every style: "dlib" (install dreamtalk[identity]), or an ONNX
    face embedding (112 x 112 RGB, 0 to 255, such as SFace)."""
    seed: int = 0
    """Of the talks."""

    def run(self) -> None:
        """Print the tables, and write them where `out` says."""
        from dreamtalk.evaluate.renderer import RendererEvaluation, evaluate_renderer

        chosen = RendererEvaluation(
            self.dataset, self.out, self.only, self.size, self.talk, self.sheets, self.embedding, self.seed
        )
        evaluate_renderer(chosen).show()


@dataclass(frozen=True)
class EvaluateReenactment(ReenactmentEvaluation):
    """Measure the renderer, and a refinement, against real frames: PSNR and SSIM of mouth, eyes and face."""

    dataset: Annotated[Positional[Path], arg(metavar="DATASET")]
    """Folder of the talkset (clips.csv, video/, style/)."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for table.md and clips.csv; none: only the screen."""

    def run(self) -> None:
        """Print the table, and write it where `out` says."""
        report = evaluate_reenactment(self)
        report.show()
        if self.out is not None:
            report.write(self.out)


@dataclass(frozen=True)
class EvaluateVideos(VideosEvaluation):
    """Score anybody's videos against the real ones of the same file names, by one protocol."""

    videos: Annotated[Positional[Path], arg(metavar="VIDEOS")]
    """Folder of the videos to score."""
    reference: Path
    """Folder of the real videos, by the same names."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for report.html, table.md, table.tex, report.json, metrics.csv and clips.csv; none: only the screen."""

    published: Literal["MEAD", "HDTF", "VoxCeleb2"] | None = None
    """Also print (and put into the report) the paper's figures of other methods on a data set: another protocol."""

    def run(self) -> None:
        """Print the table, and write it where `out` says."""
        from dreamtalk.evaluate import published
        from dreamtalk.evaluate.videos import evaluate_videos
        from dreamtalk.media.files import check_output

        if self.out is not None:
            check_output(self.out / "table.md", ".md")
        report, figures = evaluate_videos(self)
        report.show()
        if self.published is not None:
            published.show(self.published)
            report = replace(report, tables=(published.table(self.published),))
        if self.out is not None:
            report.write(self.out, figures)


@dataclass(frozen=True)
class EvaluateProtocol(ProtocolEvaluation):
    """Make videos of a data set's test by the paper's protocol, and score them beside others' videos."""

    dataset: Annotated[Positional[str], arg(metavar="DATASET")]
    """talkset, mead, hdtf, voxceleb2, ravdess, crema-d, grid, or folder (any folder of videos)."""
    root: Annotated[Positional[Path], arg(metavar="ROOT")]
    """Its folder, as `dreamtalk prepare` expects it."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """Folder for the report (report.html and tables), the inputs of all methods, and our videos."""
    listed: Annotated[Path | None, arg(name="list")] = None
    """File with the names of the test clips, one per line. None: the data set's own rule (docs/video_evaluation.md)."""
    methods: Annotated[tuple[str, ...], arg(name="method")] = ("ours",)
    """Ways to make videos: "ours", or NAME:option=value,... such as "regression:motion_weights=regression.safetensors",
    "calm:intensity=0.5", "real head:pose=real"."""

    def run(self) -> None:
        """Make, score, print, and write the report."""
        from dreamtalk.evaluate.protocol import evaluate_protocol
        from dreamtalk.media.files import check_output

        check_output(self.out / "table.md", ".md")
        report, figures = evaluate_protocol(self)
        report.show()
        report.write(self.out, figures)


@dataclass(frozen=True)
class EvaluateStyle(StyleEvaluation):
    """Measure whether the manner of a reference clip reaches the speech of others: offset, emotion, lips, intensity."""

    dataset: Annotated[Positional[Path], arg(metavar="TALKSET")]
    """Folder of the talkset (clips.csv, style/, video/)."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for table.md, report.json, metrics.csv and clips.csv; none: only the screen."""

    def run(self) -> None:
        """Print the tables, and write them where `out` says."""
        evaluate_style(self).show()


@dataclass(frozen=True)
class EvaluateArticulation:
    """Measure how well tongue and lips are heard, on dev talkers whose words are known. Needs eSpeak NG."""

    dataset: Annotated[Positional[Path], arg(metavar="TALKSET")]
    """Folder of the talkset (clips.csv, video/)."""
    reader: Path | None = None
    """A reader's file (.safetensors) instead of the shipped one."""
    aligner: Path | None = None
    """A reader's file that finds where the words are. None: the reader itself."""
    tracks: Path | None = None
    """Folder of ready <id>.npz track files; what is not there is tracked and kept in the user's cache."""

    def run(self) -> None:
        """Print the table."""
        from dreamtalk.evaluate.articulation import score_articulation, show
        from dreamtalk.motion.reader import ArticulationReader

        reader = ArticulationReader.load(self.reader) if self.reader else ArticulationReader.load()
        aligner = ArticulationReader.load(self.aligner) if self.aligner else None
        show(score_articulation(self.dataset, self.tracks, reader, aligner))
