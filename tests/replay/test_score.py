"""Scores with known answers."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest

from harness.replay.score import (
    best_after,
    best_at,
    geometric_mean,
    random_best,
    random_rank,
    ratio_to_optimum,
    relative_gain,
    time_to_reach,
)


@pytest.mark.parametrize(("size", "tests"), [(1, 1), (5, 1), (6, 2), (7, 3), (8, 7), (9, 4)])
def test_median_rank_is_that_of_all_draws(size: int, tests: int) -> None:
    bests = [min(draw) for draw in itertools.combinations(range(1, size + 1), tests)]
    assert random_rank(size, tests) == statistics.median_low(bests)


def test_median_rank_of_large_spaces() -> None:
    # Nearly with replacement: the least k with (1 - k/N)^b <= 1/2.
    assert random_rank(1_000_000, 100) == pytest.approx(1e6 * (1 - 0.5**0.01), rel=1e-3)
    assert random_rank(10, 99) == 1


def test_random_best_counts_failures_as_tests() -> None:
    losses = np.array([3.0, 1.0, 2.0, np.inf, np.inf, np.inf])
    bests = [min(draw) for draw in itertools.combinations(losses.tolist(), 2)]
    assert random_best(losses, 2) == statistics.median_low(bests) == 2.0
    assert random_best(np.array([5.0, 7.0] + [np.inf] * 98), 1) == 7.0


@pytest.mark.parametrize(
    ("found", "gain"),
    [(1.0, 1.0), (3.0, 0.0), (2.0, 0.5), (4.0, -0.5), (99.0, -1.0), (math.inf, -1.0)],
)
def test_gain_is_one_at_the_optimum_and_zero_at_random(found: float, gain: float) -> None:
    assert relative_gain(found, random=3.0, optimum=1.0) == gain


def test_gain_where_random_search_finds_the_optimum() -> None:
    assert relative_gain(1.0, 1.0, 1.0) == 1.0
    assert relative_gain(1.5, 1.0, 1.0) == -1.0


def test_best_so_far_by_tests_and_by_time() -> None:
    losses = [np.array([5.0, np.inf, 3.0, 1.0]), np.array([np.inf, 4.0])]
    ended_s = [np.array([1.0, 2.0, 3.0, 4.0]), np.array([5.0, 6.0])]
    assert best_after(losses, 3).tolist() == [3.0, 4.0]
    assert best_after(losses, 1).tolist() == [5.0, math.inf]
    assert best_at(losses, ended_s, 3.0).tolist() == [3.0, math.inf]
    assert best_at(losses, ended_s, 0.5).tolist() == [math.inf, math.inf]


def test_ratio_to_the_optimum_for_either_goal() -> None:
    assert ratio_to_optimum(1.5, 1.0) == 1.5
    assert ratio_to_optimum(-50.0, -100.0) == 2.0
    assert math.isinf(ratio_to_optimum(math.inf, 1.0))
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)


def test_time_to_reach_a_level() -> None:
    times_s = np.array([1.0, 2.0, 3.0])
    assert time_to_reach(np.array([9.0, 5.0, 4.0]), times_s, 5.0) == 2.0
    assert math.isinf(time_to_reach(np.array([9.0, 8.0, 7.0]), times_s, 5.0))
