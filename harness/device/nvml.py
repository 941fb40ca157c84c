"""NVIDIA GPUs and MIG slices, as the driver's management library (NVML) sees them."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.device.base import COMPUTE_MODES, DeviceProcess
from harness.device.health import describe_faults
from harness.device.nvml_library import (
    OR_WITHOUT,
    NvmlMissingError,
    ask,
    errors,
    kind,
    nvml_session,
    translate,
)
from harness.device.nvml_processes import find_processes
from harness.device.visible import PhysicalGpu, explain_hidden, select_visible
from harness.errors import DeviceError
from harness.lane import DeviceInfo
from harness.limits import cores_per_sm
from harness.units import format_count

Handle = object

_BUILT_IN = ("nvgpu", "nvhost-gpu")
"""Device files of GPUs that are built into the chip, as on Jetson boards."""

_PCI_BUS_ID = re.compile(r"([0-9A-Fa-f]+):([0-9A-Fa-f]+:[0-9A-Fa-f]+\.[0-9A-Fa-f]+)")


class CudaBackend:
    """Finds GPUs; a GPU in MIG mode is found as its slices.

    Args:
        nvml: the module `pynvml` or a stand-in; None: imported when first needed.
        environment: where the user's CUDA_VISIBLE_DEVICES is looked up.
        dev: where the driver's device files are, by which a broken installation is told from none.
        find_cuda_devices: asks CUDA itself; None: as `device.cuda_devices` does.
    """

    def __init__(
        self,
        nvml: ModuleType | None = None,
        environment: Mapping[str, str] | None = None,
        dev: Path = Path("/dev"),
        find_cuda_devices: Callable[[], list[DeviceInfo]] | None = None,
    ) -> None:
        self._given = nvml
        self._environment = os.environ if environment is None else environment
        self._dev = dev
        self._find_cuda_devices = find_cuda_devices or _find_cuda_devices
        self.remarks: Sequence[str] = ()

    def discover(self, count: int | None = None) -> list[DeviceInfo]:
        """GPUs and MIG slices in the order of their PCI bus ids, then of the slices.

        Indices count what is there, so they stay the same when CUDA_VISIBLE_DEVICES hides some.
        Indices in that variable are taken as places in PCI order among the GPUs, which is what
        nvidia-smi shows; CUDA itself takes them so only if CUDA_DEVICE_ORDER is PCI_BUS_ID.
        GPUs that this user may not use are left out, and those that are broken or prohibit
        computing too, with a remark. CUDA itself is asked where NVML is missing, or knows too
        little.

        Args:
            count: not used: hardware is what it is.

        Raises:
            DeviceError: the driver is broken, or every GPU is.
        """
        self.remarks = remarks = list[str]()
        try:
            with nvml_session(self._given, self._has_gpus) as nvml:
                found = [] if nvml is None else _find_gpus(nvml, remarks)
        except NvmlMissingError as error:
            found = self._ask_cuda(str(error), remarks)
        if any(gpu.is_integrated and not gpu.devices[0].cuda_name for gpu in found):
            told = self._ask_cuda("NVML hardly knows the GPU that is built into the chip", remarks)
            found = [gpu for gpu in found if not gpu.is_integrated]
            known = {gpu.uuid for gpu in found}
            found += [gpu for gpu in told if gpu.uuid not in known]
        gpus = _number(found)
        variable = self._environment.get("CUDA_VISIBLE_DEVICES")
        order = self._environment.get("CUDA_DEVICE_ORDER", "")
        remarks += explain_hidden(gpus, variable, order)
        return select_visible(gpus, variable)

    def _ask_cuda(self, why: str, remarks: list[str]) -> list[PhysicalGpu]:
        """The GPUs as CUDA tells of them."""
        why = why.removesuffix(OR_WITHOUT)
        try:
            found = self._find_cuda_devices()
        except DeviceError as error:
            raise DeviceError(f"{error}; {why}{OR_WITHOUT}") from error
        remarks.append(
            f"{why}; CUDA itself told of its devices: their clocks, energy and users are not known"
        )
        return [PhysicalGpu(device.uuid, (device,)) for device in found]

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """Who computes or draws on `device`; empty where the driver does not tell.

        In a container the pids may be the host's and the names empty: show them, but never act
        on a pid.
        """
        with suppress(DeviceError), nvml_session(self._given) as nvml:
            return [] if nvml is None else find_processes(nvml, device.uuid)
        return []

    def _has_gpus(self) -> bool:
        """Whether there are GPUs for the driver, so that its failure is no absence."""
        numbered = any(path.name[6:].isdigit() for path in self._dev.glob("nvidia[0-9]*"))
        return numbered or any((self._dev / name).exists() for name in _BUILT_IN)


def _find_cuda_devices() -> list[DeviceInfo]:
    """Loaded where it is needed, which is seldom."""
    from harness.device.cuda_devices import find_cuda_devices  # noqa: PLC0415

    return find_cuda_devices()


def _find_gpus(nvml: ModuleType, remarks: list[str]) -> list[PhysicalGpu]:
    """The GPUs that this user may use, in PCI order, with their devices not numbered yet."""
    driver = ask(nvml, "", nvml.nvmlSystemGetDriverVersion)
    gpus: list[tuple[str, PhysicalGpu]] = []
    broken: list[Exception] = []
    closed = 0
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            gpu, device = _describe_gpu(nvml, handle, driver, remarks)
        except errors(nvml) as error:
            if kind(error) == "NoPermission":  # a batch system hides the GPUs of others so
                closed += 1
            else:
                broken.append(error)
                said = str(translate(error, f"GPU {index} of NVML is left out"))
                remarks.append(said.removesuffix(OR_WITHOUT))
            continue
        gpus.append((device.pci_bus_id, gpu))
    if closed and not gpus:
        remarks.append(
            f"{format_count(closed, 'GPU')} of this machine may not be used by this user; ask the "
            "batch system for GPUs, or give access to /dev/nvidia*"
        )
    if broken and not gpus:
        raise translate(broken[0], "no GPU can be used") from broken[0]
    return [gpu for _, gpu in sorted(gpus, key=lambda item: _pci_key(item[0]))]


def _describe_gpu(
    nvml: ModuleType, handle: Handle, driver: str, remarks: list[str]
) -> tuple[PhysicalGpu, DeviceInfo]:
    """A GPU with the devices it is used as, and the GPU as one device."""
    uuid = nvml.nvmlDeviceGetUUID(handle)
    capability = ask(nvml, None, nvml.nvmlDeviceGetCudaComputeCapability, handle)
    mode = COMPUTE_MODES.get(ask(nvml, 0, nvml.nvmlDeviceGetComputeMode, handle), "")
    gpu = DeviceInfo(
        kind="cuda",
        index=0,
        uuid=uuid,
        name=ask(nvml, "NVIDIA GPU", nvml.nvmlDeviceGetName, handle),
        pci_bus_id=_find_pci_bus_id(nvml, handle),
        memory_bytes=_find_memory(nvml, handle),
        compute_capability=capability,
        driver=driver,
        locks=((uuid, True),),
        compute_mode=mode,
        sm_count=_count_sms(nvml, handle, capability),
        peak_gflops=_find_peak_gflops(nvml, handle),
        peak_gbps=_find_peak_gbps(nvml, handle),
    )
    if faults := describe_faults(nvml, handle):
        remarks.append(f"{gpu.name} ({uuid}) {faults}")
    enabled, _pending = ask(nvml, (0, 0), nvml.nvmlDeviceGetMigMode, handle)
    if mode == "prohibited":
        remarks.append(
            f"{gpu.name} ({uuid}) is left out: its compute mode is prohibited; nvidia-smi -c 0 "
            "allows computing"
        )
        return PhysicalGpu(uuid, ()), gpu
    devices = _describe_slices(nvml, handle, gpu) if enabled else [gpu]
    if not devices:
        remarks.append(
            f"{gpu.name} ({uuid}) is left out: it is in MIG mode without a slice; make one with "
            "nvidia-smi mig -cgi, or leave MIG mode"
        )
    return PhysicalGpu(uuid, tuple(devices)), gpu


def _describe_slices(nvml: ModuleType, handle: Handle, gpu: DeviceInfo) -> list[DeviceInfo]:
    """The MIG slices of a GPU: places without one are skipped."""
    slices = []
    for place in range(ask(nvml, 0, nvml.nvmlDeviceGetMaxMigDeviceCount, handle)):
        part = ask(nvml, None, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place)
        if part is None:
            continue
        uuid = nvml.nvmlDeviceGetUUID(part)
        attributes = ask(nvml, None, nvml.nvmlDeviceGetAttributes_v2, part)
        slices.append(
            DeviceInfo(
                kind="cuda",
                index=0,
                uuid=uuid,
                name=_name_slice(nvml, part, gpu.name, attributes),
                pci_bus_id=gpu.pci_bus_id,
                memory_bytes=_find_memory(nvml, part),
                compute_capability=gpu.compute_capability,
                driver=gpu.driver,
                locks=((uuid, True), (gpu.uuid, False)),
                parent_uuid=gpu.uuid,
                compute_mode=gpu.compute_mode,
                sm_count=0 if attributes is None else attributes.multiprocessorCount,
            )
        )
    return slices


def _find_peak_gflops(nvml: ModuleType, handle: Handle) -> float:
    """A fused multiply-add per core and clock, at the highest clock; 0 if the driver is silent."""
    cores = ask(nvml, 0, nvml.nvmlDeviceGetNumGpuCores, handle)
    mhz = ask(nvml, 0, nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM)
    return round(2 * cores * mhz / 1e3, 1)


def _find_peak_gbps(nvml: ModuleType, handle: Handle) -> float:
    """Two transfers per clock over the whole bus, at the highest clock; 0 if it is silent."""
    bits = ask(nvml, 0, nvml.nvmlDeviceGetMemoryBusWidth, handle)
    mhz = ask(nvml, 0, nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_MEM)
    return round(2 * mhz * bits / 8 / 1e3, 1)


def _count_sms(nvml: ModuleType, handle: Handle, capability: tuple[int, int] | None) -> int:
    """The GPU's multiprocessors, from its cores; 0 if that cannot be told."""
    cores = ask(nvml, 0, nvml.nvmlDeviceGetNumGpuCores, handle)
    per_sm = None if capability is None else cores_per_sm(capability)
    return 0 if per_sm is None else cores // per_sm


