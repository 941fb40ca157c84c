"""A process of ours that talks to us in lines: started, asked, watched, killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from typing import IO

from harness.errors import RunError
from harness.procs.explain import name_signal

LOG_CHARACTERS = 4000
LOG_LIMIT_BYTES = 16 << 20
"""A log that has grown beyond this is begun anew: a kernel that prints does so at every launch."""
END_S = 5.0
"""How long a partner may take to end when its input is closed, before it is killed."""


def find_modules_here() -> dict[str, str]:
    """The environment in which a partner that is Python finds the modules that this process does.

    Among them the harness itself, which may be on a path that only the program has set.
    """
    return {"PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder)}


class Partner:
    """A process with a pipe each way.

    `send` and `receive` belong to one thread; `kill`, `pause` and `resume` may be called from any.
    It is told to end by the end of its input, which comes too when this process dies.

    Args:
        environment: added to this process's own.
        cores: what it may run on; empty: wherever this process may.
        idle: run only when nothing else wants the processor.
        inherit_fds: descriptors that stay open as long as it runs, such as locks.

    Raises:
        RunError: it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        cores: Collection[int] = (),
        idle: bool = False,
        inherit_fds: Sequence[int] = (),
    ) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - see close()
        fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
        self._buffer = b""
        try:
            self._popen = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, **environment},
                pass_fds=inherit_fds,
                start_new_session=True,  # Ctrl-C on the terminal is the harness's to handle
            )
        except OSError as error:
            self._log.close()
            raise RunError(f"cannot start {argv[0]!r}: {error}") from error
        if cores:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self._popen.pid, cores)
        if idle:
            try:
                os.sched_setscheduler(self._popen.pid, os.SCHED_IDLE, os.sched_param(0))
            except OSError:  # forbidden in some containers
                os.setpriority(os.PRIO_PROCESS, self._popen.pid, 19)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def send(self, line: bytes) -> None:
        """Send a line; if it is dead, the next `receive` says so."""
        assert self._popen.stdin is not None
        if os.fstat(self._log.fileno()).st_size > LOG_LIMIT_BYTES:
            os.ftruncate(self._log.fileno(), 0)
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.write(line + b"\n")
            self._popen.stdin.flush()

    def receive(self, timeout_s: float | None = None) -> bytes | None:
        """The next line without its end; empty when it is dead, None after `timeout_s`."""
        assert self._popen.stdout is not None
        descriptor = self._popen.stdout.fileno()
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
            if not select.select([descriptor], [], [], left_s)[0]:
                return None
            data = os.read(descriptor, 1 << 16)
            if not data:
                return b""
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def kill(self) -> None:
        """End it at once, with all of its session that has not left it."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it, and all of its session, until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)

    def read_log(self) -> str:
        """The last of what it wrote to standard error."""
        file, most = self._log.fileno(), 4 * LOG_CHARACTERS
        end = os.pread(file, most, max(0, os.fstat(file).st_size - most))
        return end.decode("utf-8", "replace")[-LOG_CHARACTERS:].strip()

    def wait(self) -> int:
        """Its exit status once it has ended, negative for a signal; kills it if it takes long."""
        try:
            return self._popen.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._popen.wait()

    def describe_end(self) -> str:
        """How it ended, once it has, in words: `was killed by SIGSEGV`, `ended with 3`."""
        status = self.wait()
        return f"was killed by {name_signal(-status)}" if status < 0 else f"ended with {status}"

    def hang_up(self) -> None:
        """Close its input, which tells it to end."""
        assert self._popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.close()

    def close(self) -> None:
        """Hang up, wait for its end, let go of everything."""
        assert self._popen.stdout is not None
        self.hang_up()
        self.wait()
        self.kill()  # whatever it left in its session
        self._popen.stdout.close()
        self._log.close()
