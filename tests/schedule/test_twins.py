"""Tests of equal binary and launch are measured once."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.clock import Clock
from harness.lane import Lane
from harness.model import Artifact, Build, Outcome, OutcomeKind, Resources, Test
from harness.schedule.engine import Engine
from harness.schedule.plan import Memory, Plan
from harness.schedule.streams import Stream
from harness.schedule.twins import Leaders, Twins
from harness.schedule.virtual import VirtualExecutor
from harness.testing.work import FakeCompiler, FakeTimer, Script
from tests.schedule.helpers import Listed, Session, configurations, lanes, make_distribution
from tests.store.helpers import make_outcome, make_run, make_test


class Binaries(FakeCompiler):
    """Makes the same binary of each three configurations in a row."""

    def compile(self, test: Test, lane: Lane) -> Build:
        build = super().compile(test, lane)
        (number,) = test.configuration.values()
        digest = str(int(number) // 3)
        artifact = Artifact("/x", digest, "k", Resources(), "fake", "sm_90")
        return Build(
            build.phase,
            build.kind,
            build.seat,
            build.started_s,
            build.elapsed_s,
            build.reason,
            artifact=artifact,
        )


@dataclass
class Twinned(Session):
    """A session in which tests have twins."""

    timers: list[FakeTimer] = field(default_factory=list)
    told: list[Outcome] = field(default_factory=list)

    def start(self, count: int) -> Session:
        listed = Listed(configurations(count))

        def make_timer(lane: Lane, clock: Clock) -> FakeTimer:
            self.timers.append(
                FakeTimer(
                    clock,
                    lane,
                    script=self.run_script,
                    lost_after=self.lost_after.get(lane.name),
                )
            )
            return self.timers[-1]

        engine = Engine(
            self.lanes,
            plan=Plan(
                1,
                "min",
                compiles=True,
                cleans=False,
                find_twin_key=lambda test, _: test.artifact.digest if test.artifact else None,
            ),
            distribution=make_distribution(self.distribution, self.lanes),
            executor=VirtualExecutor(
                self.lanes,
                workers=2,
                make_compiler=lambda _, clock: Binaries(clock, "pool", lambda _: 0.1),
                make_timer=make_timer,
            ),
            memory=Memory(lambda _: None),
            make_key=lambda configuration, _: str(configuration),
            record=lambda _: None,
            watch=self._watch,
        )
        engine.run([Stream(listed, frozenset(lane.name for lane in self.lanes))])
        self.told = listed.told
        return self

    @property
    def measured(self) -> list[int]:
        return sorted(test for timer in self.timers for test, _ in timer.log)


def names() -> list[str]:
    return ["pipelined", "per-test", "pooled"]


def test_each_binary_is_measured_once_and_copies_say_of_which() -> None:
    for name in names():
        session = Twinned(lanes(3), name)
        session.start(12)
        outcomes = {outcome.test_id: outcome for outcome in session.outcomes}
        assert len(session.measured) == 4, name
        assert sorted(outcomes) == list(range(1, 13))
        for test, outcome in outcomes.items():
            assert outcome.kind is OutcomeKind.OK
            assert outcome.score == 1.0
            if test not in session.measured:
                assert outcome.copy_of in session.measured
                assert outcome.artifact == outcomes[outcome.copy_of].artifact
                assert (outcome.copy_of - 1) // 3 == (test - 1) // 3
        assert len(session.told) == 12


def test_a_failure_is_shared_as_well() -> None:
    fails: Script = lambda c: (  # noqa: E731 - one line of a table
        OutcomeKind.RUN_FAILED if c["N"] == 0 else OutcomeKind.OK
    )
    session = Twinned(lanes(1), run_script=fails)
    session.start(3)
    assert [o.kind for o in session.outcomes] == [OutcomeKind.RUN_FAILED] * 3
    assert len(session.measured) == 1


def test_when_the_device_is_lost_another_lane_measures_for_all() -> None:
    for name in names():
        session = Twinned(lanes(2), name, lost_after={"0": 1})
        session.start(18)
        kinds = [outcome.kind for outcome in session.outcomes]
        assert kinds == [OutcomeKind.OK] * 18, name


def test_without_a_key_there_are_no_twins() -> None:
    twins = Twins()
    assert twins.join(None, 1) is None
    assert twins.settle(None, make_outcome(make_test(1), make_run())) == []


def test_an_outcome_that_is_not_final_serves_nobody() -> None:
    twins = Twins()
    key = (0, "model", "x")
    assert twins.join(key, 1) is None
    assert twins.join(key, 2) == 1
    assert twins.waiting() == [2]
    interrupted = make_outcome(make_test(1), kind=OutcomeKind.INTERRUPTED)
    assert twins.settle(key, interrupted) == [2]
    assert twins.join(key, 2) is None  # now it leads
    done = make_outcome(make_test(2), make_run())
    assert twins.settle(key, done) == []
    assert twins.join(key, 3) == done


def test_the_best_run_is_known_per_stream_and_model() -> None:
    leaders = Leaders("min")
    slow, fast = make_run(0, 2.0), make_run(0, 1.0)
    leaders.take(0, "a", make_outcome(make_test(1), slow))
    leaders.take(0, "a", make_outcome(make_test(2), fast))
    leaders.take(0, "a", make_outcome(make_test(3), slow))
    leaders.take(0, "a", make_outcome(make_test(4), kind=OutcomeKind.CENSORED))
    assert leaders.of(0, "a") == fast
    assert leaders.of(0, "b") is None
    assert leaders.of(1, "a") is None
