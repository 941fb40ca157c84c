"""What tests of strategies share."""

from __future__ import annotations

from collections.abc import Callable

from harness.configuration import Configuration
from harness.model import Outcome, OutcomeKind
from harness.search.base import Strategy
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space


def make_grid(**sizes: int) -> Space:
    """A space of numbers from 0, so many for each name."""
    return make_space([Parameter(name, tuple(range(size))) for name, size in sizes.items()])


def score(configuration: Configuration, value: float | None) -> Outcome:
    """An outcome with this score; a failure if it is None."""
    kind = OutcomeKind.RUN_FAILED if value is None else OutcomeKind.OK
    return Outcome(configuration=configuration, kind=kind, score=value)


def search(
    strategy: Strategy, value: Callable[[Configuration], float | None], tests: int
) -> list[Configuration]:
    """What it asks for, one after another, and is told."""
    asked: list[Configuration] = []
    for _ in range(tests):
        asked += strategy.ask(1)
        strategy.tell(score(asked[-1], value(asked[-1])))
    return asked
