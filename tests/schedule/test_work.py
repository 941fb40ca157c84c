from __future__ import annotations

import pytest

from harness.clock import VirtualClock
from harness.events import Event
from harness.model import OutcomeKind, Phase, Test
from harness.schedule.base import Job
from harness.schedule.work import Bench, do_job
from harness.testing.work import FakeCompiler, FakeTimer

from .helpers import configurations, lanes


@pytest.mark.parametrize(
    ("phase", "done"),
    [(Phase.COMPILE, False), (Phase.TEST, False), (Phase.CLEAN, True)],
    ids=str,
)
def test_when_everything_is_to_stop_only_cleaning_is_done(phase: Phase, done: bool) -> None:
    (lane,), (configuration,) = lanes(1), configurations(1)
    clock, events = VirtualClock(), list[Event]()
    compiler, timer = FakeCompiler(clock, "pool"), FakeTimer(clock, lane)
    stopping = False
    bench = Bench(
        "pool",
        "pool",
        compiler=lambda: compiler,
        timer=lambda: timer,
        now_s=clock.now_s,
        emit=events.append,
        stopping=lambda: stopping,
    )
    job = Job(Test(1, configuration, "key", lane.name), phase, lane, (0,))
    assert do_job(job, bench).kind is OutcomeKind.OK
    assert len(events) == 2
    stopping = True
    assert do_job(job, bench).kind is (OutcomeKind.OK if done else OutcomeKind.INTERRUPTED)
    assert len(events) == (4 if done else 2)
