"""The style-aware lip expert E: does this mouth say this sound, spoken in this manner? (paper III-B, eq. 3 and 5)

    P_sync = E(audio[l .. l + n], motion[l .. l + n], R) = cos(e_motion, e_audio)

Lip motion is the mouth-area vertices of the face model, made from expression alone, so that identity cannot leak. Both
embeddings end in ReLU: their cosine lies in 0..1 and can be read as a probability. The style code of the reference R is
concatenated into the feature maps of both encoders; without it the same network is the paper's unconditional variant.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk.face.measures import LIPS
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.denoiser import DenoiserConfig, StyleEncoder
from dreamtalk.weights import load_model, save_model

_VERTEX_UNIT = 0.05
"""iod: lips move about so far, which brings the vertices to the size networks like."""

_SURE = 1e-4
"""P_sync nearer than this to 0 or 1 counts as so far from it: the loss stays finite."""

_FORMAT = "dreamtalk-lip-expert-1"


@dataclass(frozen=True, slots=True)
class LipExpertConfig:
    """frames: n, at 25 fps; the expert hears twice as many features. style_aware: False for the ablation."""

    feature_size: int = 512
    expression_size: int = 64
    frames: int = 8
    width: int = 128
    style_aware: bool = True
    style_width: int = 64
    style_layers: int = 1
    encoder: str = "whisper-base-l3"
    face_space: str = "mesh64"


class LipExpert(nn.Module):
    """Windows of expression and speech, and a style reference, to the probability that they are in step."""

    mouth: Tensor
    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: LipExpertConfig) -> None:
        super().__init__()
        self.config = config
        vertices, width, n = 3 * len(LIPS), config.width, config.frames
        style = config.style_width if config.style_aware else 0
        self.register_buffer("mouth", torch.zeros(config.expression_size, vertices))
        self.register_buffer("feature_mean", torch.zeros(config.feature_size))
        self.register_buffer("feature_std", torch.ones(config.feature_size))
        self.style_encoder = StyleEncoder(_style_config(config)) if config.style_aware else None
        self.frame_mlp = nn.Sequential(nn.Linear(vertices, width), nn.ReLU(), nn.Linear(width, width // 2), nn.ReLU())
        self.motion_mlp = nn.Sequential(
            nn.Linear(n * width // 2 + style, 2 * width), nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU()
        )
        self.audio_in = nn.Sequential(
            nn.Conv1d(config.feature_size, width, 1), nn.ReLU(), nn.Conv1d(width, width, 5, padding=2), nn.ReLU()
        )
        self.audio_out = nn.Sequential(
            nn.Conv1d(width + style, width, 4, stride=2, padding=1), nn.ReLU(), nn.Conv1d(width, width, n), nn.ReLU()
        )

    def set_face_model(self, face_model: FaceModel) -> None:
        """Take the mouth-area vertices from a face model."""
        lips = face_model.expression_basis[:, list(LIPS)].reshape(len(face_model.expression_basis), -1)
        self.mouth.copy_(torch.from_numpy(lips / _VERTEX_UNIT))

    def style(self, reference: Tensor) -> Tensor | None:
        """Style features (B, style_width) of references (B, S, E) in face-space units; None for the unconditional."""
        if self.style_encoder is None:
            return None
        return torch.as_tensor(self.style_encoder(reference / _VERTEX_UNIT))

    def embed_motion(self, expression: Tensor, style: Tensor | None) -> Tensor:
        """e_motion (B, D) of expression windows (B, n, E) in face-space units."""
        x = self.frame_mlp(expression @ self.mouth).flatten(1)
        return torch.as_tensor(self.motion_mlp(x if style is None else torch.cat([x, style], dim=1)))

    def embed_audio(self, features: Tensor, style: Tensor | None) -> Tensor:
        """e_audio (B, D) of raw speech features (B, 2 n, F) at 50 Hz, the first belonging to the first frame."""
        x = self.audio_in(((features - self.feature_mean) / self.feature_std).transpose(1, 2))
        if style is not None:
            x = torch.cat([x, style[:, :, None].expand(-1, -1, x.shape[2])], dim=1)
        return torch.as_tensor(self.audio_out(x).squeeze(2))

    def forward(self, expression: Tensor, features: Tensor, style: Tensor | None) -> Tensor:
        """P_sync (B,) in 0..1: cosine of the two embeddings (eq. 5)."""
        return F.cosine_similarity(self.embed_motion(expression, style), self.embed_audio(features, style), dim=1)

    def save(self, file: Path, extra: dict[str, str] | None = None) -> None:
        """Weights as fp16 safetensors, config as JSON in the header."""
        save_model(file, self, _FORMAT, json.dumps(asdict(self.config)), extra)

    @classmethod
    def load(cls, file: Path) -> LipExpert:
        """A file written by save(). Raises UnusableInput when it is none."""
        return load_model(file, _FORMAT, "lip expert", lambda config: cls(LipExpertConfig(**config)))


def sync_loss(probability: Tensor, in_step: Tensor) -> Tensor:
    """Binary cross-entropy of P_sync (B,) against whether the pair is in step (B,) bool (eq. 5).

    Written out: PyTorch's own raises on numbers that are none, before the loop can say so to people.
    """
    p = probability.clamp(_SURE, 1.0 - _SURE)
    return -torch.where(in_step, p.log(), (-p).log1p()).mean()


def _style_config(config: LipExpertConfig) -> DenoiserConfig:
    """The denoiser's style encoder, with parameters of its own."""
    return DenoiserConfig(
        expression_size=config.expression_size,
        width=config.style_width,
        heads=4,
        hidden=2 * config.style_width,
        style_layers=config.style_layers,
    )
