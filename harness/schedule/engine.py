"""The main loop of a session: ask, create tests, let seats work, journal, tell.

The engine alone talks to strategies and the journal. What happened is durable before anyone is
told of it; a lane that has ended a run goes on with one that waits meanwhile, unless the search
might be over by what was just measured. Seats never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from harness.configuration import Configuration
from harness.errors import DeviceError, RunError
from harness.events import BuildEnded, Event, Note, RunEnded, TestCreated
from harness.lane import Lane
from harness.model import Outcome, OutcomeKind, Phase, Test
from harness.schedule.base import Assignment, Crashed, Distribution, Executor, Job, JobEnded, Report
from harness.schedule.ledger import Ledger
from harness.schedule.plan import Live, Memory, Plan, describe_losses, least_loaded
from harness.schedule.streams import Stream, Streams
from harness.schedule.twins import Leaders, TwinKey, Twins

_TICK_S = 0.2


class Engine:
    """Runs streams to their end, or until stopped.

    Args:
        make_key: identity of a configuration on a lane.
        record: makes a batch of events durable.
        watch: is shown every event after that, and None about five times a second.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        plan: Plan,
        distribution: Distribution,
        executor: Executor,
        memory: Memory,
        make_key: Callable[[Configuration, Lane], str],
        record: Callable[[Sequence[Event]], None],
        watch: Callable[[Event | None], None],
    ) -> None:
        self._lanes = {lane.name: lane for lane in lanes}
        self._plan = plan
        self._distribution = distribution
        self._executor = executor
        self._memory = memory
        self._make_key = make_key
        self._ledger = Ledger(record, watch, memory.session)
        self._next_id = memory.next_id
        self._streams = Streams(())
        self._live: dict[int, Live] = {}
        self._in_flight = 0
        self._twins = Twins()
        self._best = Leaders(plan.goal)
        self._lost: list[str] = []
        self._why_lost = ""
        self._stop = self._kill = False
        self._crash: BaseException | None = None  # raised once what came with it is durable

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before its streams ended."""
        return self._stop

    @property
    def lost(self) -> tuple[str, ...]:
        """The lanes whose device was lost."""
        return tuple(self._lost)

    @property
    def lanes(self) -> Sequence[Lane]:
        """The lanes whose devices are not lost."""
        return tuple(self._lanes.values())

    def stop(self) -> None:
        """Finish the runs that have begun, clean, and return. Safe in a signal handler."""
        self._stop = True
        self._executor.stop()

    def kill(self) -> None:
        """Kill what runs and return, without cleaning. Safe in a signal handler."""
        self._stop = self._kill = True
        self._executor.cancel()

    def lose(self, lane: str) -> None:
        """Give nothing more to a lane whose device is gone: a run that is no test's told so."""
        self._lose_lane(lane)
        self._write()

    def run(self, streams: Sequence[Stream]) -> None:
        """Test what the streams' strategies ask for, until they ask no more.

        Raises:
            DeviceError: every lane's device was lost.
            HarnessError: whatever a seat raised, or the journal.
        """
        self._streams = Streams(streams)
        while True:
            self._cut_short()
            if not self._stop:
                self._refill()
            # A test's creation is durable before anything is done for it that a later session
            # would have to clean up; without such a thing it goes with the next batch.
            if self._ledger.has_events and (
                self._ledger.has_outcomes or self._plan.compiles or self._plan.cleans
            ):
                self._write()
                continue
            if not self._kill:
                self._hand_out()
            if not self._in_flight:
                if self._may_ask():  # the distribution has room again, since this moment
                    continue
                break
            for report in self._executor.wait(_TICK_S):
                self._take(report)
            if not (self._streams.may_end or self._stop or self._crash):
                self._hand_out()  # so that no lane waits for the disk
            self._write()
            if self._crash is not None:
                raise self._crash
        self._write()
        if self._live and not self._kill and self._lanes:
            raise RunError(
                f"{len(self._live)} tests were given to no lane: a fault of the harness, please "
                "report it; what was measured is in the journal"
            )
        if not self._lanes:
            raise DeviceError(describe_losses(self._why_lost))

    def _write(self) -> None:
        """Make what happened durable, then show it, then tell the strategies: they may ask."""
        self._streams.were_told(self._ledger.write(self._streams))

    def clean(self, tests: Sequence[Test]) -> None:
        """Clean what an earlier invocation that was killed left of these tests.

        Raises:
            HarnessError: whatever a seat raised, or the journal.
        """
        anywhere = next(iter(self._lanes.values()))
        for test in tests:
            lane = self._lanes.get(test.lane, anywhere)
            self._distribution.ready(Job(test, Phase.CLEAN, lane))
        self.run(())

    # -- asking ------------------------------------------------------------------------------

    def _refill(self) -> None:
        """Create tests as long as lanes want them and strategies have them."""
        asked = True
        while asked:
            asked = False
            for name, count in self._wants().items():
                number = self._streams.of(name)
                if number is None:
                    continue
                for configuration in self._streams.ask(number, count):
                    self._create(configuration, self._lanes[name], number)
                    asked = True
                if self._ledger.has_outcomes:
                    return  # recalled outcomes: make them durable and tell them first

    def _wants(self) -> dict[str, int]:
        return self._distribution.wants(ahead=not self._streams.learn)

    def _may_ask(self) -> bool:
        """Whether a lane wants tests of a stream that may have some."""
        return not self._stop and self._streams.may_ask(self._wants())

    def _create(self, configuration: Configuration, lane: Lane, stream: int) -> None:
        key = self._make_key(configuration, lane)
        known = self._memory.recall(key)
        if known is not None:
            self._reuse(known, configuration, key, lane, stream)
            return
        test, runs = self._memory.unfinished.get(key, (None, ()))
        if test is None:
            test = Test(self._next_id, configuration, key, lane.name)
            self._next_id += 1
        else:
            test = replace(test, lane=lane.name)
        self._ledger.add(TestCreated(test, self._executor.now_s()))
        self._live[test.id] = Live(test, lane, stream, {run.index: run for run in runs})
        self._begin(self._live[test.id])

    def _reuse(
        self, known: Outcome, configuration: Configuration, key: str, lane: Lane, stream: int
    ) -> None:
        """Take a recorded outcome for the test; one of another session is copied into this one."""
        if known.reused_from != self._memory.session:
            test = Test(self._next_id, configuration, key, lane.name)
            self._next_id += 1
            self._ledger.add(TestCreated(test, self._executor.now_s()))
            known = replace(
                known,
                test_id=test.id,
                configuration=configuration,
                copy_of=None,
                compile_started_s=None,
                compile_seat="",
            )
        self._ledger.end(stream, known)
        self._best.take(stream, lane.device.model, known)
        if known.artifact is not None:
            test = Test(known.test_id, configuration, key, lane.name, known.artifact)
            self._twins.settle(Live(test, lane, stream, {}).twin_key(self._plan), known)

    def _begin(self, live: Live) -> None:
        if self._plan.compiles:
            self._distribution.ready(Job(live.test, Phase.COMPILE, live.lane))
        else:
            self._begin_runs(live)

    def _begin_runs(self, live: Live) -> None:
        todo = tuple(index for index in range(self._plan.repeat) if index not in live.runs)
        if todo:
            self._distribution.ready(Job(live.test, Phase.TEST, live.lane, todo))
        else:
            self._end(live, OutcomeKind.OK)

    def _hand_out(self) -> None:
        # who is told may ask again
        drained = self._stop or (self._streams.are_dry and not self._ledger.has_outcomes)
        for assignment in self._distribution.assign(
            drained=drained, ahead=not self._streams.may_end
        ):
            given, job = assignment, assignment.job
            live = self._live.get(job.test.id)
            if live is not None and job.phase is not Phase.CLEAN:
                live.lane = job.lane
            if live is not None and job.phase is Phase.TEST:  # what there is to beat
                best = self._best.of(live.stream, live.lane.device.model)
                job = Job(job.test, job.phase, job.lane, job.runs, best)
                given = Assignment(assignment.seat, job)
            self._in_flight += 1
            self._executor.submit(given)

    # -- hearing -----------------------------------------------------------------------------

    def _take(self, report: Report) -> None:
        if isinstance(report, Crashed):
            self._crash = self._crash or report.error
            return
        if isinstance(report, JobEnded):
            self._in_flight -= 1
            self._distribution.ended(report)
            self._go_on(report)
            return
        self._ledger.add(report)
        if isinstance(report, BuildEnded):
            self._note_build(report)
        elif isinstance(report, RunEnded) and (live := self._live.get(report.test.id)):
            if report.run.kind is OutcomeKind.OK:
                live.runs[report.run.index] = report.run
            else:
                live.failure = report

    def _note_build(self, report: BuildEnded) -> None:
        live = self._live.get(report.test.id)
        if live is not None and report.build.phase is Phase.COMPILE:
            live.compiled = report.build
            live.test = replace(live.test, artifact=report.build.artifact)
            if report.build.kind is not OutcomeKind.OK:
                live.failure = report
        elif report.build.kind is not OutcomeKind.OK:
            self._ledger.complain(f"cleaning failed: {report.build.reason}", self._executor.now_s())

    def _go_on(self, ended: JobEnded) -> None:
        """Decide what follows a job: the next phase, or the test's end."""
        live = self._live.get(ended.job.test.id)
        if ended.kind is OutcomeKind.DEVICE_LOST and ended.seat is not None:
            self._lose_lane(ended.seat, live.trouble.reason if live and live.trouble else "")
        if live is None or ended.job.phase is Phase.CLEAN:
            return
        if ended.kind not in (OutcomeKind.OK, OutcomeKind.DEVICE_LOST):
            self._end(live, ended.kind)
        elif ended.kind is OutcomeKind.DEVICE_LOST or live.lane.name not in self._lanes:
            self._move(live)
        elif live.stream in self._streams.over and not self._complete(live):
            self._end(live, OutcomeKind.INTERRUPTED)
        elif ended.job.phase is Phase.COMPILE:
            self._begin_or_follow(live)
        elif self._complete(live):
            self._end(live, OutcomeKind.OK)

    def _begin_or_follow(self, live: Live) -> None:
        """Begin the runs of a test, unless a twin is being measured, or was."""
        known = self._twins.join(live.twin_key(self._plan), live.test.id)
        if known is None:
            self._begin_runs(live)
            return
        self._distribution.dismiss(live.test.id)
        if isinstance(known, Outcome):
            self._copy(live, known)

    def _copy(self, live: Live, known: Outcome) -> None:
        """End a test with the outcome of its twin."""
        del self._live[live.test.id]
        outcome = live.share_outcome(known, self._executor.now_s())
        self._ledger.end(live.stream, outcome)

    def _complete(self, live: Live) -> bool:
        return len(live.runs) == self._plan.repeat

    def _end(self, live: Live, kind: OutcomeKind) -> None:
        """The test is over: its outcome is logged, and cleaning may begin."""
        del self._live[live.test.id]
        key = live.twin_key(self._plan)
        outcome = live.make_outcome(kind, self._plan.aggregate, self._executor.now_s())
        self._ledger.end(live.stream, outcome)
        self._best.take(live.stream, live.lane.device.model, outcome)
        self._settle_twins(key, outcome)
        if self._plan.cleans and live.lane.name in self._lanes:
            self._distribution.ready(Job(live.test, Phase.CLEAN, live.lane))

    def _settle_twins(self, key: TwinKey | None, outcome: Outcome) -> None:
        """What waited for the test's outcome shares it, or, if it is no final one, goes on."""
        waiting = self._twins.settle(key, outcome)
        if not outcome.kind.is_final:
            self._go_on_without(waiting)
            return
        for test_id in waiting:
            if test_id in self._live:
                self._copy(self._live[test_id], outcome)

    def _go_on_without(self, waiting: Iterable[int]) -> None:
        """The test that these waited for was not measured: the first of them takes its place."""
        for test_id in waiting:
            live = self._live.get(test_id)
            if live is None:
                continue
            if live.stream in self._streams.over:
                self._end(live, OutcomeKind.INTERRUPTED)
            elif live.lane.name in self._lanes:
                self._begin_or_follow(live)
            else:
                self._move(live)

    # -- trouble -----------------------------------------------------------------------------

    def _lose_lane(self, name: str, why: str = "") -> None:
        """A lane's device is gone: its waiting tests go to other lanes of their stream."""
        if name not in self._lanes:
            return  # found out twice: by what it ran, and by what it had in hand
        del self._lanes[name]
        self._lost.append(name)
        self._why_lost = why
        survivors = ", ".join(self._lanes) or "none"
        self._ledger.complain(
            f"lane {name}: its device was lost; lanes left: {survivors}{why and f' ({why})'}",
            self._executor.now_s(),
        )
        for test_id in {job.test.id for job in self._distribution.remove_lane(name)}:
            if test_id in self._live:
                self._move(self._live[test_id])

    def _move(self, live: Live) -> None:
        """Start the test over on another lane of its stream; without one, that is its end."""
        others = [
            lane for name, lane in self._lanes.items() if name in self._streams[live.stream].lanes
        ]
        if live.stream in self._streams.over or not others:
            is_over = live.stream in self._streams.over
            self._end(live, OutcomeKind.INTERRUPTED if is_over else OutcomeKind.DEVICE_LOST)
            return
        lane, key = least_loaded(others, self._live.values()), live.twin_key(self._plan)
        live.lane, live.test = lane, replace(live.test, lane=lane.name)
        live.runs, live.failure = {}, None
        waiting = self._twins.abandon(key, live.test.id)
        self._begin(live)
        self._go_on_without(waiting)

    def _cut_short(self) -> None:
        """What streams that are over, or all when stopping, have not begun is given up."""
        if not self._streams.end(everything=self._stop):
            return
        if self._stop:
            how = "killing what runs" if self._kill else "finishing what runs; once more kills it"
            now_s = self._executor.now_s()
            self._ledger.add(Note("info", f"interrupted: {how}", now_s, kept=False))
        for job in self._distribution.withdraw():
            live = self._live.get(job.test.id)
            if live is not None and live.stream in self._streams.over:
                self._end(live, OutcomeKind.INTERRUPTED)  # what was compiled is cleaned
            elif live is not None:
                self._distribution.ready(job)
        for test_id in self._twins.waiting():
            live = self._live.get(test_id)
            if live is not None and live.stream in self._streams.over:
                self._end(live, OutcomeKind.INTERRUPTED)
