"""What tests of kernel measuring share: an invented device, requests, and links to workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

from harness.clock import Clock, VirtualClock
from harness.landscape import Landscape
from harness.lane import DeviceInfo, Lane
from harness.measurement import Argument, Launch
from harness.testing.driver import SimulatedDriver
from harness.timing.driver import Driver
from harness.timing.launch_model import Simulation
from harness.timing.link import DirectLink, PipeLink
from harness.timing.protocol import Expectation, Measure, PhaseName
from harness.timing.stopping import Stopping

DEVICE = DeviceInfo(
    "mock", 0, "MOCK-0", "H100", sm_count=132, peak_gflops=50e3, peak_gbps=3000.0, simulated=True
)
DRIVER = "harness.testing.driver:open_simulated"
LANE = Lane("left", 0, DEVICE, (("HARNESS_PARALLEL", "left"),))
ARGUMENTS = (
    Argument("x", "in", "float32", (100,), seed=1),
    Argument("y", "out", "float32", (100,)),
    Argument("z", "inout", "float32", (100,), fill="ones"),
    Argument("n", "in", "int32", None, 100),
)
REFERENCE = "def add(x, y, z, n):\n    return 2 * x, z + x\n"


def make_request(**changes: Any) -> Measure:
    """A request that a worker can meet."""
    request = Measure(
        number=1,
        module="/x.cubin",
        function="add",
        launch=Launch((100, 1, 1), (128, 1, 1)),
        arguments=ARGUMENTS,
        mode="cold",
        stopping=Stopping("repeat", repeat=4),
        folders=("/",),
        simulation=Simulation(("A",), (1,)),
    )
    values = {name: getattr(request, name) for name in Measure.__struct_fields__}
    return Measure(**{**values, **changes})


def expect(folder: object) -> dict[str, Any]:
    """Changes of a request that has its result verified."""
    return {"expectation": Expectation("adder:add", 1e-6, 1e-6), "folders": (str(folder),)}


_KINDS: tuple[Literal["run", "hang"], ...] = ("run", "hang")


def find_configuration(landscape: Landscape, what: str, *, crash: bool = False) -> int:
    """A value of the parameter A with which the landscape fails in this way and in no other."""
    for value in range(10_000):
        simulation = Simulation(("A",), (value,))
        failing = [kind for kind in _KINDS if landscape.fails(simulation.configuration, kind)]
        crashes = landscape.uniform("how it fails", repr(simulation.values)) < 0.5
        if failing == [what] and (what != "run" or crashes == crash):
            return value
    raise AssertionError("no such configuration")


def simulate(value: int, **changes: Any) -> Simulation:
    return replace(Simulation(("A",), (value,)), **changes)


def direct(landscape: Landscape, clock: Clock | None = None) -> DirectLink:
    """A worker without a process."""
    clock = clock or VirtualClock()

    def make_driver(on_crash: Any, on_hang: Any) -> Driver:
        return SimulatedDriver(landscape, DEVICE, clock, on_crash=on_crash, on_hang=on_hang)

    return DirectLink(make_driver, clock)


def piped(
    landscape: Landscape, *, uuid: str = "MOCK-0", environment: Mapping[str, str] | None = None
) -> PipeLink:
    """A worker in a process of its own."""
    settings = json.dumps({"landscape": asdict(landscape), "device": asdict(DEVICE)})
    return PipeLink(
        DRIVER,
        settings,
        uuid=uuid,
        environment=environment or {},
    )


def no_limits(phase: PhaseName) -> float | None:
    return 60.0


def never() -> NoReturn:
    sys.exit("not reached")


def build_library(folder: Path) -> str:
    """A library in C that has the functions of the driver's, and no GPU."""
    made = folder / "libcuda.so"
    source = Path(__file__).with_name("fake_libcuda.c")
    command = ["gcc", "-shared", "-fPIC", "-w", "-o", str(made), str(source)]
    subprocess.run(command, check=True)
    return str(made)
