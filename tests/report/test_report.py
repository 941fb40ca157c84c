from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.configuration import Configuration, Goal
from harness.events import Event, Note, PhaseStarted, RunEnded, TestCreated, TestEnded
from harness.export.base import KEPT, UNCHANGED, Written
from harness.lane import DeviceInfo, Lane
from harness.model import Outcome, OutcomeKind, Phase, Run, SessionInfo, Test
from harness.report.live import LiveView
from harness.report.plain import (
    PlainView,
    describe_noise,
    describe_outcome,
    describe_reference,
    describe_score,
    describe_session,
)
from harness.report.progress import Progress
from harness.report.summary import Summary

LANES = tuple(
    Lane(name, n, DeviceInfo("mock", n, f"MOCK-{n}", "A100", simulated=True))
    for n, name in enumerate(["left", "right"])
)
INFO = SessionInfo(
    id=3,
    name="matrix",
    goal="min",
    unit="s",
    lanes=LANES,
    parameters=("N",),
    repeat=3,
    aggregate="min",
    size=10,
    simulated=True,
    started_s=100.0,
    distribution="pipelined",
    strategy="exhaustive",
    journal="/somewhere/journal.sqlite",
)


def outcome(
    n: int, score: float | None, *, lane: str = "left", kind: OutcomeKind = OutcomeKind.OK
) -> Outcome:
    runs = tuple(
        Run(i, OutcomeKind.OK, lane, "MOCK-0", 100.0, 0.5, sample=score + i / 1000)
        for i in range(3)
        if score is not None
    )
    return Outcome(
        Configuration(("N",), (n,)),
        kind,
        score,
        runs,
        test_id=n,
        lane=lane,
        reason="" if kind is OutcomeKind.OK else "exit status 1",
    )


def progress(*outcomes: Outcome, info: SessionInfo = INFO) -> Progress:
    made = Progress(info)
    for each in outcomes:
        made.take(TestEnded(each))
    return made


def test_progress_counts() -> None:
    made = progress(
        outcome(1, 0.2),
        outcome(2, 0.1, lane="right"),
        outcome(3, None, kind=OutcomeKind.RUN_FAILED),
        replace(outcome(4, 0.3), reused_from=1),
    )
    assert (made.tested, made.reused, made.done, made.failed) == (3, 1, 4, 1)
    best = made.best_overall()
    assert best is not None
    assert best.configuration["N"] == 2
    assert made.seats["right"].tests == 1


def test_the_greatest_score_is_best_when_the_goal_says_so() -> None:
    best = progress(outcome(1, 0.2), outcome(2, 0.1), info=replace(INFO, goal="max")).best_overall()
    assert best is not None
    assert best.configuration["N"] == 1


@pytest.mark.parametrize("goal", ["min", "max"])
@pytest.mark.parametrize("distribution", ["pipelined", "replicate"])
def test_of_equal_scores_the_first_test_is_best(goal: Goal, distribution: str) -> None:
    info = replace(INFO, goal=goal, distribution=distribution)
    made = progress(outcome(3, 0.2), outcome(2, 0.2, lane="right"), outcome(4, 0.2), info=info)
    best = made.best_overall()
    assert best is not None
    assert best.test_id == 2


def test_replicate_keeps_a_best_for_each_lane() -> None:
    made = progress(
        outcome(1, 0.2),
        outcome(1, 0.4, lane="right"),
        outcome(2, 0.3, lane="right"),
        info=replace(INFO, distribution="replicate"),
    )
    assert {lane: o.configuration["N"] for lane, o in made.best.items()} == {"left": 1, "right": 2}


def test_busy_share_is_the_time_in_timed_runs() -> None:
    made = Progress(INFO)
    test = Test(1, Configuration(("N",), (1,)), "k", "left")
    made.take(RunEnded(test, Run(0, OutcomeKind.OK, "left", "", 101.0, 2.0, sample=2.0)))
    made.take(RunEnded(test, Run(1, OutcomeKind.OK, "left", "", 103.0, 1.0, sample=1.0)))
    assert made.busy_share("left", 4.0) == 0.75
    assert made.busy_share("right", 4.0) == 0.0


