"""A given configuration first, then whatever the strategy asks for."""

from __future__ import annotations

from harness.configuration import Configuration
from harness.model import Outcome
from harness.search.base import Strategy, learns


class StartFirst:
    """Asks for `first` before its strategy is asked; that is told how it did, as of any other.

    Args:
        first: valid, and different from each other.
    """

    def __init__(self, strategy: Strategy, first: list[Configuration]) -> None:
        self._strategy = strategy
        self._waiting = list(first)
        self._taken: set[Configuration] = set()

    @property
    def learns(self) -> bool:
        """Whether its strategy does."""
        return learns(self._strategy)

    def ask(self, n: int) -> list[Configuration]:
        """The given ones, then the strategy's; none twice."""
        asked = [c for c in self._waiting[:n] if c not in self._taken]
        del self._waiting[:n]
        self._taken.update(asked)
        while len(asked) < n:
            more = self._strategy.ask(n - len(asked))
            if not more:
                break
            asked += [configuration for configuration in more if configuration not in self._taken]
        return asked

    def tell(self, outcome: Outcome) -> None:
        """Pass the outcome on."""
        if outcome.configuration in self._waiting:
            self._taken.add(outcome.configuration)
        self._strategy.tell(outcome)

    def remaining(self) -> int | None:
        """As the strategy says, and those that wait."""
        left = self._strategy.remaining()
        return None if left is None else left + len(self._waiting)
