from __future__ import annotations

import numpy as np

from harness.configuration import Value
from harness.search.ranks import Ranks
from harness.space.arrays import Array
from harness.space.parameters import Parameter

PARAMETERS = [
    Parameter("SHUFFLED", (8, 1, 4, 2)),
    Parameter("WORD", ("a", "b", "c")),
    Parameter("ONLY", (7,)),
]
RANKS = Ranks(PARAMETERS)


def row_of(values: list[Value]) -> Array:
    return np.array([[p.values.index(v) for p, v in zip(PARAMETERS, values, strict=True)]])


def move(values: list[Value], to: list[Value], away: list[Value], scale: float) -> list[Value]:
    rng = np.random.default_rng(0)
    moved = RANKS.move(row_of(values), row_of(to), row_of(away), np.array([[scale]]), rng)
    return [p.values[at] for p, at in zip(PARAMETERS, moved[0], strict=True)]


def test_numbers_move_in_their_order_not_in_that_of_the_list() -> None:
    assert move([1, "a", 7], [4, "a", 7], [2, "a", 7], 1.0) == [2, "a", 7]
    assert move([4, "a", 7], [1, "a", 7], [2, "a", 7], 1.0) == [2, "a", 7]


def test_they_turn_around_at_the_ends() -> None:
    assert move([4, "a", 7], [8, "a", 7], [1, "a", 7], 1.0) == [2, "a", 7]
    assert move([2, "a", 7], [1, "a", 7], [8, "a", 7], 1.0) == [4, "a", 7]


def test_words_are_exchanged_where_the_others_differ() -> None:
    assert move([1, "a", 7], [1, "c", 7], [1, "b", 7], 1.0) == [1, "c", 7]
    assert move([1, "a", 7], [1, "c", 7], [1, "c", 7], 1.0) == [1, "a", 7]
    assert move([1, "a", 7], [1, "c", 7], [1, "b", 7], 0.0) == [1, "a", 7]


def test_parts_of_steps_are_rounded_either_way() -> None:
    count = 400
    rows = np.ones((1, 3), dtype=np.int64) * [1, 0, 0]  # SHUFFLED = 1, the least
    to, away = (np.repeat([[at, 0, 0]], count, axis=0) for at in (3, 1))  # 2 and 1: one step
    moved = RANKS.move(rows, to, away, np.full((count, 1), 0.5), np.random.default_rng(1))
    steps = [PARAMETERS[0].values[at] for at in moved[:, 0]]
    assert set(steps) == {1, 2}
    assert 0.4 < steps.count(2) / count < 0.6
