from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from harness.compile.flow import Flow, Traffic
from harness.model import OutcomeKind


class Hand:
    """A clock that goes on when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_goes_on_until_cancelled() -> None:
    flow = Flow()
    with flow.run(None):
        assert flow.may_go_on()
        flow.cancel()
        assert not flow.may_go_on()
    assert flow.stopped is OutcomeKind.INTERRUPTED
    with flow.run(None):
        assert flow.may_go_on()
    assert flow.stopped is None


def test_cancel_of_nothing_stops_what_comes_next() -> None:
    flow = Flow()
    flow.cancel()
    with flow.run(None):
        assert not flow.may_go_on()
    with flow.run(None):
        assert flow.may_go_on()
    assert flow.stopped is None


def test_c_is_told_of_a_cancel_where_nobody_asks() -> None:
    flow = Flow()
    text = flow.reason_to_stop
    with flow.run(None):
        assert text.value == b""
        flow.cancel()
        assert text.value != b""
    assert flow.stopped is OutcomeKind.INTERRUPTED
    with flow.run(None):
        assert (flow.reason_to_stop, text.value) == (text, b"")
    assert flow.stopped is None


def test_limit() -> None:
    clock = Hand()
    flow = Flow(clock)
    with flow.run(5.0):
        clock.now_s += 5.0
        assert flow.may_go_on()
        clock.now_s += 0.1
        assert not flow.may_go_on()
    assert flow.stopped is OutcomeKind.TIMEOUT


def ask_while_paused(flow: Flow, act: Callable[[], None], asking: Event) -> bool:
    """Whether it may go on, after another thread has done `act`; it must not know before."""
    done: list[str] = []
    flow.pause()
    with ThreadPoolExecutor(1) as threads:
        asking.clear()
        asked = threads.submit(flow.may_go_on)
        asked.add_done_callback(lambda _: done.append("answered"))
        asking.wait()
        done.append("acted")
        act()
        answer = asked.result()
    assert done == ["acted", "answered"]
    return answer


def test_pause_holds_and_does_not_count_towards_the_limit() -> None:
    times_s, asking = iter([0.0, 1.0, 61.0, 61.0, 62.0, 62.0, 62.0]), Event()

    def now_s() -> float:
        asking.set()
        return next(times_s)

    flow = Flow(now_s)
    with flow.run(5.0):
        assert ask_while_paused(flow, flow.resume, asking)
        assert flow.may_go_on()
    assert flow.stopped is None


def test_what_is_held_does_not_hold_up_what_is_not() -> None:
    traffic, asking, asked = Traffic(), Event(), list[bool]()
    held, other = Flow(traffic=traffic), Flow(traffic=traffic)
    done: list[str] = []

    def ask() -> None:
        with held.run(None):
            asking.set()
            asked.append(held.may_go_on())
            done.append("went on")

    held.pause()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(ask)
        assert asking.wait(10)
        done.append("other begins")
        with other.run(None):
            running.result(10)
    assert done == ["other begins", "went on"]
    assert asked == [True]


def test_cancel_ends_a_pause() -> None:
    asking = Event()

    def now_s() -> float:
        asking.set()
        return 0.0

    flow = Flow(now_s)
    with flow.run(None):
        assert not ask_while_paused(flow, flow.cancel, asking)
    assert flow.stopped is OutcomeKind.INTERRUPTED
