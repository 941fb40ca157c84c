"""Several processes, and processes that are killed: nothing is lost, doubled or torn."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from harness.store.sessions import list_sessions, load_session

ROOT = Path(__file__).resolve().parents[2]
COUNT = 400


def start_writer(path: Path, key: str, count: int = COUNT) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", str(path), key, str(count)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_line(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout is not None
    return writer.stdout.readline().strip()


def release(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("go\n")
    writer.stdin.flush()


def finish(writer: subprocess.Popen[str]) -> list[str]:
    """What it says until it ends."""
    return writer.communicate()[0].split()


def check_sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def check_whole(path: Path, session: str) -> None:
    """Every test once, with its own runs."""
    stored = load_session(path, session)
    assert [outcome.test_id for outcome in stored.outcomes] == list(range(1, COUNT + 1))
    assert all(outcome.samples == (outcome.test_id,) * 2 for outcome in stored.outcomes)


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "journal.sqlite"
    chance = random.Random(seed)
    durable: set[int] = set()
    for _ in range(5):
        with start_writer(path, "spec") as writer:
            assert read_line(writer) == "ready"
            release(writer)
            said = [read_line(writer) for _ in range(chance.randint(0, 20))]
            writer.kill()  # wherever it is by now
            said += finish(writer)
            durable |= {int(line) for line in said if line.isdecimal()}
        if durable:
            recorded = {outcome.test_id for outcome in load_session(path).outcomes}
            assert durable <= recorded
    with start_writer(path, "spec") as writer:
        release(writer)
        assert finish(writer)[-1] == "done"
    check_whole(path, "last")
    check_sound(path)
    assert len(list_sessions(path)) == 1


def test_two_writers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with start_writer(path, "left") as left, start_writer(path, "right") as right:
        for writer in (left, right):
            assert read_line(writer) == "ready"
        for writer in (left, right):
            release(writer)
        for writer in (left, right):
            assert finish(writer)[-1] == "done"
    assert [row.state for row in list_sessions(path)] == ["complete", "complete"]
    check_whole(path, "1")
    check_whole(path, "2")
    check_sound(path)


def test_many_make_the_journal_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    writers = [start_writer(path, str(number), 1) for number in range(6)]
    for writer in writers:
        assert read_line(writer) == "ready"
    for writer in writers:
        release(writer)
    assert [finish(writer) for writer in writers] == [["1", "done"]] * len(writers)
    assert sorted(row.id for row in list_sessions(path)) == [1, 2, 3, 4, 5, 6]


def test_one_config_twice_at_once_makes_two_sessions(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with start_writer(path, "same") as left, start_writer(path, "same") as right:
        for writer in (left, right):
            assert read_line(writer) == "ready"
        release(left)
        assert read_line(left) == "1"  # it has its session
        release(right)
        for writer in (left, right):
            assert finish(writer)[-1] == "done"
    check_whole(path, "1")
