"""Cutting the encoder out of a CTranslate2 file, with a small file written here after its documented layout."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.audio.weights import load_encoder
from dreamtalk.convert.whisper import convert, read_ctranslate2
from dreamtalk.errors import UnusableInput
from dreamtalk.types import Float

WIDTH = 64


def _string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def _file(variables: dict[str, Float], spec: str = "WhisperSpec") -> bytes:
    data = struct.pack("<I", 6) + _string(spec) + struct.pack("<II", 3, len(variables))
    for name, value in variables.items():
        half = value.astype(np.float16)
        data += _string(name) + struct.pack(f"<B{half.ndim}I", half.ndim, *half.shape)
        data += struct.pack("<BI", 4, half.nbytes) + half.tobytes()
    return data


def _variables(layers: int) -> dict[str, Float]:
    shapes: dict[str, tuple[int, ...]] = {
        "encoder/conv1/weight": (WIDTH, 80, 3),
        "encoder/conv1/bias": (WIDTH,),
        "encoder/conv2/weight": (WIDTH, WIDTH, 3),
        "encoder/conv2/bias": (WIDTH,),
        "decoder/embeddings/weight": (11, WIDTH),
    }
    for layer in range(layers):
        at = f"encoder/layer_{layer}"
        for part, inner, outer in [("self_attention", 3 * WIDTH, WIDTH), ("ffn", 4 * WIDTH, 4 * WIDTH)]:
            shapes |= {f"{at}/{part}/layer_norm/{name}": (WIDTH,) for name in ("gamma", "beta")}
            shapes |= {f"{at}/{part}/linear_0/weight": (inner, WIDTH), f"{at}/{part}/linear_0/bias": (inner,)}
            shapes |= {f"{at}/{part}/linear_1/weight": (WIDTH, outer), f"{at}/{part}/linear_1/bias": (WIDTH,)}
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_first_layers_are_cut_out_of_parts(tmp_path: Path) -> None:
    variables = _variables(layers=4)
    data = _file(variables)
    parts = [tmp_path / "model.bin.part1", tmp_path / "model.bin.part2"]
    parts[0].write_bytes(data[:5000])
    parts[1].write_bytes(data[5000:])
    convert(parts, tmp_path / "out.safetensors", layers=3, int8=False)
    model = load_encoder(tmp_path / "out.safetensors")
    assert (model.config.width, model.config.layers) == (WIDTH, 3)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    expected = {
        "conv2.weight": "encoder/conv2/weight",
        "layers.2.mlp_out.weight": "encoder/layer_2/ffn/linear_1/weight",
        "layers.0.attention.query_key_value.bias": "encoder/layer_0/self_attention/linear_0/bias",
        "layers.1.mlp_norm.bias": "encoder/layer_1/ffn/layer_norm/beta",
    }
    for ours, theirs in expected.items():
        assert np.array_equal(state[ours], variables[theirs].astype(np.float16).astype(np.float32))


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="not a CTranslate2 Whisper"):
        read_ctranslate2(_file({}, spec="TransformerSpec"))
    with pytest.raises(UnusableInput, match="too early"):
        read_ctranslate2(_file(_variables(1))[:-10])
    with pytest.raises(UnusableInput, match="too early"):
        read_ctranslate2(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "shallow.bin").write_bytes(_file(_variables(2)))
    with pytest.raises(UnusableInput, match="lacks encoder/layer_2"):
        convert([tmp_path / "shallow.bin"], tmp_path / "out.safetensors", layers=3)
    assert not (tmp_path / "out.safetensors").exists()
