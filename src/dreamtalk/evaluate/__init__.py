"""How good is it? One file per metric, the motion protocol, and the report; see docs/evaluation.md."""

from dreamtalk.evaluate.clips import Clip, load_clips
from dreamtalk.evaluate.motion import MotionEvaluation, evaluate_motion, model_source
from dreamtalk.evaluate.report import Report
from dreamtalk.evaluate.sources import Remembering, training_mean

__all__ = [
    "Clip",
    "MotionEvaluation",
    "Remembering",
    "Report",
    "evaluate_motion",
    "load_clips",
    "model_source",
    "training_mean",
]
