"""Strategies compared on recordings: known scores, and the same in several processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.app.simulate import Plan, Simulation, run_plan
from harness.configuration import Configuration, Goal
from harness.errors import ConfigError
from harness.model import Outcome
from harness.replay.standing import CaseScore
from harness.search.exhaustive import Exhaustive
from harness.space.space import Space
from tests.replay.helpers import Table, t1_object, write_json, write_t4

FIRST_IS_BEST: Table = {(block, "row"): float(block) for block in range(1, 41)}
LAST_IS_BEST: Table = {(block, "row"): float(50 - block) for block in range(1, 41)}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    first = write_t4(tmp_path / "first.json", FIRST_IS_BEST)
    last = write_t4(tmp_path / "last.json", LAST_IS_BEST)
    return Plan((str(first), str(last)), ("exhaustive",), budgets=(4, 8), seeds=6, lanes=(1, 4))


def find(simulation: Simulation, field: str, lanes: int, tests: int) -> CaseScore:
    for score in simulation.scores:
        case = score.case
        if (case.field, case.lanes, case.tests) == (field, lanes, tests):
            return score
    raise AssertionError("no such case")


def test_a_strategy_that_begins_at_the_best_has_the_best_score(plan: Plan) -> None:
    simulation = run_plan(plan)
    first = find(simulation, "first", 1, 4)
    assert (first.by_tests, first.by_time, first.ratio) == (1.0, 1.0, 1.0)
    last = find(simulation, "last", 1, 8)
    assert last.by_tests == -1.0
    assert last.best == pytest.approx(0.042)
    assert last.ratio == pytest.approx(4.2)
    one, four = simulation.standings
    assert (one.strategy, one.lanes, four.lanes) == ("exhaustive", 1, 4)
    assert one.score == 0.0
    assert one.error == 0.0, "all seeds of an exhaustive search are alike"
    assert one.by_budget == {4: 0.0, 8: 0.0}
    assert one.ratio[8] == pytest.approx(math.sqrt(4.2))
    assert one.speedup == pytest.approx(1.0)
    assert four.speedup > 2


def test_processes_change_nothing(plan: Plan) -> None:
    def facts(simulation: Simulation) -> list[CaseScore]:
        return [replace(score, thinking_s=0.0) for score in simulation.scores]

    told: list[tuple[int, int]] = []
    many = run_plan(plan, jobs=2, on_progress=lambda done, total: told.append((done, total)))
    one = run_plan(plan)
    assert facts(many) == facts(one)
    assert many.curves == one.curves
    assert told[-1] == (16, 16)


def test_curves_are_those_of_the_greatest_budget(plan: Plan) -> None:
    curve = next(c for c in run_plan(plan).curves if c.case.field == "first")
    assert curve.tests == tuple(range(1, 9))
    assert curve.by_tests == pytest.approx([0.001] * 8)
    assert len(curve.times_s) == len(curve.by_time)
    assert curve.by_time[-1] == pytest.approx(0.001)


class Recaller(Exhaustive):
    """Asks for nothing but the best that it was told beforehand; without that, for everything."""

    def __init__(
        self, space: Space, *, goal: Goal, prior: Sequence[Outcome] = (), **others: Any
    ) -> None:
        super().__init__(space, goal=goal, **others)
        scored = {outcome.score: outcome for outcome in prior if outcome.score is not None}
        self._best = [scored[min(scored)].configuration] if scored else None

    def ask(self, n: int) -> list[Configuration]:
        if self._best is None:
            return super().ask(n)
        asked, self._best = self._best[:n], self._best[n:]
        return asked


def test_what_was_found_elsewhere_is_told_beforehand(plan: Plan) -> None:
    last = plan.recordings[1]
    cold = replace(plan, recordings=(last,), strategies=(f"{__name__}:Recaller",))
    assert find(run_plan(cold), "last", 1, 4).by_tests == -1.0
    assert find(run_plan(replace(cold, prior=(last,))), "last", 1, 4).by_tests == 1.0


def test_what_was_not_recorded_fails(tmp_path: Path) -> None:
    definition = write_json(tmp_path / "t1.json", t1_object())
    recording = write_t4(tmp_path / "model.json", {(64, "row"): 2.0, (128, "row"): 4.0})
    simulation = run_plan(
        Plan((str(recording),), ("exhaustive",), (6,), 1, definitions=(definition,))
    )
    assert len(simulation.fields[0].losses) == 6
    assert simulation.fields[0].test_s == pytest.approx((6 * 0.1 + 0.006 + 0.012) / 6)
    assert simulation.scores[0].best == pytest.approx(0.002)


def test_bad_plans(plan: Plan) -> None:
    with pytest.raises(ConfigError, match="strategy 'exhaustiv': unknown; use one of auto, exh"):
        run_plan(replace(plan, strategies=("exhaustiv",)))
    with pytest.raises(ConfigError, match="1 priors for 2 recordings"):
        replace(plan, prior=("x",))
    with pytest.raises(ConfigError, match="given twice"):
        replace(plan, recordings=plan.recordings[:1] * 2)
