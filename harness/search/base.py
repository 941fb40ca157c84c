"""What a strategy is: ask for configurations, tell how they did."""

from __future__ import annotations

from typing import Protocol

from harness.model import Configuration, Outcome


class Strategy(Protocol):
    """Decides which configurations to test. Not thread-safe: the main thread alone talks to it."""

    def ask(self, n: int) -> list[Configuration]:
        """Up to `n` configurations to test now, none of them asked before.

        Empty means: nothing until more is told, or, when nothing asked is still untold, never
        again.
        """

    def tell(self, outcome: Outcome) -> None:
        """Learn how a configuration did.

        Outcomes come in any order, may repeat, and may be of configurations never asked.
        `outcome.score` is None when the test failed.
        """

    def remaining(self) -> int | None:
        """How many more configurations will be asked for, if known (an estimate may be high)."""
