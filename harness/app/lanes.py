"""The devices of this machine and the lanes that a config puts on them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.app.names import BACKENDS, load
from harness.config.mock_table import MockTable
from harness.config.spec import Parallel, Pin, Spec
from harness.device.base import Backend, DeviceProcess
from harness.device.cpu import spare_cores
from harness.device.discover import find_devices
from harness.device.lanes import count_devices, make_lanes
from harness.device.locks import find_holders
from harness.errors import ConfigError
from harness.lane import DeviceInfo, Lane

if TYPE_CHECKING:  # NumPy is slow to load, and few configs are replayed
    from harness.replay.recording import Recording


@dataclass(frozen=True, slots=True)
class Devices:
    """What was found and how it is used.

    Attributes:
        backend: the backend's name, `auto` resolved.
        found: every device of it.
        lanes: what `parallel` gives.
        remarks: what a user should know of what was found, or left out.
    """

    backend: str
    found: tuple[DeviceInfo, ...]
    lanes: tuple[Lane, ...]
    source: Backend
    remarks: tuple[str, ...] = ()

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """Who uses `device` now."""
        return self.source.processes(device)

    def describe_holders(self) -> list[str]:
        """The lanes whose devices other harness processes hold, with those."""
        return [
            f"lane {lane.name}: device {lane.device.name} is held by "
            f"{name_holders(holders)}; `harness tune` would wait for it with --wait, and else fail"
            for lane in self.lanes
            if (holders := find_holders(lane.device))
        ]

    def suggest_free(self) -> str:
        """What to do about a device that is in use: take those that are not."""
        free = [
            device for device in self.found if device.kind == "cuda" and not find_holders(device)
        ]
        if not free:
            return "use other devices"
        return f"use what is free: --parallel {','.join(f'gpu{device.index}' for device in free)}"

    def describe_users(self) -> list[str]:
        """The lanes on whose devices other processes compute, which the locks do not keep away."""
        texts = []
        for lane in self.lanes:
            processes = self.processes(lane.device)
            users = [user for user in processes if user.computes]
            passes_on = len(users) < len(processes)  # MPS has many in one process
            alone = lane.device.compute_mode == "exclusive_process" and not passes_on
            if users:
                texts.append(
                    f"lane {lane.name}: {name_users(users)} on device {lane.device.name}: what is "
                    f"measured there is disturbed{_ALONE if alone else ''}; use other devices "
                    "(--parallel), or wait"
                )
        return texts


_ALONE = ", and its compute mode admits no other process"
_NAMED = 3
"""How many processes are named."""


def name_users(users: Sequence[DeviceProcess]) -> str:
    """`python3 (pid 4711) computes`; in a container the driver may not tell their names."""
    named = [f"{Path(user.name).name or 'a process'} (pid {user.pid})" for user in users[:_NAMED]]
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return f"{', '.join(named)}{more} compute{'s' if len(users) == 1 else ''}"


def name_holders(holders: Sequence[int]) -> str:
    """`harness process 4711`."""
    return f"harness process{'es' if len(holders) > 1 else ''} {', '.join(map(str, holders))}"


def find_lanes(spec: Spec, recording: Recording | None = None) -> Devices:
    """Discover the devices that `spec` asks for and bind its lanes to them.

    Args:
        recording: what backend `replay` answers from.

    Raises:
        ConfigError: a selector in `parallel` that fits no device, or several.
        DeviceError: discovery failed, or there are fewer devices than lanes.
    """
    return find_lanes_of(
        spec.backend,
        parallel=spec.parallel,
        pin=spec.pin,
        oversubscribe=spec.oversubscribe,
        mock=spec.mock,
        recording=recording,
    )


def find_lanes_of(
    backend: str,
    *,
    parallel: Parallel = "auto",
    pin: Pin = "visible",
    oversubscribe: bool = False,
    mock: MockTable | None = None,
    recording: Recording | None = None,
) -> Devices:
    """The same without a Spec."""
    backends = _make_backends(mock or MockTable(), recording)
    if backend == "replay" and recording is None:
        raise ConfigError("backend replay has devices only for a recording; use --replay FILE")
    name, found = find_devices(backends, backend, count_devices(parallel))
    lanes = make_lanes(parallel, found, pin=pin, oversubscribe=oversubscribe)
    remarks = tuple(remark for made in backends.values() for remark in made.remarks)
    return Devices(name, tuple(found), tuple(lanes), backends[name], remarks)


def _make_backends(mock: MockTable, recording: Recording | None) -> dict[str, Backend]:
    """Every backend that can be made; `replay` takes a recording."""
    made: dict[str, Backend] = {}
    for name, entry in BACKENDS.items():
        if name == "mock":
            made[name] = load(entry)(mock.devices, seed=mock.seed)
        elif name != "replay":
            made[name] = load(entry)()
        elif recording is not None:
            made[name] = load(entry)(recording)
    return made


def compile_cores(devices: Sequence[DeviceInfo]) -> tuple[int, ...]:
    """The cores for compiling: those that no lane owns, or all if the lanes own all."""
    return spare_cores(devices)


def count_workers(devices: Devices) -> int:
    """How many compile at once: one per core for it, but for a core per GPU lane to feed it.

    A replay has one per lane, so that its time does not depend on this machine.
    """
    available = len(os.sched_getaffinity(0))
    if devices.backend == "replay":
        return len(devices.lanes)
    if devices.backend == "cpu":
        return max(1, len(compile_cores([lane.device for lane in devices.lanes])))
    if devices.backend == "cuda":
        return max(1, available - len(devices.lanes))
    return max(1, available)
