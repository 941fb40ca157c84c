"""Where a series of scores changed its level, and whether that is more than chance. Pure.

Binary segmentation: the split of a series that is clearest is tested, and if it is no change, the
stretch in its middle that stands out most, so that a step up and back down is found as well. What a
change leaves is looked at in the same way. Tests ask how often random orders of the same values are
as clear, so they assume no distribution: of series whose values are exchangeable, at most a share
`risk` is said to have a change, however many places there are for one. Values far from the rest are
pulled in first, lest one bad day hide a change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST = 2
"""Values of a part: a single one that is off is an outlier, not a change."""

_ORDERS = 4999
_REACH = 3.0
"""Values further from the median than so many standard deviations are pulled in to there."""
_GROWTH = 1.1
"""Long stretches are tried in lengths that grow so: a long series takes seconds, not minutes."""
_BATCH = 2_000_000
_NORMAL_CONSISTENCY = 1.4826


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level.

    Attributes:
        place: of the first value of the new level, from 0.
        p: how often chance alone makes as clear a change anywhere in the part of the series that
            it was found in.
    """

    place: int
    p: float


def least_length(risk: float) -> int:
    """How many values a series must have for any change to be found in it."""
    count = 2 * LEAST
    # The clearest split there can be is that into the greater and the less half, either way round.
    while 2 / math.comb(count, count // 2) > risk / 2:
        count += 1
    return count


def find_changes(values: Sequence[float], *, risk: float = 0.05, seed: int = 1) -> list[Change]:
    """The changes of level, in order.

    The statistic of the stretch from i to j of n values is the difference of the means inside and
    outside in units of its standard deviation, up to a constant:
    |S_j - S_i - (j - i) / n S_n| / sqrt((j - i) (n - j + i)); a split is a stretch with i = 0. The
    greatest is compared with that of up to 4,999 random orders of the same values, at half the
    risk for splits and half for stretches. Each change is then tested once more between its
    neighbours, since those may have been found later.

    Args:
        values: shape (n,), finite, in the order of time; logarithms where ratios matter.
        risk: how often a series without a change may be said to have one, in (0, 1); below
            0.0002 nothing is ever found.
        seed: of the random orders: the same values give the same answer.

    Source: Scott & Knott (1974), A Cluster Analysis Method for Grouping Means in the Analysis of
    Variance; Olshen, Venkatraman, Lucito & Wigler (2004), Circular Binary Segmentation for the
    Analysis of Array-Based DNA Copy Number Data; Antoch & Huskova (2001), Permutation Tests in
    Change Point Analysis.
    """
    series = np.asarray(values, dtype=np.float64)
    source = np.random.default_rng(seed)
    places: set[int] = set()
    waiting = [(0, len(series))]
    while waiting:
        begin, end = waiting.pop()
        found = _find_bounds(series[begin:end], risk / 2, source)
        if found:
            bounds = [begin, *(begin + place for place in found), end]
            places.update(bounds[1:-1])
            waiting += pairwise(bounds)
    return _confirm(series, sorted(places), risk / 2, source)


def _confirm(
    series: Floats, places: list[int], risk: float, source: np.random.Generator
) -> list[Change]:
    """The changes that also show between their neighbours, each where it shows best."""
    confirmed: list[Change] = []
    for number, _ in enumerate(places):
        begin = confirmed[-1].place if confirmed else 0
        end = places[number + 1] if number + 1 < len(places) else len(series)
        part = _pull_in(series[begin:end])
        if len(part) >= 2 * LEAST and (p := _test(part, _clearest_split, risk, source)) <= risk:
            confirmed.append(Change(begin + _locate(series[begin:end]), p))
    return confirmed


def _find_bounds(part: Floats, risk: float, source: np.random.Generator) -> list[int]:
    """Where a series falls into two parts, or three; empty if chance explains all of it."""
    if len(part) < 2 * LEAST:
        return []
    pulled = _pull_in(part)
    if _test(pulled, _clearest_split, risk, source) <= risk:
        return [_locate(part)]
    if _test(pulled, _clearest_stretch, risk, source) <= risk:
        return _find_stretch(pulled)
    return []


Statistic = Callable[[Floats], Floats]
"""Of each row of values, how clear its clearest change is; shape (rows, n) to (rows,)."""


def _test(values: Floats, measure: Statistic, risk: float, source: np.random.Generator) -> float:
    """How often a random order of the values is as clear as theirs; 1 where that is too often."""
    if values.min() == values.max():
        return 1.0
    # Rounding must not make the same change clearer in another order of the same values.
    reached = measure(values[np.newaxis])[0] * (1 - 1e-9)
    as_good, most = 1, risk * (_ORDERS + 1)
    for count in _count_batches(len(values)):
        orders = source.permuted(np.tile(values, (count, 1)), axis=1)
        as_good += int((measure(orders) >= reached).sum())
        if as_good > most:
            return 1.0
    return as_good / (_ORDERS + 1)


def _pull_in(part: Floats) -> Floats:
    """The values, with those far from the median replaced by the farthest that is not far.

    Source: Huber (1981), Robust Statistics; the distance as Iglewicz & Hoaglin (1993).
    """
    middle = np.median(part)
    reach = _REACH * _NORMAL_CONSISTENCY * np.median(np.abs(part - middle))
    if reach == 0:  # more than half are the same
        return part
    return np.clip(part, middle - reach, middle + reach)


def _sum(rows: Floats) -> Floats:
    """Sums of the first 0, 1, … n values of each row, less their mean; shape (rows, n + 1)."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.pad(np.cumsum(centred, axis=1), ((0, 0), (1, 0)))


def _splits(rows: Floats) -> Floats:
    """The statistic of each split, into `LEAST` values and the rest, and so on."""
    count = rows.shape[1]
    sizes = np.arange(LEAST, count - LEAST + 1)
    found: Floats = np.abs(_sum(rows)[:, sizes]) / np.sqrt(sizes * (count - sizes))
    return found


def _clearest_split(rows: Floats) -> Floats:
    best: Floats = _splits(rows).max(axis=1)
    return best


def _locate(values: Floats) -> int:
    """Where a change that is there is: at the split with the least absolute deviations.

    Outliers near the change move this less than they move means.

    Source: Bai (1995), Least Absolute Deviation Estimation of a Shift.
    """
    places = range(LEAST, len(values) - LEAST + 1)
    return min(places, key=lambda at: _deviate(values[:at]) + _deviate(values[at:]))


def _deviate(values: Floats) -> float:
    return float(np.abs(values - np.median(values)).sum())


def _stretches(rows: Floats) -> Iterator[tuple[int, Floats]]:
    """For each length of a stretch, the statistic at each place where one can begin.

    Both what is before it and what is behind it has `LEAST` values at least.
    """
    count = rows.shape[1]
    sums = _sum(rows)[:, LEAST : count - LEAST + 1]
    size = LEAST
    while size <= count - 2 * LEAST:
        scores = np.abs(sums[:, size:] - sums[:, :-size]) / np.sqrt(size * (count - size))
        yield size, scores
        size = max(size + 1, int(size * _GROWTH))


def _clearest_stretch(rows: Floats) -> Floats:
    best = np.zeros(len(rows))
    for _, scores in _stretches(rows):
        np.maximum(best, scores.max(axis=1), out=best)
    return best


def _find_stretch(values: Floats) -> list[int]:
    clearest = max(
        (float(scores[0].max()), LEAST + int(scores[0].argmax()), size)
        for size, scores in _stretches(values[np.newaxis])
    )
    return [clearest[1], clearest[1] + clearest[2]]


def _count_batches(length: int) -> list[int]:
    """Random orders to make at once: few at first, since most series have no change."""
    size = max(1, min(_ORDERS, _BATCH // length))
    sizes: list[int] = []
    left = _ORDERS
    while left:
        sizes.append(min(size, left, 500 if not sizes else left))
        left -= sizes[-1]
    return sizes
