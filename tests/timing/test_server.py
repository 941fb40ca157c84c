from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.clock import VirtualClock
from harness.landscape import Landscape
from harness.measurement import Argument, Launch
from harness.model import OutcomeKind
from harness.testing.driver import SimulatedDriver
from harness.timing.driver import DriverError, Parameter, Pointer
from harness.timing.fingerprints import Fingerprints
from harness.timing.protocol import Expectation, Measure, Measured, Phase, Refused
from harness.timing.server import Server
from harness.timing.stopping import Rival, Stopping
from tests.timing.kernels import (
    ARGUMENTS,
    DEVICE,
    REFERENCE,
    expect,
    find_configuration,
    make_request,
    never,
    simulate,
)


class Recording(SimulatedDriver):
    """Also notes what it is asked, and can spoil what a launch writes."""

    def __init__(self, landscape: Landscape, clock: VirtualClock) -> None:
        super().__init__(landscape, DEVICE, clock, on_crash=never, on_hang=never)
        self.calls: list[str] = []
        self.out_of_memory_at: int | None = None

    def allocate(self, size_bytes: int) -> Pointer:
        self.calls.append(f"allocate {size_bytes}")
        if self.calls.count(f"allocate {size_bytes}") == self.out_of_memory_at:
            raise DriverError("out of memory")
        return super().allocate(size_bytes)

    def free(self, pointer: Pointer) -> None:
        self.calls.append("free")
        super().free(pointer)

    def write(self, pointer: Pointer, data: memoryview) -> None:
        self.calls.append("write")
        super().write(pointer, data)

    def copy(self, target: Pointer, source: Pointer, size_bytes: int) -> None:
        self.calls.append("copy")
        super().copy(target, source, size_bytes)

    def set_bytes(self, pointer: Pointer, byte: int, size_bytes: int) -> None:
        self.calls.append("poison" if byte == 0xFF else "flush")
        super().set_bytes(pointer, byte, size_bytes)

    def launch(self, kernel: int, launch: Launch, parameters: tuple[Parameter, ...]) -> None:
        self.calls.append("launch")
        super().launch(kernel, launch, parameters)

    def mark(self, slot: int) -> None:
        self.calls.append(f"mark {slot}")
        super().mark(slot)


class Bench:
    """A server on a recording driver."""

    def __init__(self, landscape: Landscape | None = None) -> None:
        clock = VirtualClock()
        self.driver = Recording(landscape or Landscape(), clock)
        self.said: list[Phase] = []
        self._server = Server(self.driver, now_s=clock.now_s, say=self.said.append)

    def ask(self, request: Measure) -> Measured:
        answer = self._server.handle(request)
        assert isinstance(answer, Measured)
        return answer

    def refuse(self, request: Measure) -> str:
        answer = self._server.handle(request)
        assert isinstance(answer, Refused)
        return answer.reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adder.py").write_text(REFERENCE)
    return tmp_path


def test_a_right_kernel_is_verified_then_sampled(folder: Path) -> None:
    bench = Bench()
    answer = bench.ask(make_request(**expect(folder)))
    assert (answer.kind, answer.stop, answer.verified) == (OutcomeKind.OK, "repeat", True)
    assert answer.error == 0.0
    assert len(answer.samples_s) == len(answer.starts_s) == 4
    assert answer.starts_s[0] == 0.0
    assert list(answer.starts_s) == sorted(answer.starts_s)
    phases = [phase.phase for phase in bench.said]
    assert phases == ["data", "reference", "load", "launch", "verify", "sample"]


def test_a_kernel_that_is_the_reference_runs_in_the_phase_that_has_its_limit() -> None:
    """Not in `launch`, whose limit is that of the tests."""
    bench, launch = Bench(), Launch((1, 1, 1), (32, 1, 1))
    naive = Expectation("naive", 0.0, 0.0, "/naive.cubin", launch)
    assert bench.ask(make_request(expectation=naive)).verified
    phases = [phase.phase for phase in bench.said]
    assert phases == ["data", "reference", "load", "launch", "verify", "sample"]


def test_outputs_are_poisoned_and_inputs_restored_outside_of_the_timed_part(folder: Path) -> None:
    bench = Bench()
    bench.ask(make_request(**expect(folder), stopping=Stopping("repeat", repeat=2)))
    work = [call for call in bench.driver.calls if not call.startswith(("allocate", "write"))]
    sample = ["copy", "flush", "mark 0", "launch", "mark 1"]
    assert work == ["poison", "copy", "launch", *sample, *sample]


