"""dreamtalk train face-model | denoiser: the recipes that made the shipped models."""

from __future__ import annotations

from dataclasses import dataclass

from dreamtalk.train.face_model import FaceModelConfig, train_face_model


@dataclass(frozen=True)
class TrainFaceModel(FaceModelConfig):
    __doc__ = f"Learn the statistical face model mesh64 from tracked clips.\n\n{FaceModelConfig.__doc__}"

    def run(self) -> None:
        """Train, and write the model file."""
        train_face_model(self)
