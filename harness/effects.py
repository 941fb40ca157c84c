"""What scores say of parameters: effects of values, importance, interactions. Pure.

Importance is a functional analysis of variance of a forest of regression trees. Each tree says, for
every configuration, what score to expect; it is then averaged exactly over all combinations of the
values that occur. The share of its variance that one parameter explains is that parameter's
importance, what two explain beyond each for itself is their interaction. Scores that are all
positive are taken by their logarithm, so that effects which multiply are no interactions.

Combinations that were not measured, or that constraints forbid, count with what the trees expect
of their surroundings.

Source: Breiman (2001), Random Forests; Hutter, Hoos & Leyton-Brown (2014), An Efficient Approach
for Assessing Hyperparameter Importance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from harness.configuration import Value
from harness.model import Outcome

Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

_TREES = 16
_MOST_ROWS = 2000
"""A tree learns from at most so many tests: more make it slower, hardly better."""
_MOST_LEAVES = 400
"""About as many leaves: finer ones would tell noise from noise."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The successful tests as arrays.

    Attributes:
        values: of each parameter, those that occur, in the order of the config.
        codes: shape (tests, parameters): which of these values a test has.
        scores: shape (tests,), in the session's unit.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]
    codes: Codes
    scores: Numbers


@dataclass(frozen=True, slots=True)
class ValueEffect:
    """What the tests with one value of one parameter score.

    Attributes:
        median, best: of their scores.
        count: how many there are.
    """

    value: Value
    median: float
    best: float
    count: int


@dataclass(frozen=True, slots=True)
class Importance:
    """How much of the variance of the scores parameters explain, as fractions of all of it.

    Attributes:
        single: of each parameter alone.
        pairs: of two parameters beyond what each explains alone, the greatest first.
    """

    single: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float]

    def ranked(self) -> list[str]:
        """The parameters, the most important first: alone, and half of each interaction."""
        total = dict(self.single)
        for pair, share in self.pairs.items():
            for name in pair:
                total[name] += share / 2
        return sorted(total, key=lambda name: -total[name])


def collect(
    names: Sequence[str],
    outcomes: Sequence[Outcome],
    order: Mapping[str, Sequence[Value]] | None = None,
) -> Measured:
    """The tests among `outcomes` that have a finite score.

    Args:
        names: the parameters.
        order: the values of parameters in the config's order; where it is not given numbers are
            sorted, and words come as they are met.
    """
    scored = [
        outcome
        for outcome in outcomes
        if outcome.score is not None and math.isfinite(outcome.score)
    ]
    codes = np.zeros((len(scored), len(names)), dtype=np.int64)
    values: list[tuple[Value, ...]] = []
    for column, name in enumerate(names):
        found = [outcome.configuration[name] for outcome in scored]
        present = _arrange(found, (order or {}).get(name, ()))
        places = {_key(value): place for place, value in enumerate(present)}
        codes[:, column] = [places[_key(value)] for value in found]
        values.append(present)
    scores = np.array([outcome.score for outcome in scored], dtype=np.float64)
    return Measured(tuple(names), tuple(values), codes, scores)


def _key(value: Value) -> tuple[type, Value]:
    """Tells True from 1 from 1.0."""
    return type(value), value


def _arrange(found: Sequence[Value], order: Sequence[Value]) -> tuple[Value, ...]:
    present = {_key(value): value for value in found}
    known = [present.pop(_key(value)) for value in order if _key(value) in present]
    others = list(present.values())
    if all(isinstance(value, int | float) for value in others):
        others.sort(key=float)
    return (*known, *others)


def value_effects(measured: Measured, name: str, *, least_is_best: bool) -> list[ValueEffect]:
    """The effect of each value of the parameter `name`, in the order of the values."""
    column = measured.names.index(name)
    effects = []
    for place, value in enumerate(measured.values[column]):
        scores = measured.scores[measured.codes[:, column] == place]
        best = scores.min() if least_is_best else scores.max()
        effects.append(ValueEffect(value, float(np.median(scores)), float(best), len(scores)))
    return effects