def test_a_wrong_kernel_is_never_timed(folder: Path) -> None:
    bench = Bench(Landscape(wrong_results=1.0))
    answer = bench.ask(make_request(**expect(folder)))
    assert answer.kind is OutcomeKind.WRONG_RESULT
    assert "100 of 100 values are wrong, such as y[0] is 0.0, expected" in answer.reason
    assert answer.samples_s == ()
    assert "mark 0" not in bench.driver.calls


def test_what_the_device_knows_as_right_is_not_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class KnowsY(Fingerprints):
        def find_error(self, output: Argument, pointer: Pointer) -> float | None:
            asked.append(output.name)
            return 0.25 if output.name == "y" else None

    monkeypatch.setattr("harness.timing.server.Fingerprints", KnowsY)
    bench = Bench(Landscape(wrong_results=1.0))
    answer = bench.ask(make_request(**expect(folder)))
    assert asked == ["y", "z"]
    assert answer.kind is OutcomeKind.WRONG_RESULT
    assert ", such as z[" in answer.reason
    assert (answer.error or 0) >= 0.25


def test_what_a_wrong_kernel_may_have_overwritten_is_written_anew(folder: Path) -> None:
    landscape = Landscape(wrong_results=0.5)
    wrong, right = (
        next(n for n in range(99) if landscape.fails(simulate(n).configuration, "wrong") is fails)
        for fails in (True, False)
    )
    bench, writes = Bench(landscape), list[int]()
    for value in (right, right, wrong, right, right):
        bench.driver.calls.clear()
        bench.ask(make_request(**expect(folder), simulation=simulate(value)))
        writes.append(bench.driver.calls.count("write"))
    assert writes == [2, 0, 2, 2, 0]  # the wrong one, too, is tried on what is as at first


class Adding(Recording):
    """Its kernels write what is right if x is as at first; one in block 64 writes into x, too."""

    first: bytes = b""

    def launch(self, kernel: int, launch: Launch, parameters: tuple[Parameter, ...]) -> None:
        super().launch(kernel, launch, parameters)
        x = self._memory[parameters[0]] if isinstance(parameters[0], int) else None
        assert x is not None
        self.first = self.first or bytes(x)
        if x != self.first:
            for pointer, data in self._outputs.items():
                self._memory[pointer] = bytearray(len(data))
        if launch.threads == 64:
            x[0] ^= 0xFF


def test_what_another_kernel_has_overwritten_makes_none_wrong(folder: Path) -> None:
    driver, said = Adding(Landscape(), VirtualClock()), list[Phase]()
    server = Server(driver, now_s=lambda: 0.0, say=said.append)
    kinds = []
    for threads in (128, 64, 128, 128):
        launch = Launch((100, 1, 1), (threads, 1, 1))
        said.clear()
        answer = server.handle(make_request(**expect(folder), launch=launch))
        assert isinstance(answer, Measured)
        kinds.append((answer.kind, [phase.phase for phase in said].count("verify")))
    once, again = (OutcomeKind.OK, 1), (OutcomeKind.OK, 2)
    assert kinds == [once, once, again, once]


def test_a_wrong_kernel_may_have_overwritten_the_arrays_of_others(folder: Path) -> None:
    landscape = Landscape(wrong_results=0.5)
    wrong, right = (
        next(n for n in range(99) if landscape.fails(simulate(n).configuration, "wrong") is fails)
        for fails in (True, False)
    )
    bench, other = Bench(landscape), replace(ARGUMENTS[0], seed=2)
    for value, x in ((right, other), (wrong, ARGUMENTS[0]), (right, other)):
        bench.driver.calls.clear()
        arguments = (x, *ARGUMENTS[1:])
        bench.ask(make_request(**expect(folder), arguments=arguments, simulation=simulate(value)))
    assert bench.driver.calls.count("write") == 2
    assert not [call for call in bench.driver.calls if call.startswith("allocate")]


def test_too_little_memory_is_a_failure_of_one_test(folder: Path) -> None:
    bench = Bench()
    bench.driver.out_of_memory_at = 3  # the third of the arrays, which are alike
    request = make_request(**expect(folder))
    answer = bench.ask(request)
    assert (answer.kind, answer.reason, answer.sticky) == (
        OutcomeKind.RUN_FAILED,
        "out of memory",
        False,
    )
    assert bench.driver.calls[1:] == ["allocate 400"] * 3 + ["free"] * 2
    assert bench.ask(request).kind is OutcomeKind.OK


