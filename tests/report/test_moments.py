from __future__ import annotations

import math
import random
import statistics

import pytest

from harness.comparison import Moments
from harness.report.moments import compare_moments, find_moments


def draw(source: random.Random, median: float, noise: float, count: int) -> Moments:
    return find_moments([median * source.lognormvariate(0, noise) for _ in range(count)])


@pytest.mark.parametrize(("count", "noise"), [(5, 0.01), (5, 0.05), (50, 0.05)])
def test_intervals_cover_the_true_ratio(count: int, noise: float) -> None:
    source = random.Random(count)
    trials, covered = 600, 0
    for _ in range(trials):
        found = compare_moments(
            draw(source, 1.0, noise, count), draw(source, 1.1, 2 * noise, 2 * count), goal="min"
        )
        # of means, so of log-normal samples the ratio is not quite that of the medians
        truth = 1.1 * math.exp(((2 * noise) ** 2 - noise**2) / 2)
        covered += found.low <= truth <= found.high
    assert 0.925 <= covered / trials <= 0.975


def test_the_interval_is_that_of_welch() -> None:
    one, two = [9.9, 10.0, 10.1, 10.2], [10.9, 11.0, 11.3, 11.2, 11.1]
    found = compare_moments(find_moments(one), find_moments(two), goal="min")
    errors = [statistics.variance(s) / len(s) / statistics.fmean(s) ** 2 for s in (one, two)]
    degrees = sum(errors) ** 2 / sum(
        e**2 / (len(s) - 1) for e, s in zip(errors, (one, two), strict=True)
    )
    assert math.floor(degrees) == 6
    half = 2.4469 * math.sqrt(sum(errors))  # the 97.5 % quantile of t with 6 degrees
    assert math.log(found.high / found.ratio) == pytest.approx(half, rel=1e-4)
    assert math.log(found.ratio / found.low) == pytest.approx(half, rel=1e-4)
    assert found.ratio == pytest.approx(11.1 / 10.05)


def test_of_figures_of_merit_less_is_worse() -> None:
    found = compare_moments(Moments(200, 0.01, 50), Moments(100, 0.01, 40), goal="max")
    assert found.ratio == pytest.approx(2)
    assert found.counts == (50, 40)
    assert found.judge(0.01) == "SLOWER"


@pytest.mark.parametrize("unknown", [Moments(1.0, None, 500), Moments(1.0, 0.1, 1)])
def test_without_a_deviation_nothing_is_proven(unknown: Moments) -> None:
    found = compare_moments(Moments(2.0, 0.01, 50), unknown, goal="min")
    assert (found.ratio, found.has_interval) == (0.5, False)
    assert found.judge(0.01) == "UNCLEAR"


def test_samples_without_any_noise_differ_as_they_do() -> None:
    found = compare_moments(Moments(1.0, 0.0, 50), Moments(1.1, 0.0, 50), goal="min")
    assert (found.low, found.high) == (found.ratio, found.ratio)
