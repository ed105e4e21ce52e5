"""What `evaluate videos` and `evaluate protocol` are both told: the user's networks, workers, lengths, bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.judges import JudgeFiles


@dataclass(frozen=True, kw_only=True)
class ScoringChoices:
    """How videos are scored."""

    syncnet: Path | None = None
    """SyncNet's public weights (syncnet_v2.model), for Sync-C, Sync-D and the offset."""
    embedding: str | None = None
    """Face embedding for CSIM: "dlib" (extra `identity`), or an ONNX file (112 x 112 RGB, 0 to 255, such as SFace)."""
    lpips: tuple[Path, Path] | None = None
    """AlexNet's weights and LPIPS's heads (alexnet-owt-*.pth, alex.pth), for LPIPS."""
    inception: Path | None = None
    """Inception as TorchScript (inception-2015-12-05.pt), for FID over all clips. TorchScript is code: trust it."""
    i3d: Path | None = None
    """I3D as TorchScript (i3d_torchscript.pt), for FVD over all clips."""
    emotion_judge: Path | None = None
    """Made by `dreamtalk train emotion-judge`, for emotion accuracy, where clips have labels of emotion."""
    style_judge: Path | None = None
    """The same over groups of styles, for SA."""
    workers: int = 0
    """Processes (extra `batch`); 0: this one."""
    address: str | None = None
    """Of a Ray cluster. None: this machine."""
    seconds: float = 20.0
    """Of each clip, at most."""
    limit: int | None = None
    """Clips, at most."""
    shown: int = 60
    """Clips of each table whose frames and curves are in report.html, at most; about 100 KB each."""
    resamples: int = 1000
    """Of the bootstrap over clips."""
    seed: int = 0
    """Of everything random."""

    @property
    def judges(self) -> JudgeFiles:
        """The user's own networks."""
        return JudgeFiles(
            self.syncnet,
            self.embedding,
            self.lpips,
            self.inception,
            self.i3d,
            self.emotion_judge,
            self.style_judge,
        )

    def check(self) -> None:
        """Raises UnusableInput for numbers that make no sense, or without the packages that are needed."""
        if not all(find_spec(package) for package in ("skimage", "matplotlib")):
            raise UnusableInput("This needs scikit-image and matplotlib. Install: pip install 'dreamtalk[eval]'")
        if not 0 < self.seconds < float("inf"):
            raise UnusableInput(f"--seconds must be above 0, not {self.seconds}.")
        for name, least in (("limit", 1), ("resamples", 1), ("shown", 0), ("workers", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UnusableInput(f"--{name} must be at least {least}, not {value}.")
