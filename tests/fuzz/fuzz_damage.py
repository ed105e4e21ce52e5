"""What fuzzing.py does to good files: damage anywhere, or a container that is whole around odd contents."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from fuzz_seeds import npz

Rng = np.random.Generator


def damaged(data: bytes, rng: Rng) -> bytes:
    """A file with one to four kinds of damage."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        made = _DAMAGES[int(rng.integers(len(_DAMAGES)))](made, rng)
    return bytes(made)


def _place(data: bytearray, rng: Rng) -> int:
    """Somewhere, half of the time in the first 256 bytes, where formats keep their sizes."""
    most = len(data) if rng.random() < 0.5 else min(len(data), 256)
    return int(rng.integers(most)) if most else 0


def _flip(data: bytearray, rng: Rng) -> bytearray:
    for _ in range(int(rng.integers(1, 16))):
        if data:
            data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _cut(data: bytearray, rng: Rng) -> bytearray:
    return data[: _place(data, rng)]


def _extreme(data: bytearray, rng: Rng) -> bytearray:
    """A number of 1 to 8 bytes becomes the largest, the smallest, or nearly so."""
    size, at = int(rng.choice([1, 2, 4, 8])), _place(data, rng)
    value = int(rng.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
    data[at : at + size] = bytes([value] * size)
    return data


def _repeat(data: bytearray, rng: Rng) -> bytearray:
    start, at = _place(data, rng), _place(data, rng)
    return data[:at] + data[start : start + int(rng.integers(1, 400))] * int(rng.integers(1, 20)) + data[at:]


def _remove(data: bytearray, rng: Rng) -> bytearray:
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 200))]
    return data


def _noise(data: bytearray, rng: Rng) -> bytearray:
    at, length = _place(data, rng), int(rng.integers(1, 64))
    data[at : at + length] = rng.bytes(length)
    return data


def _swap_digits(data: bytearray, rng: Rng) -> bytearray:
    """Numbers written in text become strange ones."""
    places = [n for n, byte in enumerate(data) if 48 <= byte <= 57]
    if places:
        at = places[int(rng.integers(len(places)))]
        strange = [b"-1", b"1e400", b"NaN", b"null", b'"x"', b"[]", b"9" * 40, b"", b"{}", b"\xff\xfe"]
        data[at : at + 1] = strange[int(rng.integers(len(strange)))]
    return data


_DAMAGES = (_flip, _cut, _extreme, _repeat, _remove, _noise, _swap_digits)


# ---- whole containers with odd contents


def odd_arrays(name: str, data: bytes, rng: Rng) -> bytes:
    if not name.endswith(".npz"):
        return damaged(data, rng)
    with np.load(io.BytesIO(data)) as stored:
        arrays = {key: stored[key] for key in stored.files}
    for _ in range(int(rng.integers(1, 4))):
        if not arrays:
            break
        key = sorted(arrays)[int(rng.integers(len(arrays)))]
        _ODD[int(rng.integers(len(_ODD)))](arrays, key, rng)
    return npz(**arrays)


def _fill(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    array = np.array(arrays[key], np.float64) if arrays[key].dtype.kind in "fiub" else np.zeros(3)
    array.flat[: int(rng.integers(1, 9))] = rng.choice([np.nan, np.inf, -np.inf, 1e300, -1e9, 0.0, 1e-300, 2.0])
    arrays[key] = array


def _reshape(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    shapes: list[tuple[int, ...]] = [(), (0,), (1,), (5, 0), (1, 64), (6,), (6, 478), (2, 2, 2, 2), (300, 64), (6, 65)]
    arrays[key] = np.zeros(shapes[int(rng.integers(len(shapes)))], np.float32)


def _retype(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    kinds = ["<U5", "S3", "complex64", "int8", "uint64", "bool", "float16", "datetime64[s]", "i4,f8"]
    arrays[key] = np.zeros(np.shape(arrays[key]), kinds[int(rng.integers(len(kinds)))])


def _drop(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    del arrays[key]


_ODD = (_fill, _reshape, _retype, _drop)


def odd_json(name: str, data: bytes, rng: Rng) -> bytes:
    if name.endswith(".jsonl"):
        return b"\n".join(odd_json("line.json", line, rng) for line in data.splitlines())
    if not name.endswith(".json"):
        return damaged(data, rng)
    return json.dumps(_changed(json.loads(data), rng)).encode()


def _changed(value: Any, rng: Rng) -> Any:
    """The same tree with some of its leaves and branches replaced."""
    strange = [
        None,
        -1,
        1e308,
        float("nan"),
        float("inf"),
        True,
        "",
        "x" * 300,
        "\ud800",
        "\0",
        [],
        {},
        [[]],
        "happy:99",
        "../../x",
        2**70,
    ]
    if rng.random() < 0.15:
        return strange[int(rng.integers(len(strange)))]
    if isinstance(value, dict):
        changed = {key: _changed(each, rng) for key, each in value.items() if rng.random() > 0.05}
        return {**changed, "odd": 1} if rng.random() < 0.05 else changed
    if isinstance(value, list):
        changed_list = [_changed(each, rng) for each in value]
        return changed_list * int(rng.integers(1, 4)) if rng.random() < 0.1 else changed_list
    return value


def odd_weights(name: str, data: bytes, rng: Rng) -> bytes:
    """A safetensors file whose header is valid JSON of the right length, with odd values in it."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    key = sorted(header)[int(rng.integers(len(header)))] if rng.random() < 0.5 else "__metadata__"
    entry = header[key]
    if key == "__metadata__" and "config" in entry and rng.random() < 0.8:
        entry["config"] = json.dumps(_changed(json.loads(entry["config"]), rng))
    else:
        header[key] = _changed(entry, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def odd_upload(name: str, data: bytes, rng: Rng) -> bytes:
    """By what it holds: uploads have no endings."""
    if data.startswith(b"PK"):
        return odd_arrays("a.npz", data, rng)
    return odd_json("a.json", data, rng) if data.startswith(b"{") else damaged(data, rng)


def damaged_manifest(name: str, data: bytes, rng: Rng) -> bytes:
    """Damage in the C2PA part alone."""
    made, start = bytearray(data), data.index(b"jumb")
    for _ in range(int(rng.integers(1, 6))):
        made[start + int(rng.integers(min(10_000, len(data) - start)))] ^= 1 << int(rng.integers(8))
    return bytes(made)
