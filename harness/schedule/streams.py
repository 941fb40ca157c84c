"""The searches of one run of the engine: what each may still ask for, and which are over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.configuration import Configuration
from harness.search.base import Strategy


@dataclass(frozen=True, slots=True)
class Stream:
    """A strategy and the lanes that test for it: one for all, or one per lane (`replicate`).

    Attributes:
        is_over: whether what the strategy asked for and has not begun is given up, which an
            outcome may bring about; None: it never is.
        learns: whether what the strategy is told changes what it asks for.
    """

    strategy: Strategy
    lanes: frozenset[str]
    is_over: Callable[[], bool] | None = None
    learns: bool = True

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.is_over is not None and self.is_over()


class Streams:
    """Streams by number, no lane in two of them.

    Attributes:
        may_end: whether an outcome may end one.
        learn: whether an outcome may change what one asks for.
        over: those of which nothing more is begun.
    """

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.may_end = any(stream.is_over is not None for stream in streams)
        self.learn = any(stream.learns for stream in streams)
        self.over: set[int] = set()
        self._streams = tuple(streams)
        self._dry: set[int] = set()  # ask for nothing until they are told more

    def __getitem__(self, number: int) -> Stream:
        return self._streams[number]

    @property
    def are_dry(self) -> bool:
        """Whether none asks for anything until it is told more."""
        return len(self._dry) == len(self._streams)

    def of(self, lane: str) -> int | None:
        """The number of the stream that a lane tests for."""
        return next((n for n, stream in enumerate(self._streams) if lane in stream.lanes), None)

    def may_ask(self, lanes: Iterable[str]) -> bool:
        """Whether any of these lanes' streams may have tests for it."""
        return bool({self.of(lane) for lane in lanes} - {None} - self._dry - self.over)

    def ask(self, number: int, count: int) -> list[Configuration]:
        """Up to `count` configurations to test."""
        if number in self._dry:
            return []
        configurations = self._streams[number].strategy.ask(count)
        if not configurations:
            self._dry.add(number)
        return configurations

    def were_told(self, numbers: Iterable[int]) -> None:
        """These may ask again."""
        self._dry.difference_update(numbers)

    def end(self, *, everything: bool) -> bool:
        """Note which are over by now, or all; returns whether any is that was not before."""
        ended = {n for n, stream in enumerate(self._streams) if everything or stream.ended}
        new = ended - self.over
        self.over |= new
        return bool(new)
