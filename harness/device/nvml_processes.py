"""Who uses a GPU, as NVML tells: those who compute on it, and those who draw."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from harness.device.base import DeviceProcess
from harness.device.nvml_library import ask, errors

_SERVER = "nvidia-cuda-mps-server"
"""It passes on what processes that share a GPU through MPS compute; it computes nothing itself."""


def find_processes(nvml: ModuleType, uuid: str) -> list[DeviceProcess]:
    """Everybody who computes or draws on the device of this UUID."""
    handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
    drawing: list[Any] = ask(nvml, [], nvml.nvmlDeviceGetGraphicsRunningProcesses, handle)
    found: dict[int, DeviceProcess] = {}
    computing = _list_computing(nvml, handle) or []
    for place, process in enumerate((*computing, *drawing)):
        if process.pid not in found:
            name, memory = _find_name(nvml, process.pid), process.usedGpuMemory or 0
            computes = place < len(computing) and not name.endswith(_SERVER)
            found[process.pid] = DeviceProcess(process.pid, name, memory, computes)
    return list(found.values())


def count_computing(nvml: ModuleType, handle: Any) -> int | None:
    """How many processes compute on a device; None where the driver does not tell."""
    computing = _list_computing(nvml, handle)
    if computing is None:
        return None
    pids = {process.pid for process in computing}
    return sum(not _find_name(nvml, pid).endswith(_SERVER) for pid in pids)


def _list_computing(nvml: ModuleType, handle: Any) -> list[Any] | None:
    """Those with a context of their own, then those who share one through MPS."""
    own: list[Any] | None = ask(nvml, None, nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if own is None:
        return None
    sharing: list[Any] = ask(nvml, [], nvml.nvmlDeviceGetMPSComputeRunningProcesses, handle)
    return [*own, *sharing]


def _find_name(nvml: ModuleType, pid: int) -> str:
    """Empty where it is not told, as in a container."""
    try:
        name: str = nvml.nvmlSystemGetProcessName(pid)
    except errors(nvml):
        return ""
    return name
