from __future__ import annotations

from harness.clock import VirtualClock
from harness.landscape import Landscape
from harness.model import OutcomeKind
from harness.timing.circumstances import DRIFTED
from harness.timing.kernel import KernelTimer, Scored
from harness.timing.protocol import Measured, Refused
from harness.timing.sentinel import EVERY, Sentinel, make_sentinel
from tests.timing.kernels import LANE, direct, make_request
from tests.timing.test_kernel import make_test


def answer(sample_s: float) -> Measured:
    return Measured(0, OutcomeKind.OK, samples_s=(sample_s, sample_s, 9.0))


def test_it_is_due_at_first_and_every_fifty_tests() -> None:
    sentinel = Sentinel()
    due = [number for number in range(1, 2 * EVERY + 2) if sentinel.is_due()]
    assert due == [1, EVERY + 1, 2 * EVERY + 1]


def test_warm_is_when_three_looks_agree() -> None:
    sentinel = Sentinel()
    assert sentinel.is_due()
    assert sentinel.settling
    warm = []
    for sample_s in (1.3, 1.1, 1.0, 1.005, 1.001):
        sentinel.take(answer(sample_s))
        warm.append(sentinel.is_warm)
    assert warm == [False, False, False, False, True]
    assert sentinel.first_s == 1.001


def test_drift_is_more_than_two_percent_from_the_first_look() -> None:
    sentinel = Sentinel()
    assert not sentinel.has_drifted
    sentinel.take(answer(1.0))
    for _ in range(EVERY + 1):
        sentinel.is_due()
    for sample_s, drifted in (
        (1.0, False),
        (1.01, False),
        (1.03, True),
        (0.97, True),
        (1.0, False),
    ):
        sentinel.take(answer(sample_s))
        assert sentinel.has_drifted == drifted
    sentinel.take(Refused(0, "no data"))
    sentinel.take(Measured(0, OutcomeKind.RUN_FAILED))
    assert (sentinel.first_s, sentinel.last_s) == (1.0, 1.0)


def test_measurements_say_what_the_sentinel_took_and_whether_it_drifted() -> None:
    """The device throttles in some of its minutes; what is measured then is flagged."""
    landscape = Landscape(run_s=1.0, throttling=0.5, noise=0.001)
    clock = VirtualClock()
    timer = KernelTimer(
        LANE,
        make_link=lambda: direct(landscape, clock),
        make_request=lambda test, index, best: make_request(number=test.id),
        score=lambda _, measured: Scored(min(measured.samples_s)),
        clock=clock,
        make_sentinel=lambda: make_sentinel("/s", "sentinel", simulated=True),
    )
    runs = [timer.measure(make_test(1, number), 0) for number in range(1, 500)]
    measurements = [run.measurement for run in runs if run.measurement is not None]
    assert len(measurements) == len(runs)
    drifted = [m for m in measurements if DRIFTED in m.flags]
    assert 0 < len(drifted) < len(measurements)
    first_s = measurements[0].sentinel_s
    assert first_s is not None
    for measurement in measurements:
        assert measurement.sentinel_s is not None
        off = abs(measurement.sentinel_s / first_s - 1) > 0.02
        assert off == (DRIFTED in measurement.flags)
