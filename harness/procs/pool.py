"""Work for several processes of our own: pure functions of data, spread over cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def map_in_processes(
    function: Callable[[Task], Answer], tasks: Sequence[Task], jobs: int
) -> Iterator[tuple[int, Answer]]:
    """`function` of each task, with its place among them, as soon as it is done.

    Args:
        function: of a module's top level, as its name is what goes to the processes.
        jobs: processes; with one, the work is done here, and so it is where there can be none, as
            in a container whose /dev/shm cannot be written.

    Raises:
        Exception: whatever `function` raises; the rest is given up.
    """
    opened = None if jobs == 1 else _open(min(jobs, len(tasks) or 1))
    if opened is None:
        for place, task in enumerate(tasks):
            yield place, function(task)
        return
    with opened as pool:
        places = {pool.submit(function, task): place for place, task in enumerate(tasks)}
        try:
            for future in as_completed(places):
                yield places[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _open(count: int) -> ProcessPoolExecutor | None:
    """A pool; None where the system has no semaphores for one."""
    # Fresh interpreters: a fork of a process with threads may hold a lock for ever.
    context = multiprocessing.get_context("spawn")
    try:
        return ProcessPoolExecutor(count, mp_context=context, initializer=_begin)
    except (OSError, ImportError):
        return None


def _begin() -> None:
    """A process of the pool ends at Ctrl-C, silently, and with the process that began it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
