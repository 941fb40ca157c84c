"""What the worker measures and reports when nothing goes wrong with the harness itself."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import RunError
from harness.procs import worker as worker_module
from harness.procs.worker import START, Worker
from harness.testing.programs import Programs
from tests.procs.conftest import MakeCommand, Watch, exists


def test_reports_exit_status_and_output(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    before_ns = time.monotonic_ns()
    result = worker.run(command(programs.prints("out\n", "err\n", status=3)))
    assert (result.exit_code, result.signal) == (3, None)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert not result.succeeded
    assert before_ns <= result.started_ns
    assert result.started_ns + result.elapsed_s * 1e9 <= time.monotonic_ns()
    assert (result.error, result.leftovers, result.timed_out) == ("", 0, False)


def test_reports_the_signal_that_killed_it(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    result = worker.run(command(programs.dies("SEGV")))
    assert (result.exit_code, result.signal) == (None, signal.SIGSEGV)


def test_runs_one_command_after_another(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    run = command("/bin/sh", "-c", "echo $PPID")
    first, second = worker.run(run), worker.run(run)
    assert first.stdout == second.stdout != ""


def test_standard_input_is_empty(worker: Worker, command: MakeCommand) -> None:
    assert worker.run(command("cat")).succeeded


def test_environment_is_the_harness_s_and_the_command_s(
    command: MakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_HARNESS", "a")
    monkeypatch.setenv("OVERRIDDEN", "b")
    additions = (("OVERRIDDEN", "c"), ("NEW", "ä b"))
    with Worker() as worker:
        text = 'echo "$FROM_HARNESS $OVERRIDDEN $NEW"'
        assert worker.run(command("sh", "-c", text, environment=additions)).stdout == "a c ä b\n"
        assert worker.run(command("sh", "-c", text)).stdout == "a b \n"


def test_runs_in_its_directory(worker: Worker, command: MakeCommand, tmp_path: Path) -> None:
    inner = tmp_path / "in ner"
    inner.mkdir()
    assert worker.run(command("pwd", "-P", directory=inner)).stdout == f"{inner.resolve()}\n"
    assert worker.run(command("pwd", "-P")).stdout == f"{tmp_path.resolve()}\n"


def test_program_is_found_in_the_command_s_own_path(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    path = Path(programs.prints("mine"))
    assert worker.run(command(path.name, environment=(("PATH", str(path.parent)),))).stdout == (
        "mine"
    )
    assert worker.run(command(f"./{path.name}")).stdout == "mine"


def test_unknown_program(worker: Worker, command: MakeCommand, tmp_path: Path) -> None:
    result = worker.run(command("no-such-program"))
    assert "cannot start 'no-such-program'" in result.error
    assert "no such program in PATH=" in result.error
    assert result.exit_code is None
    result = worker.run(command("./no-such-program"))
    assert "No such file or directory (the program, or the interpreter" in result.error
    assert worker.run(command("true")).succeeded


def test_program_that_may_not_be_executed(
    worker: Worker, command: MakeCommand, tmp_path: Path
) -> None:
    path = tmp_path / "plain"
    path.write_text("not a program")
    assert worker.run(command(str(path))).error.endswith("Permission denied")


def test_missing_directory(worker: Worker, command: MakeCommand, tmp_path: Path) -> None:
    result = worker.run(command("true", directory=tmp_path / "gone"))
    assert result.error == (
        f"cannot run in '{tmp_path / 'gone'}': it does not exist or is not a directory"
    )
    assert not result.succeeded


def test_zero_byte_in_an_argument(worker: Worker, command: MakeCommand) -> None:
    assert "embedded null" in worker.run(command("echo", "a\0b")).error


def test_long_output_keeps_head_and_tail(programs: Programs, command: MakeCommand) -> None:
    with Worker(output_keep_bytes=100) as worker:
        result = worker.run(command(programs.prints_lines(100_000)))
    assert result.succeeded
    assert result.stdout.startswith("1\n2\n")
    assert result.stdout.endswith("\n99999\n100000\n")
    size = sum(len(f"{i}\n") for i in range(1, 100_001))
    assert f"\n[... {size - 200} bytes left out ...]\n" in result.stdout
    assert len(result.stdout) < 300


def test_default_output_bounds(worker: Worker, programs: Programs, command: MakeCommand) -> None:
    result = worker.run(command(programs.prints_lines(1_000_000)))
    assert result.succeeded
    assert 2 * 32768 < len(result.stdout) < 2 * 32768 + 100


def test_endless_output_is_killed(programs: Programs, command: MakeCommand) -> None:
    with Worker(output_limit_bytes=1 << 20) as worker:
        result = worker.run(command(programs.prints_endlessly()))
    assert result.error.startswith("wrote more than 1048576 bytes to stdout or stderr")
    assert result.signal == signal.SIGTERM
    assert (result.timed_out, result.cancelled) == (False, False)
    assert result.stdout.startswith("y\ny\n")


def test_output_over_the_limit_is_an_error_however_fast_it_ended(
    programs: Programs, command: MakeCommand
) -> None:
    with Worker(output_limit_bytes=1000) as worker:
        result = worker.run(command(programs.prints("x" * 1001)))
        assert worker.run(command(programs.prints("x" * 1000))).succeeded
    assert "wrote more than 1000 bytes" in result.error
    assert result.exit_code == 0
    assert not result.succeeded


def test_output_that_is_not_utf8(worker: Worker, programs: Programs, command: MakeCommand) -> None:
    result = worker.run(command(programs.prints_bytes(b"a\xff\xc3\xa4\0")))
    assert result.stdout == "a\ufffdä\0"


def test_stdout_opened_anew_is_appended_to(worker: Worker, command: MakeCommand) -> None:
    result = worker.run(command("sh", "-c", "echo one; echo two >> /dev/stdout; echo three"))
    assert result.stdout == "one\ntwo\nthree\n"


def test_peak_memory_is_the_child_s_own(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    ballast = bytearray(200 << 20)
    ballast[:: 1 << 12] = b"x" * len(ballast[:: 1 << 12])
    assert worker.run(command("true")).max_rss_bytes < 60 << 20
    assert worker.run(command(programs.uses_memory(100 << 20))).max_rss_bytes >= 100 << 20
    assert worker.run(command("true")).max_rss_bytes < 60 << 20
    assert len(ballast) == 200 << 20


def test_processor_time_is_reported(
    worker: Worker, programs: Programs, command: MakeCommand
) -> None:
    result = worker.run(command(programs.burns(0.1)))
    assert result.user_s + result.system_s >= 0.09
    assert result.elapsed_s >= 0.09
    assert worker.run(command("true")).user_s < result.user_s


def test_commands_run_on_the_worker_s_cores(programs: Programs, command: MakeCommand) -> None:
    core = max(os.sched_getaffinity(0))
    with Worker(cores={core}) as worker:
        result = worker.run(command(programs.prints_python("os.sched_getaffinity(0)")))
    assert result.stdout == f"{{{core}}}\n"


def test_cores_that_do_not_exist(command: MakeCommand) -> None:
    with (
        Worker(cores={100_000}) as worker,
        pytest.raises(RunError, match=r"cannot bind a worker to cores \[100000\]"),
    ):
        worker.run(command("true"))


def test_idle_worker_gives_way(programs: Programs, command: MakeCommand) -> None:
    expression = "os.sched_getscheduler(0) == os.SCHED_IDLE or os.nice(0) == 19"
    program_path = programs.prints_python(expression)
    with Worker(idle=True) as idle, Worker() as normal:
        assert idle.run(command(program_path)).stdout == "True\n"
        assert normal.run(command(program_path)).stdout == f"{os.nice(0) == 19}\n"


def test_inherited_lock_lasts_as_long_as_a_test_runs(
    programs: Programs, command: MakeCommand, tmp_path: Path, fifo: Path
) -> None:
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    other = os.open(tmp_path / "lock", os.O_RDWR)
    with Worker(inherit_fds=[lock]) as worker, ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.hangs(fifo)))
        _, pid = map(int, fifo.read_text().split())
        assert Path(f"/proc/{pid}/fd/{lock}").resolve() == tmp_path / "lock"
        os.close(lock)  # as when the harness dies
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        worker.cancel()
        assert running.result().cancelled
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_nothing_else_is_inherited(worker: Worker, command: MakeCommand, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        listed = worker.run(command("sh", "-c", "ls -l /proc/$$/fd")).stdout
    targets = {line.split(" -> ")[1] for line in listed.splitlines() if " -> " in line}
    assert targets <= {"/dev/null", "/memfd:stdout (deleted)", "/memfd:stderr (deleted)"}


def test_signals_are_as_in_a_shell(worker: Worker, command: MakeCommand) -> None:
    status = worker.run(command("cat", "/proc/self/status")).stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    usable = sum(1 << number - 1 for number in signal.valid_signals())
    assert int(fields["SigIgn"], 16) & usable == 0  # Python ignores SIGPIPE
    assert int(fields["SigBlk"], 16) & usable == 0


def test_paused_worker_starts_nothing(worker: Worker, command: MakeCommand, fifo: Path) -> None:
    worker.run(command("true"))
    worker.pause()
    with ThreadPoolExecutor(1) as threads:
        begun = threading.Event()

        def run() -> bool:
            begun.set()
            return worker.run(command("touch", "started")).cancelled

        running = threads.submit(run)
        begun.wait()
        while not running.done():  # a cancel before the run has begun is for nothing
            worker.cancel()
        assert running.result()
    assert not (fifo.parent / "started").exists()
    worker.resume()
    assert worker.run(command("touch", "started")).succeeded


def test_pause_holds_before_the_worker_has_started(
    worker: Worker, command: MakeCommand, tmp_path: Path
) -> None:
    worker.pause()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command("true"))
        while not running.done():
            worker.cancel()
        assert running.result().cancelled


def test_pause_stops_the_group_and_resume_lets_it_go_on(
    worker: Worker, programs: Programs, command: MakeCommand, fifo: Path
) -> None:
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.watches_pause(fifo)))
        with fifo.open() as said:
            assert said.readline() == "running\n"
            worker.pause()
            assert said.readline() == "stopped\n"
            worker.resume()
            assert said.readline() == "going on\n"
        assert running.result().succeeded


def test_cancel_of_a_paused_run(
    worker: Worker, programs: Programs, command: MakeCommand, fifo: Path
) -> None:
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.hangs(fifo)))
        fifo.read_text()
        worker.pause()
        worker.cancel()
        assert running.result().signal == signal.SIGTERM


def test_cancel_asks_first(programs: Programs, command: MakeCommand, fifo: Path) -> None:
    with Worker(grace_s=3600) as worker, ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.hangs(fifo)))
        fifo.read_text()
        worker.cancel()
        result = running.result()
        assert (result.cancelled, result.signal) == (True, signal.SIGTERM)
        assert worker.run(command("true")).succeeded


def test_second_cancel_kills(programs: Programs, command: MakeCommand, fifo: Path) -> None:
    with Worker(grace_s=3600) as worker, ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.hangs(fifo, ignore_term=True)))
        fifo.read_text()
        worker.cancel()
        worker.cancel()
        result = running.result()
        assert (result.cancelled, result.signal) == (True, signal.SIGKILL)


def test_cancel_when_nothing_runs(worker: Worker, command: MakeCommand) -> None:
    worker.cancel()
    assert worker.run(command("true")).succeeded
    worker.cancel()
    assert worker.run(command("true")).succeeded


def test_works_without_memfd(
    programs: Programs, command: MakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "START", f"import os; del os.memfd_create; {START}")
    with Worker() as worker:
        result = worker.run(command(programs.prints("out", "err")))
        listed = worker.run(command("ls", "-l", "/proc/self/fd")).stdout
    assert (result.stdout, result.stderr) == ("out", "err")
    assert "memfd" not in listed


def test_closed_worker_refuses(command: MakeCommand) -> None:
    worker = Worker()
    worker.run(command("true"))
    worker.close()
    worker.close()
    with pytest.raises(RunError, match="closed worker"):
        worker.run(command("true"))


def test_unused_worker_starts_no_process() -> None:
    with Worker() as worker:
        worker.cancel()
        worker.pause()
        worker.resume()


def test_close_while_a_command_runs(programs: Programs, command: MakeCommand, fifo: Path) -> None:
    worker = Worker()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, command(programs.hangs(fifo, ignore_term=True)))
        watch = Watch(*map(int, fifo.read_text().split()))
        worker.close()
        assert "closed while the command ran" in running.result().error
    watch.assert_gone()


def test_worker_program_that_cannot_start(
    command: MakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "START", "raise SystemError('broken installation')")
    with Worker() as worker, pytest.raises(RunError, match="broken installation"):
        worker.run(command("true"))


def test_no_python_to_run_the_worker(
    command: MakeCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with Worker() as worker, pytest.raises(RunError, match="cannot start a worker"):
        worker.run(command("true"))


def test_exists_tells_a_dead_process(worker: Worker, command: MakeCommand) -> None:
    assert not exists(int(worker.run(command("sh", "-c", "echo $$")).stdout))


def test_a_worker_can_be_started_ahead(programs: Programs, command: MakeCommand) -> None:
    with Worker() as worker:
        worker.start()
        pid = programs.prints_python("os.getppid()")
        first = worker.run(command(pid)).stdout
        worker.start()
        assert worker.run(command(pid)).stdout == first, "it is the same one"
    worker.start()  # too late, and nothing is left running by it
    with pytest.raises(RunError, match="closed"):
        worker.run(command(pid))
