"""dreamtalk train face-model | denoiser | renderer: the recipes that made the shipped models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from dreamtalk.errors import UnusableInput
from dreamtalk.train.face_model import FaceModelConfig, train_face_model


@dataclass(frozen=True)
class TrainFaceModel(FaceModelConfig):
    __doc__ = "Learn the statistical face model from tracked clips.\n\n" + cleandoc(FaceModelConfig.__doc__ or "")

    def run(self) -> None:
        """Train, write the model file, and print how much of unseen faces it explains."""
        print(train_face_model(self).table())


@dataclass(frozen=True, kw_only=True)
class TrainDenoiser:
    """Learn the motion model from a talkset: tracks and features are made once, a stopped run goes on."""

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of the talkset (clips.csv, video/)."""
    recipe: str = "cpu"
    """Which recipe of train/recipes.py."""
    out: Path | None = None
    """Folder for checkpoints, log and result. By default the recipe's."""
    cache: Path | None = None
    """Folder where tracks and features are kept. By default the recipe's."""
    steps: int | None = None
    """Training steps. By default the recipe's."""
    seed: int | None = None
    """By default the recipe's."""
    threads: int | None = None
    """CPU threads. By default the recipe's."""

    def run(self) -> None:
        """Train, and say where the model is."""
        from dreamtalk.train.denoiser import train_denoiser
        from dreamtalk.train.recipes import DENOISER_RECIPES

        if self.recipe not in DENOISER_RECIPES:
            raise UnusableInput(f"There is no recipe {self.recipe!r}. Recipes: {', '.join(DENOISER_RECIPES)}.")
        config = DENOISER_RECIPES[self.recipe](self.data)
        names = ("out", "cache", "steps", "seed", "threads")
        given: dict[str, Any] = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        print(train_denoiser(replace(config, **given)))


@dataclass(frozen=True, kw_only=True)
class TrainRenderer:
    """Learn a PIRenderer from a talkset's videos: tracks and framed faces are made once, a stopped run goes on."""

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of the talkset (clips.csv, video/)."""
    recipe: str = "full"
    """Which recipe of train/recipes.py: full, smoke."""
    vgg: Path | None = None
    """Weights of VGG-19 for the perceptual loss (.safetensors, torchvision's names). Without it a plain loss."""
    out: Path | None = None
    """Folder for checkpoints, log, samples and result. By default the recipe's."""
    cache: Path | None = None
    """Folder where tracks and framed faces are kept. By default the recipe's."""
    warp_steps: int | None = None
    """Steps of the first phase. By default the recipe's."""
    steps: int | None = None
    """Steps of both phases. By default the recipe's."""
    pairs: int | None = None
    """Pairs of frames per step. By default the recipe's."""
    seed: int | None = None
    """By default the recipe's."""
    device: Literal["auto", "cpu", "cuda"] | None = None
    """By default the recipe's."""
    threads: int | None = None
    """CPU threads. By default the recipe's."""
    dry_run: bool = False
    """Make the data, time one step of each phase, and stop."""

    def run(self) -> None:
        """Train, and say where the network is."""
        from dreamtalk.train.recipes import RENDERER_RECIPES
        from dreamtalk.train.renderer import dry_run, train_renderer

        if self.recipe not in RENDERER_RECIPES:
            raise UnusableInput(f"There is no recipe {self.recipe!r}. Recipes: {', '.join(RENDERER_RECIPES)}.")
        config = RENDERER_RECIPES[self.recipe](self.data)
        names = ("vgg", "out", "cache", "warp_steps", "steps", "pairs", "seed", "device", "threads")
        given: dict[str, Any] = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        config = replace(config, **given)
        print(dry_run(config) if self.dry_run else train_renderer(config))
