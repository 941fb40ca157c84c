"""How good a search was, compared with random search and the optimum: pure functions.

Scores here are *losses*: the less, the better; inf where a test failed. For a space with the
losses l_1 <= ... <= l_N, and a budget of b tests:

    O    the optimum, l_1
    R_b  the median of the best of b tests drawn at random without replacement
    M_b  the median, over seeds, of the best that the strategy found in b tests

The strategy's score there is clip((R_b - M_b) / (R_b - O), -1, 1): 1 if it finds the optimum, 0 if
it is as good as random search. S is the mean over budgets and spaces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def random_rank(size: int, tests: int) -> int:
    """The median rank, from 1, of the best of `tests` drawn without replacement from `size`.

    The best is among the k first with probability 1 - C(size - k, tests) / C(size, tests); this is
    the least k for which that is at least 1/2.

    Raises:
        ValueError: size or tests < 1.
    """
    if size < 1 or tests < 1:
        raise ValueError(f"random_rank({size}, {tests}): expected at least 1 of each")
    if tests >= size:
        return 1
    missed = 1.0
    for k in range(1, size + 1):
        left = size - tests - k + 1
        missed *= max(0, left) / (size - k + 1)
        if missed <= 0.5:
            return k
    raise AssertionError("unreachable: nothing is missed when k = size")


def random_best(losses: Floats, tests: int) -> float:
    """R_b: the median of the best loss of `tests` random tests, failures included.

    Args:
        losses: of the whole space, in any order; inf for failures.

    Returns:
        The worst finite loss if the median is a failure.
    """
    ordered = np.sort(losses)
    found = float(ordered[random_rank(len(ordered), tests) - 1])
    return found if math.isfinite(found) else worst(losses)


def worst(losses: Floats) -> float:
    """The greatest loss of a test that succeeded.

    Raises:
        ValueError: none did.
    """
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        raise ValueError("no test succeeded")
    return float(finite.max())


def relative_gain(found: float, random: float, optimum: float) -> float:
    """The score of one loss: clip((random - found) / (random - optimum), -1, 1).

    Args:
        found: inf if nothing was found: -1.

    Returns:
        Where random search finds the optimum as well: 1 for the optimum, else -1.
    """
    if not math.isfinite(found):
        return -1.0
    if random <= optimum:
        return 1.0 if found <= optimum else -1.0
    return min(1.0, max(-1.0, (random - found) / (random - optimum)))


def best_after(losses: Sequence[Floats], tests: int) -> Floats:
    """The best loss of each search after `tests` tests, or at its end if it made fewer."""
    return np.array([found[:tests].min(initial=math.inf) for found in losses])


def best_at(losses: Sequence[Floats], ended_s: Sequence[Floats], time_s: float) -> Floats:
    """The best loss of each search among its tests that had ended at `time_s`."""
    return np.array(
        [
            found[: int(np.searchsorted(ends, time_s, side="right"))].min(initial=math.inf)
            for found, ends in zip(losses, ended_s, strict=True)
        ]
    )


def ratio_to_optimum(found: float, optimum: float) -> float:
    """How many times worse than the optimum a loss is: 1 is the optimum; inf: nothing found.

    Losses below 0 are scores of which the greatest is best.
    """
    if not math.isfinite(found):
        return math.inf
    if optimum < 0:
        return optimum / found if found < 0 else math.inf
    return found / optimum if optimum > 0 else math.nan


def geometric_mean(values: Sequence[float]) -> float:
    """Of positive numbers; inf if one is."""
    if any(math.isinf(value) for value in values):
        return math.inf
    return math.exp(sum(math.log(value) for value in values) / len(values))


def time_to_reach(median_best: Floats, times_s: Floats, level: float) -> float:
    """The first of `times_s` at which a curve of medians is at `level` or below; inf: never."""
    reached = np.flatnonzero(median_best <= level)
    return float(times_s[reached[0]]) if len(reached) else math.inf
