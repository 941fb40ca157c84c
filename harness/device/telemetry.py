"""The state of a GPU around a measurement: clocks, temperature, power, what holds it back.

Event reasons are instantaneous and miss what happens between two looks; the counters, in ns since
the driver was loaded, do not. A MIG slice is asked by its parent, whose clocks it shares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from harness.device.nvml import ask, errors, import_nvml
from harness.lane import DeviceInfo
from harness.measurement import DeviceState

COUNTERS = {
    "power_cap": 74,
    "thermal": 75,
    "sw_thermal": 269,
    "hw_thermal": 270,
    "power_brake": 271,
}
"""NVML's field ids of the counters: for how long clocks were held back, by what."""


class NvmlTelemetry:
    """Reads the state of one device; what its driver does not tell is None.

    Args:
        now_s: the session's clock.
        nvml: the module `pynvml` or a stand-in; None: imported.
    """

    def __init__(
        self, device: DeviceInfo, now_s: Callable[[], float], nvml: ModuleType | None = None
    ) -> None:
        self._now_s = now_s
        self._is_slice = bool(device.parent_uuid)
        self._nvml = nvml or import_nvml()
        self._handle: Any = None
        if self._nvml is not None:
            with self._tolerant():
                self._nvml.nvmlInit()
                self._handle = self._nvml.nvmlDeviceGetHandleByUUID(
                    device.parent_uuid or device.uuid
                )

    def read(self) -> DeviceState:
        """The state now; of a device that is gone, only when."""
        at_s = self._now_s()
        nvml, handle = self._nvml, self._handle
        if nvml is None or handle is None:
            return DeviceState(at_s)
        with self._tolerant():
            energy_mj = ask(nvml, None, nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
            power_mw = ask(nvml, None, nvml.nvmlDeviceGetPowerUsage, handle)
            sensor, sm, memory = nvml.NVML_TEMPERATURE_GPU, nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM
            processes = ask(nvml, None, nvml.nvmlDeviceGetComputeRunningProcesses, handle)
            return DeviceState(
                at_s=at_s,
                sm_mhz=ask(nvml, None, nvml.nvmlDeviceGetClockInfo, handle, sm),
                memory_mhz=ask(nvml, None, nvml.nvmlDeviceGetClockInfo, handle, memory),
                temperature_c=ask(nvml, None, nvml.nvmlDeviceGetTemperature, handle, sensor),
                power_w=None if power_mw is None else power_mw / 1e3,
                energy_j=None if energy_mj is None or self._is_slice else energy_mj / 1e3,
                reasons=ask(nvml, 0, nvml.nvmlDeviceGetCurrentClocksEventReasons, handle),
                held_ns=self._read_counters(nvml, handle),
                processes=None if processes is None else len(processes),
            )
        return DeviceState(at_s)

    def _read_counters(self, nvml: ModuleType, handle: Any) -> tuple[tuple[str, int], ...]:
        fields = list(COUNTERS.values())
        found: Any = ask(nvml, (), nvml.nvmlDeviceGetFieldValues, handle, fields)
        return tuple(
            (name, int(field.value.ullVal))
            for name, field in zip(COUNTERS, found, strict=False)
            if field.nvmlReturn == nvml.NVML_SUCCESS
        )

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        """Telemetry is for the record: a driver that fails to give it stops nothing."""
        assert self._nvml is not None
        with suppress(*errors(self._nvml)):
            yield

    def close(self) -> None:
        """Let go of NVML."""
        if self._nvml is not None:
            with self._tolerant():
                self._nvml.nvmlShutdown()
