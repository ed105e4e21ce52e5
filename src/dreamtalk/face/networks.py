"""The three networks inside face_landmarker.task, run by LiteRT on one thread."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk import assets
from dreamtalk.types import Float

TASK_ASSET = "face-landmarker"


class Network:
    """One TFLite network: float32 in, outputs by name. Not shared between threads."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        # The delegate prints one INFO line to the C-level stderr when it is made: noise for a person at a terminal.
        with _quiet_stderr():
            self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        # By name, not position: the interpreter lists outputs in file order and their numbers are not ordered.
        self._outputs: dict[str, int] = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    def __call__(self, values: Float) -> dict[str, Float]:
        self._interpreter.set_tensor(self._input, values)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}


def read_task_file(name: str, task: Path | None = None) -> bytes:
    """One member of the .task archive (a plain zip). task: another archive than the shipped one."""
    with zipfile.ZipFile(task or assets.path(TASK_ASSET)) as archive:
        return archive.read(name)


class _quiet_stderr:
    """Point file descriptor 2 at nothing while native code writes to it."""

    def __enter__(self) -> None:
        self._saved = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._saved, 2)
        os.close(self._saved)


def sigmoid(logit: Float) -> Float:
    """Logistic function in double precision: the exponential of 100 overflows float32."""
    exponent = -np.clip(logit.astype(np.float64), -100.0, 100.0)
    return np.asarray(1.0 / (1.0 + np.exp(exponent)), dtype=np.float32)
