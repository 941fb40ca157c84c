"""What several lanes gain in time, and lose in tests; part of bench_search.

The *level* of a recording is what one lane reaches: the median, over seeds, of the best after
`LEVEL_AT` tests. Each search reaches it after so much simulated time, or never. With medians over
the seeds for each recording, and geometric means over the recordings:

- *of its tests*: the time in which several lanes reach the level, as a share of the time that one
  lane takes for `LEVEL_AT` tests;
- *of its reaching*: the same, as a share of the time in which one lane reaches the level, which is
  less, as the level may be reached before the last of these tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from harness.app.simulate import make_field
from harness.replay.drive import Trace
from harness.replay.score import Floats, best_after, geometric_mean, random_best, relative_gain
from tests.benchmarks.searches import Search, field_of, load_once, make_searches

LEVEL_AT = 100


def show(
    sources: Sequence[str],
    lanes: int,
    budgets: Sequence[int],
    *,
    seeds: Sequence[int],
    jobs: int,
    folder: Path | None,
) -> None:
    """Print shares of time for each recording, and S at equal numbers of tests."""
    tests = max(*budgets, LEVEL_AT)
    wanted = [Search(s, tests, seed, n) for n in (1, lanes) for s in sources for seed in seeds]
    traces = make_searches(wanted, jobs=jobs, folder=folder)
    shares: list[tuple[float, float]] = []
    title = "time to the level, as a share of one lane's"
    print(f"{title:44}{'of its tests':>13}{'of its reaching':>16}")
    for source in sources:
        one = [traces[Search(source, tests, seed, 1)] for seed in seeds]
        several = [traces[Search(source, tests, seed, lanes)] for seed in seeds]
        shares.append(find_shares(one, several))
        print(f"  {field_of(source):42}{shares[-1][0]:13.3f}{shares[-1][1]:16.3f}")
    means = [geometric_mean(column) for column in zip(*shares, strict=True)]
    print(f"  {'geometric mean':42}{means[0]:13.3f}{means[1]:16.3f}")
    print(f"  {'that is, times sooner':42}{1 / means[0]:13.2f}{1 / means[1]:16.2f}\n")
    print(f"{'S at equal numbers of tests':44}{'S':>7}{''.join(f'{b:8}' for b in budgets)}")
    losses = {s: make_field(field_of(s), load_once(s)).losses for s in sources}
    for count in (1, lanes):
        gains = []
        for budget in budgets:
            made = {s: [traces[Search(s, tests, seed, count)] for seed in seeds] for s in sources}
            gains.append(fmean(_gain(losses[s], found, budget) for s, found in made.items()))
        row = "".join(f"{gain:8.2f}" for gain in gains)
        print(f"  {f'{count} lane' + 's' * (count > 1):42}{fmean(gains):7.3f}{row}")


def find_shares(one: Sequence[Trace], several: Sequence[Trace]) -> tuple[float, float]:
    """The two shares of this module's text, for one recording; inf where the level is not reached.

    Args:
        one, several: a search with one lane and one with several for each seed.
    """
    level = float(np.median(best_after([trace.losses for trace in one], LEVEL_AT)))
    tests_s = float(np.median([trace.ended_s[LEVEL_AT - 1] for trace in one]))
    one_s, several_s = (
        float(np.median([reach_s(trace, level) for trace in traces])) for traces in (one, several)
    )
    return several_s / tests_s, several_s / one_s


def reach_s(trace: Trace, level: float) -> float:
    """When a search has reached a loss; inf: never."""
    reached = np.flatnonzero(trace.losses <= level)
    return float(trace.ended_s[reached[0]]) if len(reached) else math.inf


def _gain(losses: Floats, traces: Sequence[Trace], tests: int) -> float:
    found = float(np.median(best_after([trace.losses for trace in traces], tests)))
    return relative_gain(found, random_best(losses, tests), float(losses.min()))
