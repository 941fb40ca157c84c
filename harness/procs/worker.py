"""The harness's side of a worker: what runs commands on a lane or compiles for it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from harness.errors import RunError
from harness.model import Command, ProcessResult
from harness.procs import program
from harness.procs.child import UNKILLABLE_S
from harness.procs.frames import read_frame, send_frame
from harness.procs.orphans import MARK_VARIABLE, kill_orphans

_ROOT = Path(program.__file__).parents[2]
# Python without its site packages starts in half the time; what is imported is compiled already.
START = "import sys; sys.path.append(sys.argv[1]); from harness.procs.program import main; main()"
CLOSE_S = UNKILLABLE_S + 5.0
"""How long a worker may take to kill everything and end before it is killed itself."""

OUTPUT_LIMIT_BYTES = 64 << 20
"""A command that writes more than this to stdout or stderr is killed, unless told otherwise."""


class _Process:
    """A running worker process."""

    def __init__(self, cores: Collection[int], idle: bool, inherit_fds: Sequence[int]) -> None:
        self.mark = uuid.uuid4().hex
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - see close()
        try:
            self._popen = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", START, str(_ROOT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, MARK_VARIABLE: self.mark},
                pass_fds=inherit_fds,
                start_new_session=True,  # Ctrl-C on the terminal is the harness's to handle
            )
        except OSError as error:
            self._log.close()
            raise RunError(f"cannot start a worker with {sys.executable!r}: {error}") from error
        try:
            self._settle(cores, idle)
        except BaseException:
            self.close()
            raise

    def _settle(self, cores: Collection[int], idle: bool) -> None:
        """Where it runs is inherited by all it starts; then wait until it is ready."""
        if cores:
            try:
                os.sched_setaffinity(self._popen.pid, cores)
            except (OSError, ValueError) as error:
                raise RunError(
                    f"cannot bind a worker to cores {sorted(cores)}: {error}; this process may use "
                    f"{sorted(os.sched_getaffinity(0))}"
                ) from error
        if idle:
            try:
                os.sched_setscheduler(self._popen.pid, os.SCHED_IDLE, os.sched_param(0))
            except OSError:  # forbidden in some containers
                os.setpriority(os.PRIO_PROCESS, self._popen.pid, 19)
        assert self._popen.stdout is not None
        greeting = self._popen.stdout.readline()
        if greeting != program.GREETING:
            raise RunError(
                f"a worker started with {sys.executable!r} answered {greeting!r} instead of "
                f"{program.GREETING!r}: {self.read_log()}"
            )

    def send(self, request: dict[str, object]) -> None:
        """Raises BrokenPipeError if the worker is dead."""
        assert self._popen.stdin is not None
        send_frame(self._popen.stdin.fileno(), request)

    def receive(self) -> dict[str, Any] | None:
        """The next answer; None if the worker is dead."""
        assert self._popen.stdout is not None
        return read_frame(self._popen.stdout)

    def read_log(self) -> str:
        """The last of what it wrote to stderr: a traceback, if anything."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")[-2000:].strip()

    def hang_up(self) -> None:
        """Close its input: it kills what runs and ends."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()

    def close(self) -> int:
        """End it and all it started; returns its status as `Popen.returncode` has it."""
        self.hang_up()
        assert self._popen.stdout is not None
        end = select.poll()  # of its output: `wait` with a timeout would sleep, and look, and sleep
        end.register(self._popen.stdout, select.POLLHUP)
        end.poll(CLOSE_S * 1000)
        try:
            status = self._popen.wait(1.0)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            status = self._popen.wait()
        if status != 0:
            kill_orphans(self.mark)
        self._popen.stdout.close()
        self._log.close()
        return status


class Worker:
    """Runs commands one at a time in a small process of its own, started with the first of them.

    `run` belongs to one thread; `cancel`, `pause` and `resume` may be called from any, `close` from
    any once `run` has been cancelled or is not running.

    Args:
        cores: what commands may run on; empty: wherever this process may.
        idle: run commands only when nothing else wants the processor.
        inherit_fds: descriptors that stay open as long as anything runs here, such as locks.
        output_limit_bytes: a command that writes more to stdout or stderr is killed.
        output_keep_bytes: how much is kept of the head, and as much of the tail, of each.
        grace_s: between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        *,
        cores: Collection[int] = (),
        idle: bool = False,
        inherit_fds: Sequence[int] = (),
        output_limit_bytes: int = OUTPUT_LIMIT_BYTES,
        output_keep_bytes: int = 32 << 10,
        grace_s: float = 1.0,
    ) -> None:
        self._cores = frozenset(cores)
        self._idle = idle
        self._inherit_fds = tuple(inherit_fds)
        self._output_limit_bytes = output_limit_bytes
        self._output_keep_bytes = output_keep_bytes
        self._grace_s = grace_s
        self._lock = threading.RLock()  # of all below; cancelled in a signal handler
        self._process: _Process | None = None
        self._number = 0
        self._running = False
        self._paused = False
        self._closed = False

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process now, so that the first run need not wait for it.

        Raises:
            RunError: it cannot be started.
        """
        with self._lock:
            if self._process is None and not self._closed:
                self._process = _Process(self._cores, self._idle, self._inherit_fds)

    def run(self, command: Command, unless: Callable[[], bool] = lambda: False) -> ProcessResult:
        """Run `command` until it and all it started have ended.

        Whatever goes wrong with it is in the result; so is the death of the worker, which the next
        run replaces. The environment is the harness's at the worker's start, and the command's.

        Args:
            unless: asked just before it begins, when `cancel` would not reach it yet: if true, it
                does not, and the result is cancelled.

        Raises:
            RunError: no worker can be started, or it is closed.
        """
        sent_ns = time.monotonic_ns()
        process = self._begin(command, unless)
        if process is None:
            return ProcessResult(started_ns=sent_ns, elapsed_s=0.0, cancelled=True)
        try:
            answer = process.receive()
        except BaseException:  # KeyboardInterrupt: nobody will ask for the answer
            self._end(process, keep=False)
            raise
        if answer is None:
            return self._explain_death(process, sent_ns)
        self._end(process, keep=not answer.get("stuck", False))
        return _to_result(answer)

    def cancel(self) -> None:
        """Ask what runs now to end, and kill it after the grace; a second time: kill it now.

        Does nothing if nothing runs.
        """
        with self._lock:
            if self._running:
                self._tell({"op": "cancel", "run": self._number})

    def pause(self) -> None:
        """Stop what runs now, and hold what is to run, until `resume`.

        Paused time counts as elapsed but not towards the timeout. Processes that left the
        command's process group go on.
        """
        with self._lock:
            self._paused = True
            self._tell({"op": "pause"})

    def resume(self) -> None:
        """Let it go on."""
        with self._lock:
            self._paused = False
            self._tell({"op": "resume"})

    def close(self) -> None:
        """End the worker and all it started; it cannot be used again."""
        with self._lock:
            self._closed = True
            process, running = self._process, self._running
            if process is None:
                return
            process.hang_up()
            if running:
                return  # run() sees the worker end and clears up
            self._process = None
        process.close()

    def _begin(self, command: Command, unless: Callable[[], bool]) -> _Process | None:
        """Send `command` to the worker, a new one if need be."""
        with self._lock:
            if self._closed:
                raise RunError("a closed worker was asked to run a command")
            if unless():
                return None
            self._number += 1
            timeout_s = command.timeout_s
            request = {
                "op": "run",
                "run": self._number,
                "argv": command.argv,
                "directory": command.directory,
                "environment": dict(command.environment),
                "timeout_ns": None if timeout_s is None else round(timeout_s * 1e9),
                "grace_ns": round(self._grace_s * 1e9),
                "limit_bytes": self._output_limit_bytes,
                "keep_bytes": self._output_keep_bytes,
            }
            process = self._process
            if process is None or not self._tell(request):
                process = self._renew()
                self._tell(request)
            self._running = True
            return process

    def _renew(self) -> _Process:
        """Start the first process, or one in the place of one that died between two runs."""
        if self._process is not None:
            self._process.close()
            self._process = None
        self._process = process = _Process(self._cores, self._idle, self._inherit_fds)
        if self._paused:
            self._tell({"op": "pause"})
        return process

    def _end(self, process: _Process, *, keep: bool) -> int:
        """The run is over; returns the worker's status if it is not kept."""
        with self._lock:
            self._running = False
            if keep and not self._closed:
                return 0
            self._process = None
        return process.close()

    def _explain_death(self, process: _Process, sent_ns: int) -> ProcessResult:
        log = process.read_log()
        status = self._end(process, keep=False)
        if self._closed:
            error = "the worker was closed while the command ran; what it had started was killed"
        else:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            error = (
                f"the worker that ran the command {how}; what it had started was killed, and the "
                f"next run gets a new worker{': ' if log else ''}{log}"
            )
        return ProcessResult(
            started_ns=sent_ns, elapsed_s=(time.monotonic_ns() - sent_ns) / 1e9, error=error
        )

    def _tell(self, request: dict[str, object]) -> bool:
        """Send it if there is a worker, alive for all that is known; else False."""
        if self._process is None:
            return False
        try:
            self._process.send(request)
        except BrokenPipeError:
            return False
        return True


def _to_result(answer: Mapping[str, Any]) -> ProcessResult:
    """What `program.Supervisor.run` answers, with output as UTF-8; what is not becomes U+FFFD."""
    facts = {name: value for name, value in answer.items() if name not in ("run", "elapsed_ns")}
    for name in ("stdout", "stderr"):
        facts[name] = facts.get(name, b"").decode("utf-8", "replace")
    return ProcessResult(elapsed_s=answer["elapsed_ns"] / 1e9, **facts)
