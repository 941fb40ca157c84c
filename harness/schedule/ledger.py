"""What happened and is not on disk yet: written first, then shown, then told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.events import Event, Note, TestEnded
from harness.model import Outcome
from harness.schedule.streams import Streams


class Ledger:
    """Keeps events until they are written, and outcomes until strategies are told.

    Args:
        record: makes a batch of events durable.
        watch: is shown every event after that, and None at every write.
        session: whose outcomes, where they are recalled, are in the journal already.
    """

    def __init__(
        self,
        record: Callable[[Sequence[Event]], None],
        watch: Callable[[Event | None], None],
        session: int,
    ) -> None:
        self._record = record
        self._watch = watch
        self._session = session
        self._events: list[Event] = []
        self._outcomes: list[tuple[int, Outcome]] = []
        self._complaints: set[str] = set()

    @property
    def has_events(self) -> bool:
        """Whether anything is to be written."""
        return bool(self._events)

    @property
    def has_outcomes(self) -> bool:
        """Whether a strategy is to be told something, after which it may ask for more."""
        return bool(self._outcomes)

    def add(self, event: Event) -> None:
        """Something happened."""
        self._events.append(event)

    def end(self, stream: int, outcome: Outcome) -> None:
        """A test of a stream has its outcome."""
        self._events.append(TestEnded(outcome))
        self._outcomes.append((stream, outcome))

    def complain(self, text: str, at_s: float) -> None:
        """Warn once of what may happen for every test."""
        if text not in self._complaints:
            self._complaints.add(text)
            self._events.append(Note("warning", text, at_s))

    def write(self, streams: Streams) -> set[int]:
        """Make what happened durable, show it, and tell the strategies; returns whose were told."""
        events, self._events = self._events, []
        outcomes, self._outcomes = self._outcomes, []
        if events:
            self._record([event for event in events if self._is_kept(event)])
        for event in events:
            self._watch(event)
        self._watch(None)
        for number, outcome in outcomes:
            streams[number].strategy.tell(outcome)
        return {number for number, _ in outcomes}

    def _is_kept(self, event: Event) -> bool:
        if isinstance(event, Note):
            return event.kept
        # What was recalled is in the journal already.
        return not (isinstance(event, TestEnded) and event.outcome.reused_from == self._session)
