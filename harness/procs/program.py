"""The worker: starts, times and reaps one process at a time, and leaves nothing behind.

Run as a program of its own, one per lane, so that the harness's interpreter lock never reaches the
clock, spawning is cheap, and a child's peak memory is not its parent's. It imports little and
nothing of the harness.

Protocol 1: one JSON object per line. The first line of standard output is `{"protocol": 1}`.

    <- {"op": "run", "run": N, "argv": [...], "directory": "/...", "environment": {...},
        "timeout_ns": T or null, "grace_ns": G, "limit_bytes": L, "keep_bytes": K}
    <- {"op": "cancel", "run": N}          ask run N to end; a second time: kill it
    <- {"op": "pause"}, {"op": "resume"}   hold whatever runs or is to start; no answer
    -> {"run": N, "started_ns": ..., "elapsed_ns": ..., ...}   see `Supervisor.run`

`environment` is added to the worker's own. Output is sent as Latin-1, a character per byte. What a
process writes goes to files in memory, in append mode: no pipe, so nobody waits for the end of one
that a background process keeps open, and nothing wakes up to read while a run is timed. Paused time
is not held against the timeout. At the end of its standard input (the harness is gone), the worker
kills everything and exits.
"""

# pathlib takes long to load:
# ruff: noqa: PTH112, PTH123

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import math
import os
import select
import signal
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

PROTOCOL = 1
CHECK_S = 0.2
"""How often the size of the output is looked at."""
UNKILLABLE_S = 5.0
"""How long a process may take to die of SIGKILL before it is given up as stuck in the kernel."""

_PR_SET_CHILD_SUBREAPER = 36
_NS = 1_000_000_000


class _HarnessGoneError(Exception):
    """Nobody is left to answer to."""


class _StuckError(Exception):
    """A process does not die."""


def become_subreaper() -> None:
    """Make descendants whose parent dies children of this process instead of init's (Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_CHILD_SUBREAPER): {os.strerror(error)}")


def read_children(parent: int) -> list[int]:
    """Processes whose parent is `parent`, zombies among them; empty where /proc is missing."""
    children = []
    with contextlib.suppress(FileNotFoundError), os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError), open(f"{entry.path}/stat", "rb") as file:
                # "pid (name) state ppid ...": the name may hold spaces and parentheses
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    children.append(int(entry.name))
    return children


class Countdown:
    """When a process is to be asked to end, killed, and given up.

    Instants are ns of one clock, handed in. Pausing stops the timeout, not what follows it.
    """

    RUNNING, ASKED, KILLED, GIVEN_UP = range(4)

    def __init__(self, now_ns: int, timeout_ns: int | None, grace_ns: int) -> None:
        self.stage = self.RUNNING
        self._grace_ns = grace_ns
        self._due_ns = None if timeout_ns is None else now_ns + timeout_ns
        self._paused_ns: int | None = None

    def pause(self, now_ns: int) -> None:
        """Stop the timeout."""
        if self._paused_ns is None:
            self._paused_ns = now_ns

    def resume(self, now_ns: int) -> None:
        """Let it go on."""
        if self._paused_ns is not None and self._due_ns is not None:
            self._due_ns += now_ns - self._paused_ns
        self._paused_ns = None

    def advance(self, now_ns: int) -> int:
        """Go to the next stage, whether or not it is due; returns it."""
        self._paused_ns = None
        self.stage += 1
        if self.stage == self.ASKED:
            self._due_ns = now_ns + self._grace_ns
        elif self.stage == self.KILLED:
            self._due_ns = now_ns + round(UNKILLABLE_S * _NS)
        else:
            self._due_ns = None
        return self.stage

    def remaining_ns(self, now_ns: int) -> int | None:
        """Until the next stage is due: negative if it is late, None if it never is."""
        if self._due_ns is None or self._paused_ns is not None:
            return None
        return self._due_ns - now_ns


class Child:
    """The process that runs now.

    Attributes:
        reason: why it was stopped: `timeout`, `cancel` or `output`; empty: it was not.
    """

    def __init__(
        self, number: int, pid: int, countdown: Countdown, files: tuple[int, int], limit_bytes: int
    ) -> None:
        self.number = number
        self.pid = pid
        self.reason = ""
        self._countdown = countdown
        self._files = files
        self._limit_bytes = limit_bytes

    def send(self, number: int) -> None:
        """Send a signal to its group, which exists as long as the child has not been reaped."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def pause(self) -> None:
        """Hold it, unless it is being stopped."""
        if not self.reason:
            self._countdown.pause(time.monotonic_ns())
            self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._countdown.resume(time.monotonic_ns())
        self.send(signal.SIGCONT)

    def cancel(self) -> None:
        """Ask it to end, or kill it if it was asked before."""
        if self._countdown.stage < Countdown.KILLED:
            self._stop("cancel")

    def enforce_limits(self) -> float:
        """Stop it if time or output ran out; returns for how many seconds this can rest."""
        remaining_ns = self._countdown.remaining_ns(time.monotonic_ns())
        if remaining_ns is not None and remaining_ns <= 0:
            self._stop("timeout")
        elif not self.reason and self.is_too_loud():
            self._stop("output")
        remaining_ns = self._countdown.remaining_ns(time.monotonic_ns())
        return CHECK_S if remaining_ns is None else max(0.0, min(CHECK_S, remaining_ns / _NS))

    def is_too_loud(self) -> bool:
        """Whether one of its outputs is over the limit."""
        return any(os.fstat(file).st_size > self._limit_bytes for file in self._files)

    def _stop(self, reason: str) -> None:
        """Ask it to end; the second time, kill it; the third time, give up."""
        self.reason = self.reason or reason
        stage = self._countdown.advance(time.monotonic_ns())
        if stage == Countdown.ASKED:
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)  # a paused process would never see the first
        elif stage == Countdown.KILLED:
            self.send(signal.SIGKILL)
        else:
            raise _StuckError


