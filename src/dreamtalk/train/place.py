"""Where training runs: one process by itself, or several on Lightning Fabric (GPUs of one machine, or many machines).

Every process makes its own share of the rows of the same batch; their gradients are averaged, so that w processes with
R rows in all learn what one process with R rows does.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor, nn

from dreamtalk.device import choose_device
from dreamtalk.errors import UnusableInput

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: at the start one of them may still be making features."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which rows of a batch are this process's: of `world` processes it is number `rank`."""

    rank: int = 0
    world: int = 1

    def of(self, rows: int) -> range:
        """This process's rows of a whole batch: rank, rank + world, ... Raises UnusableInput when some get more."""
        if rows % self.world:
            raise UnusableInput(f"A batch of {rows} rows cannot be shared by {self.world} processes. Change its rows.")
        return range(self.rank, rows, self.world)


@dataclass(frozen=True, kw_only=True)
class PlaceConfig:
    """Where to run. The defaults are one process on what the machine has."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    """Processes per machine, each with its own GPU, or on the CPU with `threads` threads each."""
    nodes: int = 1
    """Machines."""
    threads: int | None = 1
    """CPU threads per process. None: all cores but one."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of matrix products. Weights, sums and what is saved are float32 either way."""

    def batch_rows(self) -> int | None:
        """Rows of a batch, which all processes share. None: not known."""
        return getattr(self, "rows", None)

    def leaves_layers_out(self) -> bool:
        """Whether some steps train only a part of the network."""
        return False


class Place(Protocol):
    """A process among its like."""

    share: Share
    device: torch.device
    description: str

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module on the device; calling what comes back averages its gradients over all processes."""

    def mean(self, values: Tensor) -> Tensor:
        """Over all processes; every one of them has to ask."""


class _Alone:
    """One process, plain PyTorch."""

    def __init__(self, config: PlaceConfig) -> None:
        chosen = choose_device(config.device, config.threads)
        self.share, self.device, self.description = Share(), torch.device(chosen.name), chosen.description

    def wrap(self, module: nn.Module) -> nn.Module:
        return module.to(self.device)

    def mean(self, values: Tensor) -> Tensor:
        return values


class _Among:
    """One of several processes. The first one starts the others by running its own command line again."""

    def __init__(self, config: PlaceConfig) -> None:
        chosen = choose_device(config.device, config.threads)
        self._fabric = _launched(config, chosen.name)
        # Fabric sets the threads anew when it starts processes.
        choose_device(config.device, config.threads)
        self.share = Share(self._fabric.global_rank, self._fabric.world_size)
        self.device = self._fabric.device
        machines = f" on {config.nodes} machines" if config.nodes > 1 else ""
        self.description = f"{self.share.world} processes{machines}, each: {chosen.description}"
        if self.share.rank:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (until the end): what goes well is said once, by the first

    def wrap(self, module: nn.Module) -> nn.Module:
        return self._fabric.setup_module(module)

    def mean(self, values: Tensor) -> Tensor:
        return torch.as_tensor(self._fabric.all_reduce(values, reduce_op="mean"))


def choose_place(config: PlaceConfig) -> Place:
    """Start what has to be started. Raises UnusableInput as check_place does."""
    check_place(config)
    return _Among(config) if config.devices * config.nodes > 1 else _Alone(config)


def check_place(config: PlaceConfig) -> None:
    """Raises UnusableInput when this machine cannot do what is asked for, before anything slow has begun."""
    wanted, started = config.devices * config.nodes, int(os.environ.get("WORLD_SIZE", "1"))
    if config.devices < 1 or config.nodes < 1:
        raise UnusableInput("At least one device and one node are needed.")
    if config.device == "cuda" and not torch.cuda.is_available():
        raise UnusableInput("PyTorch sees no NVIDIA GPU here. Use --device cpu, or install a CUDA build of PyTorch.")
    if started > 1 and started != wanted:
        raise UnusableInput(
            f"This was started as {started} processes, but --devices {config.devices} and --nodes {config.nodes} "
            f"make {wanted}."
        )
    if wanted == 1:
        return
    if (rows := config.batch_rows()) is not None:
        Share(0, wanted).of(rows)
    if find_spec("lightning_fabric") is None:
        raise UnusableInput("Several devices need Lightning Fabric. Install it with: pip install 'dreamtalk[train]'")
    if config.device != "cpu" and 0 < torch.cuda.device_count() < config.devices:
        raise UnusableInput(f"There are {torch.cuda.device_count()} GPUs here, not {config.devices}.")


def _launched(config: PlaceConfig, device: str) -> Fabric:
    """The other processes of this machine are running when this returns, unless torchrun or Slurm started them."""
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy
    from torch.nn.parallel import DistributedDataParallel

    # To look for layers without gradients costs time, and a warning where there are none.
    # Buffers are constants: not to be sent at every step.
    unused = config.leaves_layers_out()
    known = signature(DistributedDataParallel).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # before PyTorch 2.13
    constant: dict[str, Any] = {name: False}
    strategy = DDPStrategy(find_unused_parameters=unused, timeout=_PATIENCE, **constant)
    fabric = Fabric(accelerator=device, devices=config.devices, num_nodes=config.nodes, strategy=strategy)
    fabric.launch()
    return fabric
