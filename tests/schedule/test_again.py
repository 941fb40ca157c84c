from __future__ import annotations

from harness.events import Note, RunEnded
from harness.model import OutcomeKind, Test

from .helpers import Listed, Session, configurations, lanes


def as_tests(session: Session) -> list[Test]:
    return [Test(o.test_id, o.configuration, o.key, o.lane) for o in session.outcomes]


def test_tests_take_turns() -> None:
    session = Session(lanes(2)).run([Listed(configurations(2))])
    runs = session.again().run(as_tests(session), session.lanes[1], [1, 2])
    assert runs is not None
    assert {test: [run.index for run in made] for test, made in runs.items()} == {
        1: [1, 2],
        2: [1, 2],
    }
    assert session.steps[-8:] == [
        *("run 0", "record 1", "run 1", "record 2"),
        *("run 0", "record 1", "run 1", "record 2"),
    ]


def test_lane_whose_device_is_lost_takes_no_more_part() -> None:
    session = Session(lanes(2), lost_after={"0": 3}).run([Listed(configurations(4))])
    assert session.kinds() == {OutcomeKind.OK: 4}
    assert session.engine is not None
    lost, left = session.lanes
    again, tests = session.again(), as_tests(session)
    assert again.may_run(lost)
    assert again.run(tests, lost, [1]) is None
    assert [lane.name for lane in session.engine.lanes] == ["1"]
    assert session.engine.lost == ("0",)
    assert (again.may_run(lost), again.may_run(left)) == (False, True)
    notes = [event.text for event in session.batches[-1] if isinstance(event, Note)]
    assert notes == ["lane 0: its device was lost; lanes left: 1"]
    recorded = [
        e.run.kind for batch in session.batches[-2:] for e in batch if isinstance(e, RunEnded)
    ]
    assert recorded == [OutcomeKind.DEVICE_LOST]
    runs = again.run(tests, left, [1])
    assert runs is not None
    assert len(runs) == 4


def test_look_that_finds_the_device_lost() -> None:
    session = Session(lanes(1), lost_after={"0": 1}).run([Listed(configurations(1))])
    again = session.again()
    assert again.look(as_tests(session)[0], session.lanes[0], -1) is None
    assert not again.may_run(session.lanes[0])
