"""What is said about samples and scores: aggregates, spread, intervals, verdicts. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from harness.configuration import Goal

Aggregate = Literal["min", "max", "med", "avg"]
"""How a test's samples become its score."""

_NORMAL_CONSISTENCY = 1.4826
"""1 / 0.6745: makes the MAD of normal data estimate its standard deviation."""


def aggregate(samples: Sequence[float], how: Aggregate) -> float:
    """The score of `samples`: their minimum, maximum, median or mean.

    Args:
        samples: shape (n,), n >= 1, in any order and unit.
        how: `min`, `max`, `med` (mean of the middle two for even n) or `avg`.

    Raises:
        ValueError: no samples.
    """
    if not samples:
        raise ValueError("samples: none given; an aggregate needs at least 1")
    if how == "min":
        return min(samples)
    if how == "max":
        return max(samples)
    if how == "med":
        return statistics.median(samples)
    return statistics.fmean(samples)


def median_absolute_deviation(samples: Sequence[float]) -> float:
    """Median distance of `samples` from their median, unscaled and in their unit.

    Args:
        samples: shape (n,), n >= 1.

    Raises:
        ValueError: no samples.

    Source: Hampel (1974), The Influence Curve and its Role in Robust Estimation.
    """
    if not samples:
        raise ValueError("samples: none given; a deviation needs at least 1")
    middle = statistics.median(samples)
    return statistics.median(abs(sample - middle) for sample in samples)


def relative_noise(samples: Sequence[float]) -> float:
    """Robust spread of samples as a fraction of their median.

    1.4826 * MAD / |median|; the factor makes it estimate sigma/mu for normal data.

    Args:
        samples: shape (n,), n >= 3, warm-ups removed.

    Returns:
        Fraction >= 0 (0.01 is 1 %); inf if the median is 0 and not all samples are.

    Raises:
        ValueError: n < 3.

    Source: Iglewicz & Hoaglin (1993), How to Detect and Handle Outliers.
    """
    if len(samples) < 3:
        raise ValueError(f"samples: {len(samples)} given; a spread needs at least 3")
    spread = _NORMAL_CONSISTENCY * median_absolute_deviation(samples)
    middle = abs(statistics.median(samples))
    if middle == 0:
        return math.inf if any(samples) else 0.0
    return spread / middle


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Attributes:
        low, high: its ends, in the samples' unit.
        confidence: the coverage it has at least; what was asked for, or less for few samples.
    """

    low: float
    high: float
    confidence: float


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> Interval:
    """Confidence interval of the median that assumes no distribution.

    The k-th least and the k-th greatest of n independent samples enclose the median with
    probability 1 - 2 P(B < k), B binomial (n, 1/2); k is the greatest for which that reaches
    `confidence`. Below 6 samples none reaches 0.95: the interval is then their whole range, and
    says with what confidence.

    Args:
        samples: shape (n,), n >= 1, independent.
        confidence: wanted coverage, in (0, 1).

    Raises:
        ValueError: no samples, or `confidence` outside (0, 1).

    Source: Conover (1999), Practical Nonparametric Statistics, section 3.2.
    """
    count = len(samples)
    if count == 0:
        raise ValueError("samples: none given; an interval needs at least 1")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence}: not between 0 and 1; use one such as 0.95")
    ordered = sorted(samples)
    total = 2**count
    term = below = 1  # the coefficient C(n, rank - 1), and the sum of those up to it
    rank = 1
    while rank < (count + 1) // 2:
        term = term * (count - rank + 1) // rank
        if 1 - 2 * (below + term) / total < confidence:
            break
        below += term
        rank += 1
    return Interval(ordered[rank - 1], ordered[count - rank], max(0.0, 1 - 2 * below / total))


def is_better(score: float, other: float, goal: Goal) -> bool:
    """Whether `score` is strictly better than `other`; NaN is never better."""
    return score < other if goal == "min" else score > other


def better_of(score: float, other: float, goal: Goal) -> float:
    """The better of two scores; `score` if they are equal."""
    return other if is_better(other, score, goal) else score


@lru_cache(maxsize=4096)
def student_t_quantile(probability: float, degrees: int) -> float:
    """The value that Student's t with `degrees` degrees of freedom stays below so often.

    Bisection of the distribution function, which for whole degrees of freedom is a finite sum.

    Args:
        probability: in [0.5, 1).
        degrees: >= 1.

    Raises:
        ValueError: outside these.

    Source: Abramowitz & Stegun (1964), 26.7.3 and 26.7.4.
    """
    if not 0.5 <= probability < 1 or degrees < 1:
        raise ValueError(f"probability {probability}, degrees {degrees}: not in [0.5, 1), >= 1")
    low, high = 0.0, math.pi / 2  # the angle atan(t / sqrt(degrees)) grows with t
    for _ in range(60):
        middle = (low + high) / 2
        if _two_sided(middle, degrees) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def _two_sided(angle: float, degrees: int) -> float:
    """How often |t| stays below sqrt(degrees) tan(angle)."""
    cosine2 = math.cos(angle) ** 2
    odd = degrees % 2
    term, total = (math.cos(angle), math.cos(angle)) if odd else (1.0, 1.0)
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine2 * (k - 1) / k
        total += term
    if not odd:
        return math.sin(angle) * total
    if degrees == 1:
        total = 0.0
    return 2 / math.pi * (angle + math.sin(angle) * total)
