from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from harness.configuration import Configuration
from harness.errors import DeviceError
from harness.events import BuildEnded, Note, RunEnded, TestCreated, TestEnded
from harness.model import Outcome, OutcomeKind, Phase, Run, Test
from harness.schedule.base import Crashed, Report
from harness.schedule.plan import Memory
from harness.schedule.virtual import VirtualExecutor

from .helpers import Listed, Session, configurations, lanes

ALL = ["pipelined", "pooled", "per-test", "replicate"]


def number(configuration: Configuration) -> int:
    value = configuration["N"]
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize("distribution", ALL)
@pytest.mark.parametrize("compiles", [False, True])
def test_every_configuration_has_exactly_one_outcome(distribution: str, compiles: bool) -> None:
    strategy = Listed(configurations(50))
    session = Session(
        lanes(3),
        distribution,
        repeat=2,
        compile_s=(lambda _: 0.5) if compiles else None,
        run_s=lambda _, configuration: 0.1 + number(configuration) / 100,
    ).run([strategy])
    assert sorted(number(o.configuration) for o in session.outcomes) == list(range(50))
    assert sorted(o.test_id for o in session.outcomes) == list(range(1, 51))
    assert session.kinds() == {OutcomeKind.OK: 50}
    assert len(session.runs) == 100
    assert sorted(session.cleaned) == list(range(1, 51))
    assert len(strategy.told) == 50
    assert all(len(o.samples) == 2 for o in session.outcomes)


@pytest.mark.parametrize("distribution", ALL)
def test_an_outcome_says_when_and_where_it_was_compiled(distribution: str) -> None:
    session = Session(lanes(2), distribution, compile_s=lambda c: 0.3 * (number(c) % 4)).run(
        [Listed(configurations(12))]
    )
    ended = [event for event in session.events if isinstance(event, BuildEnded)]
    builds = {e.test.id: e.build for e in ended if e.build.phase is Phase.COMPILE}
    assert len(builds) == 12
    for outcome in session.outcomes:
        build = builds[outcome.test_id]
        assert outcome.compile_s == build.elapsed_s
        assert outcome.compile_started_s == build.started_s
        assert outcome.compile_seat == build.seat
        assert build.started_s + build.elapsed_s <= outcome.runs[0].started_s
    seats = {outcome.compile_seat for outcome in session.outcomes}
    assert seats == ({"0", "1"} if distribution == "per-test" else {"pool"})


def test_what_is_not_compiled_has_no_instant_of_it() -> None:
    session = Session(lanes(1), "pipelined").run([Listed(configurations(2))])
    assert [(o.compile_s, o.compile_started_s) for o in session.outcomes] == [(0.0, None)] * 2


@pytest.mark.parametrize("distribution", ALL)
def test_at_most_one_run_at_a_time_on_each_lane(distribution: str) -> None:
    session = Session(
        lanes(3), distribution, repeat=3, compile_s=lambda c: 0.3 * (number(c) % 4)
    ).run([Listed(configurations(30))])
    for lane in "012":
        spans = sorted(
            (e.run.started_s, e.run.started_s + e.run.elapsed_s)
            for e in session.runs
            if e.run.lane == lane
        )
        assert spans
        assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize("distribution", ["pipelined", "per-test", "replicate"])
def test_repetitions_of_a_test_stay_on_one_lane(distribution: str) -> None:
    session = Session(lanes(3), distribution, repeat=4, compile_s=lambda _: 0.1).run(
        [Listed(configurations(20))]
    )
    for outcome in session.outcomes:
        assert len({run.lane for run in outcome.runs}) == 1


def test_pooled_compiles_all_then_runs_all_then_cleans_all() -> None:
    session = Session(lanes(2), "pooled", repeat=3, compile_s=lambda _: 0.1).run(
        [Listed(configurations(9))]
    )
    order = [
        event.build.phase.value if isinstance(event, BuildEnded) else "test"
        for event in session.events
        if isinstance(event, (BuildEnded, RunEnded))
    ]
    assert order == ["compile"] * 9 + ["test"] * 27 + ["clean"] * 9
    first = [event.run.index for event in session.runs]
    assert first == sorted(first), "all first runs come before all second ones"
    assert any(len({run.lane for run in outcome.runs}) == 2 for outcome in session.outcomes)


@pytest.mark.parametrize(("bound", "models"), [(True, ["a"]), (False, ["a", "b"])])
def test_pooled_runs_stay_where_the_binary_fits(bound: bool, models: list[str]) -> None:
    session = Session(
        lanes(2, models), "pooled", repeat=3, compile_s=lambda _: 0.1, bound=bound
    ).run([Listed(configurations(10))])
    for outcome in session.outcomes:
        assert {run.lane for run in outcome.runs} == {outcome.lane}


