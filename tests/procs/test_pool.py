from __future__ import annotations

import errno
import os

import pytest

from harness.procs import pool
from harness.procs.pool import map_in_processes


def square(number: int) -> tuple[int, int]:
    if number == 13:
        raise ValueError("an unlucky number")
    return number * number, os.getpid()


def test_answers_come_with_the_place_of_their_task() -> None:
    numbers = [3, 1, 2]
    found = dict(map_in_processes(square, numbers, 2))
    assert [found[place][0] for place in range(3)] == [9, 1, 4]
    assert os.getpid() not in {pid for _, pid in found.values()}


def test_one_job_needs_no_process() -> None:
    assert list(map_in_processes(square, [5, 6], 1)) == [
        (0, (25, os.getpid())),
        (1, (36, os.getpid())),
    ]
    assert list(map_in_processes(square, [], 3)) == []


def test_what_a_task_raises_is_raised_here() -> None:
    with pytest.raises(ValueError, match="an unlucky number"):
        list(map_in_processes(square, [13, 1], 2))


def test_where_there_can_be_no_processes_the_work_is_done_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))  # as of a read-only /dev/shm

    monkeypatch.setattr(pool, "ProcessPoolExecutor", refuse)
    assert dict(map_in_processes(square, [3, 4], 2)) == {0: (9, os.getpid()), 1: (16, os.getpid())}
