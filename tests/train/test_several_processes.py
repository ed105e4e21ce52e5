"""Training in processes of its own: two that share the batches learn what one does; a killed one goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.data.prepared import make_prepared

from dreamtalk.errors import UnusableInput
from dreamtalk.train.denoiser import DenoiserTraining, train_denoiser
from dreamtalk.train.place import PlaceConfig, Share, check_place
from dreamtalk.train.recipes import denoiser_smoke

pytest.importorskip("pyarrow")
STEPS = 40
SCRIPT = """
import sys
from pathlib import Path
from tests.train.test_several_processes import recipe
from dreamtalk.train.denoiser import train_denoiser
if __name__ == "__main__":
    train_denoiser(recipe(Path(sys.argv[1]), Path(sys.argv[2]), devices=int(sys.argv[3]), steps=int(sys.argv[4])))
"""


def recipe(data: Path, out: Path, devices: int = 1, steps: int = STEPS) -> DenoiserTraining:
    """Without dropout, whose masks are drawn per process."""
    smoke = denoiser_smoke(data)
    return replace(
        smoke, out=out, devices=devices, steps=steps, denoiser=replace(smoke.denoiser, dropout=0.0), device="cpu",
        precision="float32", save_every=4, log_every=1, tensorboard=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_prepared(tmp_path_factory.mktemp("shards") / "ten")


def start(folder: Path, shards: Path, out: Path, devices: int, steps: int) -> subprocess.Popen[str]:
    """A training by a script, as a user would start it."""
    script = folder / "train_it.py"
    script.write_text(SCRIPT, encoding="utf-8")
    words = [sys.executable, str(script), str(shards), str(out), str(devices), str(steps)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def log(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_two_processes_learn_what_one_with_the_whole_batch_does(shards: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric")
    running = start(tmp_path, shards, tmp_path / "two", devices=2, steps=6)
    train_denoiser(recipe(shards, tmp_path / "one", steps=6))
    _, complaints = running.communicate()
    assert running.returncode == 0, complaints
    assert "2 processes" in complaints and complaints.count("Training the denoiser on") == 1
    assert "find_unused_parameters" not in complaints and "broadcast_buffers" not in complaints, complaints
    for one, two in zip(log(tmp_path / "one"), log(tmp_path / "two"), strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)
        assert two["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-3)
    one, two = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("one", "two"))
    for part in ("model", "ema"):
        apart = torch.cat([(two[part][name] - value).flatten() for name, value in one[part].items()])
        # Adam makes steps of the rounding errors of gradients that ought to be 0, so single weights differ by more.
        assert apart.square().mean().sqrt() < 1e-5 and apart.abs().max() < 2e-4, "far less than a learning rate"


def test_a_process_killed_at_any_moment_goes_on_as_if_it_had_not(shards: Path, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed of the moment: {seed}")  # shown when the test fails
    moment = random.Random(seed)
    steps = moment.randint(4, STEPS // 3)
    running = start(tmp_path, shards, tmp_path / "killed", devices=1, steps=STEPS)
    lines, state = (tmp_path / "killed" / name for name in ("log.jsonl", "state.pt"))
    while running.poll() is None and not (state.is_file() and lines.read_bytes().count(b"\n") >= steps):
        time.sleep(0.002)
    running.send_signal(
        signal.SIGSTOP
    )  # however long this process then has to wait for its turn, that one stands still
    for _ in range(moment.randrange(3)):  # somewhere in a step, or in a checkpoint
        running.send_signal(signal.SIGCONT)
        time.sleep(0.002)
        running.send_signal(signal.SIGSTOP)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL, "it was still at work"
    before = torch.load(tmp_path / "killed" / "state.pt", weights_only=True)["step"]
    assert 0 < before < STEPS
    train_denoiser(recipe(shards, tmp_path / "killed"))
    train_denoiser(recipe(shards, tmp_path / "whole"))
    killed, whole = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("killed", "whole"))
    for part in ("model", "ema"):
        assert all(torch.equal(killed[part][name], value) for name, value in whole[part].items()), f"from {before}"
    numbers = [[{**line, "seconds": 0} for line in log(tmp_path / name)] for name in ("killed", "whole")]
    assert numbers[0] == numbers[1], "the log, too, is as if nothing had happened"


def test_shares_are_the_whole_batch() -> None:
    assert sorted(row for rank in range(3) for row in Share(rank, 3).of(12)) == list(range(12))
    with pytest.raises(UnusableInput, match="10 rows"):
        Share(0, 3).of(10)


def test_what_this_machine_cannot_do_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnusableInput, match="GPU"):
        check_place(PlaceConfig(device="cuda"))
    with pytest.raises(UnusableInput, match="At least one"):
        check_place(PlaceConfig(devices=0))
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UnusableInput, match="started as 4 processes"):
        check_place(PlaceConfig(devices=2))
    check_place(PlaceConfig(devices=2, nodes=2, device="cpu"))
    monkeypatch.delenv("WORLD_SIZE")
    with pytest.raises(UnusableInput, match="4 rows cannot be shared by 3"):
        check_place(replace(denoiser_smoke(Path("any")), devices=3, device="cpu"))


def test_without_fabric_one_process_still_trains(monkeypatch: pytest.MonkeyPatch, shards: Path, tmp_path: Path) -> None:
    for name in ("lightning_fabric", "tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails from here on
    monkeypatch.setattr("dreamtalk.train.place.find_spec", lambda name: None)
    monkeypatch.setattr("dreamtalk.train.record.find_spec", lambda name: None)
    config = replace(recipe(shards, tmp_path / "alone", steps=2), tensorboard=True)
    assert train_denoiser(config).is_file() and not (tmp_path / "alone" / "tensorboard").exists()
    with pytest.raises(UnusableInput, match="dreamtalk\\[train\\]"):
        train_denoiser(replace(config, devices=2))
