"""The parts of the worker's program that need no process."""

from __future__ import annotations

import os

from harness.procs.child import Countdown, read_children

S = 1_000_000_000


def test_countdown_without_a_timeout_never_runs_out() -> None:
    assert Countdown(0, None, S).remaining_ns(10**18) is None


def test_countdown_goes_from_asking_to_killing_to_giving_up() -> None:
    countdown = Countdown(100 * S, 10 * S, 2 * S)
    assert countdown.remaining_ns(103 * S) == 7 * S
    assert countdown.remaining_ns(111 * S) == -S
    assert countdown.advance(111 * S) == Countdown.ASKED
    assert countdown.remaining_ns(112 * S) == S
    assert countdown.advance(113 * S) == Countdown.KILLED
    assert countdown.remaining_ns(113 * S) == 5 * S
    assert countdown.advance(118 * S) == Countdown.GIVEN_UP
    assert countdown.remaining_ns(118 * S) is None


def test_paused_time_does_not_count() -> None:
    countdown = Countdown(0, 10 * S, S)
    countdown.pause(4 * S)
    assert countdown.remaining_ns(50 * S) is None
    countdown.pause(50 * S)
    countdown.resume(104 * S)
    assert countdown.remaining_ns(104 * S) == 6 * S
    countdown.resume(106 * S)
    assert countdown.remaining_ns(106 * S) == 4 * S


def test_stopping_ends_a_pause() -> None:
    countdown = Countdown(0, None, 2 * S)
    countdown.pause(S)
    assert countdown.advance(5 * S) == Countdown.ASKED
    assert countdown.remaining_ns(6 * S) == S
    countdown.resume(7 * S)
    assert countdown.remaining_ns(7 * S) == 0


def test_children_of_a_process() -> None:
    assert os.getpid() in read_children(os.getppid())
