"""How a session's time is told where it was interrupted and went on."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.model import Outcome
from harness.report.html.report import make_report
from harness.report.html.use import find_use
from tests.report.helpers import make_stored

from .test_report import Reader


def later(outcome: Outcome, by_s: float) -> Outcome:
    runs = tuple(replace(run, started_s=run.started_s + by_s) for run in outcome.runs)
    started_s = outcome.compile_started_s
    return replace(
        outcome,
        runs=runs,
        ended_s=outcome.ended_s + by_s,
        compile_started_s=None if started_s is None else started_s + by_s,
    )


def test_a_pause_is_no_time_that_lanes_were_idle() -> None:
    stored = make_stored()
    dated = tuple(
        replace(outcome, compile_started_s=outcome.ended_s - 0.9, compile_seat="compile")
        for outcome in stored.outcomes
    )
    whole = find_use(replace(stored, outcomes=dated))
    half = len(dated) // 2
    apart = (*dated[:half], *(later(outcome, 86_400) for outcome in dated[half:]))
    resumed = replace(stored, outcomes=apart)
    use = find_use(resumed)
    assert use.span_s == pytest.approx(whole.span_s + 86_400)
    assert use.paused_s == pytest.approx(86_400, abs=2)
    assert use.active_s == pytest.approx(whole.active_s, abs=2)
    assert use.busy("0") == pytest.approx(whole.busy("0"), rel=0.1)
    assert re.search("and a pause of 2[34] h", Reader(make_report([resumed], "library")).text)


def test_short_gaps_and_unknown_compiles_are_no_pauses() -> None:
    stored = make_stored()
    assert find_use(stored).paused_s == 0
    apart = tuple(later(outcome, 600 * number) for number, outcome in enumerate(stored.outcomes))
    assert find_use(replace(stored, outcomes=apart)).paused_s == 0, "it may have compiled"
    without = tuple(replace(outcome, compile_s=0.0) for outcome in apart)
    assert find_use(replace(stored, outcomes=without)).paused_s > 22 * 590
