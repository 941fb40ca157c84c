"""The start of a valuation is the first valid configuration with its values."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.configuration import Configuration, Value
from harness.search.completion import Completer
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import make_space

NAMES = ["A", "B", "C", "D"]
PARAMETERS = [Parameter(name, (0, 1, 2, 3)) for name in NAMES]
CONSTRAINTS = [
    "A + B == 3",
    "C > A",
    "B * D >= 2",
    "A != 1",
    "C + D < 5",
    "A < 1 or A * B * C * D > 3",
]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(CONSTRAINTS), unique=True),
    st.sets(st.integers(0, 3)),
    st.integers(0, 1000),
)
def test_first_in_the_order_of_the_space(texts: list[str], free: set[int], seed: int) -> None:
    space = make_space(PARAMETERS, [parse_constraint(text, NAMES) for text in texts])
    row: list[Value] = [random.Random(seed).randrange(4) for _ in NAMES]
    matching = [
        configuration
        for configuration in space
        if all(configuration.values_[at] == row[at] for at in range(4) if at not in free)
    ]
    assert Completer(space).complete(row, sorted(free)) == (matching[0] if matching else None)


def test_constraints_that_are_undefined_for_some_values_are_left_to_the_space() -> None:
    parameters = [Parameter("A", (0, 1)), Parameter("B", (0, 1, 2))]
    constraints = [parse_constraint(text, ["A", "B"]) for text in ("A != 0 or B > 5", "B >= A + 1")]
    completer = Completer(make_space(parameters, constraints))
    found = completer.complete([0, 0], [0, 1])
    assert found is not None
    assert found.values_ == (1, 2)


class UncountedSpace:
    """What `Completer` uses of a space of 20 bits, without its configurations."""

    def __init__(self, *texts: str) -> None:
        self.names = tuple(f"P{index}" for index in range(20))
        self.parameters = tuple(Parameter(name, (0, 1)) for name in self.names)
        self.constraints = [parse_constraint(text, self.names) for text in texts]

    def is_valid(self, configuration: Configuration) -> bool:
        return all(constraint.holds(configuration) for constraint in self.constraints)

    def complete(self, row: list[Value], free: range) -> Configuration | None:
        return Completer(self).complete(row, free)  # type: ignore[arg-type]  # a fake


def test_gives_up_on_what_takes_too_long() -> None:
    space = UncountedSpace(" + ".join(f"P{index}" for index in range(20)) + " == 20")
    found = space.complete([1] * 20, range(20))
    assert found is not None
    assert set(found.values_) == {0}


def test_leaves_a_branch_as_soon_as_a_constraint_rules_it_out() -> None:
    space = UncountedSpace("P0 + P1 == 2", "P18 + P19 == 1")
    found = space.complete([0] * 20, range(20))
    assert found is not None
    assert found.values_ == (1, 1, *[0] * 17, 1)


def test_does_not_search_when_the_given_values_contradict_each_other() -> None:
    assert UncountedSpace("P0 + P1 == 2").complete([0] * 20, range(2, 20)) is None
