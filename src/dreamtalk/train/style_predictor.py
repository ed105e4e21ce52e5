"""`dreamtalk train style-predictor`: from speech and a portrait to the style code (paper III-B, eq. 4 and 10).

The portrait is taken from another clip of the same person than the style code (cross-ID training): 3DMM identity
coefficients leak expression, and a predictor that sees it would look there instead of listening.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.prediction import Judge
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import DEFAULT_MODEL, MotionModel
from dreamtalk.style.around import style_names
from dreamtalk.style.hearing import LEAST_ACTIVE
from dreamtalk.style.library import named_style
from dreamtalk.style.predictor import StylePredictor, StylePredictorConfig
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, train_stage
from dreamtalk.train.place import Share
from dreamtalk.train.style_pairs import StylePairs, Utterance, load_pairs
from dreamtalk.train.validation import read_entries, write_entries
from dreamtalk.types import Float

_JOINED = 0.5
"""Share of rows in which two utterances of one speaker in one manner follow each other: users bring long speech."""


_UNITS = 3.0
"""Total standard deviation of the codes in the network's units. Were every number as large as the noise, all 128 of
them together would give the emotion away in nearly every noised code, and there would be little to listen for."""


@dataclass(frozen=True, kw_only=True)
class StylePredictorTraining(LoopConfig):
    """A whole training run."""

    data: Path
    """A talkset with emotional speech, or a folder made by `dreamtalk prepare` from clips with sound (MEAD)."""
    cache: Path = Path("work")
    """Where tracks and heard speech are kept."""
    out: Path = Path("runs/style-predictor")
    motion: Path | None = None
    """The motion model whose style codes are predicted. None: the shipped one."""
    predictor: StylePredictorConfig = field(default_factory=StylePredictorConfig)
    cross_id: bool = True
    """Whether the portrait is from another clip than the style code. False: Table V's "w/o cross-ID training"."""
    steps: int = 1000
    learning_rate: float = 1e-3
    ema: float = 0.99
    rows: int = 32
    """Utterances per batch."""
    voices: bool = True
    """Whether every utterance is heard in another voice and room as well (train/voices.py)."""
    feature_noise: float = 0.4
    """Standard deviation of noise on the speech tokens, in units of theirs."""
    voice_noise: float = 0.35
    """The same of noise that all tokens of a row share, as if it were another voice or room: what the mean of a speech
    says is learned as ridge regression would, and twenty actors not by heart."""
    identity_noise: float = 0.5
    """The same on the identity coefficients: eleven people's faces must not be learned by heart."""
    clean_only: bool = True
    """Whether only licence-clean people are seen."""
    held_out: int = 0
    """Speakers that are not trained on, the last ones by name: what a recipe is chosen by."""
    validate_every: int = 0
    """Steps (a multiple of save_every) between scores on them; 0 for none."""
    max_clips: int | None = None

    def check(self) -> None:
        """Raises UnusableInput also for a motion model that is not there."""
        super().check()
        if self.motion is not None and not self.motion.is_file():
            raise UnusableInput(f"{self.motion}, the motion model, is not there.")


@dataclass(frozen=True, slots=True)
class NoisedCodes:
    """speech: (B, M, F) tokens with noise, padded: (B, M) True after their end. identity: (B, I). code: (B, D) clean.
    noise: (B, D). t: (B,) diffusion steps, 1..T."""

    speech: Tensor
    padded: Tensor
    identity: Tensor
    code: Tensor
    noise: Tensor
    t: Tensor


def train_style_predictor(config: StylePredictorTraining) -> Path:
    """Run the recipe; the file of the trained predictor (EMA weights, fp16 safetensors)."""
    return train_stage(config, style_predictor_stage(config))


def style_predictor_stage(config: StylePredictorTraining) -> StylePredictorStage:
    """The recipe with its data, ready to train. Raises UnusableInput when the data folder is not usable."""
    model, face_model = MotionModel.load(config.motion or DEFAULT_MODEL), FaceModel.load()
    pairs = load_pairs(
        config.data,
        config.cache,
        model,
        face_model,
        config.predictor.stride,
        voices=config.voices,
        clean_only=config.clean_only,
        max_clips=config.max_clips,
    )
    return StylePredictorStage(config, pairs, model, face_model)


