"""User studies (paper IV-F): a page with blinded trials, and the analysis of the ratings that people send back."""

from dreamtalk.evaluate.study.analysis import Analysis, analyse
from dreamtalk.evaluate.study.trials import StudyPlan, make_study

__all__ = ["Analysis", "StudyPlan", "analyse", "make_study"]