def test_scores_show_spread_and_count() -> None:
    assert describe_score(outcome(1, 0.1), "s") == "100 ms ± 1.5 % (n=3)"
    failed = outcome(1, None, kind=OutcomeKind.TIMEOUT)
    assert describe_score(failed, "s") == "timeout"
    assert describe_outcome(failed, INFO) == "test 1 [left] N=1: timeout simulated: exit status 1"


def test_plain_view_writes_a_line_per_test() -> None:
    lines: list[str] = []
    made = Progress(INFO)
    view = PlainView(made, write=lines.append, now_s=lambda: 101.0, remaining=lambda: None)
    view.open()
    events: list[Event] = [TestEnded(outcome(1, 0.1)), Note("warning", "hot")]
    for event in events:
        made.take(event)
        view.take(event)
    view.take(TestEnded(replace(outcome(2, 0.1), reused_from=3)))
    view.take(TestEnded(outcome(3, None, kind=OutcomeKind.INTERRUPTED)))
    view.take(Note("info", "finals of 2: told by the summary", details={"standings": []}))
    view.close()
    assert lines[0].startswith("session 3 of matrix begins: 10 configurations")
    assert lines[0].endswith("left=A100, right=A100 (simulated)")
    assert lines[1:] == ["test 1 [left] N=1: 100 ms ± 1.5 % (n=3) simulated", "warning: hot"]


@pytest.mark.parametrize(
    ("goal", "reference", "best", "said"),
    [
        ("min", 5.0, 4.0, "1.25 x as good"),
        ("max", 5.0, 4.0, "0.800 x as good"),
        ("max", -2.0, 3.0, "better by 5 points"),
        ("min", -2.0, 3.0, "worse by 5 points"),
        ("min", 0.0, -3.0, "better by 3 points"),
        ("max", 0.0, 0.0, "as good"),
    ],
)
def test_the_best_beside_the_reference(
    goal: Goal, reference: float, best: float, said: str
) -> None:
    """Scores of 0 or below have no ratio."""
    told = describe_reference(reference, best, replace(INFO, goal=goal, unit="points"))
    assert told.endswith(f"the best is {said}")


@pytest.mark.parametrize(
    ("told", "doing"),
    [
        ({}, "begins"),
        ({"resumed": True}, "goes on"),
        ({"resumed": True, "was_complete": True}, "is complete, testing only what is new"),
        (
            {"resumed": True, "was_complete": True, "reopened": 2},
            "is complete, testing 2 tests again",
        ),
    ],
)
def test_what_a_session_is_about_to_do(told: dict[str, Any], doing: str) -> None:
    said = describe_session(replace(INFO, name="tune", **told))
    assert said.startswith(f"session 3 of tune {doing}: 10 configurations, ")


@pytest.mark.parametrize(
    ("remaining", "tests"), [(4, "1 of 6 tests"), (0, "1 of 2 tests"), (None, "1 test")]
)
def test_plain_view_counts_now_and_then(remaining: int | None, tests: str) -> None:
    """What a limit of the search leaves counts, not the size of the space."""
    lines: list[str] = []
    now = [100.0]
    made = progress(outcome(1, 0.1))
    made.take(TestCreated(Test(2, Configuration(("N",), (2,)), "k", "left"), 100.0))
    view = PlainView(
        made, write=lines.append, now_s=lambda: now[0], remaining=lambda: remaining, every_s=30.0
    )
    view.take(None)
    now[0] = 131.0
    view.take(None)
    view.take(None)
    assert lines == [f"{tests}; 31 s; best simulated 100 ms ± 1.5 % (n=3)"]


def test_noise_without_a_ratio_is_left_out() -> None:
    """Of samples of which more than half are 0."""
    assert describe_noise([0.0, 0.0, 0.0, 1.0]) == ""
    assert describe_noise([1.0, 1.1]) == ""
    assert describe_noise([-1.0, -1.0, -1.0]) == " ± 0.0 %"


