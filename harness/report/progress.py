"""What a session has done so far: the numbers behind every view and the final summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.events import BuildEnded, Event, Note, PhaseStarted, RunEnded, TestCreated, TestEnded
from harness.model import Outcome, OutcomeKind, Phase, SessionInfo
from harness.units import format_count


@dataclass(slots=True)
class SeatState:
    """What a lane or compile worker is doing.

    Attributes:
        test_id: 0 when idle.
        busy_s: time spent in timed runs.
    """

    test_id: int = 0
    phase: Phase | None = None
    run: int = 0
    since_s: float = 0.0
    busy_s: float = 0.0
    compile_s: float = 0.0
    tests: int = 0


@dataclass(slots=True)
class Progress:
    """Counts events; everything else is derived.

    Attributes:
        tested: tests that this invocation ended.
        reused: outcomes taken from the journal; `reused_failed` of them are failures.
        under_way: ids of the tests that were created and have not ended.
        again: runs of tests that had ended: of the finals, and retakes.
        copied: tests that share another's measurement, since binary and launch are the same.
        best: the best outcome so far, for each lane of a `replicate` session, else under "".
    """

    info: SessionInfo
    tested: int = 0
    reused: int = 0
    reused_failed: int = 0
    under_way: set[int] = field(default_factory=set)
    again: int = 0
    copied: int = 0
    kinds: Counter[OutcomeKind] = field(default_factory=Counter)
    best: dict[str, Outcome] = field(default_factory=dict)
    seats: dict[str, SeatState] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    last_s: float = 0.0

    def take(self, event: Event) -> None:
        """Count `event`."""
        if isinstance(event, TestCreated):
            self.under_way.add(event.test.id)
        elif isinstance(event, PhaseStarted):
            seat = self.seats.setdefault(event.seat, SeatState())
            seat.test_id, seat.phase, seat.run = event.test.id, event.phase, event.run
            seat.since_s = event.at_s
            self.last_s = max(self.last_s, event.at_s)
        elif isinstance(event, RunEnded):
            run = event.run
            seat = self.seats.setdefault(run.lane, SeatState())
            seat.busy_s += run.elapsed_s
            seat.test_id = 0
            self.again += event.test.id not in self.under_way
            self.last_s = max(self.last_s, run.started_s + run.elapsed_s)
        elif isinstance(event, BuildEnded):
            seat = self.seats.setdefault(event.build.seat, SeatState())
            seat.test_id = 0
            if event.build.phase is Phase.COMPILE:
                seat.compile_s += event.build.elapsed_s
            self.last_s = max(self.last_s, event.build.started_s + event.build.elapsed_s)
        elif isinstance(event, TestEnded):
            self._count(event.outcome)
        elif isinstance(event, Note):
            self.notes.append(event)

    def _count(self, outcome: Outcome) -> None:
        self.under_way.discard(outcome.test_id)
        self.copied += outcome.copy_of is not None
        if outcome.kind is OutcomeKind.INTERRUPTED:
            pass  # it has not ended
        elif outcome.reused_from is None:
            self.tested += 1
            self.seats.setdefault(outcome.lane, SeatState()).tests += 1
        else:
            self.reused += 1
            self.reused_failed += outcome.kind.is_failure
        self.kinds[outcome.kind] += 1
        self._compete(outcome)

    def revise(self, outcomes: Iterable[Outcome]) -> None:
        """Some outcomes are others now: the kinds and the best of these are what counts."""
        self.kinds.clear()
        self.best.clear()
        for outcome in outcomes:
            self.kinds[outcome.kind] += 1
            self._compete(outcome)

    def _compete(self, outcome: Outcome) -> None:
        if outcome.score is None:
            return
        group = outcome.lane if self.info.distribution == "replicate" else ""
        best = self.best.get(group)
        if best is None or self._rank(outcome) < self._rank(best):
            self.best[group] = outcome

    def _rank(self, outcome: Outcome) -> tuple[float, int]:
        """The least is the best; of equal scores the first test, whichever ended first."""
        score = outcome.score or 0.0
        return (score if self.info.goal == "min" else -score, outcome.test_id)

    @property
    def done(self) -> int:
        """Outcomes so far, reused ones included."""
        return self.tested + self.reused

    def count_left(self, unasked: int | None) -> int | None:
        """How many tests have not ended; None if nobody knows.

        Args:
            unasked: those that the strategy will still ask for, within the limits of the search.
        """
        return None if unasked is None else unasked + len(self.under_way)

    @property
    def failed(self) -> int:
        """Outcomes of tests that went wrong."""
        return sum(count for kind, count in self.kinds.items() if kind.is_failure)

    def describe_losses(self) -> list[str]:
        """What did not come to a score, and what was not measured itself, in words."""
        counts = {
            "failed": self.failed,
            "invalid": self.kinds[OutcomeKind.INVALID],
            "given up in the race": self.kinds[OutcomeKind.CENSORED],
            "the same as others": self.copied,
        }
        return [f"{count} {word}" for word, count in counts.items() if count]

    def describe_again(self) -> list[str]:
        """What is done after the last test, in words; nothing before."""
        return [f"measured again: {format_count(self.again, 'run')}"] if self.again else []

    def best_overall(self) -> Outcome | None:
        """The best of all lanes' bests."""
        scored = [outcome for outcome in self.best.values() if outcome.score is not None]
        return min(scored, key=self._rank, default=None)

    def busy_share(self, lane: str, elapsed_s: float) -> float:
        """The share of the session that the lane spent in timed runs."""
        seat = self.seats.get(lane)
        return seat.busy_s / elapsed_s if seat and elapsed_s > 0 else 0.0
