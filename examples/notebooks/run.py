"""make notebooks: run the notebooks beside this file, or those named; with their results they go to out/notebooks.

Ends with an error when a cell does. The notebooks themselves stay without results.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "out" / "notebooks"
LONGEST_CELL = 900
"""Seconds."""


def main(names: list[str]) -> None:
    """Run them one after the other."""
    OUT.mkdir(parents=True, exist_ok=True)
    for path in [Path(name) for name in names] or sorted(HERE.glob("*.ipynb")):
        started = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=LONGEST_CELL, resources={"metadata": {"path": str(HERE)}}).execute()
        nbformat.write(notebook, OUT / path.name)
        print(f"{path.name}: {time.monotonic() - started:.0f} s -> {OUT / path.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
