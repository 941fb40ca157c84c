"""The worker: starts, times and reaps one process at a time, and leaves nothing behind.

Run as a program of its own, one per lane, so that the harness's interpreter lock never reaches the
clock, spawning is cheap, and a child's peak memory is not its parent's. It imports little, to start
quickly.

Protocol 2: the worker writes the line `GREETING`; then both sides send frames (procs/frames.py).

    <- {"op": "run", "run": N, "argv": [...], "directory": "/...", "environment": {...},
        "timeout_ns": T or None, "grace_ns": G, "limit_bytes": L, "keep_bytes": K}
    <- {"op": "cancel", "run": N}          ask run N to end; a second time: kill it
    <- {"op": "pause"}, {"op": "resume"}   hold whatever runs or is to start; no answer
    -> {"run": N, "started_ns": ..., "elapsed_ns": ..., ...}   see `Supervisor.run`

`environment` is added to the worker's own. What a process writes goes to files in memory, in append
mode. Paused time is not held against the timeout. At the end of its standard input (the harness is
gone), the worker kills everything and exits.
"""

# A worker starts sooner without pathlib, contextlib and typing:
# ruff: noqa: PTH112, SIM105

from __future__ import annotations

import ctypes
import os
import select
import signal
import time

from harness.procs.capture import Capture
from harness.procs.child import CHECK_S, UNKILLABLE_S, Child, Countdown, StuckError, read_children
from harness.procs.frames import FrameBuffer, send_frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

GREETING = b"harness worker, protocol 2\n"

_PR_SET_CHILD_SUBREAPER = 36
_NS = 1_000_000_000


class _HarnessGoneError(Exception):
    """Nobody is left to answer to."""


