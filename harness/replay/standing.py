"""From many simulated searches to one score per strategy, and the curves behind it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.replay.drive import Trace
from harness.replay.score import (
    Floats,
    best_after,
    best_at,
    geometric_mean,
    random_best,
    ratio_to_optimum,
    relative_gain,
    time_to_reach,
)


@dataclass(frozen=True, slots=True)
class Field:
    """What is known of a recorded space before anybody searches it.

    Attributes:
        name: of the recording.
        losses: of all its configurations; inf for failures.
        test_s: the mean time of a test.
    """

    name: str
    losses: Floats
    test_s: float

    @property
    def optimum(self) -> float:
        """The least loss."""
        return float(self.losses.min())

    def time_s(self, tests: int, lanes: int) -> float:
        """The simulated time that random search takes for so many tests, on average."""
        return tests * self.test_s / lanes


@dataclass(frozen=True, slots=True)
class Case:
    """One strategy on one recorded space with one number of lanes and one budget."""

    strategy: str
    field: str
    lanes: int
    tests: int


@dataclass(frozen=True, slots=True)
class CaseScore:
    """How a case went over all seeds.

    Attributes:
        by_tests, by_time: the score after `tests` tests, and after the time that random search
            takes for them.
        found: each seed's best loss after `tests` tests.
        best: their median.
        random, optimum: what that is compared with.
        ratio: how many times worse than the optimum that is.
        thinking_s: the strategy's own real time per test.
    """

    case: Case
    by_tests: float
    by_time: float
    found: tuple[float, ...]
    best: float
    random: float
    optimum: float
    ratio: float
    thinking_s: float


def score_case(case: Case, field: Field, traces: Sequence[Trace]) -> CaseScore:
    """The score of one case from the traces of its seeds."""
    losses = [trace.losses for trace in traces]
    random = random_best(field.losses, case.tests)
    found = best_after(losses, case.tests)
    best = float(np.median(found))
    time_s = field.time_s(case.tests, case.lanes)
    timely = float(np.median(best_at(losses, [trace.ended_s for trace in traces], time_s)))
    made = sum(len(trace.losses) for trace in traces)
    return CaseScore(
        case=case,
        by_tests=relative_gain(best, random, field.optimum),
        by_time=relative_gain(timely, random, field.optimum),
        found=tuple(found.tolist()),
        best=best,
        random=random,
        optimum=field.optimum,
        ratio=ratio_to_optimum(best, field.optimum),
        thinking_s=sum(trace.thinking_s for trace in traces) / max(1, made),
    )


@dataclass(frozen=True, slots=True)
class Curve:
    """The best so far of a strategy on a recorded space, over all seeds, as shares of the gap.

    Attributes:
        tests: after how many tests.
        times_s: after how much simulated time.
        by_tests, by_time: medians over seeds, each a loss.
        low, high: quartiles of `by_tests`.
    """

    case: Case
    tests: tuple[int, ...]
    by_tests: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    times_s: tuple[float, ...]
    by_time: tuple[float, ...]


POINTS = 200
"""Points of a curve over time."""


def make_curve(case: Case, field: Field, traces: Sequence[Trace]) -> Curve:
    """The curves of one case, up to its budget."""
    losses = [trace.losses for trace in traces]
    so_far = np.full((len(traces), case.tests), np.inf)
    for row, trace in zip(so_far, traces, strict=True):
        best = trace.best[: case.tests]
        row[: len(best)] = best
        row[len(best) :] = best[-1] if len(best) else np.inf
    times_s = np.linspace(0, field.time_s(case.tests, case.lanes), POINTS + 1)[1:]
    ended_s = [trace.ended_s for trace in traces]
    low, middle, high = (
        np.quantile(so_far, share, axis=0, method="closest_observation")
        for share in (0.25, 0.5, 0.75)
    )
    by_time = [float(np.median(best_at(losses, ended_s, time_s))) for time_s in times_s]
    return Curve(
        case=case,
        tests=tuple(range(1, case.tests + 1)),
        by_tests=tuple(middle.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        times_s=tuple(times_s.tolist()),
        by_time=tuple(by_time),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """One strategy with one number of lanes, over all spaces.

    Attributes:
        score, score_by_time: S: means over budgets and spaces.
        error: standard error of `score`, as far as it comes from the choice of seeds.
        by_budget, by_budget_time: the same of each budget, over spaces.
        ratio: by budget, the geometric mean over spaces of best / optimum.
        speedup: how many times sooner it reaches what one lane reaches after half the tests of
            the greatest budget; geometric mean over spaces; nan without one lane to compare with.
        thinking_ms: the strategy's own real time per test, the median over cases.
    """

    strategy: str
    lanes: int
    score: float
    error: float
    score_by_time: float
    by_budget: Mapping[int, float]
    by_budget_time: Mapping[int, float]
    ratio: Mapping[int, float]
    speedup: float
    thinking_ms: float


def rank_strategies(scores: Sequence[CaseScore], curves: Sequence[Curve]) -> list[Standing]:
    """The standings of all strategies, those with few lanes and the best first."""
    groups: dict[tuple[str, int], list[CaseScore]] = {}
    for score in scores:
        groups.setdefault((score.case.strategy, score.case.lanes), []).append(score)
    standings = [
        _make_standing(strategy, lanes, group, curves)
        for (strategy, lanes), group in groups.items()
    ]
    return sorted(standings, key=lambda standing: (standing.lanes, -standing.score))


def _make_standing(
    strategy: str, lanes: int, group: Sequence[CaseScore], curves: Sequence[Curve]
) -> Standing:
    budgets = sorted({score.case.tests for score in group})
    of_budget = {b: [score for score in group if score.case.tests == b] for b in budgets}
    return Standing(
        strategy=strategy,
        lanes=lanes,
        score=_mean(score.by_tests for score in group),
        error=_error(group),
        score_by_time=_mean(score.by_time for score in group),
        by_budget={b: _mean(score.by_tests for score in of_budget[b]) for b in budgets},
        by_budget_time={b: _mean(score.by_time for score in of_budget[b]) for b in budgets},
        ratio={b: geometric_mean([score.ratio for score in of_budget[b]]) for b in budgets},
        speedup=_speedup(strategy, lanes, curves),
        thinking_ms=1000 * statistics.median(score.thinking_s for score in group),
    )


RESAMPLES = 200


def _error(group: Sequence[CaseScore]) -> float:
    """The spread of S over bootstrap samples of the seeds.

    Source: Efron (1979), Bootstrap Methods: Another Look at the Jackknife.
    """
    rng = np.random.default_rng(0)
    totals = np.zeros(RESAMPLES)
    for score in group:
        found = np.array(score.found)
        drawn = found[rng.integers(len(found), size=(RESAMPLES, len(found)))]
        gains = [relative_gain(b, score.random, score.optimum) for b in np.median(drawn, axis=1)]
        totals += gains
    return float(totals.std() / len(group))


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


def _speedup(strategy: str, lanes: int, curves: Sequence[Curve]) -> float:
    """How much sooner than one lane `lanes` reach what that has after half of its budget."""
    own = {c.case.field: c for c in curves if c.case.strategy == strategy and c.case.lanes == lanes}
    one = {c.case.field: c for c in curves if c.case.strategy == strategy and c.case.lanes == 1}
    ratios = []
    for name in own.keys() & one.keys():
        level = one[name].by_tests[len(one[name].by_tests) // 2 - 1]
        first_s = _reach_s(one[name], level)
        own_s = _reach_s(own[name], level)
        if not math.isfinite(level) or not math.isfinite(first_s):
            continue
        ratios.append(first_s / own_s if own_s > 0 else math.inf)
    if not ratios or not all(ratios):
        return math.nan if not ratios else 0.0
    return geometric_mean(ratios)


def _reach_s(curve: Curve, level: float) -> float:
    return time_to_reach(np.array(curve.by_time), np.array(curve.times_s), level)


def to_object(standing: Standing) -> dict[str, Any]:
    """For JSON."""
    return {
        "strategy": standing.strategy,
        "lanes": standing.lanes,
        "score": standing.score,
        "error": standing.error,
        "score_by_time": standing.score_by_time,
        "by_budget": {str(b): value for b, value in standing.by_budget.items()},
        "by_budget_time": {str(b): value for b, value in standing.by_budget_time.items()},
        "ratio": {str(b): _finite(value) for b, value in standing.ratio.items()},
        "speedup": _finite(standing.speedup),
        "thinking_ms": standing.thinking_ms,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
