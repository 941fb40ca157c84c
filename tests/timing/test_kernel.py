from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import cast

import pytest

from harness.clock import Clock, SystemClock, VirtualClock
from harness.configuration import Configuration
from harness.errors import RunError
from harness.landscape import Landscape
from harness.measurement import ENERGY_S, DeviceState, Launch, Mode
from harness.model import OutcomeKind, Run, Test
from harness.procs.partner import Partner
from harness.testing.driver import SimulatedDriver
from harness.timing.circumstances import find_flags
from harness.timing.driver import Driver
from harness.timing.kernel import (
    FIRST_WATCHDOG_S,
    GRACE_S,
    REFERENCE_S,
    KernelTimer,
    Scored,
    silence_s,
    watchdog_s,
)
from harness.timing.link import (
    DeviceLostError,
    DirectLink,
    Heed,
    Limits,
    Link,
    PipeLink,
    WorkerDiedError,
    ignore,
)
from harness.timing.protocol import (
    Expectation,
    Measure,
    Measured,
    PhaseName,
    decode_reply,
    decode_request,
    encode,
)
from harness.timing.sentinel import LOOK_INDEX
from harness.timing.stopping import Stopping
from tests.timing.kernels import (
    DEVICE,
    DRIVER,
    LANE,
    direct,
    find_configuration,
    make_request,
    piped,
    simulate,
)

LAUNCH = Launch((1, 1, 1), (32, 1, 1))


def make_test(value: int, number: int = 1) -> Test:
    return Test(number, Configuration.from_mapping({"A": value}), f"key {value}", "left")


def request_for(test: Test, index: int, best: Run | None) -> Measure:
    (value,) = test.configuration.values()
    return make_request(number=test.id, simulation=simulate(int(value), round=index))


@contextmanager
def timing(
    make_link: Callable[[], Link],
    clock: Clock | None = None,
    *,
    timeout_s: float | None = None,
    states: Callable[[], DeviceState | None] = lambda: None,
    sentinel: Callable[[], Measure] | None = None,
) -> Iterator[KernelTimer]:
    timer = KernelTimer(
        LANE,
        make_link=make_link,
        make_request=request_for,
        score=lambda _, measured: Scored(min(measured.samples_s), (("gbps", 2.0),)),
        clock=clock or SystemClock(),
        read_state=states,
        make_sentinel=sentinel,
        timeout_s=timeout_s,
    )
    try:
        yield timer
    finally:
        timer.close()


def test_one_run_yields_all_samples_its_score_and_metrics() -> None:
    clock = VirtualClock()
    with timing(lambda: direct(Landscape(), clock), clock) as timer:
        run = timer.measure(make_test(3), 0)
    assert (run.kind, run.index, run.lane, run.device_uuid) == (
        OutcomeKind.OK,
        0,
        "left",
        "MOCK-0",
    )
    assert run.measurement is not None
    assert len(run.measurement.samples_s) == 4
    assert run.sample == min(run.measurement.samples_s)
    assert run.measurement.metrics == (("gbps", 2.0),)
    assert run.elapsed_s == clock.now_s() > sum(run.measurement.samples_s)
    assert run.environment == LANE.environment


def test_another_run_of_a_test_has_other_noise() -> None:
    with timing(lambda: direct(Landscape())) as timer:
        first, again, other = (timer.measure(make_test(3), index) for index in (0, 0, 1))
    assert first.sample == pytest.approx(again.sample, rel=1e-4)  # but for drift
    assert first.sample != pytest.approx(other.sample, rel=1e-4)


LANDSCAPE = Landscape(run_s=1e-4, run_failures=0.3, hangs=0.2, seed=5)
HANGS = find_configuration(LANDSCAPE, "hang")
CORRUPTS = find_configuration(LANDSCAPE, "run")
CRASHES = find_configuration(LANDSCAPE, "run", crash=True)
WORKS = next(
    value
    for value in range(100)
    if not LANDSCAPE.fails(simulate(value).configuration, "hang")
    and not LANDSCAPE.fails(simulate(value).configuration, "run")
)