def test_older_arrays_make_room_for_newer_ones(folder: Path) -> None:
    bench = Bench()
    bench.ask(make_request(**expect(folder)))
    before = len(bench.driver.calls)
    bench.driver.out_of_memory_at = 1
    other = (Argument("x", "in", "float32", (50,)), *ARGUMENTS[1:])
    assert bench.ask(make_request(number=2, arguments=other)).kind is OutcomeKind.OK
    later = bench.driver.calls[before:]
    assert later[: later.index("write")] == [
        "allocate 200",
        *["free"] * 4,  # x, y, z and what z was at first, of the test before
        "allocate 200",
        *["allocate 400"] * 3,
    ]


def test_without_a_reference_the_first_launch_only_warms_up() -> None:
    bench = Bench()
    answer = bench.ask(make_request())
    assert (answer.kind, answer.verified, answer.error) == (OutcomeKind.OK, False, None)
    calls = [call for call in bench.driver.calls if call in ("copy", "launch")]
    assert calls == ["copy", "launch"] * 5  # none of them on what nobody has written


def test_hot_samples_are_of_many_launches() -> None:
    bench = Bench(Landscape(run_s=10e-6, noise=0.0))
    answer = bench.ask(make_request(mode="hot"))
    assert answer.launches > 1
    assert answer.samples_s[0] * answer.launches >= 50e-6


def test_data_stays_on_the_device_between_tests_of_equal_arguments(folder: Path) -> None:
    bench = Bench()
    bench.ask(make_request(**expect(folder)))
    before = len(bench.driver.calls)
    bench.ask(make_request(**expect(folder), number=2, simulation=simulate(2)))
    later = bench.driver.calls[before:]
    assert not [call for call in later if call.startswith("allocate")]
    other = (Argument("x", "in", "float32", (50,)), *ARGUMENTS[1:])
    bench.ask(make_request(number=3, arguments=other))
    assert "allocate 200" in bench.driver.calls[before:]


def test_arrays_without_data_have_a_size_only() -> None:
    huge = (Argument("x", "inout", "float32", (1 << 40,)),)
    assert Bench().ask(make_request(arguments=huge, data=False)).kind is OutcomeKind.OK


def test_a_race_that_is_lost_is_censored() -> None:
    bench = Bench(Landscape(run_s=1e-3))
    lost = Stopping("race", rival=Rival(1e-9, 1e-9))
    answer = bench.ask(make_request(stopping=lost))
    assert (answer.kind, answer.stop) == (OutcomeKind.CENSORED, "far")
    assert len(answer.samples_s) == 2


def test_an_error_that_corrupts_the_context_is_sticky() -> None:
    landscape = Landscape(run_failures=0.5)
    bench = Bench(landscape)
    value = find_configuration(landscape, "run")
    answer = bench.ask(make_request(simulation=simulate(value)))
    assert (answer.kind, answer.sticky) == (OutcomeKind.RUN_FAILED, True)
    assert "illegal memory access" in answer.reason
    assert bench.ask(make_request()).sticky


def test_a_lost_device_is_told() -> None:
    answer = Bench().ask(make_request(simulation=simulate(1, lost=True)))
    assert (answer.kind, answer.sticky) == (OutcomeKind.DEVICE_LOST, True)


def test_data_that_cannot_be_made_refuses_the_request() -> None:
    absent = Expectation("no_such_module:add", 0.0, 0.0)
    reason = Bench().refuse(make_request(expectation=absent))
    assert "kernel.reference.function = 'no_such_module:add'" in reason


def test_the_simulated_time_follows_the_model() -> None:
    """Twice the bytes take twice as long; a wave that is hardly filled costs a whole one."""

    def least_s(**changes: object) -> float:
        bench = Bench(Landscape(noise=0.0))
        request = make_request(
            simulation=simulate(
                1,
                **{"resident": 2, "transferred_bytes": 1e9, **changes},
            ),
            launch=Launch((264, 1, 1), (128, 1, 1)),
        )
        return min(bench.ask(request).samples_s)

    assert least_s(transferred_bytes=2e9) == pytest.approx(2 * least_s(), rel=0.02)
    assert least_s(occupancy=0.25) == pytest.approx(2 * least_s(), rel=0.02)
    assert least_s(flops=1.0) == pytest.approx(least_s(), rel=0.02)


def test_a_machine_without_memory_for_the_data_fails_one_test() -> None:
    bench = Bench()
    huge = Argument("x", "in", "float32", (2**50,))  # no machine has a thousand terabytes
    answer = bench.ask(make_request(arguments=(huge,)))
    assert answer.kind is OutcomeKind.RUN_FAILED
    assert "this machine has too little memory for its data: Unable to allocate" in answer.reason
    assert not answer.sticky
    assert bench.ask(make_request()).kind is OutcomeKind.OK
