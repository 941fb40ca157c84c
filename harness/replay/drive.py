"""A strategy tuning a recording in simulated time: the driver behind `harness simulate`.

A lane compiles and runs one test at a time, for as long as that took when it was recorded; the
tool's own overheads are left out. Nothing waits for anything else, so the driver is an event queue
and makes as many tests per second as the strategy allows.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.configuration import Goal
from harness.model import Outcome
from harness.replay.recording import Recording
from harness.search.base import Strategy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trace:
    """The tests of one simulated search, in the order they ended.

    Attributes:
        losses: shape (tests,): the score, negated if the greatest is best; inf where it failed.
        ended_s: shape (tests,): simulated seconds since the start.
        thinking_s: real seconds that the strategy itself took.
        outcomes: as they were told.
    """

    losses: Floats
    ended_s: Floats
    thinking_s: float
    outcomes: tuple[Outcome, ...] = ()

    @property
    def best(self) -> Floats:
        """The least loss so far, after each test."""
        return np.minimum.accumulate(self.losses) if len(self.losses) else self.losses


def loss_of(outcome: Outcome, goal: Goal) -> float:
    """What is to be made small: inf for a failure."""
    if outcome.score is None:
        return float("inf")
    return outcome.score if goal == "min" else -outcome.score


def simulate(
    strategy: Strategy,
    recording: Recording,
    *,
    lanes: int = 1,
    tests: int,
    time_s: float = 0.0,
    most: int | None = None,
) -> Trace:
    """Let `strategy` search until it has no more to ask or has had enough.

    Args:
        lanes: tests at once.
        tests, time_s: it goes on until so many tests have ended and so much simulated time is
            over.
        most: but at the latest after so many tests; None: no such limit.
    """
    most = max(tests, most or 0) if most is not None else recording.space.size or tests
    waiting: list[tuple[float, int, Outcome]] = []
    told: list[Outcome] = []
    ended_s: list[float] = []
    now_s = thinking_s = 0.0
    free, count = lanes, 0
    clock = time.perf_counter
    while len(told) < most and (len(told) < tests or now_s < time_s):
        if free:
            began = clock()
            asked = strategy.ask(free)
            thinking_s += clock() - began
            for configuration in asked:
                outcome = recording.outcome(configuration)
                duration_s = recording.measurement(configuration).duration_s
                count += 1
                heapq.heappush(waiting, (now_s + duration_s, count, outcome))
            free -= len(asked)
        if not waiting:
            break
        now_s, _, outcome = heapq.heappop(waiting)
        free += 1
        began = clock()
        strategy.tell(outcome)
        thinking_s += clock() - began
        told.append(outcome)
        ended_s.append(now_s)
    losses = np.array([loss_of(outcome, recording.goal) for outcome in told], dtype=np.float64)
    return Trace(losses, np.array(ended_s, dtype=np.float64), thinking_s, tuple(told))
