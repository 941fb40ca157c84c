"""Quiet timing: no compiler runs while a run is timed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.compile.base import Compiler


class QuietGate:
    """Pauses the compilers while any run is timed.

    A compile that is under way is paused, not ended; one that wants to begin waits. Lanes never
    wait for compilers, so a lane that runs dry is what lets compiling go on.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._timed = 0
        self._compiling: list[Compiler] = []

    @contextmanager
    def open(self, compiler: Callable[[], Compiler], *, timed: bool) -> Iterator[None]:
        """Hold the gate for a job: a timed one closes it for compilers."""
        enter, leave = (self._start, self._end) if timed else (self._join, self._leave)
        mine = None if timed else compiler()
        enter(mine)
        try:
            yield
        finally:
            leave(mine)

    def _start(self, _: Compiler | None) -> None:
        with self._lock:
            self._timed += 1
            if self._timed == 1:
                for compiler in self._compiling:
                    compiler.pause()

    def _end(self, _: Compiler | None) -> None:
        with self._lock:
            self._timed -= 1
            if self._timed == 0:
                for compiler in self._compiling:
                    compiler.resume()
                self._lock.notify_all()

    def _join(self, compiler: Compiler | None) -> None:
        assert compiler is not None
        with self._lock:
            self._lock.wait_for(lambda: self._timed == 0)
            self._compiling.append(compiler)

    def _leave(self, compiler: Compiler | None) -> None:
        assert compiler is not None
        with self._lock:
            self._compiling.remove(compiler)
            if self._timed:
                compiler.resume()  # paused just after its job had ended; no one else will
