"""What commands do to a harness, with real processes: nothing hangs, nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.procs import worker as worker_module
from harness.procs.worker import Worker
from harness.testing.programs import Programs
from tests.procs.conftest import MakeCommand, Watch, exists


def test_background_process_is_not_waited_for_and_killed(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    result = worker.run(command(programs.leaves_background()))
    assert result.succeeded
    assert result.leftovers == 1
    assert not exists(int(result.stdout))


def test_daemon_is_killed(worker: Worker, programs: Programs, command: MakeCommand) -> None:
    result = worker.run(command(programs.daemonises()))
    assert result.succeeded
    assert result.leftovers == 1
    assert not exists(int(result.stdout))


def test_timeout_ends_what_can_be_asked(programs: Programs, command: MakeCommand) -> None:
    with Worker(grace_s=3600) as worker:
        result = worker.run(command(programs.hangs(), timeout_s=0.05))
    assert result.timed_out
    assert result.signal == signal.SIGTERM
    assert result.elapsed_s >= 0.05
    assert not result.succeeded


def test_timeout_kills_what_ignores_the_request(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    result = worker.run(command(programs.hangs(ignore_term=True), timeout_s=0.2))
    assert result.timed_out
    # on a busy machine, it may not have come so far as to ignore the first
    assert result.signal in (signal.SIGTERM, signal.SIGKILL)


def test_who_ignores_the_request_is_killed_after_the_grace(
    worker: Worker, programs: Programs, command: MakeCommand, fifo: Path
) -> None:
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.hangs(fifo, ignore_term=True)))
        fifo.read_text()
        worker.cancel()
        result = running.result()
    assert (result.cancelled, result.signal) == (True, signal.SIGKILL)
    assert result.leftovers == 0  # it did not leave them, it was stopped


def test_stopping_kills_a_process_that_left_the_group(
    worker: Worker, programs: Programs, command: MakeCommand, fifo: Path
) -> None:
    script = f"'{programs.daemonises()}'; echo > '{fifo}'; exec sleep 100000"
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command("sh", "-c", script))
        fifo.read_text()
        worker.cancel()
        result = running.result()
    assert result.cancelled
    assert not exists(int(result.stdout))


def test_stopped_process_times_out(worker: Worker, command: MakeCommand) -> None:
    result = worker.run(command("sh", "-c", "kill -STOP $$", timeout_s=0.1))
    assert result.timed_out


def test_death_of_the_worker_is_a_result_and_the_next_run_gets_a_new_one(
    worker: Worker, programs: Programs, command: MakeCommand, fifo: Path
) -> None:
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.hangs(fifo, ignore_term=True)))
        worker_pid, pid = map(int, fifo.read_text().split())
        watch = Watch(worker_pid, pid)
        os.kill(worker_pid, signal.SIGKILL)
        result = running.result()
    assert "was killed by signal 9" in result.error
    assert not result.succeeded
    assert result.elapsed_s > 0
    watch.assert_gone()
    assert worker.run(command("sh", "-c", "echo $PPID")).stdout != f"{worker_pid}\n"


def test_worker_that_died_between_runs_is_replaced(worker: Worker, command: MakeCommand) -> None:
    ask = command("sh", "-c", "echo $PPID")
    pid = int(worker.run(ask).stdout)
    watch = Watch(pid)
    os.kill(pid, signal.SIGKILL)
    watch.assert_gone()
    result = worker.run(ask)
    assert result.succeeded
    assert int(result.stdout) != pid


HARNESS = """
import sys
from harness.model import Command
from harness.procs.orphans import become_subreaper
from harness.procs.worker import Worker
become_subreaper()
with Worker() as worker:
    while True:
        worker.run(Command((sys.argv[1],), "", "/"))
"""


def test_killed_harness_leaves_nothing(programs: Programs, fifo: Path) -> None:
    hang = programs.hangs(fifo, ignore_term=True)
    with subprocess.Popen([sys.executable, "-c", HARNESS, hang]) as harness:
        watch = Watch(*map(int, fifo.read_text().split()))
        harness.kill()
    watch.assert_gone()


def test_killed_harness_leaves_no_daemon(programs: Programs, fifo: Path) -> None:
    daemon = programs.daemonises()
    script = programs.write(
        "#!/bin/sh",
        f"'{daemon}' > '{fifo}.pid'",
        f"echo $PPID $$ $(cat '{fifo}.pid') > '{fifo}'",
        "sleep 100000",
    )
    with subprocess.Popen([sys.executable, "-c", HARNESS, script]) as harness:
        pids = [int(pid) for pid in fifo.read_text().split()]
        assert len(pids) == 3
        watch = Watch(*pids)
        harness.kill()
    watch.assert_gone()


def test_subreaper_reaps_what_a_dead_worker_left(programs: Programs, fifo: Path) -> None:
    hang = programs.hangs(fifo, ignore_term=True)
    with subprocess.Popen([sys.executable, "-c", HARNESS, hang]) as harness:
        worker_pid, pid = map(int, fifo.read_text().split())
        watch = Watch(worker_pid, pid)
        os.kill(worker_pid, signal.SIGKILL)
        # the loop's next run comes from a new worker, after the orphans are gone and reaped
        second = Watch(*map(int, fifo.read_text().split()))
        assert not exists(pid)
        assert not exists(worker_pid)
        harness.kill()
    watch.assert_gone()
    second.assert_gone()


def test_process_that_cannot_be_killed(
    programs: Programs,
    command: MakeCommand,
    monkeypatch: pytest.MonkeyPatch,
    fifo: Path,
) -> None:
    powerless = (
        "import os, sys; sys.path.append(sys.argv[1]); "
        "from harness.procs import child, program; "
        "child.UNKILLABLE_S = program.UNKILLABLE_S = 0.05; "
        "kill, killpg = os.kill, os.killpg; "
        "os.kill = lambda pid, number: kill(pid, number if number != 9 else 0); "
        "os.killpg = lambda pid, number: killpg(pid, number if number != 9 else 0); "
        "program.main()"
    )
    monkeypatch.setattr(worker_module, "START", powerless)
    with Worker(grace_s=0.01) as worker, ThreadPoolExecutor(1) as threads:
        hang = command(programs.hangs(fifo, ignore_term=True))
        running = threads.submit(worker.run, hang)
        worker_pid, pid = map(int, fifo.read_text().split())
        worker.cancel()
        result = running.result()
        assert result.stuck
        assert result.cancelled
        assert "still there 0.05 s after SIGKILL" in result.error
        assert exists(pid)
        assert not exists(worker_pid)  # it is of no more use
    os.killpg(pid, signal.SIGKILL)
