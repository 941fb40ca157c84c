from __future__ import annotations

import os
import subprocess
from pathlib import Path

from harness.procs.orphans import MARK_VARIABLE, kill_orphans
from tests.procs.conftest import exists


def test_only_marked_processes_are_killed() -> None:
    environment = {**os.environ, MARK_VARIABLE: "mine"}
    other = {**os.environ, MARK_VARIABLE: "mine too"}
    with (
        subprocess.Popen(["sleep", "100000"], env=environment) as orphan,
        subprocess.Popen(["sleep", "100000"], env=other) as stranger,
    ):
        # between fork and exec, a child has the environment of this process
        while not (_is_marked(orphan.pid) and _is_marked(stranger.pid)):
            os.sched_yield()
        assert kill_orphans("mine") == 1
        assert not exists(orphan.pid)  # reaped, too
        assert stranger.poll() is None
        stranger.kill()


def test_nothing_to_kill() -> None:
    assert kill_orphans("nobody has this mark") == 0


def _is_marked(pid: int) -> bool:
    return f"{MARK_VARIABLE}=mine".encode() in Path(f"/proc/{pid}/environ").read_bytes()
