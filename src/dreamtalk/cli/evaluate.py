"""dreamtalk evaluate motion: the table of docs/evaluation.md."""

from __future__ import annotations

from dataclasses import dataclass

from dreamtalk.evaluate.motion import MotionEvaluation, evaluate_motion


@dataclass(frozen=True)
class EvaluateMotion(MotionEvaluation):
    __doc__ = f"Measure the motion model on the dev clips of a talkset.\n\n{MotionEvaluation.__doc__}"

    def run(self) -> None:
        """Print the tables, and write them where `out` says."""
        evaluate_motion(self).show()
