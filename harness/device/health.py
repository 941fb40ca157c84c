"""Whether a GPU is still there, and what is wrong with one that is."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from harness.device.nvml_library import ask, errors, kind, nvml_session
from harness.errors import DeviceError
from harness.lane import DeviceInfo

_RECOVERIES = {
    1: "it needs a reset (nvidia-smi --gpu-reset)",
    2: "the machine must be rebooted",
    3: "its links to other GPUs are broken: drain them",
    4: "it needs a reset once nothing uses it (nvidia-smi --gpu-reset)",
    6: "its bus must be reset",
    7: "the machine must be rebooted",
}
"""What the driver asks for after an error of the hardware; 5 concerns links of other machines."""

_RECOVERY_ACTION = 230
"""NVML's field id of that, as of drivers from 570 on."""

_VIRTUAL = 2
"""NVML's number of the virtualisation in which a GPU is shared (vGPU); passed through is 1."""

_GONE = {
    "GpuIsLost": "the GPU has fallen off the bus",
    "ResetRequired": "the GPU needs a reset",
    "NotFound": "the driver does not know the device any more",
}
"""Answers that mean: nothing will run there any more."""


def describe_faults(nvml: ModuleType, handle: Any) -> str:
    """What speaks against a GPU that works all the same; empty if nothing does."""
    if ask(nvml, 0, nvml.nvmlDeviceGetVirtualizationMode, handle) == _VIRTUAL:
        return "is a part of one that other machines may use meanwhile, unseen: times may vary"
    damage = _find_damage(nvml, handle)
    return f"is used, but {damage}" if damage else ""


def _find_damage(nvml: ModuleType, handle: Any) -> str:
    """What its driver says of its hardware."""
    fields: Any = ask(nvml, (), nvml.nvmlDeviceGetFieldValues, handle, [_RECOVERY_ACTION])
    for field in fields:
        action = int(field.value.uiVal) if field.nvmlReturn == nvml.NVML_SUCCESS else 0
        if action in _RECOVERIES:
            return f"its driver reports an error of the hardware: {_RECOVERIES[action]}"
    _, _, pending, failed = ask(nvml, (0, 0, 0, 0), nvml.nvmlDeviceGetRemappedRows, handle)
    if failed:
        return "rows of its memory are broken and cannot be replaced: have it repaired"
    if pending:
        return "broken rows of its memory wait for a reset (nvidia-smi --gpu-reset) to be replaced"
    return ""


def find_loss(device: DeviceInfo, given: ModuleType | None = None) -> str:
    """Why nothing can run on a GPU or MIG slice any more; empty if nothing speaks for that.

    A driver that does not answer at all is no proof: it may be asked where it is not in sight.

    Args:
        given: the module `pynvml` or a stand-in; None: imported.
    """
    if device.cuda_name:  # NVML does not know it by its UUID
        return ""
    try:
        with nvml_session(given) as nvml:
            return "" if nvml is None else _ask_for(nvml, device)
    except DeviceError:
        return ""


def _ask_for(nvml: ModuleType, device: DeviceInfo) -> str:
    try:
        handle = nvml.nvmlDeviceGetHandleByUUID(device.uuid)
        if device.parent_uuid:
            handle = nvml.nvmlDeviceGetHandleByUUID(device.parent_uuid)
    except errors(nvml) as error:  # it was found before, so this is no gap of the driver
        return "the driver cannot find the GPU" if kind(error) == "Unknown" else _say(error)
    try:
        # The library knows its handles by heart; a question about the state reaches the GPU.
        nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
    except errors(nvml) as error:
        return _say(error)
    return ""


def _say(error: Exception) -> str:
    return _GONE.get(kind(error), "")
