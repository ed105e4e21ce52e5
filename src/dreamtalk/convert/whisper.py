"""Cut the first encoder layers out of a CTranslate2 Whisper file and store them as our own asset.

    python -m dreamtalk.convert.whisper --parts model.bin.part1 model.bin.part2 --out whisper-base-l3.safetensors

Layout of CTranslate2's `model.bin`, little endian: uint32 version, string name, uint32 revision, uint32 count, then per
variable: string name, uint8 rank, rank x uint32 sizes, uint8 type, uint32 bytes, data. A string is a uint16 length that
includes the final NUL, then the bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from dreamtalk.audio.weights import save_encoder
from dreamtalk.errors import UnusableInput

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""CTranslate2's type numbers that a converted Whisper uses."""

Variables = dict[str, NDArray[Any]]


class _Reader:
    """Little-endian fields out of bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise UnusableInput("The CTranslate2 file ends too early: it is cut off, or one of its parts is missing.")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, code: str) -> int:
        return int(struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0])

    def string(self) -> str:
        return self.take(self.number("H"))[:-1].decode("utf-8", errors="replace")


def read_ctranslate2(data: bytes) -> Variables:
    """All variables of a CTranslate2 `model.bin` by name. Raises UnusableInput for other files."""
    reader = _Reader(data)
    version, name, _revision = reader.number("I"), reader.string(), reader.number("I")
    if name != "WhisperSpec":
        raise UnusableInput(f"This is not a CTranslate2 Whisper model (version {version}, {name[:40]!r}).")
    variables: Variables = {}
    for _ in range(reader.number("I")):
        key = reader.string()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        kind = reader.number("B")
        raw = reader.take(reader.number("I"))
        variables[key] = np.frombuffer(raw, _TYPES[kind]).reshape(shape)
    return variables


_NAMES = {
    "self_attention/layer_norm/gamma": "attention_norm.weight",
    "self_attention/layer_norm/beta": "attention_norm.bias",
    "self_attention/linear_0/weight": "attention.query_key_value.weight",
    "self_attention/linear_0/bias": "attention.query_key_value.bias",
    "self_attention/linear_1/weight": "attention.out.weight",
    "self_attention/linear_1/bias": "attention.out.bias",
    "ffn/layer_norm/gamma": "mlp_norm.weight",
    "ffn/layer_norm/beta": "mlp_norm.bias",
    "ffn/linear_0/weight": "mlp_in.weight",
    "ffn/linear_0/bias": "mlp_in.bias",
    "ffn/linear_1/weight": "mlp_out.weight",
    "ffn/linear_1/bias": "mlp_out.bias",
}
"""CTranslate2's names within a layer to those of dreamtalk.audio.whisper.Layer."""


def encoder_weights(variables: Variables, layers: int) -> dict[str, NDArray[np.float32]]:
    """State dict of `WhisperEncoder` with the first `layers` layers, as float32 arrays."""
    names = {f"encoder/conv{n}/{part}": f"conv{n}.{part}" for n in (1, 2) for part in ("weight", "bias")}
    for layer in range(layers):
        names |= {f"encoder/layer_{layer}/{theirs}": f"layers.{layer}.{ours}" for theirs, ours in _NAMES.items()}
    missing = sorted(set(names) - set(variables))
    if missing:
        raise UnusableInput(f"The Whisper file lacks {missing[0]} ({len(missing)} variables missing).")
    return {ours: variables[theirs].astype(np.float32) for theirs, ours in names.items()}


def convert(parts: list[Path], out: Path, layers: int = 3, int8: bool = True) -> None:
    """Write the encoder asset.

    parts: the CTranslate2 model.bin, or its parts in order. out: .safetensors file. layers: encoder layers to keep.
    int8: matrices as int8 per output channel, else float16. Raises UnusableInput for other files.
    """
    data = b"".join(part.read_bytes() for part in parts)
    save_encoder(out, encoder_weights(read_ctranslate2(data), layers), int8)


if __name__ == "__main__":
    tyro.cli(convert)
