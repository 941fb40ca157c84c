from __future__ import annotations

import math

import numpy as np

from harness.configuration import Configuration
from harness.search.explorer import Explorer, loss_of
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import make_space
from tests.search.helpers import make_grid, score, search


def test_losses_are_to_be_made_small() -> None:
    configuration = Configuration(("A",), (1,))
    assert loss_of(score(configuration, 2.0), "min") == 2.0
    assert loss_of(score(configuration, 2.0), "max") == -2.0
    for failure in (None, math.nan, math.inf):
        assert loss_of(score(configuration, failure), "max") == math.inf


def test_what_it_knows() -> None:
    strategy = Explorer(make_grid(A=3, B=2), goal="min")
    first, second = strategy.ask(2)
    strategy.tell(score(second, 4.0))
    rows = strategy.space.positions(first), strategy.space.positions(second)
    assert rows[0] is not None
    assert rows[1] is not None
    assert strategy.count == 2
    assert [row.tolist() for row in strategy.pending.values()] == rows[0].tolist()
    assert strategy.known_loss(rows[1][0]) == 4.0
    assert strategy.known_loss(rows[0][0]) is None
    assert not strategy.is_new(rows[0][0])
    everything = strategy.space.matrix().astype(np.int64)
    assert len(strategy.new_rows(everything)) == 4


def test_different_seeds_ask_differently() -> None:
    space = make_grid(A=10, B=10)
    questions = [Explorer(space, goal="min", seed=seed).ask(100) for seed in (0, 1, -1)]
    assert len({tuple(asked) for asked in questions}) == 3
    assert all(len(set(asked)) == 100 for asked in questions)


def test_what_is_left_of_a_large_space_is_found_in_the_end() -> None:
    space = make_grid(A=60, B=60)
    strategy = Explorer(space, goal="min", seed=1)
    everything = list(space)
    for configuration in everything[5:]:
        strategy.tell(score(configuration, 1.0))
    assert sorted(strategy.ask(10), key=str) == sorted(everything[:5], key=str)
    assert strategy.remaining() == 0


def test_a_space_that_was_not_counted_is_exhausted_too() -> None:
    names = ["A", "B", "C"]
    parameters = [Parameter(name, tuple(range(1, 7))) for name in names]
    constraint = parse_constraint("A * B + C < 20", names)
    strategy = Explorer(make_space(parameters, [constraint], edge_limit=1), goal="min")
    assert strategy.remaining() is None
    assert set(strategy.ask(1000)) == set(make_space(parameters, [constraint]))


def test_it_is_spread_evenly_over_values() -> None:
    asked = search(Explorer(make_grid(A=4, B=500), goal="min", seed=3), lambda _: 1.0, 200)
    counts = [sum(c["A"] == value for c in asked) for value in range(4)]
    assert min(counts) > 25
