from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest

from harness.comparison import (
    Comparison,
    are_told_apart,
    compare_samples,
    count_left_out,
    least_count,
)


def draw(source: random.Random, count: int, median: float, noise: float = 0.01) -> list[float]:
    return [median * math.exp(source.gauss(0, noise)) for _ in range(count)]


@pytest.mark.parametrize(
    ("n", "m", "left_out"),
    # the critical values of Mann and Whitney's U at 5 %, two-sided, as printed in textbooks
    [(4, 4, 0), (5, 5, 2), (8, 8, 13), (10, 10, 23), (7, 12, 18), (20, 20, 127)],
)
def test_critical_values_are_those_of_the_tables(n: int, m: int, left_out: int) -> None:
    assert count_left_out(n, m, 0.95) == left_out
    assert count_left_out(m, n, 0.95) == left_out


def test_the_normal_approximation_continues_the_exact_counts() -> None:
    exact, normal = count_left_out(20, 20, 0.95), count_left_out(20, 21, 0.95)
    assert exact is not None
    assert normal is not None
    assert 0 < normal - exact < 10


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (2, 4), (1, 20)])
def test_few_samples_have_no_interval(n: int, m: int) -> None:
    found = compare_samples([1.0] * n, [2.0] * m, goal="min")
    assert (found.low, found.high) == (0.0, math.inf)
    assert found.ratio == 2.0
    assert found.judge(0.01) == "UNCLEAR"


@pytest.mark.parametrize(("configurations", "count"), [(1, 4), (8, 6), (100, 8), (1000, 9)])
def test_so_many_samples_are_needed(configurations: int, count: int) -> None:
    confidence = 1 - 0.05 / configurations
    assert least_count(confidence) == count
    assert count_left_out(count - 1, count - 1, confidence) is None


def test_the_ratio_is_that_of_the_samples_and_no_outlier_moves_it() -> None:
    first = [1.0, 1.01, 0.99, 1.0, 1.02]
    second = [1.1, 1.12, 1.09, 1.1, 50.0]
    found = compare_samples(first, second, goal="min")
    assert found.ratio == pytest.approx(1.1, rel=0.02)
    assert found.low <= found.ratio <= found.high
    assert found.counts == (5, 5)


def test_sides_and_goals_are_mirror_images() -> None:
    first, second = [1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.1, 2.2, 2.3]
    forth = compare_samples(first, second, goal="min")
    back = compare_samples(second, first, goal="min")
    assert back.ratio == pytest.approx(1 / forth.ratio)
    assert back.low == pytest.approx(1 / forth.high)
    more = compare_samples(first, second, goal="max")  # twice as much is better
    assert more.ratio == pytest.approx(1 / forth.ratio)
    assert more.counts == (5, 4)


@pytest.mark.parametrize(
    ("ratio", "low", "high", "verdict"),
    [
        (1.0, 0.995, 1.005, "SAME"),
        (1.05, 1.03, 1.07, "SLOWER"),
        (0.95, 0.93, 0.97, "FASTER"),
        (1.05, 0.99, 1.1, "UNCLEAR"),
        (1.008, 1.004, 1.012, "UNCLEAR"),  # certainly slower, but perhaps by nothing that matters
        (1.005, 1.002, 1.008, "SAME"),
    ],
)
def test_verdicts(ratio: float, low: float, high: float, verdict: str) -> None:
    assert Comparison(ratio, low, high, (9, 9)).judge(0.01) == verdict


@pytest.mark.parametrize("samples", [[], [0.0], [-1.0]])
def test_a_ratio_needs_positive_samples(samples: list[float]) -> None:
    with pytest.raises(ValueError, match="> 0"):
        compare_samples([1.0], samples, goal="min")


@pytest.mark.parametrize(("n", "m"), [(5, 5), (8, 4), (20, 20)])
def test_identical_sides_are_told_apart_in_at_most_5_percent(n: int, m: int) -> None:
    source = random.Random(n)
    trials = 1000
    missed = 0
    verdicts: Counter[str] = Counter()
    for _ in range(trials):
        found = compare_samples(draw(source, n, 1.0), draw(source, m, 1.0), goal="min")
        missed += not found.low <= 1 <= found.high
        verdicts[found.judge(0.01)] += 1
    # 5 % and three standard errors of that
    assert missed <= trials * (0.05 + 3 * math.sqrt(0.05 * 0.95 / trials))
    assert verdicts["SLOWER"] + verdicts["FASTER"] <= 0.05 * trials


def test_two_percent_at_one_percent_noise_are_found_with_20_samples() -> None:
    source = random.Random(2)
    verdicts = Counter(
        compare_samples(draw(source, 20, 1.0), draw(source, 20, 1.02), goal="min").judge(0.01)
        for _ in range(300)
    )
    assert verdicts["SLOWER"] >= 0.95 * 300
    assert verdicts["FASTER"] == 0


def test_counts_of_rank_sums_are_those_of_all_orders() -> None:
    # the smallest U with P(U <= u) > 2.5 % by listing every order of 4 and 5 samples
    ranks = range(9)
    sums = Counter(
        sum(1 for a in mine for b in ranks if b not in mine and b < a)
        for mine in itertools.combinations(ranks, 4)
    )
    below, value = sums[0], 0
    while below <= 0.025 * math.comb(9, 4):
        value += 1
        below += sums[value]
    assert count_left_out(4, 5, 0.95) == value - 1


@pytest.mark.parametrize(("n", "m"), [(3, 3), (4, 4), (5, 8), (20, 20), (25, 30)])
def test_telling_apart_is_an_interval_that_leaves_out_1(n: int, m: int) -> None:
    """Of rounded samples, so that many are equal; and negated, where there are no ratios."""
    source = random.Random(n)
    told = 0
    for shift in (0.98, 1.0, 1.01, 1.03) * 20:
        first = [round(sample, 2) for sample in draw(source, n, 1.0)]
        second = [round(sample, 2) for sample in draw(source, m, shift)]
        found = compare_samples(first, second, goal="min")
        apart = not found.low <= 1 <= found.high
        told += apart
        assert are_told_apart(first, second) == apart
        assert are_told_apart([-a for a in first], [-b for b in second]) == apart
    assert (told > 0) == (n > 3)
