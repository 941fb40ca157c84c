"""How long a launch takes on a simulated GPU. Pure.

    t = 2 us + work * L / (U * E)

`work` is the roofline's time: the greater of flops / peak and bytes / bandwidth, as far as the
config's metrics tell them, at 80 % of what the device can; a typical run's time where they tell
neither. L is the landscape of the n parameters (landscape.py) for the device's model, to the power
2 / max(2, n), lest many parameters multiply up.
U is the share of the last wave's places that are filled: blocks / (waves * places), where the
device has `resident` places per multiprocessor. E = min(1, 2 * occupancy): half of the warps that
fit are enough to hide latency.

On top of it, in the device's own time: drift of +-0.5 % over ten minutes, throttling to 80 % of
the clocks in some of its minutes, and log-normal noise per launch. All is decided by the seed and
the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.configuration import Configuration, Value
from harness.landscape import Landscape
from harness.lane import DeviceInfo
from harness.measurement import Launch

OVERHEAD_S = 2e-6
_EFFICIENCY = 0.8
_DRIFT, _DRIFT_PERIOD_S = 0.005, 600.0
_EPISODE_S = 60.0
THROTTLED_CLOCK = 0.8


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulated device is told of a launch, since it cannot see what the kernel does.

    Attributes:
        values: the configuration's.
        resident: blocks that a multiprocessor holds at once, >= 1.
        occupancy: the share of a multiprocessor's warps that these are, in (0, 1].
        flops, transferred_bytes: of one launch; 0: not known.
        round: which run of the test it is: another one has other noise.
        lost: the device is lost from now on.
        sound: it does not fail, whatever the landscape says.
    """

    names: tuple[str, ...]
    values: tuple[Value, ...]
    resident: int = 1
    occupancy: float = 1.0
    flops: float = 0.0
    transferred_bytes: float = 0.0
    round: int = 0
    lost: bool = False
    sound: bool = False

    @property
    def configuration(self) -> Configuration:
        """What is launched."""
        return Configuration(self.names, self.values)


def launch_time_s(
    landscape: Landscape, device: DeviceInfo, launch: Launch, simulation: Simulation
) -> float:
    """Seconds that a launch takes without noise, drift and throttling."""
    configuration = simulation.configuration
    work_s = max(
        simulation.flops / (_EFFICIENCY * device.peak_gflops * 1e9) if device.peak_gflops else 0.0,
        simulation.transferred_bytes / (_EFFICIENCY * device.peak_gbps * 1e9)
        if device.peak_gbps
        else 0.0,
    )
    product = landscape.mean_s(configuration, device) * device.speed / landscape.run_s
    shape = math.pow(product, 2 / max(2, len(configuration)))
    if work_s == 0:
        work_s = landscape.run_s / device.speed
    places = max(1, device.sm_count) * simulation.resident
    waves = math.ceil(launch.blocks / places)
    used = launch.blocks / (waves * places)
    return OVERHEAD_S + work_s * shape / (used * min(1.0, 2 * simulation.occupancy))


def is_throttled(landscape: Landscape, device: DeviceInfo, at_s: float) -> bool:
    """Whether the device's clocks are held back at this instant."""
    minute = str(int(at_s // _EPISODE_S))
    return landscape.uniform("throttled", device.uuid, minute) < landscape.throttling


def slowdown(landscape: Landscape, device: DeviceInfo, at_s: float) -> float:
    """The factor by which drift and throttling lengthen a launch at this instant."""
    phase = landscape.uniform("drift", device.uuid)
    drift = 1 + _DRIFT * math.sin(2 * math.pi * (at_s / _DRIFT_PERIOD_S + phase))
    return drift / THROTTLED_CLOCK if is_throttled(landscape, device, at_s) else drift
