"""A space of listed configurations behaves as one that constraints describe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.space.listed import list_space
from harness.space.neighbours import neighbours
from harness.space.parameters import Parameter
from harness.space.sampling import sample, sample_evenly

PARAMETERS = [
    Parameter("A", (8, 16, 32)),
    Parameter("B", ("x", "y")),
    Parameter("C", (False, True)),
]
NAMES = ("A", "B", "C")
ALL = [Configuration(NAMES, (a, b, c)) for a in (8, 16, 32) for b in "xy" for c in (False, True)]


@given(st.lists(st.sampled_from(ALL)))
def test_holds_what_was_listed_once_and_in_order(listed: list[Configuration]) -> None:
    space = list_space(PARAMETERS, listed)
    expected = [configuration for configuration in ALL if configuration in listed]
    assert list(space) == expected
    assert space.size == len(expected)
    assert [space.is_valid(c) for c in ALL] == [c in listed for c in ALL]
    assert [space.index(c) for c in expected] == list(range(len(expected)))
    assert space.decode(space.matrix()) == expected
    rng = np.random.default_rng(3)
    assert set(sample(space, 99, rng)) == set(sample_evenly(space, 99, rng)) == set(expected)


def test_neighbours_are_listed_ones() -> None:
    space = list_space(PARAMETERS, [ALL[0], ALL[1], ALL[8], ALL[11]])
    assert neighbours(space, ALL[0]) == [ALL[8], ALL[1]]


def test_restriction_keeps_what_was_listed() -> None:
    space = list_space(PARAMETERS, [ALL[0], ALL[5], ALL[7]])
    assert list(space.restrict({"A": 16})) == [ALL[5], ALL[7]]
    assert space.restrict({"A": 32}).size == 0
    with pytest.raises(ConfigError, match="A = 5: not one of its values"):
        space.restrict({"A": 5})


def test_refuses_configurations_of_other_spaces() -> None:
    with pytest.raises(ConfigError, match="expected values of A, B, C"):
        list_space(PARAMETERS, [Configuration(("A",), (8,))])
    with pytest.raises(ConfigError, match="99 is not a value"):
        list_space(PARAMETERS, [Configuration(NAMES, (99, "x", True))])
