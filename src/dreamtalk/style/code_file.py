"""Predicted styles kept as files: a code of one motion model, and what goes with it.

Other style files hold an expression clip, which any motion model can read (style/files.py). A predicted style was never
a clip: its file is for the motion model whose codes the predictor speaks.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from dreamtalk.arrays import read_arrays
from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import check_output, replacing
from dreamtalk.motion.model import MotionModel
from dreamtalk.store import MAX_EXPRESSION, stamp_of
from dreamtalk.style.predictor import same_codes
from dreamtalk.types import Float, Liveliness, Style

_FORMAT = "dreamtalk-style-code-1"
_LARGEST = 1e3
"""Numbers of codes and liveliness beyond this are damage."""


def save_code(path: str | Path, style: Style, null_code: Float) -> Path:
    """Write a style. null_code: (D,) what its motion model says of no style, by which it is known again.

    Raises UnusableOutput when it cannot be written.
    """
    path = check_output(path, ".npz")
    rest = np.zeros(0, np.float32) if style.rest is None else style.rest.astype(np.float32)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            kind=np.array(_FORMAT),
            code=style.code.astype(np.float32),
            null_code=null_code.astype(np.float32),
            rest=rest,
            guidance=np.float64(style.guidance),
            liveliness=np.array(json.dumps(asdict(style.liveliness))),
            source=np.array(style.source),
        )
    return path


def is_code_file(path: str | Path) -> bool:
    """Whether that is a file of a predicted style."""
    return stamp_of(path) == _FORMAT


def load_code(path: str | Path, model: MotionModel) -> Style:
    """Read a predicted style. Raises UnusableInput when it is damaged, or of another motion model."""
    stored = read_arrays(path, "a style file")
    try:
        code, null_code, rest = (stored[name].astype(np.float32) for name in ("code", "null_code", "rest"))
        guidance, source = float(stored["guidance"]), str(stored["source"])
        liveliness = Liveliness(**{k: float(v) for k, v in json.loads(str(stored["liveliness"])).items()})
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnusableInput(f"{path} is a damaged style file.") from error
    if code.ndim != 1 or code.shape != null_code.shape or rest.ndim != 1:
        raise UnusableInput(f"{path} is a damaged style file.")
    if not same_codes(null_code, model):
        raise UnusableInput(f"{path} is a style of another motion model: use it without --motion-weights.")
    numbers = np.concatenate([code, rest / MAX_EXPRESSION * _LARGEST, [guidance], list(asdict(liveliness).values())])
    fits = len(rest) in (0, model.config.denoiser.expression_size)
    if not fits or not np.abs(numbers).max() <= _LARGEST or min(guidance, liveliness.blink_rate) < 0.0:
        raise UnusableInput(f"{path} is a damaged style file.")
    return Style(code, source, rest if len(rest) else None, guidance, liveliness)