class StylePredictorStage(Stage[NoisedCodes]):
    """Batches and loss of the style predictor."""

    title = "Training the style predictor"
    model: StylePredictor

    def __init__(
        self, config: StylePredictorTraining, pairs: StylePairs, model: MotionModel, face_model: FaceModel
    ) -> None:
        super().__init__()
        torch.manual_seed(config.seed)
        speakers = sorted({u.speaker for u in pairs.utterances})
        if len(speakers) <= config.held_out:
            raise UnusableInput(f"There are {len(speakers)} speakers; {config.held_out} cannot be held out.")
        held_out = set(speakers[len(speakers) - config.held_out :])
        learned = [u for u in pairs.utterances if u.speaker not in held_out]
        self.about = f"{len(learned)} utterances of {len(speakers) - len(held_out)} speakers, {len(pairs.faces)} faces"
        self._config, self._faces = config, pairs.faces
        self._groups = _groups(learned)
        self._voices = _voices(learned)
        sizes = replace(
            config.predictor,
            code_size=model.config.denoiser.width,
            feature_size=learned[0].versions[0].shape[1],
            encoder=model.config.encoder,
            face_space=model.config.face_space,
            anchors=style_names(),
        )
        self.model = StylePredictor(sizes)
        self._measure_units(learned, model, face_model)
        self._keeper = None
        if held_out and config.validate_every:
            unseen = [u for u in pairs.utterances if u.speaker in held_out]
            self._keeper = _Keeper(Judge(unseen, pairs.faces, model, face_model), config.out)

    def _measure_units(self, learned: list[Utterance], model: MotionModel, face_model: FaceModel) -> None:
        tokens = np.concatenate([u.versions[0].astype(np.float32) for u in learned])
        codes = np.stack([self._faces[i].code for u in learned for i in u.faces[:1]])
        with torch.no_grad():
            self.model.feature_mean.copy_(torch.from_numpy(tokens.mean(axis=0)))
            self.model.feature_std.copy_(torch.from_numpy(tokens.std(axis=0) + 1e-3))
            self.model.identity_scale.copy_(torch.from_numpy(face_model.identity_std))
            self.model.code_mean.copy_(torch.from_numpy(codes.mean(axis=0)))
            self.model.code_scale.fill_(float(np.sqrt(codes.var(axis=0).sum())) / _UNITS)
            self.model.null_code.copy_(torch.from_numpy(model.neutral_style().code))
            for row, name in enumerate(style_names()):
                self.model.anchors[row] = torch.from_numpy(named_style(name, model, face_model).code)

    def batch(self, number: int, share: Share) -> NoisedCodes:
        """This process's rows; row r of a batch depends on the seed, the batch's number and r alone."""
        config = self._config
        drawn = [self._row(np.random.default_rng([config.seed, number, r, 3])) for r in share.of(config.rows)]
        size = max(len(speech) for speech, *_ in drawn)
        speech = np.zeros((len(drawn), size, drawn[0][0].shape[1]), np.float32)
        padded = np.ones((len(drawn), size), np.bool_)
        for row, (tokens, *_) in enumerate(drawn):
            speech[row, : len(tokens)], padded[row, : len(tokens)] = tokens, False
        identity, code, noise = (np.stack([row[k] for row in drawn]) for k in (1, 2, 3))
        return NoisedCodes(
            speech=torch.from_numpy(speech),
            padded=torch.from_numpy(padded),
            identity=torch.from_numpy(identity),
            code=torch.from_numpy(code),
            noise=torch.from_numpy(noise),
            t=torch.tensor([row[4] for row in drawn]),
        )

    def _row(self, rng: np.random.Generator) -> tuple[Float, Float, Float, Float, int]:
        """Tokens with noise, identity with noise, clean code, its noise, diffusion step."""
        config, model = self._config, self.model
        groups = self._groups[list(self._groups)[rng.integers(len(self._groups))]]
        group = groups[rng.integers(len(groups))]
        tokens = _a_version(group, rng)
        if len(group) > 1 and rng.random() < _JOINED:
            tokens = np.concatenate([tokens, _a_version(group, rng)])
        tokens = self._in_another_voice(_a_part(tokens, model.config.tokens, rng), group[0].speaker, rng)
        hiss = rng.standard_normal(tokens.shape, dtype=np.float32) * model.feature_std.cpu().numpy()
        face = self._faces[group[0].faces[rng.integers(len(group[0].faces))]]
        portraits = face.others if config.cross_id else face.own
        identity = portraits[rng.integers(len(portraits))]
        wobble = rng.standard_normal(len(identity), dtype=np.float32) * model.identity_scale.cpu().numpy()
        noise = rng.standard_normal(len(face.code), dtype=np.float32)
        t = int(rng.integers(1, model.schedule.steps + 1))
        voice = rng.standard_normal(tokens.shape[1], dtype=np.float32) * model.feature_std.cpu().numpy()
        heard = tokens + np.float32(config.feature_noise) * hiss + np.float32(config.voice_noise) * voice
        return heard, identity + np.float32(config.identity_noise) * wobble, face.code, noise, t

    def _in_another_voice(self, tokens: Float, speaker: str, rng: np.random.Generator) -> Float:
        """Tokens moved from the speaker's mean towards another one's: people who never were, with the same emotion."""
        other = self._voices[list(self._voices)[rng.integers(len(self._voices))]]
        share = np.float32(rng.random())
        return tokens + share * (other - self._voices[speaker]) if speaker in self._voices else tokens

    def forward(self, batch: NoisedCodes) -> Losses:
        """L_pred of eq. 10."""
        code = self.model.normalise(batch.code)
        noised = self.model.schedule.add_noise(code, batch.noise, batch.t)
        made = self.model(batch.speech, batch.padded, batch.identity, noised, batch.t)
        return {"loss": (made - code).square().sum(dim=1).mean()}

    def export(self, weights: State, steps: int, file: Path) -> None:
        """The predictor by itself; scored on the speakers that were held out when it is time."""
        made = StylePredictor(self.model.config)
        made.load_state_dict(weights)
        made.save(file, {"steps": str(steps), "seed": str(self._config.seed)})
        if self._keeper is not None and steps % self._config.validate_every == 0:
            self._keeper.consider(made.eval(), steps)


