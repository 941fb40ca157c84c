"""Comparing what is only known by mean, deviation and number, as in other tools' summaries."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.comparison import Comparison, Moments
from harness.configuration import Goal
from harness.stats import student_t_quantile


def find_moments(samples: Sequence[float]) -> Moments:
    """The moments of samples that are known, to be compared with others that are not.

    Args:
        samples: n >= 1, all > 0.
    """
    mean = statistics.fmean(samples)
    deviation = statistics.stdev(samples) / mean if len(samples) > 1 else None
    return Moments(mean, deviation, len(samples))


def compare_moments(
    first: Moments, second: Moments, *, goal: Goal, confidence: float = 0.95
) -> Comparison:
    """The ratio of two means, with the interval of Welch's t on their logarithms.

    The variance of the logarithm of a mean is taken as that of the mean, relative (first order);
    degrees of freedom are Welch's and Satterthwaite's. The samples of each are assumed to be
    independent; a tool that takes thousands within a second makes intervals that are too narrow
    for that, so differences below the threshold of a comparison mean nothing.

    Source: Welch (1947), The Generalization of "Student's" Problem when Several Different
    Population Variances are Involved.
    """
    counts = (first.count, second.count)
    if goal == "max":
        first, second = second, first
    ratio = second.mean / first.mean
    if first.deviation is None or second.deviation is None or min(counts) < 2:
        return Comparison(ratio, 0.0, math.inf, counts)
    parts = [(m.deviation or 0.0) ** 2 / m.count for m in (first, second)]
    variance = sum(parts)
    if variance == 0:
        return Comparison(ratio, ratio, ratio, counts)
    shares = [
        part**2 / (m.count - 1) for part, m in zip(parts, (first, second), strict=True) if part
    ]
    degrees = max(1, math.floor(variance**2 / sum(shares)))
    half = student_t_quantile((1 + confidence) / 2, degrees) * math.sqrt(variance)
    return Comparison(ratio, ratio * math.exp(-half), ratio * math.exp(half), counts)
