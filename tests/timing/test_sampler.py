"""What a sample consists of, and that the host's latency is no part of it."""

from __future__ import annotations

import pytest

from harness.measurement import Launch, Mode
from harness.timing.driver import DriverFacts, Parameter, Pointer
from harness.timing.kernel import silence_s
from harness.timing.protocol import Measured, PhaseName
from harness.timing.sampler import LEAST_S, LONG_S, MOST_HOLDS, TRIES, Samples, Work, take_samples
from harness.timing.server import Server
from harness.timing.stopping import Stopping, make_rule
from tests.timing.kernels import ARGUMENTS, make_request
from tests.timing.test_server import Recording

HOST_S = 4e-6
"""What the host takes for a call."""


class Asynchronous(Recording):
    """A device whose time is that of its work, and waits for a host that takes its time, too.

    Args:
        kernel_s, write_s: what a launch and a write take.
    """

    def __init__(self, kernel_s: float, write_s: float) -> None:
        self.calls = []
        self.kernel_s, self.write_s = kernel_s, write_s
        self.host_s = self.device_s = 0.0
        self.marks_s = [0.0, 0.0]

    def _enqueue(self, call: str, duration_s: float) -> None:
        self.calls.append(call)
        self.host_s += HOST_S
        self.device_s = max(self.device_s, self.host_s) + duration_s

    def set_bytes(self, pointer: Pointer, byte: int, size_bytes: int) -> None:
        self._enqueue("write", self.write_s)

    def launch(self, kernel: int, launch: Launch, parameters: tuple[Parameter, ...]) -> None:
        self._enqueue("launch", self.kernel_s)

    def mark(self, slot: int) -> None:
        self._enqueue(f"mark {slot}", 0.0)
        self.marks_s[slot] = self.device_s

    def has_reached(self, slot: int) -> bool:
        return self.marks_s[slot] <= self.host_s

    def elapsed_s(self) -> float:
        self.host_s = max(self.host_s, self.device_s)
        return self.marks_s[1] - self.marks_s[0]


def sample(
    driver: Asynchronous, mode: Mode, repeat: int = 2, *, sample_s: float = 50e-6
) -> Samples:
    launch = Launch((1, 1, 1), (32, 1, 1))
    work = Work(1, launch, (), lambda: driver.calls.append("restore"), (4096, 1 << 20))
    rule = make_rule(Stopping("repeat", repeat=repeat))
    return take_samples(
        driver,
        work,
        mode,
        rule,
        sample_s=sample_s,
        now_s=lambda: driver.host_s,
        beat=lambda: None,
    )


class Real(Asynchronous):
    """One that does not say that it is simulated."""

    foresee = power_w = None  # type: ignore[assignment]
    facts = DriverFacts("GPU-0", "a device", 1 << 20, {})

    def load(self, path: str, function: str) -> int:
        return 1

    def allocate(self, size_bytes: int) -> Pointer:
        return 4096

    def synchronize(self) -> None:
        self.host_s = max(self.host_s, self.device_s)


def test_a_device_that_rested_is_woken_before_it_is_measured() -> None:
    driver, phases = Real(kernel_s=1e-3, write_s=100e-6), list[str]()
    server = Server(driver, now_s=lambda: driver.host_s, say=lambda said: phases.append(said.phase))
    request = make_request(data=False, simulation=None, arguments=ARGUMENTS[:2])
    for rest_s, woken in ((0.0, True), (0.4, False), (0.6, True)):
        driver.calls.clear()
        phases.clear()
        driver.host_s += rest_s
        answer = server.handle(request)
        assert isinstance(answer, Measured)
        assert answer.samples_s == pytest.approx([1e-3] * 4)
        launches = driver.calls.count("launch") - 1 - 4
        assert (launches > 80) == woken
        assert launches == 0 or woken
        assert phases == ["data", "load", *["launch"] * (1 + woken), "sample"]


