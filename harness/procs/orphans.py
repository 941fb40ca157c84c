"""Processes that outlive the worker that started them: found by a mark in their environment."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from harness.procs.child import UNKILLABLE_S
from harness.procs.program import become_subreaper

__all__ = ["MARK_VARIABLE", "become_subreaper", "kill_orphans"]

MARK_VARIABLE = "HARNESS_WORKER"
"""Holds the mark of the worker that started a process, directly or not."""

_RETRY_S = 0.01


def kill_orphans(mark: str) -> int:
    """Kill all processes that the worker with this mark started; returns how many there were.

    Looks for the mark rather than for children of this process, which may have others. Those that
    became children of this process (see `become_subreaper`) are reaped. Who cleared its environment
    or belongs to another user is not found. Gives up after `UNKILLABLE_S`.
    """
    killed: set[int] = set()
    unreaped: set[int] = set()
    give_up_s = time.monotonic() + UNKILLABLE_S
    while time.monotonic() < give_up_s:
        marked = _find_marked(f"{MARK_VARIABLE}={mark}".encode())
        for pid in marked:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= marked
        unreaped = {pid for pid in unreaped | marked if not _reap(pid)}
        if not marked and not unreaped:
            break
        time.sleep(_RETRY_S)
    return len(killed)


def _reap(pid: int) -> bool:
    """Whether nothing is left to reap: done, or somebody else's to do."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _find_marked(entry: bytes) -> set[int]:
    marked = set()
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if entry in file.read_bytes().split(b"\0"):
                marked.add(int(file.parent.name))
    return marked
