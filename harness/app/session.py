"""One session from beginning to end: locks, journal, engine, extra tests, files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from harness.app.begin import describe_beginning, make_info, make_start
from harness.app.clocks import Remark, hold_clocks
from harness.app.compiled import Compiled, open_compiled
from harness.app.emulation import describe_emulation
from harness.app.finals import hold_finals
from harness.app.identity import Identity
from harness.app.kernels import KernelTests
from harness.app.options import Options, View
from harness.app.outputs import write_and_record
from harness.app.prior import Prior, load_prior
from harness.app.recall import find_tests, list_known, make_recall
from harness.app.result import Result
from harness.app.retakes import MOST, Retaking, revise
from harness.app.seats import make_distribution, make_executor, make_plan
from harness.app.setup import Setup
from harness.app.signals import stopping_on_signals
from harness.app.strategies import make_search
from harness.app.suspects import find_suspects, setup_warnings
from harness.app.toolchain import describe_toolchain, open_toolchain
from harness.app.trees import judge_tree
from harness.configuration import Configuration
from harness.device.locks import hold_devices
from harness.events import BuildEnded, Event, Note, TestEnded, TestRevised
from harness.model import Outcome, Phase, Test
from harness.report.progress import Progress
from harness.report.summary import Summary
from harness.schedule.again import Again
from harness.schedule.base import Executor
from harness.schedule.engine import Engine
from harness.schedule.plan import Memory
from harness.schedule.streams import Stream
from harness.search.base import Strategy, learns
from harness.search.budget import Limited
from harness.search.check_tree import TreeCheck
from harness.search.importance import Importance
from harness.space.space import Space
from harness.store.journal import SqliteJournal, open_journal


def run_session(setup: Setup, options: Options) -> Result:
    """Tune what `setup` describes.

    Raises:
        HarnessError: the session could not go on; what was measured is in the journal.
    """
    with ExitStack() as stack:
        locks = stack.enter_context(
            hold_devices(
                [lane.device for lane in setup.lanes],
                None if setup.virtual else setup.commands.shared_folder,
                wait=options.wait,
                on_wait=options.on_wait,
                instead=setup.devices.suggest_free(),
            )
        )
        remarks = stack.enter_context(hold_clocks(setup.lanes, setup.spec.lock_clocks))
        toolchain = open_toolchain(setup.spec, virtual=setup.virtual)
        executor = stack.enter_context(make_executor(setup, locks, toolchain))
        prior = load_prior(setup, options.warm_start)
        compiled = open_compiled(setup, toolchain, stack)
        journal = stack.enter_context(open_journal(setup.spec.journal_path))
        compiler = describe_toolchain(setup.spec, toolchain)
        identity = Identity(setup, compiler, prior.sessions)
        return _Session(setup, options, executor, journal, identity, prior, remarks, compiled).run()


@dataclass
class _Session:
    """The pieces of a session and the order in which they act."""

    setup: Setup
    options: Options
    executor: Executor
    journal: SqliteJournal
    identity: Identity
    prior: Prior
    remarks: Sequence[Remark] = ()
    compiled: Compiled | None = None
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    sampled: dict[frozenset[str], Sequence[Configuration]] = field(default_factory=dict)
    uncleaned: dict[int, Test] = field(default_factory=dict)
    searches: dict[frozenset[str], Limited] = field(default_factory=dict)
    lost_searching: int | None = None  # how many lanes, once all have searched

    def run(self) -> Result:
        self.begun = self.journal.begin(
            make_start(self.setup, self.identity, self.executor.now_s()),
            fresh=self.options.fresh,
            retry=self.options.retry,
        )
        self.beside = self.begun.beside
        self.uncleaned = {test.id: test for test in self.begun.uncleaned}
        self.info = make_info(self.setup, self.begun, self.executor.now_s())
        self.progress = Progress(self.info)
        self.strategies: list[Strategy] = []
        self.view = self._open_view()
        self.engine = self._make_engine()
        state = "failed"
        try:
            with stopping_on_signals(self.engine):
                self._search()
            if self.engine.interrupted:
                state = "interrupted"
            elif not self._lost:
                state = "complete"
        finally:
            if self.view is not None:
                self.view.close()
            # What was measured is written out however the session ended.
            result = self._finish(state)
        return result

    # -- beginning ---------------------------------------------------------------------------

    @property
    def _replicates(self) -> bool:
        return self.setup.spec.distribution == "replicate"

    def _open_view(self) -> View | None:
        if self.options.make_view is None:
            return None
        view = self.options.make_view(self.progress, self.executor.now_s, self._remaining)
        view.open()
        return view

    def _remaining(self) -> int | None:
        counts = [strategy.remaining() for strategy in self.strategies]
        return None if None in counts else sum(count or 0 for count in counts)

    def _make_engine(self) -> Engine:
        setup = self.setup
        # A replay's simulated time must not depend on what was replayed before.
        elsewhere = None if self.options.fresh or setup.recording is not None else self.journal.find
        return Engine(
            setup.lanes,
            plan=make_plan(setup),
            distribution=make_distribution(setup, self.executor.workers),
            executor=self.executor,
            memory=Memory(
                make_recall(self.begun, elsewhere),
                {test.key: (test, runs) for test, runs in self.begun.unfinished},
                next_id=self.begun.next_test_id,
                session=self.info.id,
            ),
            make_key=self.identity.test_key,
            record=self.journal.record,
            watch=self._watch,
        )

    # -- running -----------------------------------------------------------------------------

    def _watch(self, event: Event | None) -> None:
        if event is not None:
            self.progress.take(event)
            if isinstance(event, BuildEnded) and event.build.phase is Phase.CLEAN:
                self.uncleaned.pop(event.test.id, None)
            if isinstance(event, TestEnded):
                self.outcomes[event.outcome.test_id] = event.outcome
        elif changed := self.identity.refresh():
            self._note(
                f"{', '.join(changed)} changed while it is tuned: tests under way may have been "
                "made of either state, those to come are made of the new; run the same command "
                "again for results of one state"
            )
        if self.view is not None:
            self.view.take(event)

    def _note(self, text: str, level: Literal["info", "warning"] = "warning") -> None:
        self._tell(Note(level, text, self.executor.now_s()))

    def _tell(self, note: Note, *, record: bool = True) -> None:
        """Show a note, and record it unless an earlier invocation did."""
        if record:
            self.journal.record([note])
        self._watch(note)

    def _search(self) -> None:
        for level, text in (*self.remarks, *describe_beginning(self.begun)):
            self._note(text, level)
        for text in setup_warnings(self.setup):
            self._note(text)
        searched: set[int] = set()
        if self._is_told_by_its_journal():
            self._recall_search()
        else:
            self._run(self._make_search)
            searched = set(self.outcomes)
        if self.options.check_tree and self.setup.space.tree is not None:
            self._check_tree()
        if self.setup.spec.output.importance is not None:
            self._run(self._make_importance)
        self.lost_searching = len(self.engine.lost)
        new = self.outcomes.keys() - {outcome.test_id for outcome in self.begun.outcomes}
        self.beside = (self.begun.beside | new) - searched
        self._recall_rest()
        if self.setup.kernel is not None:
            self._retake(self.setup.kernel)
            if self.setup.kernel.kernel.measure.finalists:
                self._hold_finals(self.setup.kernel)
            if self.progress.tested:
                for text in find_suspects(list(self.outcomes.values()), self.setup.lanes):
                    self._note(text)
                for level, text in describe_emulation(list(self.outcomes.values())):
                    self._note(text, level)
        if self.uncleaned and Phase.CLEAN in self.setup.commands and not self.engine.interrupted:
            self.engine.clean(tuple(self.uncleaned.values()))

    def _retake(self, kernel: KernelTests) -> None:
        """Measure again what was measured under bad circumstances; what that says counts."""
        self._revise([revise(outcome) for outcome in self.outcomes.values() if outcome.has_retake])
        measure = kernel.kernel.measure
        most = MOST if measure.retake else 0
        again = self._make_again()
        retaking = Retaking(again, self.setup.goal, looks=measure.sentinel, most=most)
        for revised in retaking.run(list(self.outcomes.values()), self.engine.lanes):
            self.journal.record([TestRevised(outcome) for outcome in revised])
            self._revise(revised)
        if note := retaking.to_note(self.executor.now_s()):
            self._tell(note)

    def _revise(self, outcomes: Sequence[Outcome]) -> None:
        """Let these stand in the place of what the tests had."""
        self.outcomes.update((outcome.test_id, outcome) for outcome in outcomes)
        if outcomes:
            self.progress.revise(self.outcomes.values())

    def _make_again(self) -> Again:
        return Again(self.executor, self.journal.record, self._watch, self.engine)

    def _is_told_by_its_journal(self) -> bool:
        """Whether the search need not be made again, not even by asking for what is known.

        On several lanes a strategy that learns would ask otherwise than before, since outcomes that
        are known come in another order: it would go on.
        """
        only_search = not self.options.check_tree and self.setup.spec.output.importance is None
        return self.begun.stands and only_search and self.setup.recording is None

    def _recall_search(self) -> None:
        """Take the outcomes of the search from the journal."""
        self._recall_rest()
        for group in self._groups():
            search = self._make_search(group)
            for outcome in self._known(group):
                search.tell(outcome)

    def _recall_rest(self) -> None:
        """What the session knows and was not asked for this time is part of it all the same."""
        for outcome in list_known(self.begun):
            if outcome.test_id not in self.outcomes:
                self._watch(TestEnded(outcome))

    def _hold_finals(self, kernel: KernelTests) -> None:
        """Measure the best tests anew, and let the winner be the session's best."""
        again = self._make_again()
        for group in self._groups():
            lanes = [lane for lane in self.setup.lanes if lane.name in group]
            held = hold_finals(kernel, self._known(group), lanes, again, goal=self.setup.goal)
            if held is not None:
                self.progress.best[next(iter(group)) if self._replicates else ""] = held.winner
                note = held.ranking.to_note(self.executor.now_s())
                self._tell(note, record=not held.recorded)

    def _check_tree(self) -> None:
        """Test a sample that the tree says cannot win, and say what contradicts it."""
        self._run(self._make_check)
        unit = self.setup.unit
        for group, sampled in self.sampled.items():
            outcomes = self._known(group)
            best = self._best(group)
            if best is None:
                continue
            told = judge_tree(
                self._space_of(group),
                best.configuration,
                outcomes,
                sampled,
                goal=self.setup.goal,
                unit=unit,
            )
            for level, text in told:
                self._note(text, level)

    def _known(self, group: frozenset[str]) -> list[Outcome]:
        """What the lanes of a group have measured."""
        return [
            outcome
            for outcome in self.outcomes.values()
            if not self._replicates or outcome.lane in group
        ]

    def _best(self, group: frozenset[str]) -> Outcome | None:
        return self.progress.best.get(next(iter(group)) if self._replicates else "")

    def _make_check(self, group: frozenset[str]) -> Strategy | None:
        best = self._best(group)
        if best is None:
            return None
        scores = {outcome.configuration: outcome.score for outcome in self._known(group)}
        strategy = TreeCheck(self._space_of(group), best.configuration, scores)
        self.sampled[group] = strategy.configurations
        return strategy

    def _make_importance(self, group: frozenset[str]) -> Strategy | None:
        best = self._best(group)
        if best is None:
            return None
        strategy = Importance(self._space_of(group), best.configuration)
        for outcome in self._known(group):
            strategy.tell(outcome)  # what is known need not be tested again
        return strategy

    def _groups(self) -> list[frozenset[str]]:
        """The lanes that search together: all, or each for itself."""
        names = [lane.name for lane in self.setup.lanes]
        if self._replicates:
            return [frozenset([name]) for name in names]
        return [frozenset(names)]

    def _space_of(self, group: frozenset[str]) -> Space:
        """What a group of lanes that search together searches."""
        return self.setup.space_of(next(iter(group)))

    def _make_search(self, group: frozenset[str]) -> Strategy:
        space = self._space_of(group)
        lane = next(lane for lane in self.setup.lanes if lane.name in group)
        lanes = group if self._replicates else None
        made = make_search(
            self.setup,
            space,
            len(group),
            self.prior.outcomes,
            self.executor.now_s,
            is_cached=partial(self.compiled.has, lane=lane) if self.compiled else None,
            recorded=find_tests(self.begun, lanes),
        )
        self.searches[group] = made
        return made

    def _run(self, make: Callable[[frozenset[str]], Strategy | None]) -> None:
        """Run a strategy for each group of lanes to its end."""
        if self.engine.interrupted:
            return
        streams = [
            _make_stream(strategy, group)
            for group in self._groups()
            if (strategy := make(group)) is not None
        ]
        self.strategies = [stream.strategy for stream in streams]
        self.engine.run(streams)

    # -- ending ------------------------------------------------------------------------------

    def _finish(self, state: str) -> Result:
        spec = self.setup.spec
        outcomes = tuple(self.outcomes[test_id] for test_id in sorted(self.outcomes))
        elapsed_s = self.executor.now_s() - self.info.started_s
        saves = state == "complete" and self.setup.strategy == "tree" and not self._ended_by()
        summary = Summary(
            info=replace(self.info, started_s=self.begun.started_s),
            progress=self.progress,
            state=state,
            elapsed_s=elapsed_s,
            skipped=max(0, (self.info.size or 0) - self.progress.done) if saves else 0,
            reference=spec.scoring.reference,
            ended_by=self._ended_by(),
            lost=self._lost,
            beside=tuple(sorted(self.beside)),
        )
        self.journal.end(state, self.executor.now_s(), summary.to_object())
        return Result(write_and_record(spec, summary, outcomes), outcomes)

    @property
    def _lost(self) -> tuple[str, ...]:
        """Lanes that searched for themselves and lost their device before they had."""
        return self.engine.lost[: self.lost_searching] if self._replicates else ()

    def _ended_by(self) -> dict[str, tuple[str, float]]:
        limits = self.setup.spec.search
        return {
            next(iter(group)) if self._replicates else "": (name, getattr(limits, name))
            for group, search in self.searches.items()
            if (name := search.ended_by)
        }


def _make_stream(strategy: Strategy, group: frozenset[str]) -> Stream:
    limited = strategy if isinstance(strategy, Limited) and strategy.may_end_early else None
    is_over = (lambda: limited.is_over) if limited else None
    return Stream(strategy, group, is_over, learns(strategy))
