"""The executor of real sessions, with compilers and timers that take no time."""

from __future__ import annotations

import threading

import pytest

from harness.clock import SystemClock
from harness.compile.base import Compiler
from harness.events import PhaseStarted, RunEnded
from harness.lane import Lane
from harness.model import Build, OutcomeKind, Phase, Run, Test
from harness.schedule.base import POOL, Assignment, Crashed, Job, JobEnded, Report
from harness.schedule.quiet import QuietGate
from harness.schedule.threads import ThreadExecutor
from harness.testing.work import FakeCompiler, FakeTimer

from .helpers import configurations, lanes


def job(number: int, phase: Phase, lane: Lane, runs: tuple[int, ...] = (0,)) -> Job:
    test = Test(number, configurations(1)[0], f"key-{number}", lane.name)
    return Job(test, phase, lane, runs if phase is Phase.TEST else ())


def collect(executor: ThreadExecutor, ends: int) -> list[Report]:
    reports: list[Report] = []
    while sum(isinstance(report, (JobEnded, Crashed)) for report in reports) < ends:
        reports += executor.wait(10.0)
    return reports


class NoSleep(SystemClock):
    def sleep(self, duration_s: float) -> None:
        pass


def make_executor(on: list[Lane], **changes: object) -> ThreadExecutor:
    clock = NoSleep()
    given = {
        "workers": 2,
        "make_compiler": lambda lane: FakeCompiler(clock, lane.name if lane else "pool"),
        "make_timer": lambda lane: FakeTimer(clock, lane, lambda _: 0.0),
        **changes,
    }
    return ThreadExecutor(on, clock=clock, **given)  # type: ignore[arg-type]  # test's keywords


def test_jobs_are_done_on_their_seats() -> None:
    on = lanes(2)
    executor = make_executor(on)
    executor.submit(Assignment(POOL, job(1, Phase.COMPILE, on[0])))
    executor.submit(Assignment("1", job(2, Phase.TEST, on[1], (0, 1, 2))))
    reports = collect(executor, 2)
    executor.close()
    ends = {report.seat: report for report in reports if isinstance(report, JobEnded)}
    assert set(ends) == {POOL, "1"}
    assert all(end.kind is OutcomeKind.OK for end in ends.values())
    runs = [report.run for report in reports if isinstance(report, RunEnded)]
    assert [(run.index, run.lane) for run in runs] == [(0, "1"), (1, "1"), (2, "1")]


def test_a_crash_is_handed_to_the_main_thread() -> None:
    class Broken(FakeTimer):
        def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
            raise OSError("the pipe is gone")

    on = lanes(1)
    executor = make_executor(on, make_timer=lambda lane: Broken(SystemClock(), lane))
    executor.submit(Assignment("0", job(1, Phase.TEST, on[0])))
    (crash,) = (r for r in collect(executor, 1) if isinstance(r, Crashed))
    executor.close()
    assert str(crash.error) == "the pipe is gone"


def test_stop_lets_the_present_run_end_and_leaves_the_rest() -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(FakeTimer):
        def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
            entered.set()
            assert release.wait(10)
            return super().measure(test, index)

    on = lanes(1)
    executor = make_executor(on, make_timer=lambda lane: Slow(NoSleep(), lane))
    executor.submit(Assignment("0", job(1, Phase.TEST, on[0], (0, 1, 2))))
    assert entered.wait(10)
    executor.stop()
    release.set()
    reports = collect(executor, 1)
    executor.close()
    assert sum(isinstance(report, RunEnded) for report in reports) == 1
    (end,) = (report for report in reports if isinstance(report, JobEnded))
    assert end.kind is OutcomeKind.INTERRUPTED


def test_the_main_thread_is_not_woken_for_what_only_views_care_about() -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(FakeTimer):
        def measure(self, test: Test, index: int, best: Run | None = None) -> Run:
            entered.set()
            release.wait(10.0)
            return super().measure(test, index, best)

    on = lanes(1)
    executor = make_executor(on, make_timer=lambda lane: Slow(NoSleep(), lane, lambda _: 0.0))
    executor.submit(Assignment("0", job(1, Phase.TEST, on[0], (0, 1))))
    assert entered.wait(10.0)
    reports = executor.wait(0.01)  # there when the main thread looks by itself
    assert [type(report) for report in reports] == [PhaseStarted]
    release.set()
    ended: list[Report] = []
    while not any(isinstance(report, JobEnded) for report in ended):
        ended = executor.wait(10.0)
    executor.close()
    assert isinstance(ended[-2], RunEnded), "the end of a run comes with that of its job"


def test_wait_times_out_and_wakes_on_stop() -> None:
    executor = make_executor(lanes(1))
    assert executor.wait(0.0) == []
    executor.stop()
    assert executor.wait(None) == []
    executor.close()


class Recorded(FakeCompiler):
    """Notes when it is paused and resumed, and can be held in the middle of a compile."""

    def __init__(self) -> None:
        super().__init__(NoSleep(), "pool")
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


def test_the_quiet_gate_pauses_compilers_while_anything_is_timed() -> None:
    gate, compiler = QuietGate(), Recorded()

    def mine() -> Compiler:
        return compiler

    with gate.open(mine, timed=False):
        with gate.open(mine, timed=True), gate.open(mine, timed=True):
            assert compiler.calls == ["pause"]
        assert compiler.calls == ["pause", "resume"]
    with gate.open(mine, timed=True):
        pass
    assert compiler.calls == ["pause", "resume"], "a compiler at rest is left alone"


def test_a_compiler_that_was_paused_as_its_job_ended_is_resumed() -> None:
    gate, compiler = QuietGate(), Recorded()
    compiling = gate.open(lambda: compiler, timed=False)
    compiling.__enter__()
    with gate.open(lambda: compiler, timed=True):
        compiling.__exit__(None, None, None)
    assert compiler.calls == ["pause", "resume"]


def test_a_compile_does_not_begin_while_a_run_is_timed() -> None:
    gate, compiler = QuietGate(), Recorded()
    began, timed = threading.Event(), threading.Event()

    def compile_something() -> None:
        timed.wait(10)
        with gate.open(lambda: compiler, timed=False):
            began.set()

    thread = threading.Thread(target=compile_something)
    thread.start()
    with gate.open(lambda: compiler, timed=True):
        timed.set()
        assert not began.is_set()
    assert began.wait(10)
    thread.join(10)


@pytest.mark.parametrize("quiet", [False, True])
def test_everything_gets_done_with_and_without_quiet_timing(quiet: bool) -> None:
    on = lanes(2)
    executor = make_executor(on, quiet_timing=quiet)
    for number in range(10):
        executor.submit(Assignment(POOL, job(number, Phase.COMPILE, on[0])))
        executor.submit(Assignment(str(number % 2), job(number, Phase.TEST, on[number % 2])))
    reports = collect(executor, 20)
    executor.close()
    assert sum(isinstance(report, JobEnded) for report in reports) == 20


def test_builds_of_the_pool_say_which_worker_did_them() -> None:
    build: Build = Recorded().compile(job(1, Phase.COMPILE, lanes(1)[0]).test, lanes(1)[0])
    assert build.seat == "pool"
