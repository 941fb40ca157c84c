from __future__ import annotations

import random

import pytest

from harness.timing.finalists import (
    LEAST,
    MOST,
    bootstrap_median,
    choose_finalists,
    compare_finalists,
    wilcoxon,
)


def test_the_best_five_meet_and_those_near_the_best() -> None:
    far = {n: 1.0 + n for n in range(9)}
    assert choose_finalists(far) == [0, 1, 2, 3, 4]
    near = {n: 1.0 + 0.001 * n for n in range(30)}
    assert choose_finalists(near) == list(range(MOST))
    seven = {n: 1.0 if n < 7 else 2.0 for n in range(20)}
    assert len(choose_finalists(seven)) == 7
    assert choose_finalists({}) == []
    assert len(choose_finalists(far)) == LEAST


def test_with_a_rate_the_greatest_are_the_best() -> None:
    assert choose_finalists({"a": 1.0, "b": 9.0, "c": 8.9}, "max")[0] == "b"


def draw(seed: int, mean: float, noise: float = 0.005, count: int = 25) -> list[float]:
    source = random.Random(seed)
    return [mean * source.lognormvariate(0, noise) for _ in range(count)]


def test_the_fastest_wins_and_equals_are_tied() -> None:
    finals = compare_finalists(
        {"slow": draw(1, 1.05), "a": draw(2, 1.0), "b": draw(3, 1.001)}, seed=1
    )
    assert finals.winner in ("a", "b")
    assert set(finals.tied) == {"a", "b"}
    slow = finals.standings[-1]
    assert slow.test == "slow"
    assert slow.low < 1.05 < slow.high
    assert slow.p < 0.001


def test_common_drift_is_no_difference() -> None:
    drift = [1 + 0.01 * k for k in range(25)]
    finals = compare_finalists({"a": drift, "b": [1.02 * d for d in drift]}, seed=1)
    assert finals.standings[1].ratio == pytest.approx(1.02)
    assert finals.tied == ("a",)


def test_the_bootstrap_interval_covers_the_median() -> None:
    covered = 0
    for seed in range(100):
        low, high = bootstrap_median(draw(seed, 1.0, 0.05), seed=seed)
        covered += low <= 1.0 <= high
    assert covered >= 88


def test_wilcoxon_as_in_the_tables() -> None:
    # n = 10: the two-sided critical value at 5 % is 8, at 1 % it is 3
    def with_negative(*ranks: int) -> list[float]:
        return [float(-n if n in ranks else n) for n in range(1, 11)]

    assert wilcoxon(with_negative(8)) == pytest.approx(0.0488, abs=1e-4)
    assert wilcoxon(with_negative(9)) > 0.05
    assert wilcoxon(with_negative(3)) < 0.01
    assert wilcoxon(with_negative(1, 3)) > 0.01


def test_wilcoxon_without_differences_finds_none() -> None:
    assert wilcoxon([0.0, 0.0]) == 1.0
    assert wilcoxon([1.0, -1.0, 1.0, -1.0]) == pytest.approx(1.0, abs=0.15)


def test_wilcoxon_approximates_where_it_does_not_count() -> None:
    assert wilcoxon([1.0 + n / 100 for n in range(40)]) < 1e-6
    assert wilcoxon([(-1) ** n * (1.0 + n / 100) for n in range(40)]) > 0.5
