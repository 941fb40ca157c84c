"""kill -9 at random moments of a session of 300 tests, with a resume after each.

After every kill: no process of the session is left. At the end of each session: every test is in
the journal exactly once, with all its runs; the journal is sound; the devices' locks are free. The
harness's own process is killed, not its group: what it started has to notice by itself.

    python -m tests.benchmarks.bench_kill [KILLS]
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

from harness.device.cpu import CpuBackend
from harness.device.locks import hold_devices
from harness.store.sessions import list_sessions, load_session
from tests.benchmarks.common import describe_machine

TESTS = 300
REPEAT = 2
LATEST_KILL_S = 3.0
GONE_WITHIN_S = 2.0

CONFIG = f"""\
name = "killed"
backend = "cpu"
oversubscribe = true
parallel = 4

[parameters]
N = {list(range(TESTS))}

[command]
compile = "touch made_%%ID%%; sleep 0.02"
test = "sleep 0.0%N%"
clean = "rm -f made_%%ID%%"

[scoring]
repeat = {REPEAT}
"""


def start(folder: Path, mark: str) -> subprocess.Popen[bytes]:
    """The session, whose every process carries `mark` in its environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "tune", "tune.toml", "--progress", "none"],
        cwd=folder,
        env={**os.environ, "BENCH_KILL": mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def count_marked(mark: str) -> int:
    """Processes that carry `mark`, whoever their parent is by now."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            count += f"BENCH_KILL={mark}".encode() in path.read_bytes().split(b"\0")
    return count


def time_until_gone(mark: str) -> float:
    """Seconds until no process of the session is left."""
    started = time.monotonic()
    while count_marked(mark):
        if time.monotonic() - started > GONE_WITHIN_S:
            raise AssertionError(f"{count_marked(mark)} processes are left of session {mark}")
        time.sleep(0.005)
    return time.monotonic() - started


def kill_until_complete(folder: Path, chance: random.Random, kills: int) -> list[float]:
    """Start and kill the session at most `kills` times, then let it end.

    Returns:
        For each kill, the seconds until nothing of it was left.
    """
    gone: list[float] = []
    while True:
        mark = f"{folder.name}-{len(gone)}"
        with start(folder, mark) as process:
            if len(gone) < kills:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0, LATEST_KILL_S))
            if process.poll() is None and len(gone) < kills:
                process.kill()
            _, complaint = process.communicate()
        if process.returncode == 0:
            return gone
        assert process.returncode == -9, complaint.decode()
        gone.append(time_until_gone(mark))


def check(folder: Path) -> None:
    """Every test once, with its runs; nothing torn, nothing held, nothing left to clean."""
    path = folder / ".harness" / "journal.sqlite"
    stored = load_session(path)
    values = Counter(outcome.configuration["N"] for outcome in stored.outcomes)
    assert values == Counter(range(TESTS)), "not every test exactly once"
    assert all(len(outcome.samples) == REPEAT for outcome in stored.outcomes)
    assert len(list_sessions(path)) == 1
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with hold_devices(CpuBackend().discover(None), wait=False, on_wait=lambda _: None):
        pass
    assert not list(folder.glob("made_*")), "a compiled test was not cleaned"


def main(kills: int) -> None:
    print(f"{kills} kills of sessions of {TESTS} tests on 4 lanes, {describe_machine()}")
    chance = random.Random(1)
    gone: list[float] = []
    sessions = 0
    while len(gone) < kills:
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "tune.toml").write_text(CONFIG)
            gone += kill_until_complete(Path(name), chance, kills - len(gone))
            check(Path(name))
            sessions += 1
    print(f"{sessions} sessions: every test exactly once, no process, no lock, nothing uncleaned")
    print(f"after a kill nothing was left within {max(gone):.3f} s at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
