"""The command line: one file per verb. Imports nothing heavy until a verb runs."""

from dreamtalk.cli.main import main

__all__ = ["main"]
