"""What the engine is told: streams of tests, how each is done, what is known from before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.model import BuildEnded, Lane, Outcome, Run, RunEnded, Test
from harness.search.base import Strategy
from harness.stats import Aggregate


@dataclass(frozen=True, slots=True)
class Stream:
    """A strategy and the lanes that test for it: one for all, or one per lane (`replicate`).

    Once it `is_over`, what it asked for and has not begun is given up.
    """

    strategy: Strategy
    lanes: frozenset[str]
    is_over: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Plan:
    """How each test is done and scored.

    Attributes:
        repeat: runs per test.
        aggregate: how samples become the score.
        compiles, cleans: whether there is such a command.
    """

    repeat: int
    aggregate: Aggregate
    compiles: bool
    cleans: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier invocations left.

    Attributes:
        recall: the outcome of a test with this key, if it need not be measured again.
        unfinished: tests of this session without a final outcome, by key, with their good runs.
        next_id: the id of the next test that is created.
    """

    recall: Callable[[str], Outcome | None]
    unfinished: Mapping[str, tuple[Test, tuple[Run, ...]]] = field(default_factory=dict)
    next_id: int = 1
    session: int = 0


@dataclass(slots=True)
class Live:
    """A test on its way."""

    test: Test
    lane: Lane
    stream: int
    runs: dict[int, Run]
    compile_s: float = 0.0
    failure: BuildEnded | RunEnded | None = None
