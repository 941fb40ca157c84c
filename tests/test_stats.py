from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats import (
    aggregate,
    better_of,
    is_better,
    median_absolute_deviation,
    median_interval,
    relative_noise,
)

SAMPLES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("how", "score"), [("min", 1.0), ("max", 9.0), ("med", 2.5), ("avg", 3.75)]
)
def test_aggregates(how: str, score: float) -> None:
    assert aggregate([9.0, 1.0, 2.0, 3.0], how) == score  # type: ignore[arg-type]  # parametrized


@settings(deadline=None)
@given(SAMPLES, st.sampled_from(["min", "max", "med", "avg"]))
def test_aggregates_lie_within_the_samples(samples: list[float], how: str) -> None:
    score = aggregate(samples, how)  # type: ignore[arg-type]  # drawn from the allowed ones
    assert min(samples) <= score * (1 + 1e-12)
    assert score <= max(samples) * (1 + 1e-12)


def test_median_absolute_deviation() -> None:
    assert median_absolute_deviation([1, 1, 2, 2, 4, 6, 9]) == 1
    assert median_absolute_deviation([5.0]) == 0


def test_noise_of_normal_samples_is_their_coefficient_of_variation() -> None:
    normal = random.Random(1)
    samples = [normal.gauss(100, 2) for _ in range(20_000)]
    assert relative_noise(samples) == pytest.approx(0.02, rel=0.05)


def test_noise_ignores_an_outlier() -> None:
    samples = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0]
    assert relative_noise([*samples, 50.0]) < 2 * relative_noise(samples)


def test_noise_around_zero() -> None:
    assert relative_noise([-1.0, 0.0, 1.0]) == math.inf
    assert relative_noise([0.0, 0.0, 0.0]) == 0
    assert relative_noise([-1.0, -1.1, -0.9]) == pytest.approx(0.14826)


@settings(deadline=None)
@given(SAMPLES.filter(lambda samples: len(samples) >= 3), st.floats(0.01, 100))
def test_noise_does_not_depend_on_the_unit(samples: list[float], factor: float) -> None:
    scaled = [sample * factor for sample in samples]
    assert relative_noise(scaled) == pytest.approx(relative_noise(samples), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("count", "low", "high", "coverage"),
    [(5, 1, 5, 0.9375), (6, 1, 6, 0.96875), (10, 2, 9, 0.978515625), (20, 6, 15, 0.9586)],
)
def test_interval_of_the_median_is_that_of_the_published_tables(
    count: int, low: int, high: int, coverage: float
) -> None:
    interval = median_interval([float(rank) for rank in range(1, count + 1)])
    assert (interval.low, interval.high) == (low, high)
    assert interval.confidence == pytest.approx(coverage, abs=1e-4)


def test_interval_covers_as_often_as_it_says() -> None:
    draw = random.Random(2)
    inside = 0
    for _ in range(2000):
        interval = median_interval([draw.expovariate(1) for _ in range(15)])
        inside += interval.low <= math.log(2) <= interval.high
    assert 0.95 <= inside / 2000 <= 0.985  # 0.9648 in theory


def test_interval_of_one_sample_promises_nothing() -> None:
    interval = median_interval([3.0])
    assert (interval.low, interval.high, interval.confidence) == (3.0, 3.0, 0.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: aggregate([], "min"),
        lambda: median_absolute_deviation([]),
        lambda: relative_noise([1.0, 2.0]),
        lambda: median_interval([]),
        lambda: median_interval([1.0], 1.0),
    ],
)
def test_too_little_to_go_by(call: object) -> None:
    with pytest.raises(ValueError, match=r"needs at least|not between"):
        call()  # type: ignore[operator]  # a lambda


def test_better() -> None:
    assert is_better(1, 2, "min")
    assert not is_better(1, 1, "min")
    assert is_better(2, 1, "max")
    assert not is_better(math.nan, 1, "min")
    assert not is_better(math.nan, 1, "max")
    assert better_of(1, 2, "min") == 1
    assert better_of(1, 2, "max") == 2
