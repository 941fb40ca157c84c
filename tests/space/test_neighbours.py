from __future__ import annotations

import pytest

from harness.configuration import Value
from harness.space.neighbours import Kind, neighbours
from tests.space.helpers import space_of


def near(kind: Kind, **values: Value) -> list[tuple[Value, ...]]:
    space = space_of(["A != 4", "A + B < 12"], A=range(1, 8), B=(2, 4, 6), C=(5,))
    return [c.values_ for c in neighbours(space, values, kind)]


def test_hamming_changes_one_value_to_any() -> None:
    assert near("hamming", A=5, B=4, C=5) == [
        (1, 4, 5), (2, 4, 5), (3, 4, 5), (6, 4, 5), (7, 4, 5), (5, 2, 5), (5, 6, 5),
    ]  # fmt: skip


def test_adjacent_takes_the_nearest_valid_value_on_each_side() -> None:
    assert near("adjacent", A=5, B=4, C=5) == [(3, 4, 5), (6, 4, 5), (5, 2, 5), (5, 6, 5)]
    assert near("adjacent", A=7, B=4, C=5) == [(6, 4, 5), (7, 2, 5)]


def test_strictly_adjacent_takes_the_next_value_or_none() -> None:
    assert near("strictly_adjacent", A=5, B=4, C=5) == [(6, 4, 5), (5, 2, 5), (5, 6, 5)]


def test_an_invalid_configuration_has_neighbours() -> None:
    assert (3, 2, 5) in near("strictly_adjacent", A=4, B=2, C=5)


def test_a_value_of_no_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        near("hamming", A=99, B=4, C=5)


@pytest.mark.parametrize("kind", ["hamming", "adjacent", "strictly_adjacent"])
def test_a_single_configuration_has_none(kind: Kind) -> None:
    assert neighbours(space_of([], A=(1,)), {"A": 1}, kind) == []