def _groups(utterances: list[Utterance]) -> dict[str, list[list[Utterance]]]:
    """Utterances by emotion, then by speaker and faces: those of one list may follow each other in one speech."""
    by_manner: dict[tuple[str, str, tuple[int, ...]], list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        by_manner[utterance.emotion, utterance.speaker, utterance.faces].append(utterance)
    groups: dict[str, list[list[Utterance]]] = defaultdict(list)
    for (emotion, _, _), members in by_manner.items():
        groups[emotion].append(members)
    return dict(groups)


def _voices(utterances: list[Utterance]) -> dict[str, Float]:
    """Mean token (F,) of each speaker that is heard in every emotion: of others it would hold their emotion."""
    emotions = {u.emotion for u in utterances}
    tokens: dict[str, list[Float]] = defaultdict(list)
    heard: dict[str, set[str]] = defaultdict(set)
    for utterance in utterances:
        tokens[utterance.speaker].append(utterance.versions[0].astype(np.float32).mean(axis=0))
        heard[utterance.speaker].add(utterance.emotion)
    means = {s: np.asarray(np.mean(tokens[s], axis=0), np.float32) for s in tokens if heard[s] == emotions}
    return means or {"": np.zeros(utterances[0].versions[0].shape[1], np.float32)}


def _a_version(group: list[Utterance], rng: np.random.Generator) -> Float:
    versions = group[rng.integers(len(group))].versions
    return versions[rng.integers(len(versions))].astype(np.float32)


def _a_part(tokens: Float, most: int, rng: np.random.Generator) -> Float:
    """From 1 s to all of the tokens, at most so many."""
    count = int(rng.integers(min(LEAST_ACTIVE, len(tokens)), min(most, len(tokens)) + 1))
    at = int(rng.integers(len(tokens) - count + 1))
    return tokens[at : at + count]


class _Keeper:
    """Scores a run's models on speakers that were held out; validation.jsonl of the run's folder has the scores."""

    def __init__(self, judge: Judge, folder: Path) -> None:
        self._judge, self._log = judge, folder / "validation.jsonl"

    def consider(self, predictor: StylePredictor, steps: int) -> None:
        """Score the model of that step, once."""
        known = [entry for entry in read_entries(self._log) if entry["step"] < steps]
        write_entries(self._log, [*known, {"step": steps, **self._judge.score(predictor)}])
