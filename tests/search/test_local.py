from __future__ import annotations

from harness.configuration import Configuration
from harness.search.local import SAMPLE, Local
from harness.search.local_best import LocalBest
from tests.search.helpers import make_grid, search

SPACE = make_grid(A=9, B=9, C=9)


def bowl(configuration: Configuration) -> float:
    return 1.0 + sum((int(value) - 4) ** 2 for value in configuration.values())


def differences(one: Configuration, other: Configuration) -> int:
    return sum(one[name] != other[name] for name in one)


def test_it_moves_as_soon_as_a_neighbour_is_better() -> None:
    asked = search(Local(SPACE, goal="min", seed=5), bowl, 40)
    centre = min(asked[:SAMPLE], key=bowl)
    for configuration in asked[SAMPLE:]:
        assert differences(configuration, centre) == 1
        if bowl(configuration) < bowl(centre):
            centre = configuration
        if bowl(centre) == 1.0:
            return
    raise AssertionError("it did not reach the bottom")


def test_it_looks_at_all_neighbours_before_it_goes_to_the_best() -> None:
    asked = search(LocalBest(SPACE, goal="min", seed=5), bowl, SAMPLE + 25)
    centre = min(asked[:SAMPLE], key=bowl)
    around = [configuration for configuration in SPACE if differences(configuration, centre) == 1]
    new = [configuration for configuration in around if configuration not in asked[:SAMPLE]]
    assert set(asked[SAMPLE : SAMPLE + len(new)]) == set(new)
    best = min(around, key=bowl)
    assert all(
        differences(configuration, best) == 1 for configuration in asked[SAMPLE + len(new) :]
    )


def test_it_starts_over_where_nothing_is_better() -> None:
    strategy = Local(SPACE, goal="min", seed=1)
    asked = search(strategy, bowl, 200)
    bottom = asked.index(Configuration(("A", "B", "C"), (4, 4, 4)))
    assert max(differences(c, asked[bottom]) for c in asked[bottom + 30 :]) == 3


def test_it_does_not_start_where_tests_fail() -> None:
    def valley(configuration: Configuration) -> float | None:
        return bowl(configuration) if configuration["A"] == 4 else None

    asked = search(Local(SPACE, goal="min", seed=3), valley, 120)
    assert Configuration(("A", "B", "C"), (4, 4, 4)) in asked
