"""Learns the guess of a face's offset from its own neutral (style/guess.py), on made faces.

    python -m dreamtalk.train.neutral_guess TALKSET CACHE neutral-guess-mesh64.safetensors

A made face: a resting face of chance, moved by frames of neutral talk put into a style of chance (train/augment.py),
turned a little, and scored by the tracker's own blendshape network. Its offset is known, which no recording tells.
Only licence-clean people are in it: GRID talkers of the train split and CC0 heads. What is read of
scores and shape and how strongly (_LOWER, _UPPER, _LIDS) was chosen on people of the train split: two whose emotional
and neutral clips are known, and ten more who talk in neutral.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from dreamtalk import assets
from dreamtalk.data.cache import make_tracks
from dreamtalk.data.talkers import TalkingClip
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.face.align import FACE_POINTS, align, unit_face
from dreamtalk.face.arkit import weights
from dreamtalk.face.blendshapes import BLENDSHAPE_POINTS
from dreamtalk.face.lids import remove_blinks
from dreamtalk.face.model import FaceModel
from dreamtalk.face.networks import Network, read_task_file
from dreamtalk.face.pose import rotation_from_euler
from dreamtalk.style.guess import score_terms
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.types import Float

_FACES, _FRAMES = 8000, 4
"""Made faces, and frames of each: a clip's mean pose matters, not one frame's."""
_CLIPS = 36
"""At most so many clips of one talker."""
_NEUTRAL_SHARE = 0.12
"""Share of faces in no style at all."""
_UNNAMED = 0.25
"""Spread of what no facial action covers, in standard deviations of the face model's expression."""
_TURN = (0.12, 0.15, 0.06)
"""Standard deviations of the head's pitch, yaw and roll, rad."""
_GAZE, _OWN_NOISE, _FRAME_NOISE = 0.01, 0.004, 0.002
"""Standard deviations, iod: of the irises' place, of a landmark per face and per frame."""
_PIXELS = 100.0
"""Pixels per iod of the picture that the scores are read from."""
_LANDMARK_NOISE = 0.006
"""iod, as in the face model's fits."""

_LOWER_RIDGE, _UPPER_RIDGE, _SHAPE_RIDGE = 0.001, 0.01, 0.003
"""Ridge per face: on the scores for the lower and the upper half, and on the shape for the upper half. What the shape
says about a mouth is not to be trusted, and left out."""
_LEAST_SPREAD = 0.02
"""Scores that hardly ever move among made faces count as if they spread by this: real ones do move."""
_LOWER, _UPPER = 1.1, 2.4
"""Factors on the two halves of the answer, which a regression makes too small."""
_LIDS = 0.35
"""Share that is left of an upper answer's eye opening: the rest is how people's eyes are built."""

_EYE_CORNERS_AND_LIDS = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Around which an iris stands: right, left of the person."""


@dataclass(frozen=True)
class People:
    """What faces are made of. neutrals: (S, 478, 3) resting faces of talkers. heads: (H, 468, 3) CC0 resting faces.
    talks: neutral talks. styles: draws styles and puts them on talks."""

    neutrals: Float
    heads: Float
    talks: list[TalkingClip]
    styles: StyleAugmentation
    face: FaceModel

    def resting_face(self, rng: np.random.Generator) -> Float:
        """(478, 3) a mixture of talkers, of CC0 heads, or a draw of the identity basis."""
        identity = rng.standard_normal(len(self.face.identity_std)).astype(np.float32) * self.face.identity_std
        kind = rng.random()
        if kind < 0.35:
            shape = _mixed(self.neutrals[:, :FACE_POINTS], 0.5, rng) + self._moved(0.5 * identity)
        elif kind < 0.65:
            shape = _mixed(self.heads, 0.4, rng) + self._moved(0.5 * identity)
        else:
            beside = self._beside_the_basis
            strange = beside[rng.integers(len(beside), size=2)] * rng.standard_normal((2, 1, 1)).astype(np.float32)
            shape = self.face.mean + self._moved(identity) + strange.sum(axis=0)
        shape = unit_face(shape.astype(np.float32))
        return np.concatenate([shape, _around_eyes(shape) + self._irises])

    def _moved(self, identity: Float) -> Float:
        return np.asarray(np.tensordot(identity, self.face.identity_basis, axes=1), dtype=np.float32)

    @cached_property
    def _beside_the_basis(self) -> Float:
        """(S, 468, 3) what the identity basis lacks of each talker."""
        known = [self.face.mean + self._moved(self.face.identity(neutral)) for neutral in self.neutrals]
        return np.asarray(self.neutrals[:, :FACE_POINTS] - np.stack(known), dtype=np.float32)

    @cached_property
    def _irises(self) -> Float:
        """(10, 3) the irises' points relative to the middle of the eyes, mean of the talkers."""
        placed = [neutral[FACE_POINTS:] - _around_eyes(neutral) for neutral in self.neutrals]
        return np.asarray(np.mean(placed, axis=0), dtype=np.float32)


