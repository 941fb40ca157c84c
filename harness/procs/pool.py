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
        jobs: processes; with one, the work is done here.

    Raises:
        Exception: whatever `function` raises; the rest is given up.
    """
    if jobs == 1:
        for place, task in enumerate(tasks):
            yield place, function(task)
        return
    # Fresh interpreters: a fork of a process with threads may hold a lock for ever.
    context = multiprocessing.get_context("spawn")
    count = min(jobs, len(tasks) or 1)
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin) as pool:
        places = {pool.submit(function, task): place for place, task in enumerate(tasks)}
        try:
            for future in as_completed(places):
                yield places[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin() -> None:
    """A process of the pool ends at Ctrl-C, silently, and with the process that began it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
