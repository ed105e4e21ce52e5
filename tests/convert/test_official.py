"""What the converter takes, reports and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dreamtalk.cli.main import run
from dreamtalk.convert.official import convert_denoiser, convert_renderer
from dreamtalk.errors import UnusableInput
from dreamtalk.motion import MotionModel

Write = Callable[..., Path]
NORM = "diff_net.net.decoder.upper_decoder.norm.weight"


def test_the_command_converts_and_reports(
    official_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["convert", "official", "--denoiser", str(official_file), "-o", str(tmp_path / "new")]) == 0
    shown = capsys.readouterr().out
    assert "214 tensors" in shown and "10 tables equal to their formulas" in shown
    model = MotionModel.load(tmp_path / "new" / "denoiser.safetensors")
    assert model.config.face_space == "bfm64" and model.config.encoder.startswith("wav2vec2")
    assert model.config.denoiser.edges == "zeros" and model.config.noise_smoothing == 0.0
    assert all(value.dtype == torch.float32 for value in model.parameters())


def test_nothing_given_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", "official"]) == 2
    assert "--denoiser" in capsys.readouterr().err


def test_keys_of_other_modules_are_ignored_and_listed(write_denoiser: Write, tmp_path: Path) -> None:
    file = write_denoiser(tmp_path / "d.pth", changes={"lip_expert.fc.weight": torch.zeros(2, 2)})
    result = convert_denoiser(file, tmp_path / "d.safetensors")
    assert result.ignored == ("lip_expert.fc.weight",) and "lip_expert.fc.weight" in result.report()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({NORM: None}, r"1 missing: upper_decoder\.norm\.weight"),
        ({"diff_net.net.decoder.K": torch.zeros(3)}, "1 unknown: K"),
        ({NORM: torch.ones(128)}, r"upper_decoder\.norm\.weight \(128,\) instead of \(256,\)"),
        ({NORM: torch.full((256,), float("nan"))}, "no numbers"),
        ({"diff_net.var_sched.betas": torch.linspace(0, 0.03, 1001)}, r"formulas: var_sched\.betas"),
        ({"diff_net.null_pad_mask": torch.ones(256, dtype=torch.bool)}, "null_pad_mask"),
    ],
)
def test_another_network_is_refused_by_name(
    changes: dict[str, Any], message: str, write_denoiser: Write, tmp_path: Path
) -> None:
    file = write_denoiser(tmp_path / "d.pth", changes=changes)
    with pytest.raises(UnusableInput, match=message):
        convert_denoiser(file, tmp_path / "d.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["d.pth"]


class Program:
    """Pickles to a call, as a malicious checkpoint would."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("the program ran",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model_state_dict": {}, "evil": Program()}, r"not opened.*asks for print\."),
        ({"state_dict": {}}, "has no 'model_state_dict'; it holds: state_dict"),
        (torch.zeros(3), "it holds: Tensor"),
        ({"model_state_dict": "hello"}, "holds no tensors under 'model_state_dict', but: str"),
        ({"model_state_dict": {0: torch.zeros(3), "a": torch.zeros(3)}}, "no names, but: 0"),
    ],
)
def test_foreign_files_are_refused_and_never_run(
    content: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(UnusableInput, match=message):
        convert_denoiser(tmp_path / "x.pth", tmp_path / "d.safetensors")
    assert "the program ran" not in capsys.readouterr().out


def test_a_renderer_of_words_is_refused(tmp_path: Path) -> None:
    torch.save({"net_G_ema": "hello"}, tmp_path / "x.pt")
    with pytest.raises(UnusableInput, match="holds no tensors under 'net_G_ema'"):
        convert_renderer(tmp_path / "x.pt", tmp_path / "r.safetensors")


def test_no_checkpoint_at_all(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"these are no weights")
    with pytest.raises(UnusableInput, match=r"x\.pth") as raised:
        convert_denoiser(tmp_path / "x.pth", tmp_path / "d.safetensors")
    assert "weights_only" not in str(raised.value)
