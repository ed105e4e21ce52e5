"""dreamtalk: expressive talking-face video from one portrait and speech."""

from __future__ import annotations
