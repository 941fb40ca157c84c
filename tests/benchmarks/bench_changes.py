"""How often `harness history` is wrong, on series of scores with a known truth (synthetic).

Series without a change that are said to have one, with log-normal noise, with outliers (one in
twenty sessions is 50 % slower) and with Cauchy's; steps of 2 and 5 % at 1 % noise found within one
session of where they are, by how many sessions came before and since; a slow stretch that ended.
Targets: at most 5 % of the series without a change, a 5 % step at 1 % noise found three sessions
after it.

    python -m tests.benchmarks.bench_changes [TRIALS]
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from harness.changes import find_changes
from tests.benchmarks.common import describe_machine

NOISE = 0.01

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]


def draw_normal(source: np.random.Generator, count: int) -> Floats:
    """Logarithms of scores."""
    return source.normal(0, NOISE, count)


def draw_outliers(source: np.random.Generator, count: int) -> Floats:
    return draw_normal(source, count) + math.log(1.5) * (source.random(count) < 0.05)


def draw_cauchy(source: np.random.Generator, count: int) -> Floats:
    return NOISE * source.standard_cauchy(count)


def count_wrong(draw: Draw, count: int, trials: int) -> float:
    """The share of series without a change that are said to have one."""
    source = np.random.default_rng(count)
    return sum(bool(find_changes(draw(source, count).tolist())) for _ in range(trials)) / trials


def count_found(
    draw: Draw, before: int, since: int, step: float, trials: int
) -> tuple[float, float]:
    """The shares of series whose step is found where it is, and of those with nothing else."""
    source = np.random.default_rng(before + since)
    found = alone = 0
    for _ in range(trials):
        values = draw(source, before + since)
        values[before:] += math.log1p(step)
        places = [change.place for change in find_changes(values.tolist())]
        near = [place for place in places if abs(place - before) <= 1]
        found += bool(near)
        alone += len(places) == len(near) == 1
    return found / trials, alone / trials


def count_stretches(draw: Draw, length: int, trials: int) -> float:
    """The share of series in which both ends of a slow stretch are found."""
    source = np.random.default_rng(length)
    found = 0
    for _ in range(trials):
        values = draw(source, 20 + length)
        values[10 : 10 + length] += math.log1p(0.05)
        places = [change.place for change in find_changes(values.tolist())]
        found += len(places) == 2 and all(
            abs(place - at) <= 1 for place, at in zip(places, (10, 10 + length), strict=True)
        )
    return found / trials


def main(trials: int) -> None:
    print(describe_machine())
    print(f"synthetic series, {trials} trials each, risk 5 %")
    kinds = {"normal": draw_normal, "outliers": draw_outliers, "Cauchy": draw_cauchy}
    print("\nno change, said to have one:")
    print("sessions  " + "  ".join(f"{name:>8}" for name in kinds))
    for count in (10, 20, 40, 100):
        shares = [count_wrong(draw, count, trials) for draw in kinds.values()]
        print(f"{count:8d}  " + "  ".join(f"{100 * share:6.1f} %" for share in shares))
    print("\na step, found within one session of where it is (and nothing else):")
    print("before  since     normal, 2 %     normal, 5 %   outliers, 5 %")
    for before, since in ((7, 3), (10, 2), (10, 3), (10, 5), (20, 2), (20, 3), (20, 10), (50, 50)):
        cells = []
        for draw, step in ((draw_normal, 0.02), (draw_normal, 0.05), (draw_outliers, 0.05)):
            found, alone = count_found(draw, before, since, step, trials)
            cells.append(f"{100 * found:3.0f} % ({100 * alone:3.0f} %)")
        print(f"{before:6d}  {since:5d}  " + "  ".join(f"{cell:>14}" for cell in cells))
    print("\n5 % slower for a while between 10 sessions before and 10 since, both ends found:")
    for length in (3, 5, 10):
        share = count_stretches(draw_normal, length, trials)
        print(f"{length:6d} sessions  {100 * share:3.0f} %")
    values = draw_normal(np.random.default_rng(1), 1000)
    values[500:] += math.log1p(0.05)
    begun = time.process_time()
    find_changes(values.tolist())
    took_s = time.process_time() - begun
    print(f"\n1,000 sessions with a step take {took_s:.1f} s of processor time")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
