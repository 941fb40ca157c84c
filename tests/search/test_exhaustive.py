from __future__ import annotations

from harness.search.exhaustive import Exhaustive
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import make_space
from harness.testing.strategies import succeed


def test_all_valid_configurations_in_the_order_of_the_space() -> None:
    parameters = [Parameter("A", (1, 2, 3)), Parameter("B", (1, 2, 3))]
    space = make_space(parameters, [parse_constraint("A <= B", ["A", "B"])])
    strategy = Exhaustive(space)
    assert strategy.remaining() == 6
    first = strategy.ask(2)
    strategy.tell(succeed(list(space)[3]))
    assert strategy.remaining() == 3
    asked = first + strategy.ask(100)
    assert [c.values_ for c in asked] == [(1, 1), (1, 2), (1, 3), (2, 3), (3, 3)]
    assert strategy.remaining() == 0


def test_a_space_too_large_to_count_is_still_walked() -> None:
    names = ["A", "B", "C"]
    parameters = [Parameter(name, tuple(range(1, 9))) for name in names]
    constraint = parse_constraint("A * B + C < 30", names)
    space = make_space(parameters, [constraint], edge_limit=1)
    strategy = Exhaustive(space)
    assert strategy.remaining() is None
    valid = make_space(parameters, [constraint])
    assert set(strategy.ask(1000)) == set(valid)