def find_importance(measured: Measured, *, seed: int = 1) -> Importance | None:
    """How important each parameter is; None if scores do not vary, or there are fewer than 8.

    Args:
        seed: of the choice of tests and parameters that each tree learns from.
    """
    scores = measured.scores
    if len(scores) < 8 or np.ptp(scores) == 0:
        return None
    # Of a size at which trees can tell variance from rounding, whatever the unit.
    target = np.log(scores) if scores.min() > 0 else scores / np.abs(scores).max()
    sizes = [len(values) for values in measured.values]
    source = np.random.default_rng(seed)
    shares = []
    for _ in range(_TREES):
        rows = source.integers(0, len(scores), size=min(len(scores), _MOST_ROWS))
        tree = _grow(measured.codes[rows], target[rows], sizes, source)
        if (share := _decompose(tree, sizes)) is not None:
            shares.append(share)
    if not shares:
        return None
    mean = np.mean(shares, axis=0)
    pairs = {
        (measured.names[i], measured.names[j]): float(mean[i, j])
        for i, j in combinations(range(len(sizes)), 2)
    }
    return Importance(
        {name: float(mean[i, i]) for i, name in enumerate(measured.names)},
        dict(sorted(pairs.items(), key=lambda item: -item[1])),
    )


@dataclass(frozen=True, slots=True)
class _Tree:
    """The leaves of a tree: boxes of values that together fill the space.

    Attributes:
        low, high: shape (leaves, parameters): a leaf has the codes low <= code < high.
        expected: shape (leaves,).
    """

    low: Codes
    high: Codes
    expected: Numbers


def _grow(
    codes: Codes, target: Numbers, sizes: Sequence[int], source: np.random.Generator
) -> _Tree:
    """A regression tree; each split is the best of two thirds of the parameters."""
    count = len(sizes)
    tried = max(1, math.ceil(2 * count / 3))
    least = max(2, len(target) // _MOST_LEAVES)
    waiting = [(np.arange(len(target)), np.zeros(count, np.int64), np.array(sizes, np.int64))]
    leaves: list[tuple[Codes, Codes, float]] = []
    while waiting:
        rows, low, high = waiting.pop()
        column, threshold = _find_split(
            codes[rows], target[rows], sizes, source.permutation(count)[:tried], least
        )
        if column < 0:
            leaves.append((low, high, float(target[rows].mean())))
            continue
        left = codes[rows, column] < threshold
        middle_high, middle_low = high.copy(), low.copy()
        middle_high[column] = middle_low[column] = threshold
        waiting.append((rows[left], low, middle_high))
        waiting.append((rows[~left], middle_low, high))
    lows, highs, expected = zip(*leaves, strict=True)
    return _Tree(np.array(lows), np.array(highs), np.array(expected))


def _find_split(
    codes: Codes, target: Numbers, sizes: Sequence[int], columns: Codes, least: int
) -> tuple[int, int]:
    """The parameter and code whose split leaves the least variance, or (-1, 0) if none may."""
    best, found = -math.inf, (-1, 0)
    if len(target) < 2 * least or np.ptp(target) == 0:
        return found
    total = target.sum()
    for column in columns:
        counts = np.bincount(codes[:, column], minlength=sizes[column]).cumsum()[:-1]
        sums = np.bincount(codes[:, column], target, minlength=sizes[column]).cumsum()[:-1]
        rest = len(target) - counts
        allowed = (counts >= least) & (rest >= least)
        if not allowed.any():
            continue
        gain = np.full(len(counts), -math.inf)
        gain[allowed] = (
            sums[allowed] ** 2 / counts[allowed] + (total - sums[allowed]) ** 2 / rest[allowed]
        )
        place = int(gain.argmax())
        if gain[place] > best:
            best, found = float(gain[place]), (int(column), place + 1)
    return found


def _decompose(tree: _Tree, sizes: Sequence[int]) -> Numbers | None:
    """Shares of a tree's variance: parameters on the diagonal, pairs above it; None if it has none.

    For a set of parameters U the marginal is the mean over all others; the variance of the
    marginal, less that of all its subsets, is what U explains.
    """
    count = len(sizes)
    holds = [
        (tree.low[:, [p]] <= np.arange(sizes[p])) & (np.arange(sizes[p]) < tree.high[:, [p]])
        for p in range(count)
    ]
    parts = [held.mean(axis=1) for held in holds]
    weighted = tree.expected * np.prod(parts, axis=0)
    mean = weighted.sum()
    variance = float(tree.expected @ weighted - mean**2)
    if variance <= 1e-12 * max(1.0, float(mean**2)):
        return None
    shares = np.zeros((count, count))
    for p in range(count):
        marginal = (weighted / parts[p]) @ holds[p]
        shares[p, p] = ((marginal - mean) ** 2).mean() / variance
    for p, q in combinations(range(count), 2):
        joint = (holds[p] * (weighted / (parts[p] * parts[q]))[:, None]).T @ holds[q].astype(float)
        both = ((joint - mean) ** 2).mean() / variance
        shares[p, q] = max(0.0, both - shares[p, p] - shares[q, q])
    return shares