def become_subreaper() -> None:
    """Make descendants whose parent dies children of this process instead of init's (Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_CHILD_SUBREAPER): {os.strerror(error)}")


class Supervisor:
    """Answers requests, one run at a time; single-threaded."""

    def __init__(self) -> None:
        self._requests: list[dict[str, Any]] = []
        self._buffer = FrameBuffer()
        self._paused = False
        self._outputs = {name: Capture(name) for name in ("stdout", "stderr")}
        self._environment = _Environment(os.environb)
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
        try:
            os.write(1, GREETING)
            self._serve()
        except (_HarnessGoneError, BrokenPipeError):
            pass

    def _serve(self) -> None:
        stuck = False
        while not stuck:
            while not self._requests:
                self._receive()
            request = self._requests.pop(0)
            if request["op"] == "run":
                answer = self.run(request)
                stuck = "stuck" in answer
                send_frame(1, answer)
            else:
                self._control(request, None)

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one process to its end and that of all it started.

        Returns:
            `run`, `started_ns`, `elapsed_ns` always; `error` if it was not started or wrote too
            much; `exit_code` or `signal`, `user_s`, `system_s`, `max_rss_bytes`,
            `involuntary_switches` if it was reaped; `stdout`, `stderr` if it wrote to them;
            `timed_out`, `cancelled` if it was; `leftovers`, how many processes a run that ended by
            itself left, if any; `stuck` if something cannot be killed, after which the worker
            exits.
        """
        answer = {"run": request["run"], "started_ns": time.monotonic_ns(), "elapsed_ns": 0}
        if not self._wait_until_resumed(request["run"]):
            return {**answer, "cancelled": True}
        child = self._start(request, answer)
        if child is not None:
            self._watch(child, answer)
            if child.reason:
                _explain_stop(child.reason, request, answer)
        for name, output in self._outputs.items():
            if written := output.take(request["keep_bytes"]):
                answer[name] = written
        return answer

    def leave_nothing(self) -> int:
        """Kill and reap every descendant; returns how many had to be killed.

        Costs one system call when there is none. Raises StuckError after UNKILLABLE_S.
        """
        killed = 0
        give_up_ns = None
        while True:
            try:
                status = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                return killed
            if status is not None:
                killed += status.si_code == os.CLD_KILLED and status.si_status == signal.SIGKILL
                continue
            now_ns = time.monotonic_ns()
            if give_up_ns is None:
                give_up_ns = now_ns + round(UNKILLABLE_S * _NS)
            elif now_ns >= give_up_ns:
                raise StuckError
            # All that is left has this worker for parent, or will once its own parent is killed.
            for pid in read_children(os.getpid()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
            self._wake_poll.poll(CHECK_S * 1000)
            self._clear_wake()

    def _start(self, request: Mapping[str, Any], answer: dict[str, Any]) -> Child | None:
        """The child, or None and the error in the answer."""
        argv, environment = request["argv"], self._environment
        try:
            environment.add(request["environment"])
            os.chdir(request["directory"])
            program = _find_program(argv[0], environment.path)
            started_ns = answer["started_ns"] = time.monotonic_ns()
            pid = os.posix_spawn(
                program,
                argv,
                environment.encoded,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, self._outputs["stdout"].file, 1),
                    (os.POSIX_SPAWN_DUP2, self._outputs["stderr"].file, 2),
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
        outputs = tuple(self._outputs.values())
        return Child(request["run"], pid, countdown, outputs, request["limit_bytes"])

    def _watch(self, child: Child, answer: dict[str, Any]) -> None:
        try:
            while True:
                while self._requests:  # some came together with the run
                    self._control(self._requests.pop(0), child)
                self._wait(child.rest_s())
                if self._has_ended(child.pid):
                    break
                child.enforce_limits()
            self._reap(child, answer)
        except StuckError:
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
            if leftovers:
                answer["leftovers"] = leftovers
            if child.is_too_loud():  # it ended between two checks
                child.reason = "output"

    def _wait_until_resumed(self, number: int) -> bool:
        """Whether the run is still wanted."""
        while self._paused:
            if not self._requests:
                self._wait(None)
            while self._requests:
                request = self._requests.pop(0)
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
        timeout_ms = None if timeout_s is None else int(timeout_s * 1000) + 1
        for file, _ in self._poll.poll(timeout_ms):
            if file == self._wake:
                self._clear_wake()
            else:
                self._receive()

    def _clear_wake(self) -> None:
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            pass

    def _receive(self) -> None:
        data = os.read(0, 1 << 16)
        if not data:
            raise _HarnessGoneError
        self._requests.extend(self._buffer.feed(data))


class _Environment:
    """What runs get: the worker's own and theirs. Most add the same, so it is encoded once.

    Attributes:
        encoded: as `posix_spawn` is quickest with.
    """

    def __init__(self, base: Mapping[bytes, bytes]) -> None:
        self._base = dict(base)
        self._added: dict[str, str] = {}
        self.encoded = self._base

    @property
    def path(self) -> str:
        """Where programs are."""
        return os.fsdecode(self.encoded.get(b"PATH", os.fsencode(os.defpath)))

    def add(self, added: dict[str, str]) -> None:
        """The next run's own."""
        if added != self._added:
            encode = os.fsencode
            own = {encode(name): encode(value) for name, value in added.items()}
            self._added, self.encoded = added, {**self._base, **own}


def _find_program(name: str, search: str) -> str:
    """The file to start, as a shell would find it with the run's own PATH."""
    if "/" in name:
        return name
    for folder in search.split(os.pathsep):
        path = f"{folder or os.curdir}/{name}"
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise FileNotFoundError(f"no such program in PATH={search}")


def _describe_start_error(request: Mapping[str, Any], error: OSError | ValueError) -> str:
    program, directory = request["argv"][0], request["directory"]
    if not os.path.isdir(directory):
        return f"cannot run in {directory!r}: it does not exist or is not a directory"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, FileNotFoundError) and "/" in program:
        reason += " (the program, or the interpreter that its first line names)"
    return f"cannot start {program!r} in {directory!r}: {reason}"


def _explain_stop(reason: str, request: Mapping[str, Any], answer: dict[str, Any]) -> None:
    if reason == "timeout":
        answer["timed_out"] = True
    elif reason == "cancel":
        answer["cancelled"] = True
    else:
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
        try:
            supervisor.leave_nothing()
        except StuckError:
            pass
    os._exit(0)  # there is nothing to finish: the interpreter need not tidy up
