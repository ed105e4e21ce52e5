"""`dreamtalk train refine`: the small refinement of mouth and eyes (render/refine), by self-reenactment.

Clips are moved by their own tracks from one still frame; what the renderer then draws is corrected towards the real
frames. People are kept apart: `held_out` are never trained on, and how well they do is written beside the weights
(held_out.csv) every time these are saved.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from rich.progress import track as progress
from torch import Tensor

from dreamtalk.data.cache import make_tracks
from dreamtalk.data.manifest import refuse_prepared
from dreamtalk.data.reenacted import RefineSamples, load_samples
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.media.files import replacing
from dreamtalk.render.refine.network import CropNetwork, RefineConfig, RefineNetwork, skin_shift
from dreamtalk.render.refine.refiner import as_tensor
from dreamtalk.render.refine.regions import maps, window
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, train_stage
from dreamtalk.train.place import Share

_DETAIL_WEIGHT = 1.0
"""Of differences between neighbouring pixels against the pixels themselves: edges are what the eye goes by."""
_ROUGH_CELL = 8
"""px: side of the cells whose roughness is compared."""
_LIGHT, _TINT = 0.20, 0.06
"""Standard deviations of the logarithm of the brightness, and of each colour, that crops are varied by."""
_LEAST_WINDOW = 1e-3
_JUDGED = 64
"""Frames of held-out people that are judged at each save, at most."""


@dataclass(frozen=True, kw_only=True)
class RefineTraining(LoopConfig):
    """A whole training run."""

    data: Path
    """A talkset folder."""
    cache: Path = Path("work")
    """Tracks and crops are kept there."""
    out: Path = Path("runs/refine")
    network: RefineConfig = field(default_factory=RefineConfig)
    steps: int = 600
    rows: int = 8
    """Frames per step: the mouth and one eye of each."""
    learning_rate: float = 2e-3
    warmup_steps: int = 50
    ema: float = 0.99
    weight_decay: float = 0.01
    precision: Literal["float32", "bfloat16"] = "float32"
    frames: int = 16
    """Frames per clip, at most."""
    main_frames: int = 8
    """The same for the speaker with the most clips, and for clips that are not clean."""
    clips: int = 16
    """Clips per speaker, at most, spread over all there are."""
    unclean_clips: int = 4
    """The same where the licence is not clean."""
    main_share: float = 0.4
    """Share of rows of the speaker with the most clips; all others share the rest alike."""
    texture: float = 0.0
    """Weight of the roughness that crops should have here and there; without it, what is uncertain gets blurred."""
    held_out: tuple[str, ...] = ("grid-H", "grid-K", "grid-M")
    """Speakers who are only judged."""
    people: int | None = None
    """Learn from only so many speakers: from the one with the most clips on, in the order of names. For the curve."""
    clean_only: bool = True
    """Only clips whose licence lets the weights be given away."""

    def check(self) -> None:
        """Raises UnusableInput also for a folder without pictures."""
        super().check()
        refuse_prepared(self.data)


@dataclass(frozen=True, slots=True)
class Crops:
    """One region of a batch, (B, C, 96, 96) each: drawn, truth, rest (C = 3) in 0..1, maps (C = 4), window (C = 1)."""

    drawn: Tensor
    truth: Tensor
    rest: Tensor
    maps: Tensor
    window: Tensor


@dataclass(frozen=True, slots=True)
class RefineBatch:
    """The mouth and one eye of each frame."""

    mouth: Crops
    eye: Crops


def train_refine(config: RefineTraining) -> Path:
    """Run the recipe; the file of the trained network (EMA weights, fp16). Raises UnusableInput."""
    return train_stage(config, refine_stage(config))


def refine_stage(config: RefineTraining) -> RefineStage:
    """The recipe with its data, ready to train. Raises UnusableInput when the data folder is not usable."""
    rows = [c for c in read_talkset(config.data) if c.split == "train" and c.kind in ("av", "style")]
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in rows:
        if clip.clean or not config.clean_only:
            by_speaker[clip.speaker].append(clip)
    if not by_speaker:
        raise UnusableInput(f"{config.data} has no clips with a face to train on.")
    main = max(by_speaker, key=lambda speaker: len(by_speaker[speaker]))
    learnt = [main, *(s for s in by_speaker if s != main and s not in config.held_out)][: config.people]
    samples: list[RefineSamples] = []
    for speaker in progress([*learnt, *config.held_out], description="Reenacting clips"):
        samples += _samples_of(by_speaker.get(speaker, []), speaker == main, config)
    return RefineStage(config, samples, main)


def _samples_of(clips: list[Clip], main: bool, config: RefineTraining) -> list[RefineSamples]:
    """One speaker's crops."""
    if not clips:
        return []
    few = main or not clips[0].clean
    most = min(len(clips), config.clips if clips[0].clean else config.unclean_clips)
    chosen = [clips[i] for i in np.linspace(0, len(clips) - 1, most).astype(int)]
    tracks = make_tracks(chosen, config.cache / "tracks")
    frames, model = config.main_frames if few else config.frames, FaceModel.load()
    found = [
        load_samples(clip.speaker, clip.file, track, model, config.cache / "refine", frames)
        for clip, track in zip(chosen, tracks, strict=True)
    ]
    return [each for each in found if each is not None]


