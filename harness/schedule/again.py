"""Runs tests again that have their outcome, one run at a time, in the order asked for.

What a distribution does is decided per test; here the order itself is the point: rounds in which
each test takes its turn on one lane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.events import BuildEnded, Event, RunEnded
from harness.lane import Lane
from harness.model import OutcomeKind, Phase, Run, Test
from harness.schedule.base import POOL, Assignment, Crashed, Executor, Job, JobEnded
from harness.schedule.engine import Engine

_TICK_S = 0.2


class Again:
    """Compiles tests and runs them in turns while nothing else is done.

    Args:
        record, watch: as of the engine.
        engine: when it is interrupted, nothing more is begun. It is told of lost devices.
    """

    def __init__(
        self,
        executor: Executor,
        record: Callable[[Sequence[Event]], None],
        watch: Callable[[Event | None], None],
        engine: Engine,
    ) -> None:
        self._executor = executor
        self._record = record
        self._watch = watch
        self._engine = engine

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._engine.interrupted

    def may_run(self, lane: Lane) -> bool:
        """Whether more may be begun on the lane: nothing is to stop, and its device is not lost."""
        return not self.stopped and lane in self._engine.lanes

    def run(
        self, tests: Sequence[Test], lane: Lane, indices: Sequence[int]
    ) -> dict[int, list[Run]] | None:
        """The runs of each test with these indices, by test id: all first ones, then all second.

        Returns:
            None if one failed, or it was stopped: then there is nothing to compare.
        """
        compiled: list[Test] = []
        for test in tests:
            events = self._do(Assignment(POOL, Job(test, Phase.COMPILE, lane)))
            builds = [event.build for event in events if isinstance(event, BuildEnded)]
            if not builds or builds[0].kind is not OutcomeKind.OK:
                return None
            compiled.append(replace(test, artifact=builds[0].artifact))
        runs: dict[int, list[Run]] = {test.id: [] for test in tests}
        for index in indices:
            for test in compiled:
                events = self._do(Assignment(lane.name, Job(test, Phase.TEST, lane, (index,))))
                made = [event.run for event in events if isinstance(event, RunEnded)]
                if not made or made[0].kind is not OutcomeKind.OK:
                    return None
                runs[test.id] += made
        return runs

    def look(self, test: Test, lane: Lane, index: int) -> Run | None:
        """A run that is no run of the test, and is not recorded: a look at the lane's device.

        Returns:
            None if it failed, or everything is to stop.
        """
        events = self._do(
            Assignment(lane.name, Job(test, Phase.TEST, lane, (index,))), record=False
        )
        made = [event.run for event in events if isinstance(event, RunEnded)]
        return made[0] if made and made[0].kind is OutcomeKind.OK else None

    def _do(self, assignment: Assignment, *, record: bool = True) -> list[Event]:
        """Do one job to its end; nothing if everything is to stop."""
        if self.stopped:
            return []
        self._executor.submit(assignment)
        events: list[Event] = []
        ended, lost = False, None
        while not ended:
            for report in self._executor.wait(_TICK_S):
                if isinstance(report, Crashed):
                    raise report.error
                if isinstance(report, JobEnded):
                    ended = True
                    lost = report.seat if report.kind is OutcomeKind.DEVICE_LOST else None
                else:
                    events.append(report)
            self._watch(None)
        durable = [event for event in events if isinstance(event, RunEnded)]
        if durable and record:
            self._record(durable)
        for event in events:
            self._watch(event)
        if lost is not None:
            self._engine.lose(lost)
        return events
