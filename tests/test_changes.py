"""Changes of level, on series with a known truth; bench_changes.py has more of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.changes import LEAST, find_changes, least_length

NOISE = 0.01
STEP = math.log(1.05)


def draw(source: np.random.Generator, *levels: tuple[int, float]) -> list[float]:
    """So many values around each level."""
    means = np.concatenate([np.full(count, level) for count, level in levels])
    found: list[float] = (means + source.normal(0, NOISE, len(means))).tolist()
    return found


def places(values: list[float], risk: float = 0.05) -> list[int]:
    return [change.place for change in find_changes(values, risk=risk)]


@pytest.mark.parametrize("count", [12, 30])
def test_series_without_a_change_seldom_have_one(count: int) -> None:
    source = np.random.default_rng(count)
    trials = 100
    wrong = sum(bool(places(draw(source, (count, 0.0)))) for _ in range(trials))
    # at most 5 %, which in 100 trials are more than 11 once in 250 times
    assert wrong <= 0.11 * trials


def test_heavy_tails_are_no_changes() -> None:
    source = np.random.default_rng(1)
    trials = 60
    wrong = sum(bool(places(source.standard_cauchy(25).tolist())) for _ in range(trials))
    assert wrong <= 0.13 * trials


@pytest.mark.parametrize(("before", "after"), [(10, 10), (20, 5), (7, 3)])
def test_a_step_of_five_times_the_noise_is_found_where_it_is(before: int, after: int) -> None:
    source = np.random.default_rng(before)
    trials = 25
    found = [places(draw(source, (before, 0.0), (after, STEP))) for _ in range(trials)]
    near = sum(any(abs(place - before) <= 1 for place in each) for each in found)
    assert near >= 0.9 * trials
    assert sum(each == [before] for each in found) >= 0.75 * trials


def test_a_step_up_and_back_is_two_changes() -> None:
    source = np.random.default_rng(3)
    trials = 10
    series = [draw(source, (10, 0.0), (10, STEP), (10, 0.0)) for _ in range(trials)]
    assert sum(places(each) == [10, 20] for each in series) >= 0.75 * trials


def test_several_steps_are_all_found() -> None:
    values = draw(np.random.default_rng(4), (15, 0.0), (15, 0.1), (15, 0.05), (15, 0.2))
    assert places(values) == [15, 30, 45]


def test_one_bad_day_is_no_change_and_hides_none() -> None:
    source = np.random.default_rng(5)
    values = draw(source, (20, 0.0))
    values[11] += 0.4
    assert places(values) == []
    values += draw(source, (8, 2 * STEP))
    assert places(values) == [20]


def test_a_smaller_risk_needs_a_clearer_change() -> None:
    values = draw(np.random.default_rng(6), (6, 0.0), (5, STEP))
    (change,) = find_changes(values)
    assert change.place == 6
    assert change.p < 0.025
    assert places(values, risk=2 * change.p * 0.9) == []


def test_the_same_values_give_the_same_answer() -> None:
    values = draw(np.random.default_rng(7), (12, 0.0), (12, STEP))
    assert find_changes(values) == find_changes(values)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0], [5.0] * 40])
def test_what_has_no_change_to_find(values: list[float]) -> None:
    assert find_changes(values) == []


def test_series_that_are_mostly_equal_are_split_where_they_differ() -> None:
    assert places([1.0] * 12 + [2.0] * 6) == [12]


@pytest.mark.parametrize("risk", [0.05, 0.01])
def test_so_many_values_are_needed_and_suffice(risk: float) -> None:
    need = least_length(risk)
    half = (need + 1) // 2

    def step(count: int) -> list[float]:
        return [0.001 * n + (1.0 if n >= count // 2 else 0.0) for n in range(count)]

    assert places(step(need - 1), risk) == []
    assert places(step(need + 1), risk) == [half]  # at `need` itself it is a matter of luck
    assert need >= 2 * LEAST