class RefineStage(Stage[RefineBatch]):
    """Batches and losses of the refinement."""

    title = "Training the refinement"
    model: RefineNetwork

    def __init__(self, config: RefineTraining, samples: list[RefineSamples], main: str) -> None:
        """main: the speaker whose share of the rows is fixed. Raises UnusableInput when nobody is left to learn."""
        super().__init__()
        self._config = config
        learnt = [s for s in samples if s.speaker not in config.held_out]
        if not learnt:
            raise UnusableInput("All speakers are held out: there is nobody to learn the refinement from.")
        self._judged = [s for s in samples if s.speaker in config.held_out]
        names = sorted({s.speaker for s in learnt}, key=lambda name: (name != main, name))
        self._people = [[s for s in learnt if s.speaker == name] for name in names]
        frames = sum(len(s.drawn) for s in learnt)
        self.about = f"{frames} frames of {len(names)} people, {len({s.speaker for s in self._judged})} held out"
        torch.manual_seed(config.seed)
        self.model = RefineNetwork(config.network)

    def batch(self, number: int, share: Share) -> RefineBatch:
        """Row r of batch `number` depends on the seed, the number and r alone."""
        picked = []
        for row in share.of(self._config.rows):
            rng = np.random.default_rng([self._config.seed, number, row, 4])
            odds = np.full(len(self._people), 1.0)
            if len(odds) > 1:
                share_of_main = self._config.main_share
                odds[:] = (1.0 - share_of_main) / (len(odds) - 1)
                odds[0] = share_of_main
            clips = self._people[int(rng.choice(len(odds), p=odds / odds.sum()))]
            clip = clips[int(rng.integers(len(clips)))]
            picked.append((clip, int(rng.integers(len(clip.drawn))), 1 + int(rng.integers(2)), rng))
        mouths = [varied(crops_of(clip, [frame], 0), rng) for clip, frame, _, rng in picked]
        eyes = [varied(crops_of(clip, [frame], eye), rng) for clip, frame, eye, rng in picked]
        return RefineBatch(joined(mouths), joined(eyes))

    def forward(self, batch: RefineBatch) -> Losses:
        """Errors of mouths and eyes, after and (for the log) before the correction."""
        mouth, eye = refined(self.model.mouth, batch.mouth), refined(self.model.eye, batch.eye)
        losses = {"mouth": picture_error(mouth, batch.mouth), "eye": picture_error(eye, batch.eye)}
        if self._config.texture:
            rough = roughness_error(mouth, batch.mouth) + roughness_error(eye, batch.eye)
            losses["texture"] = self._config.texture * rough
        with torch.no_grad():
            before = {"mouth_drawn": picture_error(batch.mouth.drawn, batch.mouth)}
            before["eye_drawn"] = picture_error(batch.eye.drawn, batch.eye)
        return {"loss": torch.stack(list(losses.values())).sum(), **losses, **before}

    def export(self, weights: State, steps: int, file: Path) -> None:
        """The network, and a line on the people held out."""
        network = RefineNetwork(self._config.network)
        network.load_state_dict({name: value.detach().cpu() for name, value in weights.items()})
        licence = "clean" if self._config.clean_only else "for experiments only"
        network.save(file, {"steps": str(steps), "seed": str(self._config.seed), "clips": licence})
        if self._judged:
            self._note(judge(network.eval(), self._judged), steps, file.with_name("held_out.csv"))

    def _note(self, scores: dict[str, float], steps: int, file: Path) -> None:
        """One line more, below that of the untrained network; those of steps that are done again are dropped."""
        lines = file.read_text(encoding="utf-8").splitlines()[1:] if file.is_file() else []
        untrained = {name: scores[name.replace("refined", "drawn")] for name in scores}
        kept = [line for line in lines if 0 < int(line.split(",")[0]) < steps]
        new = [_line(0, untrained), *kept, *([_line(steps, scores)] if steps else [])]
        with replacing(file) as part:
            part.write_text("\n".join([",".join(["steps", *scores]), *new, ""]), encoding="utf-8")


def _line(steps: int, scores: dict[str, float]) -> str:
    return ",".join([str(steps), *(f"{value:.4f}" for value in scores.values())])


