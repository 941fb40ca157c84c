from __future__ import annotations

from harness.configuration import Configuration
from harness.search.annealing import SAMPLE, Annealing
from tests.search.helpers import make_grid, search

SPACE = make_grid(A=12, B=12, C=12)


def slope(configuration: Configuration) -> float:
    return 1.0 + sum(int(value) for value in configuration.values())


def far(asked: list[Configuration], other: Configuration) -> int:
    """How many differ from another in every parameter."""
    return sum(all(c[name] != other[name] for name in other) for c in asked)


def test_it_wanders_while_hot_and_stays_when_cold() -> None:
    asked = search(Annealing(SPACE, goal="min", seed=4, budget=400), slope, 400)
    bottom = Configuration(SPACE.names, (0, 0, 0))
    assert bottom in asked
    early, late = asked[SAMPLE:108], asked[-100:]
    assert far(early, bottom) > 30 > 2 * far(late, bottom)


def test_the_greatest_score_can_be_wanted() -> None:
    asked = search(Annealing(SPACE, goal="max", seed=4, budget=300), slope, 300)
    assert max(map(slope, asked)) == 34.0
