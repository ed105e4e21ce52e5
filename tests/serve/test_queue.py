"""Whose turn it is."""

from __future__ import annotations

import itertools
import random

from dreamtalk.serve.queue import Waiting, fair_order


def names(order: list[Waiting]) -> str:
    return "".join(talk.client for talk in order)


def waiting(clients: str) -> list[Waiting]:
    return [Waiting(number, f"t{number}", client) for number, client in enumerate(clients, start=1)]


def test_one_client_is_served_in_the_order_of_coming() -> None:
    order = fair_order(reversed(waiting("aaaa")), {})
    assert [talk.number for talk in order] == [1, 2, 3, 4]


def test_clients_take_turns_whatever_they_have_sent() -> None:
    assert names(fair_order(waiting("aaaaabb"), {})) == "ababaaa"
    assert names(fair_order(waiting("aaabbc"), {})) == "abcaba"


def test_who_was_served_last_waits_longest() -> None:
    assert names(fair_order(waiting("aabb"), {"a": 20.0, "b": 10.0})) == "baba"
    assert names(fair_order(waiting("abc"), {"a": 3.0, "b": 2.0})) == "cba"


def test_nobody_is_passed_over_for_long() -> None:
    rng = random.Random(0)
    for _ in range(50):
        talks = waiting("".join(rng.choice("abcde") for _ in range(30)))
        order = fair_order(talks, {client: rng.random() for client in "abc"})
        assert sorted(talk.number for talk in order) == [talk.number for talk in talks]
        for client in "abcde":
            places = [place for place, talk in enumerate(order) if talk.client == client]
            gaps = [b - a for a, b in itertools.pairwise(places)]
            assert all(gap <= 5 for gap in gaps)
            numbers = [order[place].number for place in places]
            assert numbers == sorted(numbers)
