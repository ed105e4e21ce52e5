"""Recipes: functions that return a full typed config. Expected results stand beside the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dreamtalk import assets
from dreamtalk.lipsync.expert import LipExpertConfig
from dreamtalk.motion.denoiser import DenoiserConfig
from dreamtalk.render.pirenderer.config import tiny
from dreamtalk.render.refine.network import RefineConfig
from dreamtalk.style.predictor import StylePredictorConfig
from dreamtalk.train.articulation import ArticulationTraining
from dreamtalk.train.baselines import StyleTalkTraining
from dreamtalk.train.denoiser import DenoiserTraining
from dreamtalk.train.lip_expert import LipExpertTraining
from dreamtalk.train.refine import RefineTraining
from dreamtalk.train.renderer import RendererTraining
from dreamtalk.train.student import StudentTraining
from dreamtalk.train.style_predictor import StylePredictorTraining

MESH64 = DenoiserConfig(
    feature_size=512, lower=tuple(range(40)), width=128, heads=4, hidden=512, layers=2, style_layers=2, posterior=True
)
"""The shipped denoiser: 2.0 M parameters, the published architecture at half width and two layers."""


def denoiser_cpu(data: Path) -> DenoiserTraining:
    """The shipped weights, first half: two CPU cores, see docs/model_cards/denoiser-mesh64.md for time and results.

    Strangers' lips were best at step 400, which is what best.safetensors is.
    """
    return DenoiserTraining(data=data, denoiser=MESH64, steps=1500, validate_every=100)


def denoiser_sync(data: Path) -> DenoiserTraining:
    """The shipped weights, second half: goes on from the best of "cpu" under the frozen style-aware lip expert."""
    return DenoiserTraining(
        data=data,
        out=Path("runs/denoiser-sync"),
        denoiser=MESH64,
        start_from=Path("runs/denoiser/best.safetensors"),
        expert=assets.path("lip-expert-mesh64"),
        sync_weight=1.0,
        steps=400,
        learning_rate=5e-4,
        validate_every=200,
    )


def denoiser_no_expert(data: Path) -> DenoiserTraining:
    """Table IV's "w/o lip expert": the second half without it."""
    return replace(denoiser_sync(data), out=Path("runs/denoiser-no-expert"), expert=None, sync_weight=0.0)


def denoiser_unconditional_expert(data: Path) -> DenoiserTraining:
    """Table IV's "uncond lip expert": the second half under the expert that hears no style."""
    expert = Path("runs/lip-expert-unconditional/model.safetensors")
    return replace(denoiser_sync(data), out=Path("runs/denoiser-unconditional-expert"), expert=expert)


def denoiser_smoke(data: Path) -> DenoiserTraining:
    """A few steps on ten clips, under an expert where one is given: does the whole stage run?"""
    tiny = DenoiserConfig(
        feature_size=512, lower=tuple(range(40)), width=32, heads=2, hidden=64, layers=1, style_layers=1, posterior=True
    )
    return DenoiserTraining(
        data=data,
        out=Path("runs/smoke"),
        denoiser=tiny,
        steps=20,
        rows=4,
        frames=16,
        warmup_steps=5,
        sync_weight=0.5,
        rest_clips=2,
        voices=False,
        max_clips=10,
    )


DENOISER_RECIPES = {
    "cpu": denoiser_cpu,
    "sync": denoiser_sync,
    "no-expert": denoiser_no_expert,
    "unconditional-expert": denoiser_unconditional_expert,
    "smoke": denoiser_smoke,
}


def baseline_regression(data: Path) -> DenoiserTraining:
    """The regression baseline, first half: as "cpu" with a network without diffusion (docs/baselines.md)."""
    sizes = replace(MESH64, kind="regression", posterior=False)
    return replace(denoiser_cpu(data), out=Path("runs/regression"), denoiser=sizes, steps=400)


def baseline_regression_sync(data: Path) -> DenoiserTraining:
    """The regression baseline, second half: as "sync", from the best of "regression"."""
    first = baseline_regression(data)
    best = first.out / "best.safetensors"
    return replace(denoiser_sync(data), out=Path("runs/regression-sync"), denoiser=first.denoiser, start_from=best)