def test_per_test_compiles_on_the_lane_itself() -> None:
    session = Session(lanes(2), "per-test", compile_s=lambda _: 0.1).run(
        [Listed(configurations(10))]
    )
    builds = [event.build for event in session.events if isinstance(event, BuildEnded)]
    assert {build.seat for build in builds} == {"0", "1"}


def test_replicate_tests_every_configuration_on_every_lane() -> None:
    strategies = [Listed(configurations(6)) for _ in range(3)]
    session = Session(lanes(3), "replicate").run(strategies)
    seen = sorted((o.lane, number(o.configuration)) for o in session.outcomes)
    assert seen == [(lane, n) for lane in "012" for n in range(6)]


def test_failures_are_outcomes_and_the_session_goes_on() -> None:
    def compile_script(configuration: Configuration) -> OutcomeKind:
        return OutcomeKind.COMPILE_FAILED if number(configuration) % 5 == 0 else OutcomeKind.OK

    def run_script(configuration: Configuration) -> OutcomeKind:
        return OutcomeKind.TIMEOUT if number(configuration) % 5 == 1 else OutcomeKind.OK

    for distribution in ALL:
        session = Session(
            lanes(2),
            distribution,
            repeat=3,
            compile_s=lambda _: 0.1,
            compile_script=compile_script,
            run_script=run_script,
        ).run([Listed(configurations(20))])
        assert session.kinds() == {
            OutcomeKind.OK: 12,
            OutcomeKind.COMPILE_FAILED: 4,
            OutcomeKind.TIMEOUT: 4,
        }
        assert sorted(session.cleaned) == list(range(1, 21)), "failed tests are cleaned too"
        failed = [o for o in session.outcomes if o.kind is not OutcomeKind.OK]
        assert all(o.score is None and o.reason == "scripted failure" for o in failed)


def test_outcomes_are_durable_before_they_are_told_or_shown() -> None:
    session = Session(lanes(2), compile_s=lambda _: 0.1)
    shown: list[int] = []

    def check(event: object) -> None:
        if isinstance(event, TestEnded):
            written = {
                e.outcome.test_id for b in session.batches for e in b if isinstance(e, TestEnded)
            }
            assert event.outcome.test_id in written
            shown.append(event.outcome.test_id)

    session.on_event = check
    session.run([Listed(configurations(10))])
    assert len(shown) == 10


def test_a_lane_goes_on_while_its_result_is_written() -> None:
    session = Session(lanes(1)).run([Listed(configurations(4)[1:])])
    assert session.steps == ["run 1", "run 2", "record 1", "run 3", "record 2", "record 3"]


def test_a_result_that_may_end_the_search_is_written_and_told_before_the_lane_goes_on() -> None:
    strategy = Sated(configurations(4)[1:])
    strategy.enough = 2
    session = Session(lanes(1), is_over=lambda _: strategy.is_sated).run([strategy])
    assert session.steps == ["run 1", "record 1", "run 2", "record 2"]


def test_what_came_with_a_crash_is_written_before_it_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait = VirtualExecutor.wait

    def crash(self: VirtualExecutor, timeout_s: float | None = None) -> list[Report]:
        reports = wait(self, timeout_s)
        if any(isinstance(r, RunEnded) and r.test.id == 2 for r in reports):
            reports.insert(0, Crashed("0", OSError("the pipe is gone")))
        return reports

    monkeypatch.setattr(VirtualExecutor, "wait", crash)
    session = Session(lanes(1))
    with pytest.raises(OSError, match="the pipe is gone"):
        session.run([Listed(configurations(5))])
    assert session.steps == ["run 0", "run 1", "record 1", "record 2"]


def test_a_test_is_journaled_before_it_is_compiled() -> None:
    session = Session(lanes(1), compile_s=lambda _: 0.1).run([Listed(configurations(5))])
    created_at = {
        e.test.id: n for n, b in enumerate(session.batches) for e in b if isinstance(e, TestCreated)
    }
    built_at = {
        e.test.id: n for n, b in enumerate(session.batches) for e in b if isinstance(e, BuildEnded)
    }
    assert all(created_at[test_id] < built_at[test_id] for test_id in built_at)