class Supervisor:
    """Answers requests, one run at a time; single-threaded."""

    def __init__(self) -> None:
        self._requests: deque[dict[str, Any]] = deque()
        self._buffer = b""
        self._paused = False
        self._base = dict(os.environ)
        # What is ignored here would be by children, too: SIGPIPE by Python, SIGHUP under nohup.
        # Naming all signals instead costs 50 us per start.
        self._ignored = [
            number
            for number in signal.valid_signals()
            if signal.getsignal(number) is signal.SIG_IGN
        ]
        # Woken by SIGCHLD rather than by a pidfd: as quick, and kernels before 5.3 have it.
        self._wake, wake_writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wake_poll = select.poll()
        self._wake_poll.register(self._wake, select.POLLIN)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(0, select.POLLIN)

    def serve(self) -> None:
        """Until the harness is gone or a process is stuck."""
        with contextlib.suppress(_HarnessGoneError, BrokenPipeError):
            self._send({"protocol": PROTOCOL})
            stuck = False
            while not stuck:
                while not self._requests:
                    self._receive()
                request = self._requests.popleft()
                if request["op"] == "run":
                    answer = self.run(request)
                    stuck = "stuck" in answer
                    self._send(answer)
                else:
                    self._control(request, None)

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one process to its end and that of all it started.

        Returns:
            `run`, `started_ns`, `elapsed_ns` always; `error` if it was not started or wrote too
            much; `exit_code` or `signal`, `user_s`, `system_s`, `max_rss_bytes`,
            `involuntary_switches` if it was reaped; `stdout`, `stderr`; `timed_out`, `cancelled`;
            `leftovers`, how many processes a run that ended by itself left; `stuck` if something
            cannot be killed, after which the worker exits.
        """
        answer = {"run": request["run"], "started_ns": time.monotonic_ns(), "elapsed_ns": 0}
        if not self._wait_until_resumed(request["run"]):
            return {**answer, "cancelled": True}
        files = (_make_file("stdout"), _make_file("stderr"))
        try:
            child = self._start(request, files, answer)
            if child is not None:
                self._watch(child, answer)
                _explain_stop(child.reason, request, answer)
        finally:
            for name, file in zip(("stdout", "stderr"), files, strict=True):
                answer[name] = _take_output(file, request["keep_bytes"])
        return answer

    def leave_nothing(self) -> int:
        """Kill and reap every descendant; returns how many had to be killed.

        Costs one system call when there is none. Raises _StuckError after UNKILLABLE_S.
        """
        killed = 0
        give_up_ns = time.monotonic_ns() + round(UNKILLABLE_S * _NS)
        while True:
            try:
                status = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                return killed
            if status is not None:
                killed += status.si_code == os.CLD_KILLED and status.si_status == signal.SIGKILL
                continue
            if time.monotonic_ns() >= give_up_ns:
                raise _StuckError
            # All that is left has this worker for parent, or will once its own parent is killed.
            for pid in read_children(os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._wake_poll.poll(CHECK_S * 1000)
            self._clear_wake()

    def _start(
        self, request: Mapping[str, Any], files: tuple[int, int], answer: dict[str, Any]
    ) -> Child | None:
        """The child, or None and the error in the answer."""
        argv, environment = request["argv"], {**self._base, **request["environment"]}
        try:
            os.chdir(request["directory"])
            program = _find_program(argv[0], environment)
            started_ns = answer["started_ns"] = time.monotonic_ns()
            pid = os.posix_spawn(
                program,
                argv,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, files[0], 1),
                    (os.POSIX_SPAWN_DUP2, files[1], 2),
                ],
                # A group is enough: the worker has a session of its own, without a terminal;
                # and many builds of Python lack posix_spawn's setsid.
                setpgroup=0,
                setsigmask=(),
                setsigdef=self._ignored,
            )
        except (OSError, ValueError) as error:  # ValueError: a zero byte in an argument
            answer["error"] = _describe_start_error(request, error)
            return None
        countdown = Countdown(started_ns, request["timeout_ns"], request["grace_ns"])
        return Child(request["run"], pid, countdown, files, request["limit_bytes"])

    def _watch(self, child: Child, answer: dict[str, Any]) -> None:
        try:
            while not self._has_ended(child.pid):
                self._wait(child.enforce_limits())
                while self._requests:
                    self._control(self._requests.popleft(), child)
            self._reap(child, answer)
        except _StuckError:
            answer["elapsed_ns"] = time.monotonic_ns() - answer["started_ns"]
            answer["stuck"] = True
            answer["error"] = (
                f"a process was still there {UNKILLABLE_S:g} s after SIGKILL: stuck in the kernel, "
                "in a driver perhaps, or run as another user"
            )

    def _has_ended(self, pid: int) -> bool:
        """Whether `pid` is a zombie; reaps others, orphans that ended meanwhile."""
        while status := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if status.si_pid == pid:
                return True
            os.waitpid(status.si_pid, 0)
        return False

    def _reap(self, child: Child, answer: dict[str, Any]) -> None:
        child.send(signal.SIGKILL)  # before reaping: then nobody else can have the group's number
        _, status, usage = os.wait4(child.pid, 0)
        answer["elapsed_ns"] = time.monotonic_ns() - answer["started_ns"]
        code = os.waitstatus_to_exitcode(status)
        answer["exit_code" if code >= 0 else "signal"] = abs(code)
        answer["user_s"] = usage.ru_utime
        answer["system_s"] = usage.ru_stime
        answer["max_rss_bytes"] = usage.ru_maxrss * 1024
        answer["involuntary_switches"] = usage.ru_nivcsw
        leftovers = self.leave_nothing()
        if not child.reason:
            answer["leftovers"] = leftovers
            if child.is_too_loud():  # it ended between two checks
                child.reason = "output"

    def _wait_until_resumed(self, number: int) -> bool:
        """Whether the run is still wanted."""
        while self._paused:
            if not self._requests:
                self._wait(None)
            while self._requests:
                request = self._requests.popleft()
                if request["op"] == "cancel" and request["run"] == number:
                    return False
                self._control(request, None)
        return True

    def _control(self, request: dict[str, Any], child: Child | None) -> None:
        if request["op"] == "pause":
            self._paused = True
            if child:
                child.pause()
        elif request["op"] == "resume":
            self._paused = False
            if child:
                child.resume()
        elif child and request["run"] == child.number:  # a cancel may come too late for its run
            child.cancel()

    def _wait(self, timeout_s: float | None) -> None:
        """Until a request comes, a child changes state or the time is up."""
        timeout_ms = None if timeout_s is None else math.ceil(timeout_s * 1000)
        for file, _ in self._poll.poll(timeout_ms):
            if file == self._wake:
                self._clear_wake()
            else:
                self._receive()

    def _clear_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def _receive(self) -> None:
        data = os.read(0, 1 << 16)
        if not data:
            raise _HarnessGoneError
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._requests.extend(json.loads(line) for line in lines)

    def _send(self, answer: dict[str, Any]) -> None:
        data = memoryview(json.dumps(answer).encode() + b"\n")
        while data:
            data = data[os.write(1, data) :]


def _make_file(name: str) -> int:
    """A file without a name, in append mode: who opens /dev/stdout anew does not overwrite."""
    try:
        file = os.memfd_create(name)
    except (AttributeError, OSError):  # Python built for an old libc, or an old kernel
        import tempfile  # noqa: PLC0415 - slow to load, seldom needed

        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    return file


def _take_output(file: int, keep_bytes: int) -> str:
    """Head and tail of what is in the file, which is closed."""
    size = os.fstat(file).st_size
    if size <= 2 * keep_bytes:
        data = os.pread(file, size, 0) if size else b""
    else:
        head, tail = os.pread(file, keep_bytes, 0), os.pread(file, keep_bytes, size - keep_bytes)
        data = b"%b\n[... %d bytes left out ...]\n%b" % (head, size - 2 * keep_bytes, tail)
    os.close(file)
    return data.decode("latin-1")


def _find_program(name: str, environment: Mapping[str, str]) -> str:
    """The file to start, as a shell would find it with the run's own PATH."""
    if "/" in name:
        return name
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        path = f"{folder or os.curdir}/{name}"
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise FileNotFoundError(f"no such program in PATH={environment.get('PATH', '')}")


def _describe_start_error(request: Mapping[str, Any], error: OSError | ValueError) -> str:
    program, directory = request["argv"][0], request["directory"]
    if not os.path.isdir(directory):
        return f"cannot run in {directory!r}: it does not exist or is not a directory"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, FileNotFoundError) and "/" in program:
        reason += " (the program, or the interpreter that its first line names)"
    return f"cannot start {program!r} in {directory!r}: {reason}"


def _explain_stop(reason: str, request: Mapping[str, Any], answer: dict[str, Any]) -> None:
    answer["timed_out"] = reason == "timeout"
    answer["cancelled"] = reason == "cancel"
    if reason == "output":
        answer.setdefault(
            "error",
            f"wrote more than {request['limit_bytes']} bytes to stdout or stderr, "
            "which is the limit; make it write less, or to a file",
        )


def main() -> None:
    """Serve until the harness is gone, then leave nothing."""
    become_subreaper()
    supervisor = Supervisor()
    try:
        supervisor.serve()
    finally:
        with contextlib.suppress(_StuckError):
            supervisor.leave_nothing()


if __name__ == "__main__":
    main()
