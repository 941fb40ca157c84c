"""What strategies share that know all their tests beforehand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from harness.configuration import Configuration
from harness.model import Outcome


class Listed:
    """Asks for given configurations, in order, each once."""

    learns = False

    def __init__(self, configurations: Iterable[Configuration]) -> None:
        """Begin.

        Args:
            configurations: all different.
        """
        self.configurations = tuple(configurations)
        self._unasked = deque(self.configurations)
        self._untested = set(self.configurations)

    def ask(self, n: int) -> list[Configuration]:
        """The next `n` that were neither asked nor told."""
        asked: list[Configuration] = []
        while self._unasked and len(asked) < n:
            configuration = self._unasked.popleft()
            if configuration in self._untested:
                self._untested.remove(configuration)
                asked.append(configuration)
        return asked

    def tell(self, outcome: Outcome) -> None:
        """Remember that it need not be tested."""
        self._untested.discard(outcome.configuration)

    def remaining(self) -> int:
        """How many were neither asked nor told."""
        return len(self._untested)
