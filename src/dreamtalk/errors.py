"""One class per kind of problem. Every message says what was wrong, with which file, and what to do about it."""

from __future__ import annotations


class DreamTalkError(Exception):
    """Base of all errors of ours. `exit_code` is what the command line ends with."""

    exit_code = 1


class UnusableInput(DreamTalkError):
    """A file or option that cannot be used as given."""

    exit_code = 2


class FaceNotFound(UnusableInput):
    """No usable face in the picture or video."""


class UnusableAudio(UnusableInput):
    """No audio stream, empty, unreadable, or too long."""


class UnusableOutput(UnusableInput):
    """The output cannot be written where it was asked for."""


class AssetMissing(DreamTalkError):
    """A model file is absent or is not the file the registry describes."""


class DoubtfulInput(UserWarning):
    """Input that can be used, with something that people should know about it. A warning, not an error."""
