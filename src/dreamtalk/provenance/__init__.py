"""Marks that say a video is synthetic; see docs/responsible_use.md."""

from dreamtalk.provenance.badge import Badge
from dreamtalk.provenance.metadata import origin_comment

__all__ = ["Badge", "origin_comment"]