def baseline_styletalk(data: Path) -> StyleTalkTraining:
    """The StyleTalk-like baseline: all its losses from the first step on, as many steps as both halves above."""
    return StyleTalkTraining(
        data=data,
        denoiser=replace(MESH64, kind="styletalk", posterior=False),
        expert=assets.path("lip-expert-mesh64"),
        sync_weight=1.0,
        steps=800,
        validate_every=100,
    )


def baseline_smoke(data: Path) -> StyleTalkTraining:
    """A few steps on ten clips with a tiny StyleTalk-like network, under an expert where one is given."""
    smoke = denoiser_smoke(data)
    return StyleTalkTraining(
        data=data,
        out=Path("runs/baseline-smoke"),
        denoiser=replace(smoke.denoiser, kind="styletalk", posterior=False),
        steps=smoke.steps,
        rows=smoke.rows,
        warmup_steps=smoke.warmup_steps,
        sync_weight=1.0,
        rest_clips=smoke.rest_clips,
        voices=False,
        max_clips=smoke.max_clips,
    )


BASELINE_RECIPES: dict[str, Callable[[Path], DenoiserTraining]] = {
    "regression": baseline_regression,
    "regression-sync": baseline_regression_sync,
    "styletalk": baseline_styletalk,
    "smoke": baseline_smoke,
}


def lip_expert_cpu(data: Path) -> LipExpertTraining:
    """The style-aware lip expert on two CPU cores."""
    return LipExpertTraining(data=data)


def lip_expert_unconditional(data: Path) -> LipExpertTraining:
    """Table IV's "uncond lip expert": the same without the style."""
    return LipExpertTraining(
        data=data, out=Path("runs/lip-expert-unconditional"), expert=LipExpertConfig(style_aware=False)
    )


def lip_expert_smoke(data: Path) -> LipExpertTraining:
    """A few steps on ten clips: does the whole stage run?"""
    return LipExpertTraining(
        data=data,
        out=Path("runs/lip-expert-smoke"),
        expert=LipExpertConfig(width=32, style_width=16),
        learning_rate=3e-3,
        steps=20,
        rows=4,
        frames=40,
        warmup_steps=5,
        feature_noise=0.0,
        voices=False,
        max_clips=10,
    )


def lip_expert_smoke_unconditional(data: Path) -> LipExpertTraining:
    """The same without the style."""
    smoke = lip_expert_smoke(data)
    return replace(smoke, expert=replace(smoke.expert, style_aware=False))


LIP_EXPERT_RECIPES = {
    "cpu": lip_expert_cpu,
    "unconditional": lip_expert_unconditional,
    "smoke": lip_expert_smoke,
    "smoke-unconditional": lip_expert_smoke_unconditional,
}


def renderer_full(data: Path) -> RendererTraining:
    """PIRenderer at full size with the published numbers: for a GPU, and give it VGG-19 weights (--vgg)."""
    return RendererTraining(data=data, precision="bfloat16")


def renderer_smoke(data: Path) -> RendererTraining:
    """A few steps of both phases on ten clips with a tiny network: does the whole stage run?"""
    return RendererTraining(
        data=data,
        out=Path("runs/renderer-smoke"),
        network=tiny(),
        warp_steps=10,
        steps=20,
        pairs=2,
        learning_rate=3e-4,
        device="cpu",
        save_every=10,
        max_clips=10,
    )


RENDERER_RECIPES = {"full": renderer_full, "smoke": renderer_smoke}


def student_cpu(data: Path) -> StudentTraining:
    """Students of 4, 2 and 1 steps of the shipped model, or of --teacher; docs/fast_motion.md has time and results."""
    return StudentTraining(data=data)


def student_smoke(data: Path) -> StudentTraining:
    """A few steps on ten clips: does the whole stage run?"""
    return StudentTraining(
        data=data,
        out=Path("runs/student-smoke"),
        students=(2, 1),
        steps=4,
        rows=4,
        warmup_steps=2,
        rest_clips=2,
        voices=False,
        max_clips=10,
    )


