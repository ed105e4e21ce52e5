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


def decode(soft: Float, count: int = 1) -> list[int]:
    """Payloads of the `count` messages whose coded bits fit best, best first, without those whose checksum is wrong.

    soft: (CODED_BITS,) how much each looks like 1 (above 0) or 0 (below); any scale.
    """
    outputs = _outputs()
    states = len(outputs)
    # A state is the last six bits, the newest on top: its top bit is the one just read, and it has two predecessors.
    predecessors = np.arange(states)[:, np.newaxis] << 1 & (states - 1) | np.arange(2)
    newest = np.arange(states) >> (_MEMORY - 1)
    scores = np.full((states, count), -np.inf)  # of the best ways into each state
    scores[0, 0] = 0.0
    came_from = np.empty((_STEPS, states, count), np.int64)  # 0: the first way of the first predecessor
    for step, block in enumerate(soft.reshape(_STEPS, len(_GENERATORS)).astype(np.float64)):
        gains = outputs[predecessors, newest[:, np.newaxis]] @ block
        ways = (scores[predecessors] + gains[..., np.newaxis]).reshape(states, -1)
        came_from[step] = np.argsort(-ways, axis=1, kind="stable")[:, :count]
        scores = np.take_along_axis(ways, came_from[step], axis=1)
    messages = (_message(came_from, predecessors, newest, rank) for rank in range(count))
    size = PAYLOAD_BITS // 8
    return [int.from_bytes(one[:size], "big") for one in messages if _check(one[:size]) == one[size:]]


def _message(came_from: Bits, predecessors: Bits, newest: Bits, rank: int) -> bytes:
    """Payload and checksum of the message whose way is the best but `rank`, followed from its end."""
    state, bits = 0, np.empty(_STEPS, np.uint8)
    for step in range(_STEPS - 1, -1, -1):
        bits[step] = newest[state]
        which, rank = divmod(int(came_from[step, state, rank]), came_from.shape[2])
        state = predecessors[state, which]
    return np.packbits(bits[:-_MEMORY]).tobytes()


def _check(data: bytes) -> bytes:
    """The last byte of the CRC-16 of the payload."""
    return bytes([crc_hqx(data, 0xFFFF) & 0xFF])


@cache
def _outputs() -> Float:
    """Coded bits as -1 and 1: (states, new bit, generators)."""
    registers = np.arange(2)[np.newaxis] << _MEMORY | np.arange(2**_MEMORY)[:, np.newaxis]
    bits = [[[(int(register) & taps).bit_count() & 1 for taps in _GENERATORS] for register in row] for row in registers]
    return 2.0 * np.array(bits, np.float32) - 1.0
