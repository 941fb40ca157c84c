"""What a strategy is: ask for configurations, tell how they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.configuration import Configuration, Goal
from harness.model import Outcome
from harness.space.space import Space


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


def learns(strategy: Strategy) -> bool:
    """Whether what it is told changes what it asks for: so it may, unless it has `learns = False`.

    One that does not learn can be asked far ahead, which keeps lanes busy whose tests are quick.
    """
    return bool(getattr(strategy, "learns", True))


class MakeStrategy(Protocol):
    """What every entry of the table of strategies is: all are made in the same way."""

    def __call__(
        self,
        space: Space,
        *,
        goal: Goal,
        seed: int = 0,
        budget: int | None = None,
        lanes: int = 1,
        prior: Sequence[Outcome] = (),
    ) -> Strategy:
        """A strategy that has not asked anything yet; it may ignore what it has no use for.

        Args:
            seed: with the same seed and outcomes it asks the same.
            budget: how many tests there will be, if known; it must go on if there are more.
            lanes: how many tests will be made at once.
            prior: outcomes of another session on this space, such as another device's. Unlike
                what is told they may mislead, and their configurations may be asked for.
        """
