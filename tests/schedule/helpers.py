"""A session in virtual time, around the engine alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from harness.clock import Clock
from harness.configuration import Configuration
from harness.events import BuildEnded, Event, RunEnded, TestEnded
from harness.lane import DeviceInfo, Lane
from harness.model import Outcome, OutcomeKind
from harness.schedule.again import Again
from harness.schedule.base import Distribution
from harness.schedule.engine import Engine
from harness.schedule.per_test import PerTest
from harness.schedule.pipelined import Pipelined
from harness.schedule.plan import Memory, Plan
from harness.schedule.pooled import Pooled
from harness.schedule.streams import Stream
from harness.schedule.virtual import VirtualExecutor
from harness.search.base import Strategy
from harness.testing.work import FakeCompiler, FakeTimer, Script, always_ok


def configurations(count: int) -> list[Configuration]:
    return [Configuration(("N",), (number,)) for number in range(count)]


def lanes(count: int, models: Sequence[str] = ("fake",)) -> list[Lane]:
    return [
        Lane(str(n), n, DeviceInfo("mock", n, f"MOCK-{n}", models[n % len(models)]))
        for n in range(count)
    ]


@dataclass
class Listed:
    """Asks for the given configurations in order."""

    todo: list[Configuration]
    told: list[Outcome] = field(default_factory=list)

    def ask(self, n: int) -> list[Configuration]:
        batch, self.todo = self.todo[:n], self.todo[n:]
        return batch

    def tell(self, outcome: Outcome) -> None:
        self.told.append(outcome)

    def remaining(self) -> int | None:
        return len(self.todo)


def make_distribution(
    name: str, on: Sequence[Lane], *, workers: int = 2, bound: bool = False
) -> Distribution:
    if name == "per-test":
        return PerTest(on)
    if name == "pooled":
        return Pooled(on, workers=workers, bound=bound)
    return Pipelined(on, workers=workers, bound=bound, share=name != "replicate")


@dataclass
class Session:
    """What to run, and what came of it."""

    lanes: list[Lane]
    distribution: str = "pipelined"
    repeat: int = 1
    workers: int = 2
    compile_s: Callable[[Configuration], float] | None = None
    run_s: Callable[[Lane, Configuration], float] = lambda _lane, _configuration: 1.0
    compile_script: Script = always_ok
    run_script: Script = always_ok
    lost_after: dict[str, int] = field(default_factory=dict)
    bound: bool = False
    clean: bool = True
    is_over: Callable[[int], bool] | None = None
    memory: Memory = field(default_factory=lambda: Memory(lambda _: None))
    events: list[Event] = field(default_factory=list)
    batches: list[list[Event]] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0
    engine: Engine | None = None
    executor: VirtualExecutor | None = None
    on_event: Callable[[Event | None], None] = lambda _: None

    def _compiler(self, lane: Lane | None, clock: Clock) -> FakeCompiler:
        return FakeCompiler(
            clock,
            lane.name if lane else "pool",
            self.compile_s or (lambda _: 0.0),
            self.compile_script,
        )

    def _timer(self, lane: Lane, clock: Clock) -> FakeTimer:
        return FakeTimer(
            clock,
            lane,
            lambda configuration: self.run_s(lane, configuration),
            script=self._run,
            lost_after=self.lost_after.get(lane.name),
        )

    def _run(self, configuration: Configuration) -> OutcomeKind:
        self.steps.append(f"run {configuration['N']}")
        return self.run_script(configuration)

    def _watch(self, event: Event | None) -> None:
        if event is not None:
            self.events.append(event)
        self.on_event(event)

    def _record(self, events: Sequence[Event]) -> None:
        self.batches.append(list(events))
        self.steps += [f"record {e.test.id}" for e in events if isinstance(e, RunEnded)]

    def run(self, strategies: Sequence[Strategy]) -> Session:
        self.executor = executor = VirtualExecutor(
            self.lanes, workers=self.workers, make_compiler=self._compiler, make_timer=self._timer
        )
        self.engine = Engine(
            self.lanes,
            plan=Plan(self.repeat, "min", self.compile_s is not None, self.clean),
            distribution=make_distribution(
                self.distribution, self.lanes, workers=self.workers, bound=self.bound
            ),
            executor=executor,
            memory=self.memory,
            make_key=lambda configuration, lane: (
                f"{configuration}{lane.name if len(strategies) > 1 else ''}"
            ),
            record=self._record,
            watch=self._watch,
        )
        names = [lane.name for lane in self.lanes]
        ends = [self.is_over and partial(self.is_over, at) for at in range(len(strategies))]
        streams = [Stream(strategies[0], frozenset(names), ends[0])]
        if len(strategies) > 1:
            streams = [
                Stream(strategy, frozenset([name]), end)
                for strategy, name, end in zip(strategies, names, ends, strict=True)
            ]
        self.engine.run(streams)
        self.elapsed_s = executor.now_s()
        return self

    def again(self) -> Again:
        """What runs tests again once they have run."""
        assert self.engine is not None
        assert self.executor is not None
        return Again(self.executor, self._record, self._watch, self.engine)

    @property
    def outcomes(self) -> list[Outcome]:
        return [event.outcome for event in self.events if isinstance(event, TestEnded)]

    @property
    def runs(self) -> list[RunEnded]:
        return [event for event in self.events if isinstance(event, RunEnded)]

    @property
    def cleaned(self) -> list[int]:
        return [
            event.test.id
            for event in self.events
            if isinstance(event, BuildEnded) and event.build.phase.value == "clean"
        ]

    def kinds(self) -> dict[OutcomeKind, int]:
        counts: dict[OutcomeKind, int] = {}
        for outcome in self.outcomes:
            counts[outcome.kind] = counts.get(outcome.kind, 0) + 1
        return counts
