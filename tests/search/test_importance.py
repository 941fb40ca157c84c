from __future__ import annotations

from harness.search.importance import Importance, vary_one
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import make_space
from harness.testing.strategies import succeed

PARAMETERS = [Parameter("A", (1, 2, 3)), Parameter("B", ("x", "y")), Parameter("C", (1, 2, 3))]
NAMES = ["A", "B", "C"]


def test_one_parameter_at_a_time_within_the_constraints() -> None:
    space = make_space(PARAMETERS, [parse_constraint("A + C < 5", NAMES)])
    best = next(c for c in space if c.values_ == (2, "y", 2))
    assert [(name, c.values_) for name, c in vary_one(space, best)] == [
        ("A", (1, "y", 2)),
        ("B", (2, "x", 2)),
        ("C", (2, "y", 1)),
    ]


def test_only_what_is_not_known_is_tested() -> None:
    space = make_space(PARAMETERS)
    best = next(iter(space))
    strategy = Importance(space, best)
    assert strategy.remaining() == 5
    known = [configuration for _, configuration in vary_one(space, best)][::2]
    for configuration in known:
        strategy.tell(succeed(configuration))
    assert strategy.remaining() == 2
    asked = strategy.ask(10)
    assert len(asked) == 2
    assert not {best, *known} & set(asked)
