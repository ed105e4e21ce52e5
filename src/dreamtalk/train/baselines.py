"""`dreamtalk train baseline`: what the motion model is compared with, trained on the very same batches.

The regression baseline is the denoiser's training with another network. The StyleTalk-like one has losses of its own,
after StyleTalk (Ma et al., AAAI 2023, arXiv 2301.01081; facts 4.2): reconstruction, triplet of style codes, lip expert
and a temporal critic. Its style classifier D_style is left out: it tells classes of styles apart (speaker x emotion x
level), and styles here are drawn from a continuum (train/augment.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.train.denoiser import DenoiserStage, DenoiserTraining, NoisedTalks, load_material
from dreamtalk.train.loop import Losses, State

_SSIM_RANGE = 4.0
"""What the structural similarity takes for the data's range, in units of the network: twice the total standard
deviation of 2 to which each half of the face is scaled."""

_SSIM_C1, _SSIM_C2 = (0.01 * _SSIM_RANGE) ** 2, (0.03 * _SSIM_RANGE) ** 2
"""SSIM's usual constants (Wang et al. 2004)."""

_CRITIC = "critic"


@dataclass(frozen=True, kw_only=True)
class StyleTalkTraining(DenoiserTraining):
    """The StyleTalk-like baseline's run. Its losses use no closure_weight, velocity_weight and upper_weight."""

    out: Path = Path("runs/styletalk")
    reconstruction_weight: float = 88.0
    l1_share: float = 0.1
    """mu: share of the mean absolute error in the reconstruction loss; the rest is structural similarity."""
    triplet_weight: float = 1.0
    triplet_margin: float = 5.0
    """How much nearer, in units of the style code, a clip of the same style has to be than one of another."""
    temporal_weight: float = 1.0
    critic_width: int = 64
    """Channels of the critic's first layer."""

    def check(self) -> None:
        """Raises UnusableInput also for a model to start from: the critic would start from nothing beside it."""
        if self.start_from is not None:
            raise UnusableInput("The StyleTalk-like baseline is trained in one go: leave out --start-from.")
        super().check()


class TemporalCritic(nn.Module):
    """D_tem: is this a stretch of real motion? Convolutions along time, one verdict per patch (PatchGAN)."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(size, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(2 * width, 1, 3, padding=1),
        )

    def forward(self, motion: Tensor) -> Tensor:
        """Motion (B, L, E), L at least 4, to verdicts (B, 1, L / 4), above 0 for real."""
        return torch.as_tensor(self.layers(motion.transpose(1, 2)))


def similarity(made: Tensor, real: Tensor) -> Tensor:
    """Structural similarity (B,) of motions (B, L, E), each taken as one window: -1 to 1, 1 for the same."""
    a, b = made.flatten(1), real.flatten(1)
    mean_a, mean_b = a.mean(1), b.mean(1)
    var_a, var_b = a.var(1, correction=0), b.var(1, correction=0)
    covariance = ((a - mean_a[:, None]) * (b - mean_b[:, None])).mean(1)
    near = (2 * mean_a * mean_b + _SSIM_C1) / (mean_a**2 + mean_b**2 + _SSIM_C1)
    return torch.as_tensor(near * (2 * covariance + _SSIM_C2) / (var_a + var_b + _SSIM_C2))


def triplet(codes: Tensor, same: Tensor, margin: float) -> Tensor:
    """max(|s - s+| - |s - s-| + margin, 0), mean over the rows: s- is another row's code. All (B, D), B styles."""
    if len(codes) < 2:
        return codes.sum() * 0.0
    return F.triplet_margin_loss(codes, same, codes.roll(1, dims=0), margin=margin)


class StyleTalkStage(DenoiserStage):
    """The denoiser's batches with StyleTalk's losses."""

    title = "Training the StyleTalk-like baseline"

    def __init__(
        self,
        config: StyleTalkTraining,
        talkers: list[TalkingClip],
        face_model: FaceModel,
        strangers: Sequence[TalkingClip] = (),
    ) -> None:
        super().__init__(config, talkers, face_model, strangers)
        self._losses = config
        self.critic = TemporalCritic(config.denoiser.expression_size, config.critic_width)
        self.model.add_module(_CRITIC, self.critic)  # the loop trains and saves what is in the model

    def forward(self, batch: NoisedTalks) -> Losses:
        """88 L_rec + L_trip + L_tem + L_sync for the network, and the critic's own hinge loss."""
        config, model, talks = self._losses, self.model, batch.talks
        real = model.normalise(talks.expression)
        made, codes = self.predict(batch)
        others = model.denoiser.encode_style(real)  # the talk itself is a second clip of its style
        styled = talks.has_style
        with torch.autocast(real.device.type, enabled=False):
            l1, ssim = (made - real).abs().mean(), similarity(made, real).mean()
            parts = {
                "reconstruction": config.l1_share * l1 + (1.0 - config.l1_share) * (1.0 - ssim),
                "triplet": triplet(codes[styled].float(), others[styled].float(), config.triplet_margin),
                "temporal": -self._verdict(made).mean(),
                "critic": (F.relu(1.0 - self.critic(real)) + F.relu(1.0 + self.critic(made.detach()))).mean(),
            }
        weights = (config.reconstruction_weight, config.triplet_weight, config.temporal_weight, 1.0)
        total = sum((w * part for w, part in zip(weights, parts.values(), strict=True)), start=made.new_zeros(()))
        if self.expert is not None:
            parts["sync"] = self.sync_loss(self.expert, model.denormalise(made), batch)
            total = total + config.sync_weight * parts["sync"]
        return {"loss": total, **parts}

    def _verdict(self, made: Tensor) -> Tensor:
        """The critic's, without its learning from it: the network is to please the critic, not the other way round."""
        fixed = {name: weight.detach() for name, weight in self.critic.named_parameters()}
        return torch.as_tensor(functional_call(self.critic, fixed, (made,)))

    def export(self, weights: State, steps: int, file: Path) -> None:
        """As the denoiser's, without the critic."""
        kept = {name: value for name, value in weights.items() if not name.startswith(f"{_CRITIC}.")}
        super().export(kept, steps, file)


def baseline_stage(config: DenoiserTraining) -> DenoiserStage:
    """The recipe with its data, ready to train. Raises UnusableInput when the data folder is not usable."""
    material = load_material(config)
    return (
        StyleTalkStage(config, *material) if isinstance(config, StyleTalkTraining) else DenoiserStage(config, *material)
    )
