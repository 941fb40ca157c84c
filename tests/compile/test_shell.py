from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.compile.base import Compiler
from harness.compile.shell import MakeCommand, ShellCompiler
from harness.configuration import Configuration
from harness.lane import DeviceInfo, Lane
from harness.model import Build, Command, OutcomeKind, Phase, Test
from harness.procs.worker import Worker
from harness.testing.programs import Programs

TEST = Test(7, Configuration(("N",), (4,)), "key", "left")
LANE = Lane("left", 0, DeviceInfo("none", 0, "", "none"))
CLOCK = SystemClock()


def make_compiler(worker: Worker, *argv: str, timeout_s: float | None = None) -> ShellCompiler:
    def make_command(test: Test, lane: Lane) -> Command:
        assert (test, lane) == (TEST, LANE)
        return Command(argv, " ".join(argv), "/", (), timeout_s)

    return ShellCompiler(worker, make_command, None, "compile 1", CLOCK)


def compile_with(worker: Worker, *argv: str, timeout_s: float | None = None) -> Build:
    compiler: Compiler = make_compiler(worker, *argv, timeout_s=timeout_s)
    return compiler.compile(TEST, LANE)


def test_compile_that_works(worker: Worker) -> None:
    before_s = CLOCK.now_s()
    build = compile_with(worker, "true")
    assert (build.phase, build.kind, build.seat) == (Phase.COMPILE, OutcomeKind.OK, "compile 1")
    assert build.elapsed_s > 0
    assert before_s <= build.started_s <= CLOCK.now_s()
    assert (build.reason, build.evidence) == ("", None)


def test_compile_that_fails_keeps_evidence(worker: Worker, programs: Programs) -> None:
    program = programs.prints("", "app.c:3: error: no\n", status=1)
    build = compile_with(worker, program)
    assert (build.kind, build.reason) == (
        OutcomeKind.COMPILE_FAILED,
        "exit status 1: app.c:3: error: no",
    )
    assert build.evidence is not None
    assert build.evidence.command == program
    assert build.evidence.output == "app.c:3: error: no"


@pytest.mark.parametrize("name", ["SEGV", "KILL"])
def test_compiler_that_crashes(worker: Worker, programs: Programs, name: str) -> None:
    build = compile_with(worker, programs.dies(name))
    assert build.kind is OutcomeKind.COMPILE_FAILED
    assert f"killed by SIG{name}" in build.reason


def test_no_such_compiler(worker: Worker) -> None:
    build = compile_with(worker, "no-such-compiler")
    assert build.kind is OutcomeKind.COMPILE_FAILED
    assert "cannot start 'no-such-compiler'" in build.reason


def test_timeout(worker: Worker, programs: Programs) -> None:
    build = compile_with(worker, programs.hangs(), timeout_s=0.05)
    assert (build.kind, build.reason) == (OutcomeKind.TIMEOUT, "took longer than 50.0 ms")


def test_no_command_is_no_work() -> None:
    worker = Worker()
    worker.close()  # would refuse to run anything
    compiler = ShellCompiler(worker, None, None, "left", CLOCK)
    for build, phase in (
        (compiler.compile(TEST, LANE), Phase.COMPILE),
        (compiler.clean(TEST, LANE), Phase.CLEAN),
    ):
        assert (build.phase, build.kind, build.elapsed_s) == (phase, OutcomeKind.OK, 0.0)
        assert abs(build.started_s - CLOCK.now_s()) < 3600


def test_clean_runs_its_own_command(worker: Worker, tmp_path: Path) -> None:
    built = tmp_path / "app_7"
    built.touch()

    def make_clean(test: Test, lane: Lane) -> Command:
        argv = ("rm", f"app_{test.id}")
        return Command(argv, " ".join(argv), str(tmp_path))

    compiler = ShellCompiler(worker, None, make_clean, "left", CLOCK)
    assert compiler.clean(TEST, LANE).kind is OutcomeKind.OK
    assert not built.exists()
    build = compiler.clean(TEST, LANE)
    assert (build.phase, build.kind) == (Phase.CLEAN, OutcomeKind.COMPILE_FAILED)


def test_cancelled_compile_is_interrupted(
    worker: Worker, programs: Programs, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    compiler = make_compiler(worker, programs.hangs(fifo))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(compiler.compile, TEST, LANE)
        fifo.read_text()
        compiler.cancel()
        assert running.result().kind is OutcomeKind.INTERRUPTED


def test_a_cancelled_compiler_compiles_no_more_and_still_cleans(
    worker: Worker, tmp_path: Path
) -> None:
    def touch(name: str) -> MakeCommand:
        return lambda _test, _lane: Command(("touch", name), f"touch {name}", str(tmp_path))

    compiler = ShellCompiler(worker, touch("compiled"), touch("cleaned"), "left", CLOCK)
    compiler.cancel()
    assert compiler.compile(TEST, LANE).kind is OutcomeKind.INTERRUPTED
    assert compiler.clean(TEST, LANE).kind is OutcomeKind.OK
    assert [path.name for path in tmp_path.iterdir()] == ["cleaned"]


def test_paused_compile_waits_for_resume(
    worker: Worker, programs: Programs, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    compiler = make_compiler(worker, programs.watches_pause(fifo))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(compiler.compile, TEST, LANE)
        with fifo.open() as said:
            assert said.readline() == "running\n"
            compiler.pause()
            assert said.readline() == "stopped\n"
            compiler.resume()
            assert said.readline() == "going on\n"
        assert running.result().kind is OutcomeKind.OK


def test_close_ends_the_worker(worker: Worker) -> None:
    compiler = make_compiler(worker, "true")
    compiler.compile(TEST, LANE)
    compiler.close()
    compiler.close()
