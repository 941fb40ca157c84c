"""Whether one set of samples is faster than another: a ratio, its interval, a verdict. Pure.

All reason about ln t, in which noise is additive, and about medians of pairs, which outliers do not
move. The samples of a side are taken to be independent: whatever shifts all of them at once (a
hotter room, another driver) looks like a difference.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from harness.configuration import Goal

Verdict = Literal["SAME", "FASTER", "SLOWER", "UNCLEAR"]

_EXACT_PAIRS = 400
"""Up to so many pairs the distribution of the rank sum is counted, beyond it is taken as normal."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the second of two sets of samples does beside the first.

    Attributes:
        ratio: of the second's time to the first's, above 1 if it is slower; for scores of which the
            greatest is best it is turned over, so that above 1 is always worse.
        low, high: the confidence interval of the ratio; 0 and inf where there are too few samples
            to have one.
        counts: how many samples each has.
    """

    ratio: float
    low: float
    high: float
    counts: tuple[int, int]

    @property
    def has_interval(self) -> bool:
        """Whether there were samples enough for an interval."""
        return math.isfinite(self.high)

    def judge(self, threshold: float) -> Verdict:
        """What the interval proves.

        `SAME`: the whole of it is nearer to 1 than `threshold`. `SLOWER` and `FASTER`: all of it is
        on one side of 1, and the ratio is beyond the threshold. Whatever is neither is `UNCLEAR`.

        Args:
            threshold: the least difference that matters, as a fraction (0.01 is 1 %).
        """
        limit = 1 + threshold
        if self.low > 1 / limit and self.high < limit:
            return "SAME"
        if self.low > 1 and self.ratio >= limit:
            return "SLOWER"
        if self.high < 1 and self.ratio <= 1 / limit:
            return "FASTER"
        return "UNCLEAR"


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known of samples that nobody kept one by one.

    Attributes:
        mean: > 0.
        deviation: their standard deviation as a fraction of the mean; None if unknown.
        count: how many they were.
    """

    mean: float
    deviation: float | None
    count: int


def compare_samples(
    first: Sequence[float], second: Sequence[float], *, goal: Goal, confidence: float = 0.95
) -> Comparison:
    """The ratio of two sets of samples, and a confidence interval that assumes no distribution.

    The ratio is the Hodges-Lehmann estimate: e to the median of ln(b / a) over all pairs of a
    sample a of the first and b of the second. Its interval leaves out as many of the least and the
    greatest pairs as the rank sum of Wilcoxon (Mann and Whitney) allows at `confidence`.

    Args:
        first, second: shape (n,) and (m,), n, m >= 1, of one unit, all > 0.
        goal: whether the least or the greatest is the best.
        confidence: wanted coverage, in (0, 1).

    Raises:
        ValueError: no samples, or one that is not > 0.

    Source: Hodges & Lehmann (1963), Estimates of Location Based on Rank Tests; Lehmann (1975),
    Nonparametrics, section 2.6.
    """
    if not first or not second or min(*first, *second) <= 0:
        raise ValueError("samples: a ratio needs at least 1 on each side, all of them > 0")
    if goal == "max":
        first, second = second, first
    logs = sorted(math.log(b) - math.log(a) for a in first for b in second)
    counts = (len(first), len(second)) if goal == "min" else (len(second), len(first))
    ratio = math.exp(statistics.median(logs))
    left_out = count_left_out(len(first), len(second), confidence)
    if left_out is None:
        return Comparison(ratio, 0.0, math.inf, counts)
    return Comparison(
        ratio, math.exp(logs[left_out]), math.exp(logs[len(logs) - 1 - left_out]), counts
    )


def are_told_apart(
    first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95
) -> bool:
    """Whether the rank sum of Wilcoxon (Mann and Whitney) tells two sets of samples apart.

    That is where the interval of `compare_samples` leaves out 1; of samples that have no ratio,
    since some are not > 0, it is where that of the differences leaves out 0.

    Args:
        first, second: shape (n,) and (m,), n, m >= 1, of one unit.
        confidence: wanted coverage, in (0, 1).
    """
    left_out = count_left_out(len(first), len(second), confidence)
    if left_out is None:
        return False
    ordered = sorted(first)
    most = len(first) * len(second)
    less = sum(bisect_left(ordered, sample) for sample in second)
    no_more = sum(bisect_right(ordered, sample) for sample in second)
    return most - less <= left_out or no_more <= left_out


def count_left_out(n: int, m: int, confidence: float) -> int | None:
    """How many of the n * m ordered pairs are beyond each end of the interval.

    None if even the whole range of pairs is no interval at `confidence`: 3 samples on each side
    are too few for 0.95, 4 are enough.
    """
    tail = (1 - confidence) / 2
    if n * m > _EXACT_PAIRS:
        # The interval runs between the pairs of rank k and n m + 1 - k, k the largest with
        # P(U < k) <= tail; U is nearly normal by now.
        deviation = math.sqrt(n * m * (n + m + 1) / 12)
        rank = math.floor(n * m / 2 + statistics.NormalDist().inv_cdf(tail) * deviation)
        return max(0, rank - 1)
    sizes = _rank_sums(n, m)
    allowed = tail * math.comb(n + m, n)
    below = 0
    for value, ways in enumerate(sizes):
        below += ways
        if below > allowed:
            return value - 1 if value else None
    return None


def least_count(confidence: float) -> int:
    """How many samples each side must have for an interval at `confidence`."""
    count = 1
    while count_left_out(count, count, confidence) is None:
        count += 1
    return count


@lru_cache(maxsize=256)
def _rank_sums(n: int, m: int) -> tuple[int, ...]:
    """In how many of the orders of n and m samples U pairs are the wrong way round, for each U.

    Source: Mann & Whitney (1947), On a Test of Whether One of Two Random Variables is
    Stochastically Larger than the Other: the coefficients of the Gaussian binomial.
    """
    ways = [1] + [0] * (n * m)
    for k in range(1, n + 1):
        for value in range(n * m, m + k - 1, -1):
            ways[value] -= ways[value - m - k]
        for value in range(k, n * m + 1):
            ways[value] += ways[value - k]
    return tuple(ways)