STUDENT_RECIPES = {"student": student_cpu, "smoke": student_smoke}


def refine_cpu(data: Path) -> RefineTraining:
    """The refinement of mouth and eyes on clean clips; docs/refinement.md has time and results."""
    return RefineTraining(data=data)


def refine_everybody(data: Path) -> RefineTraining:
    """For experiments only: also learns from clips whose licence does not let the weights be given away."""
    return RefineTraining(data=data, out=Path("runs/refine-everybody"), clean_only=False, main_share=0.2)


def refine_smoke(data: Path) -> RefineTraining:
    """A few steps on one clip per speaker with a tiny network: does the whole stage run?"""
    return RefineTraining(
        data=data,
        out=Path("runs/refine-smoke"),
        network=RefineConfig(width=4),
        steps=4,
        rows=2,
        warmup_steps=2,
        save_every=2,
        frames=2,
        main_frames=2,
        clips=1,
        unclean_clips=1,
    )


REFINE_RECIPES = {"cpu": refine_cpu, "everybody": refine_everybody, "smoke": refine_smoke}


def articulation_cpu(data: Path) -> ArticulationTraining:
    """The shipped reader of tongue and lips; docs/articulation.md has time and results. Needs eSpeak NG."""
    return ArticulationTraining(data=data)


def articulation_smoke(data: Path) -> ArticulationTraining:
    """A few steps on a few lines and clips: does the whole stage run?"""
    return ArticulationTraining(
        data=data,
        out=Path("runs/articulation-smoke"),
        steps=60,
        rows=8,
        warmup_steps=5,
        ema=0.9,
        lines=12,
        rounds=1,
        voices=False,
        max_clips=4,
    )


ARTICULATION_RECIPES = {"cpu": articulation_cpu, "smoke": articulation_smoke}


def style_predictor_cpu(data: Path) -> StylePredictorTraining:
    """The shipped style predictor: docs/style_predictor.md has time and results."""
    return StylePredictorTraining(data=data, precision="float32")


def style_predictor_chosen(data: Path) -> StylePredictorTraining:
    """What "cpu" was chosen by: the same without the last four speakers, scored on them every 250 steps."""
    return replace(
        style_predictor_cpu(data),
        out=Path("runs/style-predictor-chosen"),
        held_out=4,
        save_every=250,
        validate_every=250,
    )


def style_predictor_regression(data: Path) -> StylePredictorTraining:
    """Table V's "regression": the code at once, without diffusion."""
    whole = style_predictor_cpu(data)
    predictor = replace(whole.predictor, diffusion=False)
    return replace(whole, out=Path("runs/style-predictor-regression"), predictor=predictor)


def style_predictor_no_speaker(data: Path) -> StylePredictorTraining:
    """Table V's "w/o speaker info": without the portrait."""
    whole = style_predictor_cpu(data)
    predictor = replace(whole.predictor, speaker=False)
    return replace(whole, out=Path("runs/style-predictor-no-speaker"), predictor=predictor)


def style_predictor_no_cross_id(data: Path) -> StylePredictorTraining:
    """Table V's "w/o cross-ID training": the portrait is a frame of the clip whose style is to be predicted."""
    return replace(style_predictor_cpu(data), out=Path("runs/style-predictor-no-cross-id"), cross_id=False)


def style_predictor_smoke(data: Path) -> StylePredictorTraining:
    """A few steps of a tiny network: does the whole stage run?"""
    return StylePredictorTraining(
        data=data,
        out=Path("runs/style-predictor-smoke"),
        predictor=StylePredictorConfig(width=16, heads=2, hidden=32, layers=1),
        steps=20,
        rows=8,
        warmup_steps=5,
        voices=False,
        held_out=1,
        save_every=10,
        validate_every=20,
        max_clips=30,
    )


STYLE_PREDICTOR_RECIPES = {
    "cpu": style_predictor_cpu,
    "chosen": style_predictor_chosen,
    "regression": style_predictor_regression,
    "no-speaker": style_predictor_no_speaker,
    "no-cross-id": style_predictor_no_cross_id,
    "smoke": style_predictor_smoke,
}