@pytest.mark.parametrize("process", [False, True], ids=["direct", "process"])
def test_the_session_goes_on_after_each_way_to_fail(process: bool) -> None:
    links: list[Link] = []

    def make_link() -> Link:
        links.append(piped(LANDSCAPE) if process else direct(LANDSCAPE))
        return links[-1]

    with timing(make_link, timeout_s=0.5) as timer:
        runs = [timer.measure(make_test(v), 0) for v in (WORKS, CRASHES, CORRUPTS, HANGS, WORKS)]
    assert [run.kind for run in runs] == [
        OutcomeKind.OK,
        OutcomeKind.RUN_FAILED,
        OutcomeKind.RUN_FAILED,
        OutcomeKind.TIMEOUT,
        OutcomeKind.OK,
    ]
    assert "SIGSEGV" in runs[1].reason
    assert "illegal memory access" in runs[2].reason
    assert runs[3].reason == "no end of its launch phase within 1 s"
    assert all(run.evidence is not None for run in runs[1:4])
    assert len(links) == 4  # replaced after each of the three


def test_a_worker_ends_when_its_input_does() -> None:
    link = piped(Landscape())
    link.open()
    pid = link.pid
    link.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_ends_with_its_harness_even_while_a_kernel_hangs() -> None:
    settings = json.dumps({"landscape": asdict(LANDSCAPE), "device": asdict(LANE.device)})
    argv = [sys.executable, "-m", "harness.timing.kernel_worker", DRIVER, settings]
    partner = Partner(argv, environment={})
    assert partner.receive(30) is not None
    partner.send(encode(make_request(simulation=simulate(HANGS))))
    while b"launch" not in (partner.receive(30) or b"launch"):
        pass
    partner.hang_up()
    assert partner.wait() == 0  # by itself, not by a signal
    partner.close()


