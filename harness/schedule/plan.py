"""What the engine is told: how tests are done, and what is known from before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.configuration import Goal
from harness.events import BuildEnded, RunEnded
from harness.lane import Lane
from harness.model import Build, Outcome, OutcomeKind, Run, Test
from harness.schedule.twins import TwinKey
from harness.stats import Aggregate, aggregate


@dataclass(frozen=True, slots=True)
class Plan:
    """How each test is done and scored.

    Attributes:
        repeat: runs per test.
        aggregate: how samples become the score.
        compiles, cleans: whether there is such a command.
        goal: whether the least or the greatest score is the best.
        find_twin_key: for a test that was compiled for a lane: tests with the same key would
            measure the same, so that one measurement serves all; None: it has no such key.
    """

    repeat: int
    aggregate: Aggregate
    compiles: bool
    cleans: bool
    goal: Goal = "min"
    find_twin_key: Callable[[Test, Lane], str | None] = lambda _test, _lane: None


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
    """A test on its way.

    Attributes:
        stream: its place among the engine's streams.
        runs: the good ones, by index.
        compiled: how its compile went; None before that.
        failure: what ends it.
    """

    test: Test
    lane: Lane
    stream: int
    runs: dict[int, Run]
    compiled: Build | None = None
    failure: BuildEnded | RunEnded | None = None

    def twin_key(self, plan: Plan) -> TwinKey | None:
        """What makes tests twins of this one; None if nothing does, or not yet."""
        if self.test.artifact is None:
            return None
        key = plan.find_twin_key(self.test, self.lane)
        return None if key is None else (self.stream, self.lane.device.model, key)

    @property
    def trouble(self) -> Build | Run | None:
        """What failed, so far."""
        failed = self.failure
        return failed.build if isinstance(failed, BuildEnded) else failed.run if failed else None

    def make_outcome(self, kind: OutcomeKind, how: Aggregate, ended_s: float) -> Outcome:
        """How the test ended.

        Args:
            how: how its samples become its score.
        """
        runs = tuple(self.runs[index] for index in sorted(self.runs))
        score = None
        if kind is OutcomeKind.OK:
            score = aggregate([run.sample for run in runs if run.sample is not None], how)
        details = self.trouble
        if isinstance(details, Run):
            runs = (*runs, details)
        return Outcome(
            configuration=self.test.configuration,
            kind=kind,
            score=score,
            runs=runs,
            test_id=self.test.id,
            key=self.test.key,
            lane=self.lane.name,
            reason=details.reason if details and kind is not OutcomeKind.OK else "",
            evidence=details.evidence if details and kind is not OutcomeKind.OK else None,
            ended_s=ended_s,
            artifact=self.test.artifact,
            **self._describe_compile(),
        )

    def share_outcome(self, known: Outcome, ended_s: float) -> Outcome:
        """The outcome of a twin as this test's own."""
        return replace(
            known,
            configuration=self.test.configuration,
            test_id=self.test.id,
            key=self.test.key,
            ended_s=ended_s,
            reused_from=None,
            copy_of=known.test_id if known.copy_of is None else known.copy_of,
            **self._describe_compile(),
        )

    def _describe_compile(self) -> dict[str, Any]:
        """Fields of the outcome; a twin shares the measurement, but was compiled itself."""
        build = self.compiled
        return {
            "compile_s": build.elapsed_s if build else 0.0,
            "compile_started_s": build.started_s if build else None,
            "compile_seat": build.seat if build else "",
        }


def least_loaded(lanes: Sequence[Lane], tests: Iterable[Live]) -> Lane:
    """The lane that the fewest of these tests are on."""
    held = Counter(test.lane.name for test in tests)
    return min(lanes, key=lambda lane: held[lane.name])


def describe_losses(why: str) -> str:
    """What to say when there is no lane left.

    Args:
        why: what was said of the last.
    """
    return (
        f"every lane lost its device{why and f', the last: {why}'}; check the devices with "
        "`harness devices`, and run the same command again to go on from here"
    )
