"""Whose turn it is: clients take turns, and each client's talks run in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A talk that waits. number: grows with time. client: whose it is."""

    number: int
    id: str
    client: str


def fair_order(waiting: Iterable[Waiting], begun: Mapping[str, float]) -> list[Waiting]:
    """The waiting talks in the order in which they will begin, as things stand.

    begun: when a talk of each client began last, s; clients that are not in it come first. The next talk is the oldest
    of the client whose last turn is the longest ago.
    """
    lines: dict[str, deque[Waiting]] = {}
    for talk in sorted(waiting, key=lambda talk: talk.number):
        lines.setdefault(talk.client, deque()).append(talk)
    turns = {client: (begun.get(client, float("-inf")), line[0].number) for client, line in lines.items()}
    latest = max((turn for turn, _ in turns.values()), default=0.0)
    order: list[Waiting] = []
    while lines:
        client = min(lines, key=lambda one: turns[one])
        order.append(lines[client].popleft())
        turns[client] = (max(latest, 0.0) + len(order), order[-1].number)
        if not lines[client]:
            del lines[client]
    return order
