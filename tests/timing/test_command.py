"""Every way in which a run of a command ends, with real processes."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from harness.clock import SystemClock
from harness.configuration import Configuration
from harness.lane import DeviceInfo, Lane
from harness.model import Command, OutcomeKind, ProcessResult, Run, Test
from harness.procs.worker import Worker
from harness.testing.programs import Programs
from harness.timing.base import Timer
from harness.timing.command import CommandTimer, judge, parse_figure

TEST = Test(7, Configuration(("N",), (4,)), "key", "left")
LANE = Lane("left", 0, DeviceInfo("none", 0, "CPU-1", "none"), (("HARNESS_PARALLEL", "left"),))
CLOCK = SystemClock()


def make_timer(
    worker: Worker,
    *argv: str,
    measured: Literal["time", "figure"] = "time",
    timeout_s: float | None = None,
) -> CommandTimer:
    def make_command(test: Test) -> Command:
        assert test is TEST
        return Command(argv, " ".join(argv), "/", LANE.environment, timeout_s)

    return CommandTimer(worker, LANE, make_command, measured=measured, clock=CLOCK)


def measure(
    worker: Worker,
    *argv: str,
    measured: Literal["time", "figure"] = "time",
    timeout_s: float | None = None,
) -> Run:
    timer: Timer = make_timer(worker, *argv, measured=measured, timeout_s=timeout_s)
    return timer.measure(TEST, 3)


def test_time_of_a_run_is_its_sample(worker: Worker, programs: Programs) -> None:
    before_s = CLOCK.now_s()
    run = measure(worker, programs.prints("fine\n", "noise\n"))
    assert run.kind is OutcomeKind.OK
    assert run.sample == run.elapsed_s > 0
    assert before_s <= run.started_s <= run.started_s + run.elapsed_s <= CLOCK.now_s()
    assert (run.index, run.lane, run.device_uuid) == (3, "left", "CPU-1")
    assert run.environment == LANE.environment
    assert (run.stdout, run.stderr, run.exit_code) == ("fine\n", "noise\n", 0)
    assert (run.reason, run.evidence) == ("", None)
    assert run.max_rss_bytes > 0


def test_lane_s_environment_reaches_the_test(worker: Worker) -> None:
    assert measure(worker, "sh", "-c", "echo $HARNESS_PARALLEL").stdout == "left\n"


def test_figure_of_merit_is_the_sample(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.prints("warm-up\nGFLOP/s: 1.5e3\n\n"), measured="figure")
    assert (run.kind, run.sample) == (OutcomeKind.OK, 1500.0)


def test_figure_on_stderr_does_not_count(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.prints("", "12\n"), measured="figure")
    assert (run.kind, run.sample) == (OutcomeKind.NO_SCORE, None)
    assert run.reason.startswith("printed nothing")
    assert run.evidence is not None
    assert run.evidence.output == "12"


def test_no_figure_is_no_score(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.prints("12\nall done\n"), measured="figure")
    assert run.kind is OutcomeKind.NO_SCORE
    assert "'all done'" in run.reason
    assert run.exit_code == 0


def test_figure_of_a_failed_run_does_not_count(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.prints("12\n", status=1), measured="figure")
    assert (run.kind, run.sample) == (OutcomeKind.RUN_FAILED, None)


def test_exit_status_is_a_failure_with_evidence(worker: Worker, programs: Programs) -> None:
    program = programs.prints("out\n", "cannot open file\n", status=2)
    run = measure(worker, program)
    assert (run.kind, run.reason) == (
        OutcomeKind.RUN_FAILED,
        "exit status 2: cannot open file",
    )
    assert (run.sample, run.exit_code) == (None, 2)
    assert run.evidence is not None
    assert (run.evidence.command, run.evidence.directory) == (program, "/")
    assert (run.evidence.exit_code, run.evidence.signal) == (2, None)
    assert run.evidence.output == "out\ncannot open file"


def test_signal_is_a_failure(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.dies("SEGV"))
    assert (run.kind, run.reason) == (OutcomeKind.RUN_FAILED, "killed by SIGSEGV (11)")
    assert run.signal == signal.SIGSEGV


def test_program_that_does_not_exist_is_a_failure(worker: Worker) -> None:
    run = measure(worker, "no-such-program")
    assert run.kind is OutcomeKind.RUN_FAILED
    assert "cannot start 'no-such-program'" in run.reason


def test_status_65_is_a_wrong_result(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.exits(65))
    assert run.kind is OutcomeKind.WRONG_RESULT
    assert run.evidence is not None


def test_status_69_is_a_lost_device(worker: Worker, programs: Programs) -> None:
    assert measure(worker, programs.exits(69)).kind is OutcomeKind.DEVICE_LOST


def test_timeout(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.hangs(ignore_term=True), timeout_s=0.1)
    assert (run.kind, run.reason) == (OutcomeKind.TIMEOUT, "took longer than 100 ms")
    assert run.sample is None


def test_cancelled_run_is_interrupted(worker: Worker, programs: Programs, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    timer = make_timer(worker, programs.hangs(fifo))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(timer.measure, TEST, 0)
        fifo.read_text()
        timer.cancel()
        assert running.result().kind is OutcomeKind.INTERRUPTED


def test_a_run_that_is_about_to_begin_is_cancelled_too(worker: Worker, tmp_path: Path) -> None:
    made = tmp_path / "made"
    timer = make_timer(worker, "touch", str(made))
    timer.cancel()
    assert timer.measure(TEST, 0).kind is OutcomeKind.INTERRUPTED
    assert not made.exists()


def test_death_of_the_worker_is_a_failure(
    worker: Worker, programs: Programs, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    timer = make_timer(worker, programs.hangs(fifo))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(timer.measure, TEST, 0)
        os.kill(int(fifo.read_text().split()[0]), signal.SIGKILL)
        run = running.result()
    assert run.kind is OutcomeKind.RUN_FAILED
    assert abs(run.started_s - CLOCK.now_s()) < 3600


def test_what_cannot_be_killed_loses_the_device() -> None:
    result = ProcessResult(time.monotonic_ns(), 1.0, timed_out=True, stuck=True, error="stuck")
    kind, reason = judge(Command(("a",), "a", "/"), result)
    assert (kind, reason) == (OutcomeKind.DEVICE_LOST, "stuck")


def test_output_kept_is_the_end_of_it(worker: Worker, programs: Programs) -> None:
    run = measure(worker, programs.prints_lines(10_000))
    assert len(run.stdout) == 4096
    assert run.stdout.endswith("\n10000\n")


def test_close_ends_the_worker(programs: Programs) -> None:
    worker = Worker()
    timer = make_timer(worker, "sh", "-c", "echo $PPID")
    pid = int(timer.measure(TEST, 0).stdout)
    timer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("stdout", "figure"),
    [
        ("12", 12.0),
        ("  12 \n", 12.0),
        ("1.5e3\n\n  \n", 1500.0),
        ("-0.25\n", -0.25),
        ("score: 12\n", 12.0),
        ("1\n2\n3", 3.0),
        ("warm-up 9\r\n7\r\n", 7.0),
        ("a\ufffd 8", 8.0),
        ("12 s", None),
        ("nan", None),
        ("-inf", None),
        ("1e999", None),
        ("1_000", None),
        ("0x10", None),
        ("1,5", None),
        ("", None),
        (" \n\n", None),
    ],
)
def test_figure(stdout: str, figure: float | None) -> None:
    found, reason = parse_figure(stdout)
    assert found == figure
    assert (reason == "") is (figure is not None)


def test_reason_quotes_the_end_of_a_long_line() -> None:
    _, reason = parse_figure("x" * 5000 + " the end")
    assert len(reason) < 250
    assert "the end'" in reason


def test_the_energy_of_a_run_is_read_around_it(
    worker: Worker, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_once() -> Run:
        readings = iter([100.0, 350.5])
        timer = CommandTimer(
            worker,
            LANE,
            lambda _: Command((programs.prints("fine\n"),), "prints", "/"),
            measured="energy",
            clock=CLOCK,
            read_energy=lambda: next(readings),
        )
        return timer.measure(TEST, 0)

    short = run_once()
    assert (short.kind, short.sample) == (OutcomeKind.NO_SCORE, None)
    assert "let the test repeat its work for 2 s or more" in short.reason
    monkeypatch.setattr("harness.timing.command.ENERGY_S", 0.0)
    run = run_once()
    assert (run.kind, run.sample) == (OutcomeKind.OK, 250.5)
