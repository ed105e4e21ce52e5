"""ComfyUI nodes: a picture and speech become a talking video. Copy this file into ComfyUI/custom_nodes and restart.

dreamtalk must be installed in ComfyUI's own Python: python -m pip install dreamtalk (docs/integrations.md).

* DreamTalk Video: IMAGE + AUDIO -> VIDEO. Written straight to a file: no memory for the frames, and all marks stay.
* DreamTalk Frames: IMAGE + AUDIO -> IMAGE (a batch), AUDIO, FLOAT (frames per second), for further work on the frames.
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
import wave
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dreamtalk
from dreamtalk.style.library import STYLES

FPS = 25.0
_LEVELS = ("1", "2", "3")
_SIZES = ("native", "256", "512", "1024")


@lru_cache(maxsize=1)
def _talker() -> dreamtalk.Talker:
    """One for all nodes: its models are loaded once."""
    return dreamtalk.load()


class _Node:
    """What both nodes share."""

    CATEGORY = "dreamtalk"
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """What ComfyUI draws the node from."""
        names = [f"{name}:{level}" for name in STYLES for level in _LEVELS if name != "neutral"]
        return {
            "required": {
                "portrait": ("IMAGE", {"tooltip": "A picture with one clear face; the first of a batch."}),
                "speech": ("AUDIO",),
                "style": (["neutral", *names], {"default": "neutral"}),
                "intensity": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 3.0, "step": 0.05}),
                "size": (list(_SIZES), {"default": "native"}),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**63 - 1}),
                "badge": ("BOOLEAN", {"default": True, "tooltip": "The visible AI mark in the corner."}),
            }
        }


class DreamTalkVideo(_Node):
    """A talking video as a file in ComfyUI's temporary folder."""

    RETURN_TYPES = ("VIDEO",)
    RETURN_NAMES = ("video",)

    def run(self, portrait: torch.Tensor, speech: dict[str, Any], **options: Any) -> tuple[Any]:
        """The VIDEO in a tuple, as ComfyUI wants it."""
        file = _folder() / f"dreamtalk-{uuid.uuid4().hex}.mp4"
        with _sound(speech) as audio, _progress() as report:
            _talker().generate(_picture(portrait), audio, file, _options(options), progress=report)
        return (_video(file),)


class DreamTalkFrames(_Node):
    """The frames themselves. 10 s at 512 px take 0.8 GB as ComfyUI keeps pictures."""

    RETURN_TYPES = ("IMAGE", "AUDIO", "FLOAT")
    RETURN_NAMES = ("frames", "speech", "fps")

    def run(self, portrait: torch.Tensor, speech: dict[str, Any], **options: Any) -> tuple[torch.Tensor, Any, float]:
        """frames: (T, H, W, 3) float32 in 0 to 1."""
        frames = []
        with _sound(speech) as audio, _progress() as report:
            heard = _talker().speech(audio)
            for done, frame in zip(
                count(1), _talker().stream(_picture(portrait), heard, _options(options)), strict=False
            ):
                frames.append(torch.from_numpy(frame).to(torch.float32) / 255.0)
                report(done, heard.frames)
        return torch.stack(frames), speech, FPS


def _options(given: dict[str, Any]) -> dreamtalk.TalkOptions:
    size = given.pop("size")
    return dreamtalk.TalkOptions(size=size if size == "native" else int(size), **given)


def _picture(batch: torch.Tensor) -> np.ndarray:
    """ComfyUI's IMAGE, (B, H, W, 3 or 4) in 0 to 1, as (H, W, 3) uint8 RGB; transparency is put on white."""
    image = batch[0].detach().cpu().to(torch.float32).clamp(0.0, 1.0)
    if image.shape[-1] == 4:
        image = image[..., :3] * image[..., 3:] + 1.0 - image[..., 3:]
    return np.ascontiguousarray((image * 255.0).round().to(torch.uint8).numpy())


@contextlib.contextmanager
def _sound(audio: dict[str, Any]) -> Iterator[Path]:
    """ComfyUI's AUDIO, {"waveform": (B, C, S) in -1 to 1, "sample_rate": Hz}, as a file, so that its rate stays."""
    samples = audio["waveform"][0].detach().cpu().to(torch.float32).clamp(-1.0, 1.0)[:2]
    pcm = (samples * 32767.0).round().to(torch.int16).numpy()
    with tempfile.TemporaryDirectory(prefix="dreamtalk-") as folder:
        file = Path(folder) / "speech.wav"
        with wave.open(str(file), "wb") as out:
            out.setnchannels(len(pcm))
            out.setsampwidth(2)
            out.setframerate(int(audio["sample_rate"]))
            out.writeframes(np.ascontiguousarray(pcm.T).tobytes())
        yield file


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """ComfyUI's bar, and its stop button."""
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    bar = ProgressBar(1)

    def report(done: int, total: int) -> None:
        bar.update_absolute(done, total)
        throw_exception_if_processing_interrupted()

    yield report


def _folder() -> Path:
    """Where ComfyUI keeps what it may throw away; its Save Video node copies from there."""
    import folder_paths

    return Path(folder_paths.get_temp_directory())


def _video(file: Path) -> Any:
    """ComfyUI's VIDEO of a file."""
    try:
        from comfy_api.latest import InputImpl

        return InputImpl.VideoFromFile(str(file))
    except ImportError:  # ComfyUI before 0.3.40
        from comfy_api.input_impl import VideoFromFile

        return VideoFromFile(str(file))


NODE_CLASS_MAPPINGS = {"DreamTalkVideo": DreamTalkVideo, "DreamTalkFrames": DreamTalkFrames}
NODE_DISPLAY_NAME_MAPPINGS = {"DreamTalkVideo": "DreamTalk Video", "DreamTalkFrames": "DreamTalk Frames"}
