"""FID and FVD: Fréchet distance of network features of pictures or of stretches of video, over a whole set.

The networks are the user's, as TorchScript: Inception as in StyleGAN's `inception-2015-12-05.pt` (FID), I3D as in
`i3d_torchscript.pt` (FVD). Both give shares of classes unless asked for features (`return_features`),
which are what the published distances are of; a network without that switch is taken to give features. Only run files
whose source you trust: TorchScript is code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.metrics.expression_distance import frechet_distance
from dreamtalk.media import check_input
from dreamtalk.types import Float, Image

STRETCH = 16
"""Frames of one stretch of video."""
_SIDE = 224
"""px that I3D sees."""
_BATCH = 16
_OPTIONS = {"return_features": True, "rescale": False, "resize": False}
"""What public networks are told where they ask: features, not classes; pictures come in their range and size."""


class PictureFrechet:
    """A network's features of videos; sets of them are compared by `distance`."""

    def __init__(self, network: torch.jit.ScriptModule, moving: bool) -> None:
        """moving: the network takes stretches (1, 3, 16, 224, 224) in -1..1, else pictures (B, 3, H, W) uint8."""
        self._network, self._moving = network, moving
        known = {argument.name for argument in network.forward.schema.arguments}  # type: ignore[attr-defined]
        self._options = {name: value for name, value in _OPTIONS.items() if name in known}

    @classmethod
    def load(cls, file: Path, moving: bool) -> PictureFrechet:
        """Raises UnusableInput when the file is missing or no TorchScript."""
        check_input(file)
        try:
            return cls(torch.jit.load(str(file), map_location="cpu").eval(), moving)  # type: ignore[no-untyped-call]
        except Exception as error:
            raise UnusableInput(f"{file} cannot be read as TorchScript.") from error

    @torch.inference_mode()
    def features(self, crops: Image) -> Float:
        """(n, D) of crops (T, H, W, 3) of one video: a row per picture, or per stretch of 16; none in a short video."""
        if self._moving:
            starts = range(0, len(crops) - STRETCH + 1, STRETCH)
            found = [self._stretch(crops[i : i + STRETCH]) for i in starts]
        else:
            pictures = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
            found = [self._network(pictures[i : i + _BATCH], **self._options) for i in range(0, len(pictures), _BATCH)]
        if not found:
            return np.zeros((0, 0), dtype=np.float32)
        return np.asarray(torch.cat([f.flatten(1).float() for f in found]), dtype=np.float32)

    def _stretch(self, frames: Image) -> torch.Tensor:
        clip = torch.from_numpy(frames.astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1.0
        small = torch.nn.functional.interpolate(clip, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)
        return torch.as_tensor(self._network(small.permute(1, 0, 2, 3)[None], **self._options))


def distance(made: Sequence[Float], real: Sequence[Float]) -> float:
    """Fréchet distance between the features (n, D) of two sets of videos; nan where there are too few."""
    both = [[each for each in videos if len(each)] for videos in (made, real)]
    if not all(both):
        return float("nan")
    return frechet_distance(np.concatenate(both[0]), np.concatenate(both[1]))
