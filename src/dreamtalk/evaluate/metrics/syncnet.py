"""SyncNet's confidence and distance (Chung and Zisserman 2016), by the protocol of joonson/syncnet_python.

The network is defined here and takes the public weights (`syncnet_v2.model`) when the user has them; none are shipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.metrics.mfcc import mfcc
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.face.lids import running_median
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, Image

CONFIDENCE = Metric(
    name="sync_confidence",
    title="Sync-C",
    unit="",
    span="about 0 to 15",
    good="the real row",
    definition="Median less minimum, over offsets of -15 to 15 frames, of the mean distance between SyncNet's codes of "
    "5 frames (224 px face crop, BGR, 25 fps) and of their 0.2 s of sound (13 MFCC); public weights.",
    reference="J. S. Chung, A. Zisserman, ACCV workshops 2016; real LRS2 8.25, real HDTF 8.24 (KDTalker).",
    pitfalls="Sensitive to the face crop and to 25 fps exactly; can be pushed above real video (Wav2Lip was trained "
    "against it). Look at the offset as well. Our crop comes from the face mesh's box, not from S3FD's, and from the "
    "256 px face crop: other tools' figures are near, not equal. It lies for faces that are turned, small or "
    "stylised, for music and noise, and for clips of two seconds.",
)
DISTANCE = Metric(
    name="sync_distance",
    title="Sync-D",
    unit="",
    span="about 5 to 15",
    good="the real row",
    definition="The smallest of those mean distances.",
    reference="As for the confidence; real HDTF 6.93 (KDTalker).",
    pitfalls="As for the confidence.",
)
OFFSET = Metric(
    name="sync_offset",
    title="AV offset",
    unit="frames, + is sound ahead",
    span="-15 to 15",
    good="0 ± 1",
    definition="The offset of the smallest mean distance; median over clips.",
    reference="As for the confidence.",
    pitfalls="A random number where the confidence is below about 1.",
    combine="median",
)

MOST_OFFSET = 15
"""Frames searched either way."""
SIDE = 224
"""px of the face crop."""
_SHOWN = 5
"""Frames that one code sees."""
_HEARD, _HEARD_PER_FRAME = 20, 4
"""MFCC frames that one code hears, and by how many the next one is further."""
_MARGIN = 0.4
"""Share of half the face's side that the crop reaches beyond it (twice as much downwards)."""
_STEADY = 13
"""Frames of the median that steadies the crop."""
_BATCH = 20
_EPS = 1e-6
"""Added to differences, as torch's pairwise_distance does in the original."""


class SyncScore(NamedTuple):
    """What SyncNet says of one clip."""

    confidence: float
    distance: float
    offset: int