@pytest.mark.parametrize("distribution", ["pipelined", "pooled", "per-test"])
def test_a_lost_lane_hands_its_tests_to_the_others(distribution: str) -> None:
    session = Session(
        lanes(3), distribution, repeat=2, compile_s=lambda _: 0.4, lost_after={"1": 5}
    ).run([Listed(configurations(30))])
    assert session.kinds() == {OutcomeKind.OK: 30}
    assert sorted(number(o.configuration) for o in session.outcomes) == list(range(30))
    notes = [event.text for event in session.events if isinstance(event, Note)]
    assert notes == ["lane 1: its device was lost; lanes left: 0, 2 (scripted failure)"]
    for outcome in session.outcomes:
        assert len(outcome.samples) == 2


def test_a_lost_lane_of_replicate_ends_only_its_own_tests() -> None:
    strategies = [Listed(configurations(8)) for _ in range(2)]
    session = Session(lanes(2), "replicate", lost_after={"1": 3}).run(strategies)
    assert sum(o.kind is OutcomeKind.OK and o.lane == "0" for o in session.outcomes) == 8
    assert sum(o.kind is OutcomeKind.OK and o.lane == "1" for o in session.outcomes) == 3
    assert OutcomeKind.DEVICE_LOST in session.kinds()


def test_losing_every_lane_ends_the_session_with_an_error() -> None:
    session = Session(lanes(2), lost_after={"0": 2, "1": 3}, compile_s=lambda _: 0.1)
    with pytest.raises(DeviceError, match="every lane lost its device"):
        session.run([Listed(configurations(20))])
    assert session.kinds()[OutcomeKind.OK] == 5


@pytest.mark.parametrize("distribution", ["pipelined", "pooled", "per-test"])
def test_stop_finishes_what_runs_cleans_up_and_returns(distribution: str) -> None:
    session = Session(lanes(2), distribution, repeat=2, compile_s=lambda _: 0.3)

    def stop_after_five(event: object) -> None:
        if len(session.runs) >= 5 and session.engine and not session.engine.interrupted:
            session.engine.stop()

    session.on_event = stop_after_five
    session.run([Listed(configurations(40))])
    assert session.engine is not None
    assert session.engine.interrupted
    assert len(session.runs) < 20
    created = {e.test.id for e in session.events if isinstance(e, TestCreated)}
    assert {o.test_id for o in session.outcomes} == created, "every test that began has an outcome"
    compiled = {
        e.test.id
        for e in session.events
        if isinstance(e, BuildEnded) and e.build.phase is Phase.COMPILE
    }
    assert compiled <= set(session.cleaned)


def test_recorded_outcomes_are_told_and_not_measured_again() -> None:
    def recall(key: str) -> Outcome | None:
        if key in {"N=1", "N=3"}:
            value = int(key[2:])
            return Outcome(
                Configuration(("N",), (value,)),
                OutcomeKind.OK,
                7.0,
                test_id=value + 1,
                key=key,
                lane="0",
                reused_from=4,
            )
        return None

    strategy = Listed(configurations(5))
    session = Session(lanes(1), memory=Memory(recall, next_id=10, session=4)).run([strategy])
    assert len(session.runs) == 3
    assert len(strategy.told) == 5
    journaled = [e for batch in session.batches for e in batch if isinstance(e, TestEnded)]
    assert sorted(e.outcome.test_id for e in journaled) == [10, 11, 12]


def test_an_outcome_of_another_session_is_copied_under_a_new_id() -> None:
    known = Outcome(
        Configuration(("N",), (0,)), OutcomeKind.OK, 7.0, test_id=99, key="N=0", reused_from=2
    )
    session = Session(
        lanes(1), memory=Memory(lambda key: known if key == "N=0" else None, session=4)
    ).run([Listed(configurations(2))])
    journaled = [e.outcome for b in session.batches for e in b if isinstance(e, TestEnded)]
    assert [(o.test_id, o.reused_from) for o in journaled] == [(1, 2), (2, None)]
    assert len(session.runs) == 1


def test_only_the_missing_repetitions_of_an_unfinished_test_are_run() -> None:
    configuration = Configuration(("N",), (0,))
    test = Test(7, configuration, "N=0", "0")
    done = Run(1, OutcomeKind.OK, "0", "MOCK-0", 0.0, 1.0, sample=0.5)
    memory = Memory(lambda _: None, {"N=0": (test, (done,))}, next_id=8)
    session = Session(lanes(1), repeat=3, memory=memory).run([Listed([configuration])])
    assert [event.run.index for event in session.runs] == [0, 2]
    (outcome,) = session.outcomes
    assert outcome.test_id == 7
    assert outcome.samples == (1.0, 0.5, 1.0)
    assert outcome.score == 0.5


def test_what_a_killed_invocation_left_is_cleaned() -> None:
    session = Session(lanes(2), clean=False).run([Listed(configurations(2))])
    assert session.engine is not None
    nothing = Configuration((), ())
    session.engine.clean([Test(3, nothing, "", "1"), Test(4, nothing, "", "a lane of then")])
    assert session.cleaned == [3, 4]


