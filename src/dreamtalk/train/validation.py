"""How a model in training does with people it is not trained on: what checkpoints are chosen by.

The dev split is for the final table alone; choosing by it would make that table a lie.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.model import FaceModel
from dreamtalk.media.files import replacing
from dreamtalk.motion.model import MotionModel
from dreamtalk.types import VIDEO_FPS, SpeechFeatures

_LONGEST = 10 * VIDEO_FPS
"""Frames of a clip that are looked at."""


class Strangers:
    """Talks of people outside the training set."""

    def __init__(self, talkers: list[TalkingClip], face_model: FaceModel) -> None:
        self._talkers = talkers
        self._aperture = face_model.measure("aperture")

    def score(self, model: MotionModel) -> dict[str, float]:
        """aperture_r: correlation of the generated lip aperture with the real one, mean over speakers (-1..1).
        aperture_error: RMS difference, each less its mean, in % iod, mean over speakers.
        """
        neutral = model.eval().neutral_style()
        by_speaker: dict[str, list[tuple[float, float]]] = {}
        for talker in self._talkers:
            frames = min(_LONGEST, len(talker.expression))
            features = SpeechFeatures(talker.features[: 2 * frames], model.config.encoder)
            made = model.generate(features, neutral, frames) @ self._aperture
            real = talker.expression[:frames] @ self._aperture
            made, real = made - made.mean(), real - real.mean()
            r = float(made @ real / (np.linalg.norm(made) * np.linalg.norm(real) + 1e-9))
            error = float(np.sqrt(np.mean((made - real) ** 2)))
            by_speaker.setdefault(talker.speaker, []).append((r, error))
        r, error = np.mean([np.mean(scores, axis=0) for scores in by_speaker.values()], axis=0)
        return {"aperture_r": round(float(r), 4), "aperture_error": round(float(error), 4)}


class BestKeeper:
    """Scores a training run's models as they come and keeps the one that strangers like best.

    Scores stand in validation.jsonl of the run's folder, one line per model, the best model in best.safetensors.
    """

    def __init__(self, strangers: Strangers, folder: Path) -> None:
        self._strangers, self._folder = strangers, folder

    def consider(self, model: MotionModel, steps: int) -> None:
        """Score the model of that step, once; a run that goes on after a stop does not score it again."""
        log = self._folder / "validation.jsonl"
        known = [entry for entry in read_entries(log) if entry["step"] <= steps]  # later ones are another run's
        if any(entry["step"] == steps for entry in known):
            return
        scores = self._strangers.score(model)
        if scores["aperture_r"] >= max((entry["aperture_r"] for entry in known), default=-1.0):
            model.save(self._folder / "best.safetensors", {"steps": str(steps)})
        write_entries(log, [*known, {"step": steps, **scores}])


def read_entries(log: Path) -> list[dict[str, float]]:
    """The lines of a log that are whole."""
    entries = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else []:
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return entries


def write_entries(log: Path, entries: list[dict[str, float]]) -> None:
    """The whole log, or none."""
    with replacing(log) as temporary:
        temporary.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
