"""A prior helps if it is right, and does no lasting harm if it is wrong."""

from __future__ import annotations

import pytest

from harness.configuration import Configuration
from harness.search.metric import Metric
from harness.search.model import WARM_TESTS, Model
from harness.search.warm import FEWEST, make_expectation
from tests.search.helpers import score, search
from tests.search.test_model import kernel_time, make_block_space

SPACE = make_block_space()
EVERY = list(SPACE)[::29]


def best_of(asked: list[Configuration]) -> float:
    return min(map(kernel_time, asked))


def test_what_was_best_elsewhere_comes_first() -> None:
    prior = [score(configuration, 3 * kernel_time(configuration)) for configuration in EVERY]
    strategy = Model(SPACE, goal="min", prior=prior)
    assert strategy.ask(1) == [min(EVERY, key=kernel_time)]


@pytest.mark.parametrize("seed", range(3))
def test_a_true_prior_saves_tests(seed: int) -> None:
    prior = [score(configuration, 3 * kernel_time(configuration)) for configuration in EVERY]
    warm = search(Model(SPACE, goal="min", seed=seed, prior=prior), kernel_time, 12)
    cold = search(Model(SPACE, goal="min", seed=seed), kernel_time, 12)
    assert best_of(warm) < min(1.1, best_of(cold) + 0.01)


@pytest.mark.parametrize("seed", range(3))
def test_a_false_prior_is_found_out(seed: int) -> None:
    prior = [score(configuration, 1 / kernel_time(configuration)) for configuration in EVERY]
    warm = search(Model(SPACE, goal="min", seed=seed, prior=prior), kernel_time, 60)
    assert best_of(warm) < 1.05


def test_too_little_is_no_prior() -> None:
    metric = Metric(SPACE.parameters)
    few = [score(configuration, 1.0) for configuration in EVERY[: FEWEST - 1]]
    failed = [score(configuration, None) for configuration in EVERY[10:40]]
    elsewhere = [score(Configuration(("X",), (place,)), 1.0) for place in range(20)]
    assert make_expectation(metric, SPACE, [*few, *failed, *elsewhere], "min") is None
    enough = [*few, score(EVERY[-1], 2.0)]
    assert make_expectation(metric, SPACE, enough, "min") is not None


@pytest.mark.parametrize("seed", range(2))
def test_a_prior_costs_no_more_than_the_tests_that_follow_it(seed: int) -> None:
    """After them the search is the one that would have been made without it."""
    prior = [score(configuration, 1 / kernel_time(configuration)) for configuration in EVERY]
    warm = search(Model(SPACE, goal="min", seed=seed, prior=prior), kernel_time, WARM_TESTS + 25)
    cold = search(Model(SPACE, goal="min", seed=seed), kernel_time, 25)
    assert set(cold) <= set(warm)
    assert not set(warm[:WARM_TESTS]) <= set(cold)


def test_on_many_lanes_nothing_is_tested_twice() -> None:
    prior = [score(configuration, kernel_time(configuration)) for configuration in EVERY]
    strategy = Model(SPACE, goal="min", prior=prior, lanes=4)
    asked = strategy.ask(4)
    for place in range(40):
        strategy.tell(score(asked[place], kernel_time(asked[place])))
        asked += strategy.ask(1)
    assert len(set(asked)) == len(asked) == 44


def test_it_resumes_by_replay() -> None:
    prior = [score(configuration, 3 * kernel_time(configuration)) for configuration in EVERY]
    asked = search(Model(SPACE, goal="min", prior=prior), kernel_time, 30)
    for made in (0, 1, 4, 11, 12, 13, 29):
        resumed = Model(SPACE, goal="min", prior=prior)
        for configuration in asked[:made]:
            resumed.tell(score(configuration, kernel_time(configuration)))
        assert resumed.ask(1) == asked[made : made + 1]