def test_runs_of_tests_that_had_ended_are_told_as_such() -> None:
    """Of the finals, which may take longer than the search, when all tests have ended."""
    made, lines = Progress(INFO), list[str]()
    now = [100.0]
    test = Test(1, Configuration(("N",), (1,)), "k", "left")
    made.take(TestCreated(test, 100.0))
    made.take(RunEnded(test, Run(0, OutcomeKind.OK, "left", "", 101.0, 2.0, sample=2.0)))
    assert made.describe_again() == []
    made.take(TestEnded(outcome(1, 0.1)))
    for index in (1, 2):
        made.take(RunEnded(test, Run(index, OutcomeKind.OK, "left", "", 103.0, 1.0, sample=1.0)))
    view = PlainView(made, write=lines.append, now_s=lambda: now[0], remaining=lambda: 0)
    now[0] = 131.0
    view.take(None)
    assert lines == [
        "1 of 1 test; measured again: 2 runs; 31 s; best simulated 100 ms ± 1.5 % (n=3)"
    ]


def test_live_view_draws_lanes_progress_and_best() -> None:
    made = progress(outcome(1, 0.1), outcome(2, None, kind=OutcomeKind.TIMEOUT))
    test = Test(3, Configuration(("N",), (3,)), "k", "left")
    made.take(TestCreated(test, 104.0))
    made.take(PhaseStarted(test, Phase.TEST, "left", 105.0, 1))
    made.take(PhaseStarted(test, Phase.COMPILE, "compile-1", 105.0))
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    view = LiveView(made, console=console, now_s=lambda: 110.0, remaining=lambda: 7)
    view.open()
    view.take(None)
    view.take(Note("warning", "the device is hot"))
    view.close()
    shown = screen.getvalue()
    assert "2/10 tests, 1 failed" in shown
    assert "running test 3, run 2 of 3" in shown
    assert "1 of 1 workers busy" in shown
    assert "best simulated: 100 ms" in shown
    assert "about 40 s left" in shown
    assert "warning: the device is hot" in shown


def test_summary_for_programs_and_people() -> None:
    summary = Summary(
        INFO,
        progress(outcome(1, 0.1), outcome(2, 0.2)),
        "complete",
        4.0,
        skipped=8,
        reference=0.2,
        files=(
            Written("log", "/somewhere/log.csv"),
            Written("header", "/somewhere/a.h", UNCHANGED),
            Written("header", "/somewhere/b.h"),
            Written("script", "/somewhere/script.txt", KEPT),
        ),
    )
    made = json.loads(json.dumps(summary.to_object()))
    assert set(made) >= {"session", "best", "tests", "failed", "lanes", "simulated", "elapsed_s"}
    assert made["simulated"] is True
    assert made["best"]["parameters"] == {"N": 1}
    assert made["best"]["score"] == 0.1
    assert made["best"]["unit"] == "s"
    text = "\n".join(summary.to_lines())
    assert text.startswith("simulated: ")
    assert "  N = 1" in text
    assert "reference: 200 ms; the best is 2.00 x as good" in text
    assert "2 tests, 8 saved by the variable tree, in 4.0 s" in text
    assert "log: /somewhere/log.csv" in text
    assert "header (unchanged): /somewhere/a.h" in text
    assert "script (kept: it holds measured results" in text
    assert made["files"] == {
        "log": "/somewhere/log.csv",
        "header": "/somewhere/a.h",
        "header 2": "/somewhere/b.h",
    }
    assert made["kept"] == {"script": "/somewhere/script.txt"}


def test_the_live_view_keeps_a_long_configuration_to_a_line() -> None:
    configuration = Configuration(("N", "FLAGS"), (1, "-x " * 500))
    made = progress(replace(outcome(1, 0.1), configuration=configuration))
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=60, color_system=None)
    view = LiveView(made, console=console, now_s=lambda: 110.0, remaining=lambda: 7)
    view.open()
    view.take(None)
    view.close()
    drawn = {line for line in screen.getvalue().splitlines() if "-x -x" in line}
    assert len(drawn) == 1
    assert "…" in drawn.pop()


def test_summary_without_a_success_says_what_went_wrong() -> None:
    made = progress(outcome(1, None, kind=OutcomeKind.COMPILE_FAILED))
    lines = Summary(INFO, made, "complete", 1.0).to_lines()
    assert any(
        line.startswith("no test succeeded: 1 compile_failed; `harness show 3 --failures`")
        for line in lines
    )


def test_the_keys_for_programs_are_documented() -> None:
    summary = Summary(INFO, progress(outcome(1, 0.1)), "complete", 10.0)
    page = (Path(__file__).resolve().parents[2] / "docs" / "concepts.md").read_text()
    assert [key for key in summary.to_object() if f"`{key}`" not in page] == []
