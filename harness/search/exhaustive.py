"""Test everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.configuration import Configuration, Goal
from harness.model import Outcome
from harness.space.space import Space


class Exhaustive:
    """Every valid configuration once, in the order of the space, made only when asked for."""

    learns = False

    def __init__(
        self,
        space: Space,
        *,
        goal: Goal = "min",
        seed: int = 0,
        budget: int | None = None,
        lanes: int = 1,
        prior: Sequence[Outcome] = (),
    ) -> None:
        """Begin; only the space matters."""
        self._space = space
        self._unvisited: Iterator[Configuration] = iter(space)
        self._seen: set[Configuration] = set()
        self._counted = 0  # of those seen, how many are configurations of the space

    def ask(self, n: int) -> list[Configuration]:
        """The next `n` that were neither asked nor told; fewer at the end."""
        asked: list[Configuration] = []
        while len(asked) < n:
            configuration = next(self._unvisited, None)
            if configuration is None:
                break
            if configuration not in self._seen:
                self._seen.add(configuration)
                self._counted += 1
                asked.append(configuration)
        return asked

    def tell(self, outcome: Outcome) -> None:
        """Remember that it need not be tested; how it did changes nothing."""
        configuration = outcome.configuration
        if configuration not in self._seen and self._space.is_valid(configuration):
            self._seen.add(configuration)
            self._counted += 1

    def remaining(self) -> int | None:
        """How many were neither asked nor told; None if the space is too large to count."""
        return None if self._space.size is None else self._space.size - self._counted
