"""Marks that say a video is synthetic; see docs/provenance.md."""

from dreamtalk.provenance.badge import Badge
from dreamtalk.provenance.metadata import comment_of, origin_comment
from dreamtalk.provenance.watermark import watermarked

__all__ = ["Badge", "comment_of", "origin_comment", "watermarked"]