def crops_of(clip: RefineSamples, frames: list[int], region: int) -> Crops:
    """One region of some frames of a clip."""
    edges = [(clip.holes[region][f], clip.outers[region][f], float(clip.openings[f, region])) for f in frames]
    rest = as_tensor(clip.rest[region][None]).expand(len(frames), -1, -1, -1)
    drawn, truth = (as_tensor(pictures[frames, region]) for pictures in (clip.drawn, clip.truth))
    windows = np.stack([window(outer) for _, outer, _ in edges])[:, None]
    return Crops(drawn, truth, rest, torch.from_numpy(np.stack([maps(*e) for e in edges])), torch.from_numpy(windows))


def varied(crops: Crops, rng: np.random.Generator) -> Crops:
    """Crops in another light, and mirrored half of the time; the same for all pictures of them."""
    gain = np.exp(rng.normal(0.0, _LIGHT) + rng.normal(0.0, _TINT, 3)).astype(np.float32)
    flip = bool(rng.random() < 0.5)
    lit = [(p * torch.from_numpy(gain)[:, None, None]).clamp(0.0, 1.0) for p in (crops.drawn, crops.truth, crops.rest)]
    every = [*lit, crops.maps, crops.window]
    return Crops(*(p.flip(3) if flip else p for p in every))


def joined(many: list[Crops]) -> Crops:
    """Crops one after the other."""
    names = ("drawn", "truth", "rest", "maps", "window")
    return Crops(*(torch.cat([getattr(each, name) for each in many]) for name in names))


def refined(network: CropNetwork, crops: Crops) -> Tensor:
    """The corrected pictures (B, 3, 96, 96)."""
    return torch.as_tensor(crops.drawn + network(crops.drawn, crops.rest, crops.maps, crops.window))


def picture_error(made: Tensor, crops: Crops) -> Tensor:
    """L1 of colours and of differences between neighbours, at two sizes, where the picture may change.

    The real frame is first given the skin colour of what was drawn: the light may have changed since the portrait.
    """
    skin = 1.0 - crops.maps[:, :1]
    error = made - crops.truth - skin_shift(crops.drawn - crops.truth, skin)
    weight = crops.window
    total = made.new_zeros(())
    for _ in range(2):
        across, down = error.diff(dim=3).abs(), error.diff(dim=2).abs()
        total = total + _mean(error.abs(), weight)
        total = total + _DETAIL_WEIGHT * (_mean(across, weight[..., :-1]) + _mean(down, weight[..., :-1, :]))
        error, weight = F.avg_pool2d(error, 2), F.avg_pool2d(weight, 2)
    return total / 2.0


def roughness_error(made: Tensor, crops: Crops) -> Tensor:
    """L1 of how much neighbouring pixels differ in each cell: teeth a little aside are right, a grey haze is not."""
    weight = F.avg_pool2d(crops.window, _ROUGH_CELL)
    return _mean((_roughness(made) - _roughness(crops.truth)).abs(), weight)


def _roughness(pictures: Tensor) -> Tensor:
    across, down = F.pad(pictures, (0, 1, 0, 0)).diff(dim=3).abs(), F.pad(pictures, (0, 0, 0, 1)).diff(dim=2).abs()
    return F.avg_pool2d(across + down, _ROUGH_CELL)


@torch.inference_mode()
def judge(network: RefineNetwork, samples: list[RefineSamples]) -> dict[str, float]:
    """PSNR, dB, over whole crops of mouths and eyes of these people, as drawn and as refined: means over crops."""
    each = max(1, _JUDGED // len(samples))
    scores: dict[str, float] = {}
    for name, regions, one in (("mouth", (0,), network.mouth), ("eye", (1, 2), network.eye)):
        values: dict[str, list[Tensor]] = {"drawn": [], "refined": []}
        for clip in samples:
            frames = np.unique(np.linspace(0, len(clip.drawn) - 1, each).astype(int)).tolist()
            for crops in (crops_of(clip, frames, region) for region in regions):
                values["drawn"].append(_psnr(crops.drawn, crops.truth))
                values["refined"].append(_psnr(refined(one, crops).clamp(0.0, 1.0), crops.truth))
        scores |= {f"{name}_{row}_db": float(torch.cat(found).mean()) for row, found in values.items()}
    return scores


def _psnr(made: Tensor, truth: Tensor) -> Tensor:
    return -10.0 * torch.log10((made - truth).square().mean(dim=(1, 2, 3)).clamp_min(1e-8))


def _mean(error: Tensor, weight: Tensor) -> Tensor:
    return (error * weight).sum() / (weight.sum() * error.shape[1]).clamp_min(_LEAST_WINDOW)
