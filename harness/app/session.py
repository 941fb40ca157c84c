"""One session from beginning to end: locks, journal, engine, extra tests, files."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Literal, Protocol

import msgspec

from harness._version import __version__
from harness.app.identity import Identity
from harness.app.names import DISTRIBUTIONS, STRATEGIES, load
from harness.app.outputs import write_outputs
from harness.app.result import Result
from harness.app.seats import make_executor
from harness.app.setup import Setup
from harness.device.locks import hold_devices
from harness.model import (
    BuildEnded,
    Configuration,
    Event,
    Note,
    Outcome,
    Phase,
    SessionInfo,
    Test,
    TestEnded,
)
from harness.report.progress import Progress
from harness.report.summary import Summary
from harness.schedule.base import Distribution, Executor
from harness.schedule.engine import Engine, Memory, Plan, Stream
from harness.search.base import Strategy
from harness.search.check_tree import TreeCheck
from harness.search.claims import contradictions, explain, spread_tolerance
from harness.search.importance import Importance
from harness.space.space import Space
from harness.space.tree import Node, format_tree
from harness.store.base import SessionStart
from harness.store.environment import capture_environment
from harness.store.journal import SqliteJournal, open_journal


class View(Protocol):
    """Shows a session while it runs."""

    def open(self) -> None:
        """The session begins."""

    def take(self, event: Event | None) -> None:
        """Something happened, or (None) time passed."""

    def close(self) -> None:
        """The session is over."""


MakeView = Callable[[Progress, Callable[[], float], Callable[[], int | None]], View]
"""Makes a view from the progress, the session's clock and the tests still to come."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a session, beside what the config says.

    Attributes:
        fresh: measure everything again, whatever the journal holds.
        wait: wait for devices that another harness uses, instead of failing.
        check_tree: test a sample outside the variable tree's path.
        make_view: what shows progress; None: nothing does.
        on_wait: is told which device is waited for.
    """

    fresh: bool = False
    wait: bool = False
    check_tree: bool = False
    make_view: MakeView | None = None
    on_wait: Callable[[str], None] = lambda _: None


def run_session(setup: Setup, options: Options) -> Result:
    """Tune what `setup` describes.

    Raises:
        HarnessError: the session could not go on; what was measured is in the journal.
    """
    with ExitStack() as stack:
        locks = stack.enter_context(
            hold_devices(
                [lane.device for lane in setup.lanes], wait=options.wait, on_wait=options.on_wait
            )
        )
        executor = stack.enter_context(make_executor(setup, locks))
        journal = stack.enter_context(open_journal(setup.spec.journal_path))
        return _Session(setup, options, executor, journal).run()


@dataclass
class _Session:
    """The pieces of a session and the order in which they act."""

    setup: Setup
    options: Options
    executor: Executor
    journal: SqliteJournal
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    sampled: dict[frozenset[str], Sequence[Configuration]] = field(default_factory=dict)
    uncleaned: dict[int, Test] = field(default_factory=dict)
    skipped: int = 0

    def run(self) -> Result:
        setup = self.setup
        self.identity = Identity(setup)
        self.begun = self.journal.begin(self._start(), fresh=self.options.fresh)
        self.uncleaned = {test.id: test for test in self.begun.uncleaned}
        self.info = self._make_info()
        self.progress = Progress(self.info)
        self.strategies: list[Strategy] = []
        self.view = self._open_view()
        self.engine = self._make_engine()
        state = "failed"
        try:
            with _signals(self.engine):
                self._search()
            state = "interrupted" if self.engine.interrupted else "complete"
        finally:
            if self.view is not None:
                self.view.close()
            # What was measured is written out however the session ended.
            result = self._finish(state)
        return result

    # -- beginning ---------------------------------------------------------------------------

    def _start(self) -> SessionStart:
        setup, spec = self.setup, self.setup.spec
        return SessionStart(
            name=spec.name,
            config_path=str(spec.path),
            spec_key=self.identity.spec_key,
            spec_json=msgspec.json.encode(spec, enc_hook=str).decode(),
            goal=setup.goal,
            unit=setup.unit,
            repeat=spec.scoring.repeat,
            aggregate=spec.scoring.aggregate,
            parameters=setup.space.names,
            lanes=setup.lanes,
            simulated=setup.simulated,
            harness_version=__version__,
            environment=capture_environment(spec.base),
            distribution=spec.distribution,
            strategy=setup.strategy,
            started_s=self.executor.now_s(),
        )

    def _make_info(self) -> SessionInfo:
        setup, spec = self.setup, self.setup.spec
        return SessionInfo(
            id=self.begun.session_id,
            name=spec.name,
            goal=setup.goal,
            unit=setup.unit,
            lanes=setup.lanes,
            parameters=setup.space.names,
            repeat=spec.scoring.repeat,
            aggregate=spec.scoring.aggregate,
            size=setup.size,
            simulated=setup.simulated,
            started_s=self.executor.now_s(),
            distribution=spec.distribution,
            strategy=setup.strategy,
            journal=str(spec.journal_path),
            resumed=self.begun.resumed,
        )

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
        recorded = {outcome.key: outcome for outcome in self.begun.outcomes}

        def recall(key: str) -> Outcome | None:
            known = recorded.get(key)
            if known is None and not self.options.fresh:
                known = self.journal.find(key)
            return known

        return Engine(
            setup.lanes,
            plan=Plan(
                repeat=setup.spec.scoring.repeat,
                aggregate=setup.spec.scoring.aggregate,
                compiles=Phase.COMPILE in setup.commands,
                cleans=Phase.CLEAN in setup.commands,
            ),
            distribution=_make_distribution(setup, self.executor.workers),
            executor=self.executor,
            memory=Memory(
                recall,
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
        if self.view is not None:
            self.view.take(event)

    def _note(self, text: str, level: Literal["info", "warning"] = "warning") -> None:
        note = Note(level, text, self.executor.now_s())
        self.journal.record([note])
        self._watch(note)

    def _search(self) -> None:
        for text in comparability_warnings(self.setup):
            self._note(text)
        tree = self.setup.space.tree
        self._run(self._make_strategy)
        self.skipped = max(0, (self.info.size or 0) - self.progress.done)
        if self.options.check_tree and tree is not None:
            self._check_tree(tree)
        if self.setup.spec.output.importance is not None:
            self._run(self._make_importance)
        if self.uncleaned and Phase.CLEAN in self.setup.commands and not self.engine.interrupted:
            self.engine.clean(tuple(self.uncleaned.values()))

    def _check_tree(self, tree: Node) -> None:
        """Test a sample that the tree says cannot win, and say what contradicts it."""
        self._run(self._make_check)
        unit = self.setup.unit
        for group, sampled in self.sampled.items():
            outcomes = self._known(group)
            best = self._best(group)
            if best is None:
                continue
            findings = contradictions(
                self._space_of(group),
                best.configuration,
                {o.configuration: o.score for o in outcomes if o.score is not None},
                sampled,
                goal=self.setup.goal,
                tolerance=spread_tolerance(outcomes),
            )
            for finding in findings:
                self._note(explain(finding, unit))
            if not findings:
                self._note(
                    f"{len(sampled)} tests outside the tree's path found nothing against "
                    f"{format_tree(tree)}",
                    "info",
                )

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

    def _make_strategy(self, group: frozenset[str]) -> Strategy:
        strategy, space = load(STRATEGIES[self.setup.strategy]), self._space_of(group)
        made: Strategy = (
            strategy(space, self.setup.goal, lanes=len(group))
            if self.setup.strategy == "tree"
            else strategy(space)
        )
        return made

    def _run(self, make: Callable[[frozenset[str]], Strategy | None]) -> None:
        """Run a strategy for each group of lanes to its end."""
        if self.engine.interrupted:
            return
        streams = [
            Stream(strategy, group)
            for group in self._groups()
            if (strategy := make(group)) is not None
        ]
        self.strategies = [stream.strategy for stream in streams]
        self.engine.run(streams)

    # -- ending ------------------------------------------------------------------------------

    def _finish(self, state: str) -> Result:
        outcomes = tuple(self.outcomes[test_id] for test_id in sorted(self.outcomes))
        elapsed_s = self.executor.now_s() - self.info.started_s
        best = self.progress.best_overall()
        summary = Summary(
            info=self.info,
            progress=self.progress,
            state=state,
            elapsed_s=elapsed_s,
            skipped=self.skipped if state == "complete" else 0,
            reference=self.setup.spec.scoring.reference,
        )
        self.journal.end(state, self.executor.now_s(), summary.to_object())
        files = write_outputs(self.setup, self.info, outcomes, best, complete=state == "complete")
        return Result(replace(summary, files=files), outcomes)


def _make_distribution(setup: Setup, workers: int) -> Distribution:
    name = setup.spec.distribution
    distribution = load(DISTRIBUTIONS[name])
    bound = setup.commands.compile_uses_lane
    made: Distribution
    if name == "per-test":
        made = distribution(setup.lanes)
    elif name == "pooled":
        made = distribution(setup.lanes, workers=workers, bound=bound)
    else:
        made = distribution(setup.lanes, workers=workers, bound=bound, share=name == "pipelined")
    return made


def comparability_warnings(setup: Setup) -> list[str]:
    """What makes the scores of this setup's lanes hard to rank together."""
    models = sorted({lane.device.model for lane in setup.lanes})
    if len(models) > 1 and setup.spec.distribution != "replicate":
        return [
            f"the lanes' devices are unlike ({', '.join(models)}), so a score depends on where its "
            'test ran; use distribution = "replicate" to tune each, or lanes of one model'
        ]
    return []


@contextmanager
def _signals(engine: Engine) -> Iterator[None]:
    """Ctrl-C and SIGTERM: once to stop in good order, twice to kill.

    Only the main thread can take signals; elsewhere they stay with whoever called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        if engine.interrupted:
            engine.kill()
        else:
            engine.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
