from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import DeviceError
from harness.lane import Lane
from harness.model import OutcomeKind, Phase, Test
from harness.schedule.base import Job, JobEnded
from harness.schedule.pipelined import FAR_AHEAD, MOST_IN_HAND, QUICK_S, Pipelined

from .helpers import Listed, Session, configurations, lanes


def job(number: int, lane: Lane) -> Job:
    test = Test(number, configurations(1)[0], f"key-{number}", lane.name)
    return Job(test, Phase.TEST, lane, (0,))


def given(distribution: Pipelined, *, ahead: bool = True) -> list[int]:
    return [a.job.test.id for a in distribution.assign(drained=False, ahead=ahead)]


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("run_s", [QUICK_S * 0.4, QUICK_S * 2])
def test_a_quick_lane_has_its_next_run_in_hand(run_s: float, ahead: bool) -> None:
    (lane,) = lanes(1)
    distribution = Pipelined([lane], workers=1, bound=False)
    jobs = [job(number, lane) for number in range(6)]
    for each in jobs:
        distribution.ready(each)
    assert given(distribution, ahead=ahead) == [0], "its pace is not known"
    distribution.ended(JobEnded("0", jobs[0], OutcomeKind.OK, 1.0))
    assert given(distribution, ahead=ahead) == [1]
    distribution.ended(JobEnded("0", jobs[1], OutcomeKind.OK, 1.0 + run_s))
    quick = ahead and run_s < QUICK_S
    assert given(distribution, ahead=ahead) == ([2, 3, 4] if quick else [2])
    distribution.ended(JobEnded("0", jobs[2], OutcomeKind.OK, 9.0))
    assert given(distribution, ahead=ahead) == ([] if quick else [3]), "no longer quick"


def test_a_lane_takes_in_more_only_if_it_is_quick_and_nobody_learns() -> None:
    (lane,) = lanes(1)
    distribution = Pipelined([lane], workers=1, bound=False)
    learning, at_first = distribution.wants(ahead=False)["0"], distribution.wants(ahead=True)["0"]
    assert learning < at_first == FAR_AHEAD
    for number in range(20):
        distribution.ended(JobEnded("0", job(number, lane), OutcomeKind.OK, number * 1e-4))
    assert distribution.wants(ahead=True)["0"] == at_first + MOST_IN_HAND
    assert distribution.wants(ahead=False)["0"] == learning


def test_compilers_serve_the_lane_that_has_the_least_to_do() -> None:
    both = lanes(2)
    distribution = Pipelined(both, workers=6, bound=False)
    for number, lane in ((0, 0), (1, 0), (2, 0), (3, 0), (4, 1), (5, 1)):
        distribution.ready(replace(job(number, both[lane]), phase=Phase.COMPILE))
    assert given(distribution) == [0, 4, 1, 5, 2, 3]


def test_what_a_lost_lane_had_in_hand_is_done_by_another() -> None:
    session = Session(lanes(2), run_s=lambda *_: QUICK_S / 10, lost_after={"1": 7})
    session.run([Listed(configurations(40))])
    assert session.kinds() == {OutcomeKind.OK: 40}
    assert {outcome.lane for outcome in session.outcomes[-20:]} == {"0"}


def test_losing_every_quick_lane_is_an_error_once() -> None:
    session = Session(lanes(1), run_s=lambda *_: QUICK_S / 10, lost_after={"0": 7})
    with pytest.raises(DeviceError):
        session.run([Listed(configurations(40))])
    assert session.kinds()[OutcomeKind.OK] == 7
    assert session.engine is not None
    assert session.engine.lost == ("0",)
