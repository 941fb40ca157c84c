from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.model import Command
from harness.procs.worker import Worker
from harness.testing.programs import Programs

GONE_MS = 30_000  # how long a killed process may take to be gone before the test fails
HANG_S = 120  # a test that takes longer hangs


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    def fail(*_: object) -> None:
        raise TimeoutError(f"the test hangs: it takes longer than {HANG_S} s")

    old = signal.signal(signal.SIGALRM, fail)
    signal.alarm(HANG_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(grace_s=0.05) as worker:
        yield worker


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


MakeCommand = Callable[..., Command]


@pytest.fixture
def command(tmp_path: Path) -> MakeCommand:
    def make(
        *argv: str,
        directory: Path = tmp_path,
        timeout_s: float | None = None,
        environment: tuple[tuple[str, str], ...] = (),
    ) -> Command:
        return Command(argv, " ".join(argv), str(directory), environment, timeout_s)

    return make


class Watch:
    """Tells when processes have ended, whoever their parent is."""

    def __init__(self, *pids: int) -> None:
        self._fds = [os.pidfd_open(pid) for pid in pids]

    def assert_gone(self) -> None:
        for fd in self._fds:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            assert poll.poll(GONE_MS), "a process is still there"
            os.close(fd)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
