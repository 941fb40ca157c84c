from __future__ import annotations

from harness.configuration import Configuration
from harness.search.genetic import PARENTS, Genetic
from tests.search.helpers import make_grid, search

SPACE = make_grid(A=10, B=10, C=10, D=10)


def hills(configuration: Configuration) -> float:
    return 1.0 + sum(abs(int(value) - 3) for value in configuration.values())


def test_children_have_their_parents_values() -> None:
    asked = search(Genetic(SPACE, goal="min", seed=7), hills, 200)
    inherited = 0
    for place in range(PARENTS, 200):
        parents = sorted(asked[:place], key=hills)[:PARENTS]
        values = {name: {parent[name] for parent in parents} for name in SPACE.names}
        inherited += sum(asked[place][name] in values[name] for name in SPACE.names)
    assert inherited / (4 * (200 - PARENTS)) > 0.7  # chance: below 0.6


def test_it_gets_better() -> None:
    asked = search(Genetic(SPACE, goal="min", seed=1), hills, 300)
    assert sum(map(hills, asked[-100:])) / 100 < 0.7 * sum(map(hills, asked[:PARENTS])) / PARENTS


def test_a_small_budget_leaves_room_for_children() -> None:
    asked = search(Genetic(SPACE, goal="min", seed=1, budget=20), hills, 20)
    parents = asked[:5]
    values = {name: {parent[name] for parent in parents} for name in SPACE.names}
    assert sum(asked[5][name] in values[name] for name in SPACE.names) >= 2
