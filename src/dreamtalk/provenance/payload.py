"""Payload of the invisible mark as bits that stand errors: 32 bits, a checksum, a convolutional code read softly."""

from __future__ import annotations

from binascii import crc_hqx
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamtalk.types import Float

Bits: TypeAlias = NDArray[np.int64]

PAYLOAD_BITS = 32
_CHECK_BITS = 8
_MEMORY = 6
"""Earlier bits that a coded bit depends on; as many zeros end the message."""

_GENERATORS = (0o135, 0o135, 0o147, 0o163)
"""Taps of the best code of rate 1/4 and memory 6 (free distance 20; Larsen 1973)."""

_STEPS = PAYLOAD_BITS + _CHECK_BITS + _MEMORY
CODED_BITS = _STEPS * len(_GENERATORS)


def encode(payload: int) -> Bits:
    """Coded bits (CODED_BITS,) of 0 and 1 for a payload of 32 bits."""
    if not 0 <= payload < 2**PAYLOAD_BITS:
        raise ValueError(f"The payload has {PAYLOAD_BITS} bits; {payload} does not fit.")
    data = payload.to_bytes(PAYLOAD_BITS // 8, "big")
    message = data + _check(data)
    bits = np.concatenate([np.unpackbits(np.frombuffer(message, np.uint8)), np.zeros(_MEMORY, np.uint8)])
    state, coded = 0, []
    for bit in bits:
        register = int(bit) << _MEMORY | state
        coded += [(register & taps).bit_count() & 1 for taps in _GENERATORS]
        state = register >> 1
    return np.array(coded)


def decode(soft: Float) -> int | None:
    """The payload whose coded bits fit best, or None when its checksum is wrong.

    soft: (CODED_BITS,) how much each looks like 1 (above 0) or 0 (below); any scale.
    """
    outputs = _outputs()
    states = len(outputs)
    score = np.full(states, -np.inf)
    score[0] = 0.0
    came_from = np.empty((_STEPS, states), np.int64)
    # A state is the last six bits, the newest on top: its top bit is the one just read, and it has two predecessors.
    predecessors = np.arange(states) << 1 & (states - 1)
    predecessors = np.stack([predecessors, predecessors + 1])
    newest = np.arange(states) >> (_MEMORY - 1)
    for step, block in enumerate(soft.reshape(_STEPS, len(_GENERATORS)).astype(np.float64)):
        gains = score[predecessors] + outputs[predecessors, newest] @ block
        better = gains.argmax(axis=0)
        came_from[step] = predecessors[better, np.arange(states)]
        score = gains.max(axis=0)
    state, bits = 0, np.empty(_STEPS, np.uint8)
    for step in range(_STEPS - 1, -1, -1):
        bits[step] = newest[state]
        state = came_from[step, state]
    message = np.packbits(bits[:-_MEMORY]).tobytes()
    data, check = message[: PAYLOAD_BITS // 8], message[PAYLOAD_BITS // 8 :]
    return int.from_bytes(data, "big") if _check(data) == check else None


def _check(data: bytes) -> bytes:
    """The last byte of the CRC-16 of the payload."""
    return bytes([crc_hqx(data, 0xFFFF) & 0xFF])


@cache
def _outputs() -> Float:
    """Coded bits as -1 and 1: (states, new bit, generators)."""
    registers = np.arange(2)[np.newaxis] << _MEMORY | np.arange(2**_MEMORY)[:, np.newaxis]
    bits = [[[(int(register) & taps).bit_count() & 1 for taps in _GENERATORS] for register in row] for row in registers]
    return 2.0 * np.array(bits, np.float32) - 1.0
