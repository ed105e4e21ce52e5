"""dreamtalk train STAGE: all recipes, and the face model, which has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from tyro.conf import Positional, arg

from dreamtalk.errors import UnusableInput
from dreamtalk.train.face_model import FaceModelConfig, train_face_model

if TYPE_CHECKING:
    from dreamtalk.train.loop import LoopConfig, Stage

Config = TypeVar("Config", bound="LoopConfig")


@dataclass(frozen=True)
class TrainFaceModel(FaceModelConfig):
    __doc__ = "Learn the statistical face model from tracked clips.\n\n" + cleandoc(FaceModelConfig.__doc__ or "")

    def run(self) -> None:
        """Train, write the model file, and print how much of unseen faces it explains."""
        print(train_face_model(self).table())


@dataclass(frozen=True, kw_only=True)
class FromRecipe:
    """Flags that every recipe takes."""

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of a talkset (clips.csv, video/), or one made by `dreamtalk prepare`."""
    recipe: str = "cpu"
    """Which recipe of train/recipes.py."""
    out: Path | None = None
    """Folder for checkpoints, log and result. By default the recipe's."""
    cache: Path | None = None
    """Folder where what is made of the videos is kept. By default the recipe's."""
    steps: int | None = None
    """Training steps. By default the recipe's."""
    seed: int | None = None
    """By default the recipe's."""
    device: Literal["auto", "cpu", "cuda"] | None = None
    """auto: a GPU where there is one. By default the recipe's."""
    devices: int | None = None
    """Processes per machine, one per GPU; needs the extra "train". By default the recipe's."""
    nodes: int | None = None
    """Machines. By default the recipe's."""
    threads: int | None = None
    """CPU threads per process. By default the recipe's."""
    precision: Literal["float32", "bfloat16"] | None = None
    """Of matrix products. By default the recipe's."""
    any_licence: bool = False
    """Train on clips of every licence class, not only clean ones: for weights that are yours alone."""
    tensorboard: bool = True
    """Whether to log for TensorBoard as well, where it is installed."""
    dry_run: bool = False
    """Make model and data, run two steps, say what the training would be, write nothing to the folder, and stop."""

    def train(self, recipes: Mapping[str, Callable[[Path], Config]], stage: Callable[[Config], Stage[Any]]) -> None:
        """Train what `stage` makes of the config, or only try it, and print what came of it. Raises UnusableInput."""
        from dreamtalk.train.dry_run import dry_run
        from dreamtalk.train.loop import check_training, train_stage

        config = self.config(recipes)
        check_training(config)
        print((dry_run if self.dry_run else train_stage)(config, stage(config)))

    def config(self, recipes: Mapping[str, Callable[[Path], Config]]) -> Config:
        """The recipe's config with the flags that were given. Raises UnusableInput when there is no such recipe."""
        if self.recipe not in recipes:
            raise UnusableInput(f"There is no recipe {self.recipe!r}. Recipes: {', '.join(recipes)}.")
        config = recipes[self.recipe](self.data)
        known = {field.name for field in fields(config)} - {"data"}
        flags = {field.name: getattr(self, field.name) for field in fields(self) if field.name in known}
        if self.any_licence and "clean_only" in known:
            flags["clean_only"] = False
        return replace(config, **{name: value for name, value in flags.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class TrainDenoiser(FromRecipe):
    """Learn the motion model from a talkset: tracks and features are made once, a stopped run goes on."""

    start_from: Path | None = None
    """A trained model to start from. By default the recipe's."""
    expert: Path | None = None
    """A trained lip expert, for recipes with a sync loss. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the model is."""
        from dreamtalk.train.denoiser import denoiser_stage
        from dreamtalk.train.recipes import DENOISER_RECIPES

        self.train(DENOISER_RECIPES, denoiser_stage)


@dataclass(frozen=True, kw_only=True)
class TrainBaseline(FromRecipe):
    """Learn a motion model without diffusion from the same data, to compare the shipped one with."""

    recipe: str = "regression"
    """Which recipe of train/recipes.py: regression, then regression-sync; styletalk; smoke."""
    start_from: Path | None = None
    """A trained model to start from, for regression. By default the recipe's."""
    expert: Path | None = None
    """A trained lip expert. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the model is."""
        from dreamtalk.train.baselines import baseline_stage
        from dreamtalk.train.recipes import BASELINE_RECIPES

        self.train(BASELINE_RECIPES, baseline_stage)


@dataclass(frozen=True, kw_only=True)
class TrainLipExpert(FromRecipe):
    """Learn the lip expert from a talkset: tracks and features are made once, a stopped run goes on."""

    def run(self) -> None:
        """Train, and say where the expert is."""
        from dreamtalk.train.lip_expert import lip_expert_stage
        from dreamtalk.train.recipes import LIP_EXPERT_RECIPES

        self.train(LIP_EXPERT_RECIPES, lip_expert_stage)


@dataclass(frozen=True, kw_only=True)
class TrainRenderer(FromRecipe):
    """Learn a PIRenderer from a talkset's videos: tracks and framed faces are made once, a stopped run goes on."""

    recipe: str = "full"
    """Which recipe of train/recipes.py: full, smoke."""
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of a talkset (clips.csv, video/): prepared folders hold no pictures."""
    vgg: Path | None = None
    """Weights of VGG-19 for the perceptual loss (.safetensors, torchvision's names). Without it a plain loss."""
    warp_steps: int | None = None
    """Steps of the first phase. By default the recipe's."""
    pairs: int | None = None
    """Pairs of frames per step. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the network is."""
        from dreamtalk.train.recipes import RENDERER_RECIPES
        from dreamtalk.train.renderer import renderer_stage

        self.train(RENDERER_RECIPES, renderer_stage)


@dataclass(frozen=True, kw_only=True)
class TrainStylePredictor(FromRecipe):
    """Learn which style speech asks for. What learns from RAVDESS is for non-commercial use only (CC BY-NC-SA 4.0)."""

    recipe: str = "cpu"
    """Which recipe of train/recipes.py: cpu, chosen, regression, no-speaker, no-cross-id, smoke."""
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of a talkset with emotional speech, or one made by `dreamtalk prepare` from talking clips such as MEAD."""
    motion: Path | None = None
    """The motion model whose style codes are predicted. By default the shipped one."""
    held_out: int | None = None
    """Speakers that are not trained on. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the predictor is."""
        from dreamtalk.train.recipes import STYLE_PREDICTOR_RECIPES
        from dreamtalk.train.style_predictor import style_predictor_stage

        self.train(STYLE_PREDICTOR_RECIPES, style_predictor_stage)


@dataclass(frozen=True, kw_only=True)
class TrainStudent(FromRecipe):
    """Distil a motion model into students of ever fewer sampler steps; each is in a folder of its own below `out`."""

    recipe: str = "student"
    """Which recipe of train/recipes.py: student, smoke."""
    teacher: Path | None = None
    """The motion model to learn from. By default the shipped one."""
    students: tuple[int, ...] | None = None
    """Sampler steps of each student in turn. By default the recipe's."""
    steps: int | None = None
    """Training steps of each student. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the last student is."""
        from dreamtalk.train.recipes import STUDENT_RECIPES
        from dreamtalk.train.student import check_students, dry_run_students, train_student

        config = self.config(STUDENT_RECIPES)
        check_students(config)
        print((dry_run_students if self.dry_run else train_student)(config))


@dataclass(frozen=True, kw_only=True)
class TrainArticulation(FromRecipe):
    """Learn which place of the mouth speech sounds come from, from synthetic and real voices. Needs eSpeak NG."""

    recipe: str = "cpu"
    """Which recipe of train/recipes.py: cpu, smoke."""
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of a talkset (clips.csv with transcripts, video/)."""
    lines: int | None = None
    """Synthetic lines to learn from. By default the recipe's."""
    rounds: int | None = None
    """How often real talks are aligned anew. By default the recipe's."""
    steps: int | None = None
    """Training steps of each round. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the reader is."""
        from dreamtalk.train.articulation import dry_run_articulation, train_articulation
        from dreamtalk.train.recipes import ARTICULATION_RECIPES

        config = self.config(ARTICULATION_RECIPES)
        print((dry_run_articulation if self.dry_run else train_articulation)(config))


@dataclass(frozen=True, kw_only=True)
class TrainRefine(FromRecipe):
    """Learn the small refinement of mouth and eyes by self-reenactment of a talkset's clips; a stopped run goes on."""

    recipe: str = "cpu"
    """Which recipe of train/recipes.py: cpu, everybody, smoke."""
    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of a talkset (clips.csv, video/): prepared folders hold no pictures."""
    people: int | None = None
    """Learn from only so many speakers. By default the recipe's."""
    rows: int | None = None
    """Frames per step. By default the recipe's."""
    texture: float | None = None
    """Weight of the loss that asks for as much texture as real frames have. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the network is."""
        from dreamtalk.train.recipes import REFINE_RECIPES
        from dreamtalk.train.refine import refine_stage

        self.train(REFINE_RECIPES, refine_stage)