def _name_slice(nvml: ModuleType, part: Handle, gpu_name: str, attributes: Any) -> str:
    """The slice's name with its profile: `NVIDIA A100-SXM4-40GB MIG 1g.5gb`.

    Newer drivers give it so; for older ones it is made from the slice's attributes.
    """
    name = ask(nvml, "", nvml.nvmlDeviceGetName, part)
    if " MIG " in name:
        return name
    if attributes is None:
        return f"{gpu_name} MIG"
    compute, gpu = attributes.computeInstanceSliceCount, attributes.gpuInstanceSliceCount
    profile = f"{gpu}g" if compute == gpu else f"{compute}c.{gpu}g"
    return f"{gpu_name} MIG {profile}.{round(attributes.memorySizeMB / 1024)}gb"


def _find_memory(nvml: ModuleType, handle: Handle) -> int:
    """Total memory in bytes; 0 if unknown."""
    memory = ask(
        nvml,
        None,
        lambda device: nvml.nvmlDeviceGetMemoryInfo(device, version=nvml.nvmlMemory_v2),
        handle,
    )
    if memory is None:  # a driver before 510 has only the first version
        memory = ask(nvml, None, nvml.nvmlDeviceGetMemoryInfo, handle)
    return 0 if memory is None else int(memory.total)


def _find_pci_bus_id(nvml: ModuleType, handle: Handle) -> str:
    """NVML's `00000000:65:00.0` as CUDA and Linux write it: `0000:65:00.0`.

    Empty for GPUs that are on no such bus, as those of Jetson boards.
    """
    try:
        bus_id = nvml.nvmlDeviceGetPciInfo(handle).busId
    except errors(nvml) as error:
        if kind(error) == "NotSupported":
            return ""
        raise
    text = bus_id.decode() if isinstance(bus_id, bytes) else bus_id
    match = _PCI_BUS_ID.fullmatch(text.strip())
    return f"{int(match[1], 16):04x}:{match[2].lower()}" if match else ""


def _pci_key(bus_id: str) -> tuple[int, ...]:
    return tuple(int(part, 16) for part in re.split("[:.]", bus_id) if part)


def _number(gpus: Sequence[PhysicalGpu]) -> list[PhysicalGpu]:
    """The same with indices that count all devices."""
    count = itertools.count()
    return [
        replace(gpu, devices=tuple(replace(device, index=next(count)) for device in gpu.devices))
        for gpu in gpus
    ]
