"""The lip expert: what it looks at, and that it learns to hear whether a mouth is in step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert, LipExpertConfig, sync_loss
from dreamtalk.train.batches import Batch
from dreamtalk.train.lip_expert import LipExpertTraining, cut_pairs, train_on

TINY = LipExpertConfig(feature_size=24, width=32, frames=6, style_width=16)


@pytest.fixture(scope="module")
def face_model() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def expert(face_model: FaceModel) -> LipExpert:
    torch.manual_seed(0)
    made = LipExpert(TINY)
    made.set_face_model(face_model)
    return made.eval()


@pytest.fixture(scope="module")
def talkers(face_model: FaceModel) -> list[TalkingClip]:
    """Mouths that open as loud as the sound of the same moment."""
    rng = np.random.default_rng(0)
    opening = face_model.from_arkit(weights(jawOpen=0.5))
    clips = []
    for number in range(16):
        loud = np.repeat(rng.random(40), 3)[:100].astype(np.float32)
        features = 0.1 * rng.standard_normal((200, 24)).astype(np.float32)
        features[:, :8] += np.repeat(loud, 2)[:, None] * 2 - 1
        expression = loud[:, None] * opening + 0.002 * rng.standard_normal((100, 64)).astype(np.float32)
        closure = np.clip(expression @ face_model.measure("aperture"), 0, None)
        clips.append(TalkingClip(f"c{number}", expression, closure, features, speaker="abcd"[number % 4]))
    return clips


def test_it_sees_the_mouth_and_nothing_else(expert: LipExpert, face_model: FaceModel) -> None:
    still = torch.zeros(1, 6, 64)
    style = expert.style(torch.zeros(1, 30, 64))
    brows = still + torch.from_numpy(face_model.from_arkit(weights(browInnerUp=1.0, eyeBlink=1.0)))
    jaw = still + torch.from_numpy(face_model.from_arkit(weights(jawOpen=0.5)))
    seen = expert.embed_motion(still, style)
    upper_only = brows.clone()
    upper_only[:, :, list(face_model.lower)] = 0.0
    assert torch.allclose(expert.embed_motion(upper_only, style), seen, atol=1e-5)
    assert not torch.allclose(expert.embed_motion(jaw, style), seen, atol=1e-2)


def test_probabilities_are_probabilities(expert: LipExpert) -> None:
    style = expert.style(torch.randn(5, 40, 64))
    probability = expert(torch.randn(5, 6, 64), torch.randn(5, 12, 24), style)
    assert probability.shape == (5,) and probability.min() >= 0 and probability.max() <= 1 + 1e-6


def test_only_the_style_aware_one_hears_the_style(expert: LipExpert) -> None:
    motion, sound = 0.2 * torch.randn(4, 6, 64), torch.randn(4, 12, 24)
    plain, smiling = torch.zeros(4, 30, 64), torch.zeros(4, 30, 64)
    smiling[:, :, :40] = 0.3
    one, other = (expert(motion, sound, expert.style(reference)) for reference in (plain, smiling))
    assert not torch.allclose(one, other, atol=1e-4)
    blind = LipExpert(replace(TINY, style_aware=False))
    assert blind.style(plain) is None


def test_loss_is_binary_cross_entropy() -> None:
    loss = sync_loss(torch.tensor([0.9, 0.2]), torch.tensor([True, False]))
    assert loss.item() == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2, rel=1e-5)


def test_pairs_out_of_step_are_out_of_step() -> None:
    expression = torch.arange(40.0).view(1, 40, 1) + 1000 * torch.arange(3.0).view(3, 1, 1)
    features = (torch.arange(80.0).view(1, 80, 1) / 2) + 1000 * torch.arange(3.0).view(3, 1, 1)
    nothing = torch.zeros(3)
    batch = Batch(features, expression, nothing, nothing, nothing, torch.arange(3), torch.full((3,), 40))
    pairs = cut_pairs(batch, n=6, windows=60, rng=np.random.default_rng(0))
    apart = (pairs.features[:, 0, 0] - pairs.expression[:, 0, 0]).abs()
    assert (apart[pairs.in_step] == 0).all() and (apart[~pairs.in_step] >= 3).all()
    assert 0.35 < pairs.in_step.float().mean() < 0.65


def test_it_learns_and_its_probability_peaks_in_step(
    talkers: list[TalkingClip], face_model: FaceModel, tmp_path: Path
) -> None:
    config = LipExpertTraining(
        data=Path("unused"), out=tmp_path, expert=TINY, steps=150, rows=8, frames=40, windows=12, learning_rate=3e-3,
        warmup_steps=10, ema=0.95, precision="float32", save_every=150,
    )  # fmt: skip
    expert = LipExpert.load(train_on(config, talkers, face_model))
    clip = talkers[0]
    at = np.arange(20, 80, 2)
    motion = torch.from_numpy(np.stack([clip.expression[a : a + 6] for a in at]))
    style = expert.style(torch.from_numpy(clip.expression)[None])
    assert style is not None
    mean = {}
    with torch.no_grad():
        for shift in (-8, -4, 0, 4, 8):
            sound = np.stack([clip.features[2 * (a + shift) : 2 * (a + shift) + 12] for a in at])
            mean[shift] = expert(motion, torch.from_numpy(sound), style.expand(len(at), -1)).mean().item()
    assert max(mean, key=lambda s: mean[s]) == 0
    assert mean[0] > 0.5 and mean[0] - max(value for shift, value in mean.items() if shift) > 0.1


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(2, np.float32)}, tmp_path / "x.safetensors")
    with pytest.raises(UnusableInput, match="not a dreamtalk lip expert"):
        LipExpert.load(tmp_path / "x.safetensors")


def test_no_pair_is_cut_from_where_a_short_clip_stands_still() -> None:
    """Clips of 25 and 9 real frames among 40: a window beyond them would be in step with any other one there."""
    frame = torch.arange(40.0).view(1, 40, 1)
    lengths = torch.tensor([40, 25, 9])
    shown = torch.minimum(frame, lengths.view(3, 1, 1) - 1.0) + 1000 * torch.arange(3.0).view(3, 1, 1)
    features = shown.repeat_interleave(2, dim=1)
    nothing = torch.zeros(3)
    batch = Batch(features, shown, nothing, nothing, nothing, torch.arange(3), lengths)
    pairs = cut_pairs(batch, n=6, windows=80, rng=np.random.default_rng(0))
    assert (pairs.expression.diff(dim=1) == 1).all() and (pairs.features[:, ::2].diff(dim=1) == 1).all()
    apart = (pairs.features[:, 0, 0] - pairs.expression[:, 0, 0]).abs()
    assert (apart[pairs.in_step] == 0).all() and (apart[~pairs.in_step] >= 3).all()


def test_the_probability_is_the_cosine_of_the_embeddings(expert: LipExpert) -> None:
    """Eq. 5, against numpy."""
    rng = np.random.default_rng(4)
    expression = torch.from_numpy(rng.standard_normal((5, 6, 64)).astype(np.float32)) * 0.1
    features = torch.from_numpy(rng.standard_normal((5, 12, 24)).astype(np.float32))
    style = expert.style(torch.from_numpy(rng.standard_normal((5, 20, 64)).astype(np.float32)) * 0.1)
    with torch.no_grad():
        motion, sound = expert.embed_motion(expression, style).numpy(), expert.embed_audio(features, style).numpy()
        found = expert(expression, features, style).numpy()
    lengths = np.linalg.norm(motion, axis=1) * np.linalg.norm(sound, axis=1)
    np.testing.assert_allclose(found, (motion * sound).sum(axis=1) / np.maximum(lengths, 1e-8), atol=1e-5)


def test_a_loss_of_no_number_is_no_number_and_does_not_raise() -> None:
    assert sync_loss(torch.tensor([0.5, float("nan")]), torch.tensor([True, False])).isnan()