@pytest.mark.parametrize("mode", ["cold", "hot"])
@pytest.mark.parametrize("kernel_s", [1e-4, 0.02, 0.24, 3.0])
def test_a_worker_on_which_no_kernel_hangs_is_never_silent_for_too_long(
    mode: Mode, kernel_s: float
) -> None:
    """However near to its limit the kernel is, and however short that."""
    driver, said = Real(kernel_s, write_s=100e-6), list[tuple[PhaseName, float]]()
    server = Server(
        driver,
        now_s=lambda: driver.host_s,
        say=lambda phase: said.append((phase.phase, driver.host_s)),
    )
    request = make_request(
        data=False,
        simulation=None,
        arguments=ARGUMENTS[:2],
        mode=mode,
        stopping=Stopping("repeat", repeat=50),
    )
    assert isinstance(server.handle(request), Measured)
    ends_s = [*(at_s for _, at_s in said[1:]), driver.host_s]
    for (phase, at_s), end_s in zip(said, ends_s, strict=True):
        limit_s = silence_s(request, None, 1.1 * kernel_s, phase)
        assert limit_s is None or end_s - at_s < limit_s


def test_a_cold_sample_is_one_launch_behind_a_write() -> None:
    driver = Asynchronous(kernel_s=3e-6, write_s=50e-6)
    taken = sample(driver, "cold")
    assert taken.samples_s == pytest.approx([3e-6] * 2)
    assert (taken.launches, taken.late) == (1, 0)
    assert driver.calls == ["restore", "write", "mark 0", "launch", "mark 1"] * 2


def test_a_hot_sample_is_of_many_launches_after_one_that_is_not_timed() -> None:
    driver = Asynchronous(kernel_s=6e-6, write_s=100e-6)
    taken = sample(driver, "hot", 1)
    assert taken.samples_s == pytest.approx([6e-6])
    assert (taken.launches, taken.late) == (9, 0)
    before = ["write", "restore", "launch", "restore"]
    assert driver.calls[:7] == [*before, "mark 0", "launch", "mark 1"]
    assert driver.calls[7:] == [*before, "mark 0", *["launch"] * 9, "mark 1"]


@pytest.mark.parametrize(("mode", "write_s"), [("cold", 6e-6), ("hot", 40e-6)])
def test_a_stream_that_is_held_too_shortly_is_held_for_longer(mode: Mode, write_s: float) -> None:
    """Fifty launches of 1 us take the host 200 us, in which the device must have other work."""
    driver = Asynchronous(kernel_s=1e-6, write_s=write_s)
    taken = sample(driver, mode)
    assert taken.samples_s == pytest.approx([1e-6] * 2)
    assert taken.late == 0
    assert driver.calls.count("mark 0") > 3  # some were taken again


def test_a_host_that_is_always_late_is_told() -> None:
    driver = Asynchronous(kernel_s=1e-6, write_s=1e-6)
    taken = sample(driver, "cold", 3)
    assert taken.late == len(taken.samples_s) == 3
    assert driver.calls.count("mark 0") == 3 * TRIES
    assert driver.calls[-3 - MOST_HOLDS : -3] == ["write"] * MOST_HOLDS


@pytest.mark.parametrize(("kernel_s", "late"), [(HOST_S / 2, 2), (2 * HOST_S, 0)])
def test_a_long_sample_of_launches_that_wait_for_the_host_is_told(
    kernel_s: float, late: int
) -> None:
    """It is not taken again, which would not help, and which a counter of energy would count."""
    driver = Asynchronous(kernel_s, write_s=100e-6)
    taken = sample(driver, "hot", sample_s=2 * LONG_S)
    assert taken.late == late
    assert taken.samples_s == pytest.approx([max(kernel_s, HOST_S)] * 2, rel=0.01)
    assert driver.calls.count("mark 0") == 1 + 2


def test_what_takes_no_time_is_not_nothing() -> None:
    """Not even a kernel that returns at once, should the marks not tell it from nothing."""
    driver = Asynchronous(kernel_s=0.0, write_s=50e-6)
    assert sample(driver, "cold").samples_s == [LEAST_S] * 2


def test_beside_a_long_sample_the_host_is_quick() -> None:
    driver = Asynchronous(kernel_s=2 * LONG_S, write_s=1e-6)
    assert sample(driver, "cold").late == 0
    assert driver.calls == ["restore", "write", "mark 0", "launch", "mark 1"] * 2
    driver.calls.clear()
    taken = sample(driver, "hot", 1)
    assert (taken.launches, taken.late) == (1, 0)
    assert driver.calls[-4:] == ["restore", "mark 0", "launch", "mark 1"]  # not launched twice
