from __future__ import annotations

import numpy as np
import pytest

from harness.configuration import Configuration
from harness.search import model
from harness.search.model import Model, expected_improvement
from harness.space.arrays import Array
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import parse_tree
from tests.search.helpers import make_grid, score, search


def make_block_space() -> Space:
    """Like a kernel's: block sizes, of which some suit the hardware, and a switch by name."""
    return make_space(
        [
            Parameter("BLOCK_X", tuple(range(16, 257, 16))),
            Parameter("BLOCK_Y", (1, 2, 4, 8, 16)),
            Parameter("TILE", (1, 2, 3, 4, 5, 6)),
            Parameter("LOAD", ("plain", "cached", "shared")),
            Parameter("UNROLL", (False, True)),
        ]
    )


def kernel_time(configuration: Configuration) -> float:
    """Invented: multiples of 64 are good, so is a tile of 4 with shared loads."""
    block = int(configuration["BLOCK_X"])
    time = 1.0 + 0.3 * (block % 64 > 0) + 0.2 * abs(int(configuration["BLOCK_Y"]) - 2)
    time += 0.1 * abs(block - 128) / 64 + 0.15 * abs(int(configuration["TILE"]) - 4)
    return time * {"plain": 2.0, "cached": 1.5, "shared": 1.0}[str(configuration["LOAD"])]


def test_expected_improvement() -> None:
    mean, deviation = np.array([0.0, 1.0, -1.0, 5.0]), np.array([1.0, 2.0, 1e-3, 1.0])
    rng = np.random.default_rng(0)
    drawn = mean + deviation * rng.normal(size=(400_000, 4))
    expected = np.maximum(0.5 - drawn, 0).mean(axis=0)
    assert expected_improvement(mean, deviation, 0.5) == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_in_tens_of_tests_what_chance_finds_in_thousands(seed: int) -> None:
    asked = search(Model(make_block_space(), goal="min", seed=seed), kernel_time, 60)
    assert min(map(kernel_time, asked)) < 1.01


def test_the_greatest_can_be_wanted() -> None:
    strategy = Model(make_block_space(), goal="max")
    asked = search(strategy, lambda configuration: 1 / kernel_time(configuration), 60)
    assert min(map(kernel_time, asked)) < 1.01


def test_it_learns_where_tests_fail() -> None:
    def fragile(configuration: Configuration) -> float | None:
        return None if configuration["LOAD"] == "plain" else kernel_time(configuration)

    asked = search(Model(make_block_space(), goal="min", seed=1), fragile, 60)
    assert sum(fragile(configuration) is None for configuration in asked[20:]) <= 6


def test_tests_under_way_are_not_crowded() -> None:
    strategy = Model(make_grid(A=50, B=50), goal="min", seed=2, lanes=8)
    search(strategy, lambda c: 1.0 + abs(int(c["A"]) - 20) + abs(int(c["B"]) - 30), 12)
    asked = strategy.ask(8)
    assert len(set(asked)) == 8
    assert len({configuration["A"] for configuration in asked}) >= 3


def test_lanes_get_as_far_as_one() -> None:
    strategy = Model(make_block_space(), goal="min", seed=0, lanes=8)
    waiting, asked = strategy.ask(8), list[Configuration]()
    while len(asked) < 80:
        asked.append(waiting.pop(len(asked) % len(waiting)))
        strategy.tell(score(asked[-1], kernel_time(asked[-1])))
        waiting += strategy.ask(1)
    assert min(map(kernel_time, asked)) < 1.01


def test_it_goes_on_with_more_outcomes_than_it_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_KNOWN", 24)
    monkeypatch.setattr(model, "MOST_FITTED", 16)
    asked = search(Model(make_block_space(), goal="min", seed=3), kernel_time, 90)
    assert len(set(asked)) == 90
    assert min(map(kernel_time, asked)) < 1.05


def test_a_space_too_large_to_list_is_searched_around_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model, "LISTED", 100)
    monkeypatch.setattr(model, "SAMPLED", 100)
    monkeypatch.setattr(model, "KEPT", 80)
    asked = search(Model(make_block_space(), goal="min", seed=4), kernel_time, 70)
    assert min(map(kernel_time, asked)) < 1.05


def test_a_variable_tree_saves_tests() -> None:
    """What does not interact is learned apart."""
    parameters = [Parameter(name, tuple(range(5))) for name in "ABCDEFG"]
    flat = make_space(parameters)
    nested = make_space(parameters, tree=parse_tree("{A, {B, C}, {D, E}, {F, G}}"))
    excess = {flat: 0.0, nested: 0.0}
    for seed in range(4):
        parts = np.random.default_rng(seed).normal(size=(3, 5, 5, 5))

        def rugged(configuration: Configuration, parts: Array = parts) -> float:
            a, b, c, d, e, f, g = (int(value) for value in configuration.values())
            return float(np.exp(0.3 * (parts[0, a, b, c] + parts[1, a, d, e] + parts[2, a, f, g])))

        least = min(np.exp(0.3 * sum(part[a].min() for part in parts)) for a in range(5))
        for space in excess:
            asked = search(Model(space, goal="min", seed=seed), rugged, 60)
            excess[space] += float(min(map(rugged, asked)) / least - 1)
    assert excess[nested] < 0.8 * excess[flat]
