"""The state of a GPU around a measurement: clocks, temperature, power, what holds it back.

Event reasons are instantaneous and miss what happens between two looks; the counters, in ns since
the driver was loaded, do not. A MIG slice is asked by its parent, whose clocks it shares; processes
are its own, since the parent has those of all its slices.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

from harness.device.nvml_library import errors, import_nvml
from harness.device.nvml_processes import count_computing
from harness.lane import DeviceInfo
from harness.measurement import DeviceState

COUNTERS = {
    "power_cap": (74, 0x4),
    "thermal": (75, 0x8),
    "sw_thermal": (269, 0x20),
    "hw_thermal": (270, 0x40),
    "power_brake": (271, 0x80),
}
"""For how long clocks were held back, by what: NVML's field ids of the counters, and the bits of
the event reasons of the same cause (0x8 also stands for causes that have a bit of their own)."""


class NvmlTelemetry:
    """Reads the state of one device; what its driver does not tell is None.

    Many GPUs for desktops count nothing. There a reason that stands when it is looked for counts
    from the look before: measurements begin and end with one.

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
        self._own: Any = None  # of the slice, where that is asked by its parent
        self._seen_ns: dict[str, int] = {}
        self._last_s: float | None = None
        if self._nvml is not None:
            with suppress(*errors(self._nvml)):
                self._nvml.nvmlInit()
                self._handle = self._own = self._nvml.nvmlDeviceGetHandleByUUID(device.uuid)
                if device.parent_uuid:
                    self._handle = self._nvml.nvmlDeviceGetHandleByUUID(device.parent_uuid)

    def read(self) -> DeviceState:
        """The state now; of a device that is gone, only when."""
        at_s = self._now_s()
        nvml, handle = self._nvml, self._handle
        if nvml is None or handle is None:
            return DeviceState(at_s)
        energy_mj = self._ask("nvmlDeviceGetTotalEnergyConsumption")
        power_mw = self._ask("nvmlDeviceGetPowerUsage")
        reasons = self._read_reasons()
        return DeviceState(
            at_s=at_s,
            sm_mhz=self._ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            memory_mhz=self._ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
            temperature_c=self._ask("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
            power_w=None if power_mw is None else power_mw / 1e3,
            energy_j=None if energy_mj is None or self._is_slice else energy_mj / 1e3,
            reasons=reasons or 0,
            held_ns=self._find_held(at_s, reasons),
            processes=self._count_processes(),
        )

    def _ask(self, function: str, *arguments: object) -> Any:
        """Telemetry is for the record: a driver that fails to give it stops nothing."""
        assert self._nvml is not None
        try:
            return getattr(self._nvml, function)(self._handle, *arguments)
        except errors(self._nvml):
            return None

    def _read_reasons(self) -> int | None:
        reasons: int | None = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        if reasons is None:  # a driver before 535 has it by its old name
            reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        return reasons

    def _find_held(self, at_s: float, reasons: int | None) -> tuple[tuple[str, int], ...]:
        """What the driver counts, and of the rest what was seen by us."""
        assert self._nvml is not None
        fields = [field for field, _ in COUNTERS.values()]
        found = self._ask("nvmlDeviceGetFieldValues", fields) or ()
        counted = {
            name: int(field.value.ullVal)
            for name, field in zip(COUNTERS, found, strict=False)
            if field.nvmlReturn == self._nvml.NVML_SUCCESS
        }
        passed_ns = 0 if self._last_s is None else max(1, round((at_s - self._last_s) * 1e9))
        self._last_s = at_s
        if reasons is not None:
            for name, (_, bit) in COUNTERS.items():
                self._seen_ns[name] = self._seen_ns.get(name, 0) + bool(reasons & bit) * passed_ns
        held = {**self._seen_ns, **counted}
        return tuple((name, held[name]) for name in COUNTERS if name in held)

    def _count_processes(self) -> int | None:
        assert self._nvml is not None
        with suppress(*errors(self._nvml)):
            return count_computing(self._nvml, self._own)
        return None

    def close(self) -> None:
        """Let go of NVML."""
        if self._nvml is not None:
            with suppress(*errors(self._nvml)):
                self._nvml.nvmlShutdown()
