"""Tests that measure the same, and the best run so far: what tests have to do with others. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.configuration import Goal
from harness.model import Outcome, OutcomeKind, Run
from harness.stats import is_better

TwinKey = tuple[int, str, str]
"""Stream, model of the device, and what makes tests measure the same."""


@dataclass(slots=True)
class Twins:
    """Which tests wait for the outcome of another with the same key."""

    _leader: dict[TwinKey, int] = field(default_factory=dict)
    _known: dict[TwinKey, Outcome] = field(default_factory=dict)
    _waiting: dict[TwinKey, list[int]] = field(default_factory=dict)

    def join(self, key: TwinKey | None, test_id: int) -> Outcome | int | None:
        """A compiled test comes: the outcome that serves it, or the test it waits for.

        None: it is the first of its key, or has none, and is to be measured.
        """
        if key is None:
            return None
        if key in self._known:
            return self._known[key]
        leader = self._leader.setdefault(key, test_id)
        if leader == test_id:
            return None
        self._waiting.setdefault(key, []).append(test_id)
        return leader

    def settle(self, key: TwinKey | None, outcome: Outcome) -> list[int]:
        """A test ended: the tests that waited for it, in the order they came.

        A final outcome serves all who come later. After any other, the first who joins again leads.
        """
        if key is not None and outcome.kind.is_final:
            self._known.setdefault(key, outcome)
        return self.abandon(key, outcome.test_id)

    def abandon(self, key: TwinKey | None, test_id: int) -> list[int]:
        """A test is not measured after all: the tests that waited for it."""
        if key is None or self._leader.get(key) != test_id:
            return []
        del self._leader[key]
        return self._waiting.pop(key, [])

    def waiting(self) -> list[int]:
        """All tests that wait."""
        return [test_id for tests in self._waiting.values() for test_id in tests]


class Leaders:
    """The best run so far of each stream on each model of device."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._best: dict[tuple[int, str], tuple[float, Run]] = {}

    def take(self, stream: int, model: str, outcome: Outcome) -> None:
        """Look whether an outcome is better."""
        if outcome.kind is not OutcomeKind.OK or outcome.score is None or not outcome.runs:
            return
        held = self._best.get((stream, model))
        if held is None or is_better(outcome.score, held[0], self._goal):
            self._best[stream, model] = (outcome.score, outcome.runs[0])

    def of(self, stream: int, model: str) -> Run | None:
        """The best run; None if none succeeded yet."""
        held = self._best.get((stream, model))
        return None if held is None else held[1]
