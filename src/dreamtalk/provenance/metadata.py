"""What a video of ours says about itself in its metadata. Always written."""

from __future__ import annotations

from dreamtalk.version import package_version


def origin_comment() -> str:
    """One sentence for the file's comment field, readable by people and by programs that look for AI marks."""
    return (
        f"Synthetic video (AI-generated): a still picture animated to a sound file by dreamtalk {package_version()}. "
        "digitalSourceType: compositeWithTrainedAlgorithmicMedia"
    )
