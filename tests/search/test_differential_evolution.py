from __future__ import annotations

from harness.configuration import Configuration
from harness.search.differential_evolution import FEWEST_MEMBERS, MEMBERS, DifferentialEvolution
from tests.search.helpers import score, search
from tests.search.test_genetic import SPACE, hills


def test_it_gets_better() -> None:
    for seed in range(3):
        asked = search(DifferentialEvolution(SPACE, goal="min", seed=seed), hills, 200)
        first, last = asked[:MEMBERS], asked[-50:]
        assert sum(map(hills, last)) / 50 < 0.6 * sum(map(hills, first)) / MEMBERS


def test_it_moves_as_far_as_members_differ() -> None:
    """A population that agrees in a parameter does not leave it; failures are not of it."""
    strategy = DifferentialEvolution(SPACE, goal="min", budget=6 * FEWEST_MEMBERS)
    for place in range(FEWEST_MEMBERS):
        values = (place, 5, 2 * place, 9 - place)
        strategy.tell(score(Configuration(SPACE.names, values), 1.0 + place))
        strategy.tell(score(Configuration(SPACE.names, (place, 7, place, place)), None))
    asked = search(strategy, lambda _: None, 40)
    assert all(configuration["B"] == 5 for configuration in asked)
    assert len({configuration["A"] for configuration in asked}) > 3
