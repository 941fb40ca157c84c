"""Spaces beyond the limit: nothing is listed, everything else works."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from harness.errors import ConfigError
from harness.space.constraints import parse_constraint
from harness.space.neighbours import Kind, neighbours
from harness.space.sampling import sample
from harness.space.space import Space, make_space
from tests.space.helpers import brute_force, parameters_of

NAMES = [f"x{at}" for at in range(15)]


def huge() -> Space:
    constraints = [parse_constraint(f"{' + '.join(NAMES)} <= 80", NAMES)]
    values = {name: range(1, 11) for name in NAMES}
    return make_space(parameters_of(**values), constraints, edge_limit=10_000)


def test_is_neither_counted_nor_listed() -> None:
    space = huge()
    assert space.size is None
    assert space.cartesian_size == 10**15
    with pytest.raises(TypeError, match="was not counted"):
        len(space)
    for use in (Space.matrix, lambda s: s[0], lambda s: s.index(next(iter(s)))):
        with pytest.raises(OverflowError, match="were not counted"):
            use(space)


def test_answers_membership_neighbours_and_samples() -> None:
    space = huge()
    drawn = sample(space, 200, np.random.default_rng(0))
    assert len(set(drawn)) == 200
    assert all(sum(c.values_) <= 80 for c in drawn)  # type: ignore[arg-type] # ints
    edge = dict.fromkeys(NAMES, 5) | {"x14": 10}
    assert edge in space
    assert {**edge, "x0": 6} not in space
    around = neighbours(space, edge)
    assert len(around) == 14 * 4 + 9
    assert all(c in space for c in around)


@pytest.mark.parametrize("kind", ["adjacent", "strictly_adjacent"])
def test_answers_near_neighbours(kind: Kind) -> None:
    space = huge()
    edge = dict.fromkeys(NAMES, 5) | {"x14": 10}  # its sum may not rise
    around = neighbours(space, edge, kind)
    assert len(around) == 15
    assert all(c in space for c in around)
    assert len(neighbours(space, {**edge, "x14": 2}, kind)) == 30


def test_is_restricted_to_what_can_be_counted() -> None:
    part = huge().restrict(dict.fromkeys(NAMES[:12], 6))
    assert part.size == sum(
        a + b + c <= 8 for a, b, c in itertools.product(range(1, 11), repeat=3)
    )  # fmt: skip


def test_is_iterated_lazily() -> None:
    first = list(itertools.islice(huge(), 100))
    assert len(set(first)) == 100
    assert first[0].values_ == (1,) * 15


def test_iterates_over_exactly_the_valid_ones() -> None:
    values = {"A": range(7), "B": range(6), "C": range(5), "D": range(4)}
    texts = ["A * B % 3 == 1", "A + B + C + D < 9", "C != D"]
    constraints = [parse_constraint(text, values) for text in texts]
    space = make_space(parameters_of(**values), constraints, edge_limit=15)
    assert space.size is None
    found = [c.values_ for c in space]
    assert len(set(found)) == len(found)
    assert sorted(found) == brute_force(parameters_of(**values), texts)[0]


def test_what_cannot_be_evaluated_is_an_error_only_where_nothing_rejects_it() -> None:
    values = {"A": range(7), "B": range(6), "C": range(5)}
    texts = ["(A + B + C) % A == 0", "A * C > 0"]
    good = [parse_constraint(text, values) for text in texts]
    space = make_space(parameters_of(**values), good, edge_limit=5)
    assert space.size is None
    assert {"A": 0, "B": 0, "C": 0} not in space
    assert sorted(c.values_ for c in space) == brute_force(parameters_of(**values), texts)[0]
    bad = make_space(parameters_of(**values), good[:1], edge_limit=5)
    with pytest.raises(ConfigError, match="for A=0 B=0 C=0: ZeroDivisionError"):
        list(bad)


def test_an_empty_one_yields_nothing() -> None:
    constraint = parse_constraint("A + B + C > 100", ["A", "B", "C"])
    values = {"A": range(30), "B": range(30), "C": range(30)}
    space = make_space(parameters_of(**values), [constraint], edge_limit=100)
    assert sample(space, 5, np.random.default_rng(0)) == []
    assert list(space) == []