def test_a_worker_finds_what_only_this_program_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text(
        "from harness.testing.driver import open_simulated\n"  # as a notebook finds the harness
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = json.dumps({"landscape": asdict(Landscape()), "device": asdict(LANE.device)})
    link = PipeLink("only_here:open_simulated", settings, uuid="MOCK-0", environment={})
    link.open()
    link.close()


def test_a_worker_that_sees_another_device_is_refused() -> None:
    link = piped(Landscape(), uuid="MOCK-1")
    with pytest.raises(RunError, match=r"sees MOCK-0 .* its lane is bound to MOCK-1"):
        link.open()
    link.close()


def test_a_driver_that_cannot_be_loaded_says_why() -> None:
    link = PipeLink("no_such_module:open", "{}", uuid="", environment={})
    with pytest.raises(WorkerDiedError, match="no_such_module"):
        link.open()
    link.close()


def test_a_cancel_kills_the_worker_and_interrupts_the_run() -> None:
    entered = threading.Event()

    def make_link() -> Link:
        entered.set()
        return piped(LANDSCAPE)

    with timing(make_link) as timer:
        runs: list[Run] = []
        thread = threading.Thread(target=lambda: runs.append(timer.measure(make_test(HANGS), 0)))
        thread.start()
        assert entered.wait(10)
        timer.cancel()
        thread.join(10)
    assert [run.kind for run in runs] == [OutcomeKind.INTERRUPTED]


def test_a_cancel_does_not_wait_for_a_worker_that_opens_its_device() -> None:
    """Its driver may hang: here it reads from a pipe that nobody writes to."""
    waiting, unheard = os.pipe()

    def make_link() -> Link:
        settings = json.dumps({"file": waiting})
        entry = f"{__name__}:open_never"
        return PipeLink(entry, settings, uuid="", environment={}, inherit_fds=[waiting])

    with timing(make_link) as timer, ThreadPoolExecutor(1) as threads:
        running = threads.submit(timer.measure, make_test(WORKS), 0)
        while timer._link is None and not running.done():
            time.sleep(0.001)
        timer.cancel()
        assert running.result(10).kind is OutcomeKind.INTERRUPTED
        assert timer.measure(make_test(WORKS), 0).kind is OutcomeKind.INTERRUPTED
    os.close(waiting)
    os.close(unheard)


def open_never(settings: str) -> Driver:
    """What a worker's process calls."""
    os.read(json.loads(settings)["file"], 1)
    raise AssertionError("nobody writes")


def test_a_look_at_a_device_that_is_lost_says_so() -> None:
    links = [direct(LANDSCAPE)]

    def make_link() -> Link:
        if links:
            return links.pop()
        raise DeviceLostError("it is gone")

    with timing(make_link, timeout_s=0.5, sentinel=make_request) as timer:
        assert timer.measure(make_test(WORKS), LOOK_INDEX).kind is OutcomeKind.OK
        assert timer.measure(make_test(CORRUPTS), 0).kind is OutcomeKind.RUN_FAILED
        assert timer.measure(make_test(WORKS), LOOK_INDEX).kind is OutcomeKind.DEVICE_LOST


def test_a_killed_worker_is_a_failed_run() -> None:
    link = piped(Landscape())
    with timing(lambda: link) as timer:
        assert timer.measure(make_test(WORKS), 0).kind is OutcomeKind.OK
        os.kill(link.pid, signal.SIGKILL)
        run = timer.measure(make_test(WORKS), 1)
    assert run.kind is OutcomeKind.RUN_FAILED
    assert "SIGKILL" in run.reason


def test_a_worker_that_cannot_be_started_again_means_a_lost_device() -> None:
    links = [direct(LANDSCAPE)]

    def make_link() -> Link:
        if links:
            return links.pop()
        raise DeviceLostError("it is gone")

    with timing(make_link, timeout_s=0.5) as timer:
        first = timer.measure(make_test(CORRUPTS), 0)
        second = timer.measure(make_test(WORKS), 0)
    assert (first.kind, second.kind) == (OutcomeKind.RUN_FAILED, OutcomeKind.DEVICE_LOST)
    assert second.reason == "it is gone"


def test_a_worker_that_never_started_ends_the_session() -> None:
    def make_link() -> Link:
        raise WorkerDiedError("no driver")

    with timing(make_link) as timer, pytest.raises(RunError, match="no driver"):
        timer.measure(make_test(WORKS), 0)


@pytest.mark.parametrize(
    ("mode", "max_s", "energy_j"),
    [("hot", ENERGY_S, 0.5), ("hot", 0.1, 1.0), ("cold", ENERGY_S, None)],
)
def test_what_is_not_of_the_launches_is_none_of_their_energy(
    mode: Mode, max_s: float, energy_j: float | None
) -> None:
    """To make the data, to compute the reference, to wake the device takes energy, too; and so does
    what empties the cache before every cold launch, which cannot be told from theirs."""
    counter_j = [0.0]

    class Counting(DirectLink):
        def ask(self, request: Measure, limits: Limits, heed: Heed = ignore) -> Measured:
            for phase, joules in (("data", 100.0), ("sample", 0.0), ("sample", 100.0)):
                heed(cast("PhaseName", phase))
                counter_j[0] += joules
            return Measured(request.number, OutcomeKind.OK, samples_s=(0.01,) * 200)

    def make_timed_request(test: Test, index: int, best: Run | None) -> Measure:
        stopping = Stopping("precision", max_s=max_s)
        return make_request(number=test.id, simulation=None, stopping=stopping, mode=mode)

    clock = VirtualClock()
    timer = KernelTimer(
        LANE,
        make_link=lambda: Counting(lambda *_: SimulatedDriver(LANDSCAPE, DEVICE, clock), clock),
        make_request=make_timed_request,
        score=lambda _, measured: Scored(measured.energy_j),
        clock=clock,
        read_state=lambda: DeviceState(clock.now_s(), energy_j=counter_j[0]),
    )
    run = timer.measure(make_test(WORKS), 0)
    assert run.measurement is not None
    assert run.measurement.energy_j == energy_j


@pytest.mark.parametrize(("value", "reason"), [(CORRUPTS, "illegal memory"), (HANGS, "no end of")])
def test_a_device_on_which_not_even_the_sentinel_runs_ends_the_session(
    value: int, reason: str
) -> None:
    def make_sentinel() -> Measure:
        return make_request(simulation=simulate(value))

    clock = VirtualClock()
    message = rf"lane left cannot measure: .* runs on H100: .*{reason}"
    with (
        timing(lambda: direct(LANDSCAPE, clock), clock, sentinel=make_sentinel) as timer,
        pytest.raises(RunError, match=message),
    ):
        timer.measure(make_test(WORKS), 0)


def test_a_sentinel_that_fails_later_says_nothing() -> None:
    values = [WORKS, CORRUPTS]
    clock = VirtualClock()

    def make_sentinel() -> Measure:
        return make_request(simulation=simulate(values[0]))

    with timing(lambda: direct(LANDSCAPE, clock), clock, sentinel=make_sentinel) as timer:
        assert timer.measure(make_test(WORKS), 0).kind is OutcomeKind.OK
        del values[0]
        assert timer.measure(make_test(WORKS), LOOK_INDEX).kind is OutcomeKind.OK
        assert timer.measure(make_test(WORKS), 1).kind is OutcomeKind.OK


def test_the_watchdog_gives_twenty_times_the_best() -> None:
    assert watchdog_s(None, None) == FIRST_WATCHDOG_S
    assert watchdog_s(1e-3, None) == 1.0
    assert watchdog_s(0.2, None) == 4.0
    assert watchdog_s(0.2, 7.0) == 7.0


@pytest.mark.parametrize(
    ("launch", "timeout_s", "reference_s"),
    [(None, None, None), (LAUNCH, None, REFERENCE_S), (LAUNCH, 500.0, 500.0), (LAUNCH, 2.0, 120.0)],
)
def test_a_reference_may_be_far_slower_than_the_best(
    launch: Launch | None, timeout_s: float | None, reference_s: float | None
) -> None:
    expectation = Expectation("naive", 0.0, 0.0, "/naive.cubin", launch)
    request = make_request(expectation=expectation)
    assert silence_s(request, 0.1, timeout_s, "reference") == reference_s
    assert silence_s(request, 0.1, timeout_s, "launch") == (timeout_s or 2.0) + GRACE_S
    assert silence_s(request, 0.1, timeout_s, "data") is None


def state(processes: int = 0, **held_ns: int) -> DeviceState:
    return DeviceState(0.0, held_ns=tuple(held_ns.items()), processes=processes)


def test_what_speaks_against_a_measurement_is_flagged() -> None:
    quiet = state(hw_thermal=5, power_cap=5)
    assert find_flags(quiet, quiet) == ()
    assert find_flags(None, quiet) == ()
    assert find_flags(quiet, state(hw_thermal=6, power_cap=5)) == ("throttled",)
    assert find_flags(quiet, state(hw_thermal=5, power_cap=9)) == ("power_capped",)
    assert find_flags(quiet, state(processes=1)) == ()
    assert find_flags(quiet, state(processes=2)) == ("shared",)


def test_the_devices_state_is_kept_with_the_run() -> None:
    clocks = iter([DeviceState(1.0, sm_mhz=1500), DeviceState(2.0, sm_mhz=1400)])
    with timing(lambda: direct(Landscape()), states=lambda: next(clocks)) as timer:
        measurement = timer.measure(make_test(WORKS), 0).measurement
    assert measurement is not None
    assert measurement.before is not None
    assert measurement.after is not None
    assert (measurement.before.sm_mhz, measurement.after.sm_mhz) == (1500, 1400)


def test_requests_and_replies_come_back_from_json() -> None:
    request = make_request()
    assert decode_request(encode(request)) == request
    reply = Measured(1, OutcomeKind.OK, samples_s=(1e-3, 2e-3), stop="repeat")
    assert decode_reply(encode(reply)) == reply