def make_guess(talkset: Path, cache: Path, output: Path, seed: int = 0) -> None:
    """Make the faces, fit the regression and write it. Raises UnusableInput when the talkset is none."""
    people = _people(talkset, cache)
    rng, face = np.random.default_rng(seed), people.face
    score = Network(read_task_file("face_blendshapes.tflite"))
    scores, shapes, offsets = [], [], []
    for _ in range(_FACES):
        landmarks, offset = _made_face(people, rng)
        seen = [_scores_of(score, frame) for frame in landmarks]
        aligned, _ = align(landmarks, face.mean)
        scores.append(score_terms(np.stack(seen)))
        shapes.append((aligned[:, :FACE_POINTS].mean(axis=0) - face.mean).reshape(-1))
        offsets.append(offset)
    fitted = _fitted(np.stack(scores), np.stack(shapes), np.stack(offsets), face)
    save_file({**fitted, "talk": people.styles.mean}, output)


def _people(talkset: Path, cache: Path) -> People:
    face = FaceModel.load()
    by_speaker: dict[str, list[Clip]] = {}
    for clip in read_talkset(talkset):
        if clip.kind == "av" and clip.split == "train" and clip.clean:
            by_speaker.setdefault(clip.speaker, []).append(clip)
    neutrals, talks, aperture = [], [], face.measure("aperture")
    for speaker, clips in by_speaker.items():
        clips = clips[:: -(-len(clips) // _CLIPS)]
        tracks = [
            track.filled(clip.id) for clip, track in zip(clips, make_tracks(clips, cache / "tracks"), strict=True)
        ]
        neutral = face.neutral(np.concatenate([track.landmarks for track in tracks]))
        neutrals.append(neutral)
        for clip, track in zip(clips, tracks, strict=True):
            talk = remove_blinks(face.fit(track.landmarks, neutral)[0], face)
            unheard = np.zeros((2 * len(talk), 1), dtype=np.float32)
            talks.append(TalkingClip(clip.id, talk, np.clip(talk @ aperture, 0.0, None), unheard, speaker))
    heads = load_file(assets.path("cc0-face-shapes"))["people"].astype(np.float32)
    return People(np.stack(neutrals), heads, talks, StyleAugmentation(talks, face), face)


def _made_face(people: People, rng: np.random.Generator) -> tuple[Float, Float]:
    """Landmarks (F, 478, 3) px of somebody talking in a style, and the style's offset (64,)."""
    face, style = people.face, people.styles.draw(rng)
    unnamed = rng.normal(0.0, _UNNAMED, len(face.expression_std)) * face.expression_std
    style = type(style)((style.offset + unnamed).astype(np.float32), style.gain)
    if rng.random() < _NEUTRAL_SHARE:
        style = people.styles.none
    talk = people.talks[rng.integers(len(people.talks))]
    said = people.styles.apply(talk, style)[rng.integers(len(talk.expression), size=_FRAMES)]
    landmarks = np.repeat(people.resting_face(rng)[None], _FRAMES, axis=0)
    landmarks[:, :FACE_POINTS] += face.displacement(said)
    landmarks[:, FACE_POINTS:, :2] += rng.normal(0.0, _GAZE, 2)
    landmarks += rng.normal(0.0, _OWN_NOISE, landmarks.shape[1:]) + rng.normal(0.0, _FRAME_NOISE, landmarks.shape)
    turn = rotation_from_euler(rng.normal(0.0, _TURN).astype(np.float32))
    return (landmarks @ turn.T * _PIXELS + 2 * _PIXELS).astype(np.float32), style.offset


def _fitted(scores: Float, shapes: Float, offsets: Float, face: FaceModel) -> dict[str, Float]:
    """scores, shape and bias of NeutralGuess. The shape is read through the face model's 96 directions."""
    reading = _reading(face)
    terms = np.concatenate([scores, shapes @ reading], axis=1)
    mean, count = terms.mean(axis=0), scores.shape[1]
    spread = np.maximum(terms.std(axis=0), np.where(np.arange(len(mean)) < count, _LEAST_SPREAD, 1e-3))
    known, usual = (terms - mean) / spread, offsets.mean(axis=0)

    def solved(half: list[int], columns: slice, ridge: Float) -> Float:
        told = known[:, columns]
        normal = told.T @ told + len(told) * np.diag(ridge)
        return np.asarray(np.linalg.solve(normal, told.T @ (offsets - usual)[:, half]) / spread[columns, None])

    lower, upper = list(face.lower), list(face.upper)
    ridge = np.full(len(mean), _SHAPE_RIDGE)
    ridge[:count] = _UPPER_RIDGE
    of_mouth = _LOWER * solved(lower, slice(count), np.full(count, _LOWER_RIDGE))
    kept = _UPPER * _without_lids(face)
    of_eyes = solved(upper, slice(None), ridge) @ kept
    bias = np.concatenate([_LOWER * usual[lower] - mean[:count] @ of_mouth, usual[upper] @ kept - mean @ of_eyes])
    parts = {
        "scores": np.concatenate([of_mouth, of_eyes[:count]], axis=1),
        "shape": reading @ of_eyes[count:],
        "bias": bias,
    }
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in parts.items()}


def _without_lids(face: FaceModel) -> Float:
    """(U, U) takes 1 - _LIDS of the eye opening out of an upper face's expression (..., U), along a blink."""
    upper = list(face.upper)
    opening = (face.measure("eye_opening_right") + face.measure("eye_opening_left"))[upper]
    blink = face.from_arkit(weights(eyeBlink=1.0))[upper]
    taken = (1.0 - _LIDS) * np.outer(opening, blink) / (opening @ blink)
    return np.asarray(np.eye(len(upper)) - taken, dtype=np.float32)


def _reading(face: FaceModel) -> Float:
    """(1404, 96) a flattened displacement from the mean face to identity and expression, in standard deviations."""
    weight = (face.point_weights / _LANDMARK_NOISE).reshape(-1).astype(np.float64)
    identity = face.identity_basis.reshape(len(face.identity_std), -1) * face.identity_std[:, None]
    expression = face.expression_basis.reshape(len(face.expression_std), -1) * face.expression_std[:, None]
    design = np.concatenate([identity, expression]) * weight
    return np.asarray((np.linalg.solve(design @ design.T + np.eye(len(design)), design) * weight).T)


def _mixed(faces: Float, evenness: float, rng: np.random.Generator) -> Float:
    """(N, 3) three of the faces (M, N, 3), mixed; evenness: of the Dirichlet draw of their shares."""
    shares = rng.dirichlet(np.full(3, evenness)).astype(np.float32)
    return np.asarray(np.tensordot(shares, faces[rng.integers(len(faces), size=3)], axes=1), dtype=np.float32)


def _around_eyes(face: Float) -> Float:
    """(10, 3) the middle of the right eye five times, then that of the left."""
    right, left = (face[list(points)].mean(axis=0) for points in _EYE_CORNERS_AND_LIDS)
    return np.concatenate([np.tile(right, (5, 1)), np.tile(left, (5, 1))])


def _scores_of(network: Network, landmarks: Float) -> Float:
    """(52,) the tracker's scores of landmarks (478, 3) px."""
    found = network(np.ascontiguousarray(landmarks[BLENDSHAPE_POINTS, :2][None]))
    return next(iter(found.values())).reshape(-1).astype(np.float32)


if __name__ == "__main__":
    root, kept, target = map(Path, sys.argv[1:])
    make_guess(root, kept, target)
    print(target)