class SyncNet(nn.Module):
    """Two towers with codes of 1024 numbers; module names are those of the public weights."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_heard(1, 64, 3, 1), nn.MaxPool2d(1, 1),
            *_heard(64, 192, 3, 1), nn.MaxPool2d(3, (1, 2)),
            *_heard(192, 384, 3, 1), *_heard(384, 256, 3, 1), *_heard(256, 256, 3, 1), nn.MaxPool2d(3, 2),
            *_heard(256, 512, (5, 4), 0),
        )  # fmt: skip
        self.netfcaud = _head()
        self.netcnnlip = nn.Sequential(
            *_seen(3, 96, (5, 7, 7), (1, 2, 2), 0), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_seen(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1)), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_seen(256, 256, (1, 3, 3), 1, (0, 1, 1)), *_seen(256, 256, (1, 3, 3), 1, (0, 1, 1)),
            *_seen(256, 256, (1, 3, 3), 1, (0, 1, 1)), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_seen(256, 512, (1, 6, 6), 1, 0),
        )  # fmt: skip
        self.netfclip = _head()

    @staticmethod
    def load(file: Path) -> SyncNet:
        """The public weights. Raises UnusableInput when the file holds anything else."""
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            network = SyncNet().eval()
            network.load_state_dict(state)
        except FileNotFoundError:
            raise UnusableInput(f"{file}: there is no such file. SyncNet's weights are syncnet_v2.model.") from None
        except Exception as error:
            raise UnusableInput(f"{file}: these are not SyncNet's weights (syncnet_v2.model).") from error
        return network

    def hear(self, windows: Tensor) -> Tensor:
        """MFCC windows (B, 1, 13, 20) to codes (B, 1024)."""
        return torch.as_tensor(self.netfcaud(self.netcnnaud(windows).flatten(1)))

    def see(self, windows: Tensor) -> Tensor:
        """Face windows (B, 3, 5, 224, 224), BGR 0 to 255, to codes (B, 1024)."""
        return torch.as_tensor(self.netfclip(self.netcnnlip(windows).flatten(1)))


def sync_score(network: SyncNet, crops: Sequence[Image], samples: Float) -> SyncScore:
    """Score of face crops (224, 224, 3) RGB at 25 fps with their sound (S,) at 16 kHz.

    Raises UnusableInput when there are too few frames for an offset to mean anything.
    """
    return compared(seen(network, crops), heard(network, samples))


@torch.no_grad()
def seen(network: SyncNet, crops: Sequence[Image]) -> Tensor:
    """Codes (T, 1024) of every 5 of the crops (224, 224, 3) RGB. Raises UnusableInput when there are too few."""
    count = _enough(len(crops))
    made = []
    for start in range(0, count, _BATCH):
        shown = np.stack([np.stack(crops[i : i + _SHOWN])[..., ::-1] for i in range(start, min(count, start + _BATCH))])
        made.append(network.see(torch.from_numpy(shown.transpose(0, 4, 1, 2, 3).astype(np.float32))))
    return torch.cat(made)


@torch.no_grad()
def heard(network: SyncNet, samples: Float) -> Tensor:
    """Codes (T, 1024) of the sound (S,) at 16 kHz, one per frame. Raises UnusableInput when there is too little."""
    count = _enough(len(samples) * VIDEO_FPS // SAMPLE_RATE)
    sound = torch.from_numpy(mfcc(samples))
    made = []
    for start in range(0, count, _BATCH):
        starts = [i * _HEARD_PER_FRAME for i in range(start, min(count, start + _BATCH))]
        made.append(network.hear(torch.stack([sound[:, i : i + _HEARD] for i in starts])[:, None]))
    return torch.cat(made)


def compared(seen: Tensor, heard: Tensor) -> SyncScore:
    """Codes of frames and of sound, as long as the shorter; beyond the sound's ends stands a code of zeros, as in the
    original."""
    frames = min(len(seen), len(heard))
    seen, heard = seen[:frames], heard[:frames]
    padded = nn.functional.pad(heard, (0, 0, MOST_OFFSET, MOST_OFFSET))
    shifts = range(2 * MOST_OFFSET + 1)
    mean = torch.stack([(seen - padded[i : i + len(seen)] + _EPS).norm(dim=1).mean() for i in shifts])
    least = int(mean.argmin())
    return SyncScore(float(mean.median() - mean[least]), float(mean[least]), MOST_OFFSET - least)


def _enough(frames: int) -> int:
    """How many codes so many frames give."""
    if frames - _SHOWN < 2 * MOST_OFFSET:
        raise UnusableInput(f"SyncNet needs at least {2 * MOST_OFFSET + _SHOWN} frames with sound, not {frames}.")
    return frames - _SHOWN


def sync_crops(frames: Sequence[Image], boxes: Float) -> list[Image]:
    """Crops (224, 224, 3) around faces boxes (T, 4) x0, y0, x1, y1 px, steadied over time."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    half = running_median(np.maximum(width, height) / 2, _STEADY)
    x = running_median((boxes[:, 0] + boxes[:, 2]) / 2, _STEADY)
    y = running_median((boxes[:, 1] + boxes[:, 3]) / 2, _STEADY)
    made = []
    for frame, s, cx, cy in zip(frames, half, x, y, strict=True):
        reach = s * (1 + _MARGIN)
        scale = SIDE / (2 * reach)
        matrix = np.array([[scale, 0, -scale * (cx - reach)], [0, scale, -scale * (cy - s)]])
        grey = (110, 110, 110)
        flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        made.append(np.asarray(cv2.warpAffine(frame, matrix, (SIDE, SIDE), flags=flags, borderValue=grey), np.uint8))
    return made


def _heard(inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()]


def _seen(
    inputs: int,
    outputs: int,
    kernel: tuple[int, int, int],
    stride: int | tuple[int, int, int],
    padding: int | tuple[int, int, int],
) -> list[nn.Module]:
    convolution = nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=padding)
    return [convolution, nn.BatchNorm3d(outputs), nn.ReLU()]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))
