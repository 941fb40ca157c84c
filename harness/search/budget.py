"""When a search has had enough: limits around any strategy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final

from harness.configuration import Configuration, Goal
from harness.model import Outcome
from harness.search.base import Strategy, learns
from harness.space.space import Space

_UNKNOWN: Final = object()


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a search before its strategy does; None: no such limit.

    Attributes:
        max_tests: tests that have ended or are on their way.
        max_time_s: seconds of the session's clock, after which no test begins.
        target: a score that is good enough.
        patience: tests without an improvement of the best, failed ones included.
    """

    max_tests: int | None = None
    max_time_s: float | None = None
    target: float | None = None
    patience: int | None = None


class Limited:
    """A strategy that asks for nothing more once a limit is reached.

    Outcomes that come from an earlier invocation count as tests and as improvements, but took no
    time of this one. They count from the beginning, asked for or not. The strategy is told of them
    as it asks, as it was then. Once it asks for something else instead, as one that learns does
    where outcomes come in another order, it is told all the rest, and what was begun then is
    tested before anything new.

    Attributes:
        ended_by: the name of the limit that was reached first; empty as long as none is.
    """

    def __init__(
        self,
        strategy: Strategy,
        space: Space,
        limits: Limits,
        *,
        goal: Goal,
        now_s: Callable[[], float],
        recorded: Mapping[Configuration, Outcome | None] = MappingProxyType({}),
    ) -> None:
        """Begin; time counts from now.

        Args:
            recorded: the tests of an earlier invocation; None: one without a final outcome.
        """
        self._strategy = strategy
        self._space = space
        self._limits = limits
        self._goal = goal
        self._now_s = now_s
        self._begun_s = now_s()
        self._pending: set[Configuration] = set()
        self._told: set[Configuration] = set()
        self._recorded = dict(recorded)
        self._unfinished: dict[Configuration, None] = {}
        self._best: float | None = None
        self._since_best = 0
        self.ended_by = ""

    @property
    def is_over(self) -> bool:
        """Whether what was asked for and has not begun need not be tested either."""
        limit_s = self._limits.max_time_s
        if not self.ended_by and limit_s is not None and self._now_s() - self._begun_s >= limit_s:
            self.ended_by = "max_time_s"
        return bool(self.ended_by)

    @property
    def may_end_early(self) -> bool:
        """Whether it may be over while tests are on their way."""
        limits = self._limits
        return (limits.max_time_s, limits.target, limits.patience) != (None, None, None)

    @property
    def learns(self) -> bool:
        """Whether its strategy does."""
        return learns(self._strategy)

    def ask(self, n: int) -> list[Configuration]:
        """As the strategy does, but within the limits."""
        if not self.is_over and self._room <= 0:
            self._settle()
        if self.is_over:
            return []
        asked = list(islice(self._unfinished, n))
        self._pending.update(asked)
        for configuration in asked:
            del self._unfinished[configuration]
        more = self._ask_strategy(int(min(n - len(asked), self._room)))
        return [*asked, *more]

    def _ask_strategy(self, n: int) -> list[Configuration]:
        if n <= 0:
            return []
        asked = [each for each in self._strategy.ask(n) if each not in self._pending]
        self._pending.update(asked)
        unknown = [each for each in asked if not self._forget(each)]
        if unknown:
            self._settle()
        return asked

    @property
    def _room(self) -> float:
        """How many tests may be made that no invocation has begun; inf: any number."""
        return self._left - len(self._recorded) - len(self._unfinished)

    @property
    def _left(self) -> float:
        most = math.inf if self._limits.max_tests is None else self._limits.max_tests
        return most - len(self._told) - len(self._pending)

    def _forget(self, configuration: Configuration) -> bool:
        """Take a configuration off what was recorded and not asked for; whether it was there."""
        begun = self._unfinished.pop(configuration, _UNKNOWN)
        recorded = self._recorded.pop(configuration, _UNKNOWN)
        return begun is not _UNKNOWN or recorded is not _UNKNOWN

    def _settle(self) -> None:
        """What was recorded, and has not been asked for, is known from now on."""
        rest, self._recorded = self._recorded, {}
        for configuration, outcome in rest.items():
            if outcome is None:
                self._unfinished[configuration] = None
            else:
                self.tell(outcome)

    def tell(self, outcome: Outcome) -> None:
        """Pass the outcome on, and see whether it is enough."""
        self._strategy.tell(outcome)
        configuration = outcome.configuration
        is_of_space = configuration in self._pending or self._space.is_valid(configuration)
        self._pending.discard(configuration)
        self._forget(configuration)
        if not is_of_space or not outcome.kind.is_final or configuration in self._told:
            return
        self._told.add(configuration)
        self._since_best += 1
        if outcome.score is not None and self._beats(outcome.score, self._best):
            self._best, self._since_best = outcome.score, 0
        self.ended_by = self.ended_by or self._judge()

    def _judge(self) -> str:
        limits, best = self._limits, self._best
        target = limits.target
        if best is not None and target is not None and not self._beats(target, best):
            return "target"
        if limits.patience is not None and self._since_best >= limits.patience:
            return "patience"
        if limits.max_tests is not None and len(self._told) >= limits.max_tests:
            return "max_tests"
        return ""

    def _beats(self, score: float, other: float | None) -> bool:
        if other is None:
            return True
        return score < other if self._goal == "min" else score > other

    def remaining(self) -> int | None:
        """As the strategy says, but no more than the limit of tests leaves."""
        if self.ended_by:
            return 0
        left = self._strategy.remaining()
        if self._left == math.inf:
            return left
        room = max(0, int(self._left))
        return room if left is None else min(left, room)
