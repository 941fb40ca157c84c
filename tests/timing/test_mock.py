from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from harness.clock import SystemClock, VirtualClock
from harness.configuration import Configuration
from harness.landscape import Landscape
from harness.lane import DeviceInfo, Lane
from harness.model import OutcomeKind, Run, Test
from harness.timing.base import Timer
from harness.timing.mock import HANG_FACTOR, MockTimer

DEVICE = DeviceInfo("mock", 0, "MOCK-0", "H100", speed=2.0, simulated=True)
LANE = Lane("left", 0, DEVICE, (("HARNESS_PARALLEL", "left"),))


def make_test(number: int = 1) -> Test:
    return Test(number, Configuration.from_mapping({"B": number}), f"key {number}", "left")


def measure(landscape: Landscape, *, timeout_s: float | None = None, index: int = 0) -> Run:
    timer: Timer = MockTimer(landscape, LANE, clock=VirtualClock(), timeout_s=timeout_s)
    return timer.measure(make_test(), index)


def test_a_run_yields_the_landscapes_sample_and_takes_that_long() -> None:
    land = Landscape(run_s=100.0)
    clock = VirtualClock()
    timer = MockTimer(land, LANE, clock=clock)
    first, second = timer.measure(make_test(), 0), timer.measure(make_test(), 1)
    expected = [land.sample(make_test().configuration, DEVICE, index) for index in (0, 1)]
    assert [first.sample, second.sample] == expected
    assert [first.elapsed_s, second.elapsed_s] == expected
    assert first.started_s == 0.0
    assert second.started_s == expected[0]
    assert clock.now_s() == pytest.approx(sum(expected))
    assert (first.kind, first.index, second.index) == (OutcomeKind.OK, 0, 1)
    assert (first.lane, first.device_uuid, first.exit_code) == ("left", "MOCK-0", 0)
    assert first.environment == LANE.environment


def test_lanes_and_orders_do_not_matter() -> None:
    land = Landscape()
    other = MockTimer(land, replace(LANE, name="right"), clock=VirtualClock())
    other.measure(make_test(9), 4)
    assert other.measure(make_test(), 2).sample == measure(land, index=2).sample


def test_failures_say_that_they_are_simulated() -> None:
    run = measure(Landscape(run_failures=1.0))
    assert run.kind is OutcomeKind.RUN_FAILED
    assert run.sample is None
    assert run.evidence is not None
    assert "simulated" in run.evidence.command
    assert "simulated" in run.reason
    assert run.exit_code == run.evidence.exit_code == 1


def test_a_hang_ends_at_the_timeout() -> None:
    run = measure(Landscape(hangs=1.0), timeout_s=30.0)
    assert (run.kind, run.elapsed_s, run.sample) == (OutcomeKind.TIMEOUT, 30.0, None)
    assert "hang" in run.reason


def test_a_hang_without_timeout_is_cut_off() -> None:
    run = measure(Landscape(hangs=1.0, run_s=0.5))
    assert (run.kind, run.elapsed_s) == (OutcomeKind.TIMEOUT, HANG_FACTOR * 0.5)


def test_a_run_longer_than_the_timeout() -> None:
    run = measure(Landscape(run_s=100.0), timeout_s=1.0)
    assert (run.kind, run.elapsed_s) == (OutcomeKind.TIMEOUT, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_lost_device_stays_lost(seed: int) -> None:
    def play() -> list[OutcomeKind]:
        timer = MockTimer(Landscape(seed=seed), LANE, clock=VirtualClock(), lost=True)
        return [timer.measure(make_test(number), 0).kind for number in range(1, 12)]

    kinds = play()
    first = kinds.index(OutcomeKind.DEVICE_LOST)
    assert 1 <= first <= 8
    assert set(kinds[:first]) == {OutcomeKind.OK}
    assert set(kinds[first:]) == {OutcomeKind.DEVICE_LOST}
    assert kinds == play()


def test_a_cancel_interrupts_a_real_run_and_only_that() -> None:
    timer = MockTimer(Landscape(hangs=1.0, run_s=60.0), LANE, clock=SystemClock())
    runs: list[Run] = []
    thread = threading.Thread(target=lambda: runs.append(timer.measure(make_test(), 0)))
    thread.start()
    timer.cancel()
    thread.join()
    assert runs[0].kind is OutcomeKind.INTERRUPTED
    assert runs[0].sample is None
    assert runs[0].elapsed_s < 60.0 * HANG_FACTOR


def test_after_a_cancel_runs_go_on() -> None:
    timer = MockTimer(Landscape(), LANE, clock=VirtualClock())
    timer.cancel()
    assert timer.measure(make_test(), 0).kind is OutcomeKind.INTERRUPTED
    assert timer.measure(make_test(), 0).kind is OutcomeKind.OK


def test_closing_ends_what_runs() -> None:
    timer = MockTimer(Landscape(hangs=1.0, run_s=60.0), LANE, clock=SystemClock())
    thread = threading.Thread(target=timer.measure, args=(make_test(), 0))
    thread.start()
    timer.close()
    thread.join()
