"""A process that asks CUDA's driver for its devices, where NVML does not know them.

    python -m harness.device.cuda_probe LIBRARY all|visible

It prints JSON: a list with an object for each device; or an object with a text that says why there
is none, and CUDA's `status`, if it was asked. `all` are those that CUDA_VISIBLE_DEVICES hides, too.
It is a process of its own since whoever calls CUDA must not start others by a fork afterwards, and
since it may hang with a GPU that is broken.

Source: CUDA Driver API reference; numbers of attributes are those of `cuda.h`.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from ctypes import byref, c_int, c_size_t
from typing import Any

_ATTRIBUTES = {
    "clock_khz": 13,
    "sm_count": 16,
    "integrated": 18,
    "compute_mode": 20,
    "memory_khz": 36,
    "bus_bits": 37,
    "major": 75,
    "minor": 76,
}
_PCI_BUS_ID_BYTES = 32
_HINTS = {
    34: "the library is a stub to link with: take its folder, `stubs`, out of LD_LIBRARY_PATH",
    100: "it shows no device",
    803: "the driver does not fit the library: reboot, or install the driver's own",
    804: "the driver is too old for the library: install the driver's own",
}


class _ProbeError(Exception):
    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class _Cuda:
    """The library; a call that fails is an error with its number."""

    def __init__(self, name: str) -> None:
        try:
            self._library = ctypes.CDLL(name)
        except OSError as error:
            raise _ProbeError(str(error)) from error

    def call(self, function: str, *arguments: Any) -> None:
        try:
            status = getattr(self._library, function)(*arguments)
        except AttributeError as error:
            raise _ProbeError(str(error)) from error
        if status != 0:
            hint = f" ({_HINTS[status]})" if status in _HINTS else ""
            raise _ProbeError(f"{function} fails with error {status}{hint}", status)

    def number(self, function: str, *arguments: Any) -> int:
        value = c_int()
        self.call(function, byref(value), *arguments)
        return value.value


def list_devices(library: str) -> list[dict[str, Any]]:
    """Every device of CUDA, in the order of their PCI bus ids."""
    cuda = _Cuda(library)
    cuda.call("cuInit", 0)
    version = cuda.number("cuDriverGetVersion")
    driver = f"CUDA {version // 1000}.{version % 1000 // 10}"
    count = cuda.number("cuDeviceGetCount")
    return [{"driver": driver, **_describe(cuda, ordinal)} for ordinal in range(count)]


def _describe(cuda: _Cuda, ordinal: int) -> dict[str, Any]:
    device = cuda.number("cuDeviceGet", ordinal)
    name = ctypes.create_string_buffer(256)
    bus_id = ctypes.create_string_buffer(_PCI_BUS_ID_BYTES)
    uuid, memory = (ctypes.c_ubyte * 16)(), c_size_t()
    cuda.call("cuDeviceGetName", name, len(name), device)
    cuda.call("cuDeviceGetUuid_v2", uuid, device)
    cuda.call("cuDeviceTotalMem_v2", byref(memory), device)
    cuda.call("cuDeviceGetPCIBusId", bus_id, len(bus_id), device)
    found = {
        key: cuda.number("cuDeviceGetAttribute", attribute, device)
        for key, attribute in _ATTRIBUTES.items()
    }
    return {
        **found,
        "ordinal": ordinal,
        "name": name.value.decode(errors="replace"),
        "uuid": bytes(uuid).hex(),
        "memory_bytes": memory.value,
        "pci_bus_id": bus_id.value.decode(errors="replace").lower(),
    }


def main(library: str, which: str) -> None:
    """Print what there is."""
    if which == "all":
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    try:
        answer: object = list_devices(library)
    except _ProbeError as error:
        answer = {"text": str(error), "status": error.status}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