def test_cleaning_that_fails_is_a_warning_once() -> None:
    session = Session(lanes(1), compile_s=lambda _: 0.1)
    original = session._compiler

    def failing(lane: object, clock: object) -> object:
        compiler = original(lane, clock)  # type: ignore[arg-type]  # passed through
        build = compiler._build
        compiler._build = (  # type: ignore[method-assign]  # scripted
            lambda phase, test, duration_s, kind: build(
                phase,
                test,
                duration_s,
                OutcomeKind.COMPILE_FAILED if phase is Phase.CLEAN else kind,
            )
        )
        return compiler

    session._compiler = failing  # type: ignore[assignment,method-assign]  # scripted
    session.run([Listed(configurations(5))])
    notes = [event.text for event in session.events if isinstance(event, Note)]
    assert notes == ["cleaning failed: scripted failure"]
    assert session.kinds() == {OutcomeKind.OK: 5}


class Sated(Listed):
    """Has had enough after some outcomes."""

    enough = 3

    def ask(self, n: int) -> list[Configuration]:
        return [] if self.is_sated else super().ask(n)

    @property
    def is_sated(self) -> bool:
        return len([o for o in self.told if o.kind is OutcomeKind.OK]) >= self.enough


@pytest.mark.parametrize("distribution", ["pipelined", "per-test", "pooled"])
def test_what_has_not_begun_is_given_up_when_the_search_is_over(distribution: str) -> None:
    strategy = Sated(configurations(50))
    session = Session(
        lanes(2), distribution, compile_s=lambda _: 0.1, is_over=lambda _: strategy.is_sated
    ).run([strategy])
    kinds = session.kinds()
    assert 3 <= kinds[OutcomeKind.OK] <= 4
    created = [event for event in session.events if isinstance(event, TestCreated)]
    assert len(session.outcomes) == len(created)
    assert set(kinds) <= {OutcomeKind.OK, OutcomeKind.INTERRUPTED}
    assert len(strategy.told) == len(created)
    compiled = {
        event.test.id
        for event in session.events
        if isinstance(event, BuildEnded) and event.build.phase is Phase.COMPILE
    }
    assert compiled <= set(session.cleaned), "what was compiled is cleaned"


def test_the_end_of_one_search_leaves_the_others_alone() -> None:
    first, second = Sated(configurations(50)), Sated(configurations(50))
    second.enough = 99
    searches = [first, second]
    session = Session(
        lanes(2),
        "replicate",
        compile_s=lambda _: 0.1,
        is_over=lambda at: searches[at].is_sated,
    ).run(searches)
    done = [outcome for outcome in session.outcomes if outcome.kind is OutcomeKind.OK]
    assert sum(outcome.lane == "0" for outcome in done) == 3
    assert sum(outcome.lane == "1" for outcome in done) == 50


@dataclass
class Rounds(Listed):
    """Asks for the next configurations only when it was told of all before."""

    size: int = 2
    asked: int = 0

    def ask(self, n: int) -> list[Configuration]:
        if len(self.told) < self.asked:
            return []
        batch = super().ask(min(n, self.size))
        self.asked += len(batch)
        return batch


@pytest.mark.parametrize("distribution", ["pipelined", "pooled", "per-test"])
@pytest.mark.parametrize("clean", [False, True])
def test_a_strategy_that_learns_is_asked_to_its_end(distribution: str, clean: bool) -> None:
    session = Session(lanes(2), distribution=distribution, clean=clean)
    session.run([Rounds(configurations(7))])
    assert session.kinds() == {OutcomeKind.OK: 7}


def test_pooled_gives_a_lost_lanes_tests_to_the_others() -> None:
    for repeat in (1, 3):
        session = Session(
            lanes(2), distribution="pooled", repeat=repeat, lost_after={"1": 1}, clean=False
        ).run([Listed(configurations(6))])
        assert session.kinds() == {OutcomeKind.OK: 6}


def test_a_lane_lost_while_its_next_test_compiles_ends_its_search() -> None:
    session = Session(
        lanes(2),
        distribution="replicate",
        compile_s=lambda _: 5.0,
        lost_after={"0": 0},
        workers=4,
    ).run([Listed(configurations(6)), Listed(configurations(6))])
    assert session.engine is not None
    assert session.engine.lost == ("0",)
    kinds = session.kinds()
    assert kinds[OutcomeKind.OK] == 6
    assert set(kinds) == {OutcomeKind.OK, OutcomeKind.DEVICE_LOST}
