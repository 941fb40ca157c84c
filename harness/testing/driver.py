"""A simulated GPU behind the driver's seam: launches take the time that a model says.

Its memory is host memory where data was written, and only a size where it was not, so that a
simulated test of gigabytes costs nothing. It cannot execute machine code: a launch that is right
writes what the reference expects. Failures follow the landscape: of the configurations that fail to
run, half corrupt the context and half end the process; those that hang never return.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import threading
from collections.abc import Callable
from typing import NoReturn

from harness.clock import Clock, SystemClock
from harness.landscape import Landscape
from harness.lane import DeviceInfo
from harness.measurement import DeviceState, Launch
from harness.timing.driver import DriverError, DriverFacts, Parameter, Pointer
from harness.timing.launch_model import (
    THROTTLED_CLOCK,
    Simulation,
    is_throttled,
    launch_time_s,
    slowdown,
)

_L2_BYTES = 4 << 20
_SM_MHZ = 1500
_HW_THERMAL = 0x40
_WATTS = 150.0
_CONTEXT_ERROR = "simulated: an illegal memory access was encountered"


def die() -> NoReturn:
    """End this process as a crash does."""
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("SIGSEGV did not end the process")


def hang() -> NoReturn:
    """Never return."""
    threading.Event().wait()
    raise AssertionError("nobody sets this event")


def open_simulated(settings: str) -> SimulatedDriver:
    """A driver for a worker's process, in real time.

    Args:
        settings: JSON with the fields of the `landscape` and of the `device`.
    """
    data = json.loads(settings)
    device = data["device"]
    for name, value in device.items():
        device[name] = tuple(value) if isinstance(value, list) else value
    landscape = Landscape(**data["landscape"])
    return SimulatedDriver(landscape, DeviceInfo(**device), SystemClock())


class SimulatedDriver:
    """Answers for a simulated device.

    Args:
        clock: what the device's time is read from, and passes on.
        on_crash, on_hang: what happens when a kernel ends the process, or never ends.
    """

    def __init__(
        self,
        landscape: Landscape,
        device: DeviceInfo,
        clock: Clock,
        *,
        on_crash: Callable[[], NoReturn] = die,
        on_hang: Callable[[], NoReturn] = hang,
    ) -> None:
        self.facts = DriverFacts(device.uuid, device.name, _L2_BYTES, {"driver": "simulated"})
        self._landscape = landscape
        self._device = device
        self._clock = clock
        self._on_crash = on_crash
        self._on_hang = on_hang
        self._pointers = itertools.count(4096, 4096)
        self._memory: dict[Pointer, bytearray | None] = {}
        self._simulation: Simulation | None = None
        self._outputs: dict[Pointer, bytes] = {}
        self._pending_s = self._total_s = 0.0
        self._marks = [0.0, 0.0]
        self._launches = 0
        self._launch_s: tuple[Launch, float] | None = None
        self._wrong = False
        self._corrupt = False

    def foresee(self, simulation: Simulation, outputs: dict[Pointer, bytes]) -> None:
        """What the next kernel is, and what it writes if it is right."""
        self._simulation = simulation
        self._outputs = outputs
        self._launches = 0
        self._launch_s = None

    def power_w(self) -> float:
        """Watts while that kernel runs."""
        assert self._simulation is not None, "a simulated driver is told what it launches"
        return self._landscape.power_w(self._simulation.configuration, self._device)

    def load(self, path: str, function: str) -> int:
        """Nothing is loaded."""
        self._check()
        return 1

    def find_variable(self, symbol: str) -> tuple[Pointer, int]:
        """There are none in what is not loaded."""
        raise DriverError(f"simulated: {self._device.name} has no variable {symbol}")

    def load_own(self, path: str, function: str) -> int:
        """None is needed: what a launch writes is known before."""
        raise DriverError(f"simulated: {self._device.name} has no kernels of the harness's own")

    def allow_shared(self, kernel: int, shared_bytes: int) -> None:
        """Always allowed: what does not fit was refused before."""
        self._check()

    def allocate(self, size_bytes: int) -> Pointer:
        """An address; memory is used when something is written there."""
        self._check()
        pointer = next(self._pointers)
        self._memory[pointer] = None
        return pointer

    def free(self, pointer: Pointer) -> None:
        """Forget it."""
        del self._memory[pointer]

    def write(self, pointer: Pointer, data: memoryview) -> None:
        """Keep the data."""
        self._check()
        self._memory[pointer] = bytearray(data)

    def read(self, pointer: Pointer, data: memoryview) -> None:
        """Give what was kept; zeros where nothing was."""
        self.synchronize()
        held = self._memory[pointer]
        data[:] = bytes(len(data)) if held is None else held

    def copy(self, target: Pointer, source: Pointer, size_bytes: int) -> None:
        """Copy what was kept, if anything."""
        held = self._memory[source]
        self._memory[target] = None if held is None else bytearray(held)

    def set_bytes(self, pointer: Pointer, byte: int, size_bytes: int) -> None:
        """Takes the time of writing; only arrays that a kernel writes are really set."""
        if pointer in self._outputs:
            self._memory[pointer] = bytearray([byte]) * size_bytes
        if self._device.peak_gbps:
            self._queue(size_bytes / (self._device.peak_gbps * 1e9))

    def _queue(self, duration_s: float) -> None:
        self._pending_s += duration_s
        self._total_s += duration_s

    def launch(self, kernel: int, launch: Launch, parameters: tuple[Parameter, ...]) -> None:
        """Let the launch's time pass, or fail as the landscape says."""
        self._check()
        simulation = self._simulation
        assert simulation is not None, "a simulated driver is told what it launches"
        if self._launch_s is None:  # a configuration that did not fail at first never does
            self._fail(simulation)
            self._wrong = self._landscape.fails(simulation.configuration, "wrong")
        if self._launch_s is None or self._launch_s[0] != launch:
            mean_s = launch_time_s(self._landscape, self._device, launch, simulation)
            self._launch_s = (launch, mean_s)
        self._launches += 1
        count = f"{simulation.round} {self._launches}"
        key = ("launch", repr(simulation.values), self._device.uuid, count)
        noise = math.exp(self._landscape.noise * self._landscape.normal(*key))
        at_s = self._clock.now_s() + self._pending_s
        self._queue(self._launch_s[1] * noise * slowdown(self._landscape, self._device, at_s))
        for pointer, data in self._outputs.items():
            self._memory[pointer] = bytearray(len(data)) if self._wrong else bytearray(data)

    def _fail(self, simulation: Simulation) -> None:
        configuration, landscape = simulation.configuration, self._landscape
        if simulation.lost:
            self._corrupt = True
            raise DriverError(f"simulated: {self._device.name} is lost", sticky=True, lost=True)
        if simulation.sound:
            return
        if landscape.fails(configuration, "hang"):
            self._on_hang()
        if landscape.fails(configuration, "run"):
            if landscape.uniform("how it fails", repr(simulation.values)) < 0.5:
                self._on_crash()
            self._corrupt = True
            self._check()

    def _check(self) -> None:
        if self._corrupt:
            raise DriverError(_CONTEXT_ERROR, sticky=True)

    def mark(self, slot: int) -> None:
        """Note the time at which the queue comes here."""
        self._marks[slot] = self._total_s

    def has_reached(self, slot: int) -> bool:
        """Never before it is waited for: the host takes no time to queue what comes after."""
        return False

    def elapsed_s(self) -> float:
        """Between the marks."""
        elapsed_s = self._marks[1] - self._marks[0]
        self.synchronize()
        return elapsed_s

    def synchronize(self) -> None:
        """Let the time of all that was asked pass."""
        self._check()
        self._clock.sleep(self._pending_s)
        self._pending_s = 0.0

    def close(self) -> None:
        """Nothing is held."""


class SimulatedTelemetry:
    """The state of a simulated device: its clocks are low in the minutes in which it throttles."""

    def __init__(self, landscape: Landscape, device: DeviceInfo, clock: Clock) -> None:
        self._landscape = landscape
        self._device = device
        self._clock = clock
        self._held_ns = 0
        self._last_s = clock.now_s()

    def read(self) -> DeviceState:
        """The state now."""
        at_s = self._clock.now_s()
        throttled = is_throttled(self._landscape, self._device, at_s)
        if throttled:
            self._held_ns += max(0, round((at_s - self._last_s) * 1e9))
        self._last_s = at_s
        return DeviceState(
            at_s,
            sm_mhz=round(_SM_MHZ * (THROTTLED_CLOCK if throttled else 1)),
            reasons=_HW_THERMAL if throttled else 0,
            energy_j=_WATTS * at_s,
            held_ns=(("hw_thermal", self._held_ns),),
            processes=1,
        )

    def close(self) -> None:
        """Nothing is held."""
