"""The last round: the best tests meet again, on one lane, in turns; who wins, and who is tied.

A search picks its winner as the luckiest of many, and its tests were measured at different times on
different lanes. So the best are sampled anew, in rounds in which each takes its turn, so that drift
hits all alike, and compared in pairs by round. Pure.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.configuration import Goal

T = TypeVar("T", bound=Hashable)

LEAST = 5
MOST = 12
NEAR = 0.03
"""Finalists are the best `LEAST`, and up to `MOST` within this fraction of the best."""
ROUNDS = 5
PER_ROUND = 5
FRESH_SAMPLES = ROUNDS * PER_ROUND
TIE = 0.01
"""Times that differ by less than this are tied, whatever the statistics say."""
_RESAMPLES = 2000
_EXACT = 20


def choose_finalists(scores: Mapping[T, float], goal: Goal = "min") -> list[T]:
    """Who meets again, the best first: the best `LEAST` and all within `NEAR`, at most `MOST`.

    Args:
        scores: of the tests that succeeded.
    """
    sign = 1 if goal == "min" else -1
    ranked = sorted(scores, key=lambda test: sign * scores[test])
    if not ranked:
        return []
    best = scores[ranked[0]]
    near = [test for test in ranked if abs(scores[test] - best) <= NEAR * abs(best)]
    return ranked[: max(LEAST, min(MOST, len(near)))]


@dataclass(frozen=True, slots=True)
class Standing(Generic[T]):
    """A finalist beside the winner.

    Attributes:
        ratio: its time over the winner's: the median of the paired ratios; 1 for the winner.
        low, high: the 95 % bootstrap interval of that.
        p: of Wilcoxon's signed-rank test that the two do not differ.
        tied: whether it may be as good: the interval reaches below 1 + `TIE`.
    """

    test: T
    median_s: float
    ratio: float
    low: float
    high: float
    p: float
    tied: bool


@dataclass(frozen=True, slots=True)
class Finals(Generic[T]):
    """What the last round says.

    Attributes:
        winner: of the least median time.
        standings: all finalists, the best first.
    """

    winner: T
    standings: tuple[Standing[T], ...]

    @property
    def tied(self) -> tuple[T, ...]:
        """The winner and those who may be as good."""
        return tuple(standing.test for standing in self.standings if standing.tied)


def compare_finalists(samples_s: Mapping[T, Sequence[float]], *, seed: int) -> Finals[T]:
    """Compare finalists by samples taken in turns.

    Args:
        samples_s: of each finalist; the k-th samples of all were taken in the same round.
        seed: of the bootstrap.
    """
    medians = {test: statistics.median(samples) for test, samples in samples_s.items()}
    ranked = sorted(medians, key=lambda test: medians[test])
    winner = ranked[0]
    standings = [
        _compare(test, samples_s[test], samples_s[winner], seed)
        if test != winner
        else Standing(test, medians[test], 1.0, 1.0, 1.0, 1.0, tied=True)
        for test in ranked
    ]
    return Finals(winner, tuple(standings))


def _compare(
    test: T, mine_s: Sequence[float], winners_s: Sequence[float], seed: int
) -> Standing[T]:
    logs = [math.log(mine / other) for mine, other in zip(mine_s, winners_s, strict=True)]
    low, high = bootstrap_median(logs, seed=seed)
    return Standing(
        test,
        statistics.median(mine_s),
        math.exp(statistics.median(logs)),
        math.exp(low),
        math.exp(high),
        wilcoxon(logs),
        tied=low <= math.log1p(TIE),
    )


def bootstrap_median(
    values: Sequence[float], *, seed: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the median, from `_RESAMPLES` resamples.

    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.
    """
    source = random.Random(seed)  # noqa: S311 - nothing is kept secret by it
    count = len(values)
    medians = sorted(statistics.median(source.choices(values, k=count)) for _ in range(_RESAMPLES))
    tail = (1 - confidence) / 2
    return medians[int(tail * _RESAMPLES)], medians[math.ceil((1 - tail) * _RESAMPLES) - 1]


def wilcoxon(differences: Sequence[float]) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test that differences scatter around 0.

    Exact up to 20 differences without ties, else by the normal approximation with a correction for
    ties. Zeros are left out; without any difference the answer is 1.

    Source: Wilcoxon (1945), Individual Comparisons by Ranking Methods; Conover (1999), section 5.7.
    """
    kept = [difference for difference in differences if difference != 0]
    count = len(kept)
    if count == 0:
        return 1.0
    ranks = _rank([abs(difference) for difference in kept])
    above = sum(rank for rank, difference in zip(ranks, kept, strict=True) if difference > 0)
    total = count * (count + 1) / 2
    least = min(above, total - above)
    if count <= _EXACT and len(set(ranks)) == count:
        return min(1.0, 2.0 * _count_sums(count, int(least)) / float(2**count))
    sizes = [ranks.count(rank) for rank in set(ranks)]
    variance = count * (count + 1) * (2 * count + 1) / 24
    variance -= sum(size**3 - size for size in sizes) / 48
    if variance <= 0:
        return 1.0
    deviation = (least - total / 2 + 0.5) / math.sqrt(variance)
    return min(1.0, 2 * statistics.NormalDist().cdf(deviation))


def _rank(values: Sequence[float]) -> list[float]:
    """The ranks of values from 1; equal ones share the mean of theirs."""
    order = sorted(range(len(values)), key=lambda n: values[n])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in range(start, end + 1):
            ranks[order[place]] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def _count_sums(count: int, most: int) -> int:
    """How many subsets of 1 … count have a sum of at most `most`."""
    ways = [1] + [0] * most
    for number in range(1, count + 1):
        for total in range(most, number - 1, -1):
            ways[total] += ways[total - number]
    return sum(ways)
