"""NVIDIA GPUs and MIG slices, as the driver's management library (NVML) sees them.

The only file that touches NVML; every exception of it is translated here. NVML is initialised
anew for each question, since it must not be carried across a fork.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from harness.device.base import DeviceProcess
from harness.device.visible import PhysicalGpu, select_visible
from harness.errors import DeviceError
from harness.lane import DeviceInfo
from harness.limits import cores_per_sm

Handle = object
Answer = TypeVar("Answer")

_COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}

_NO_DRIVER = ("LibraryNotFound", "DriverNotLoaded")
"""What NVML's start raises where there is no NVIDIA driver."""

_UNKNOWN_HERE = (
    "FunctionNotFound",
    "NVMLLibraryMismatchError",  # both: the driver is older than the function
    "NotSupported",  # the GPU is
    "ArgumentVersionMismatch",
    "Deprecated",
    "InvalidArgument",
    "NoPermission",
    "NoData",
    "NotFound",
)
"""Answers that mean: this cannot be told here. Anything else means that something is broken."""

_REMEDIES = {
    "FunctionNotFound": "update the driver, which is too old",
    "LibraryNotFound": "start the container with the capability `utility` "
    "(NVIDIA_DRIVER_CAPABILITIES=compute,utility), or install libnvidia-ml.so.1",
    "DriverNotLoaded": "load the driver's kernel module (modprobe nvidia), or reboot",
    "LibRmVersionMismatch": "the driver was updated while it was loaded; reboot",
    "NoPermission": "give this user access to /dev/nvidia*",
    "OperatingSystem": "give this user or container access to /dev/nvidia*",
    "GpuIsLost": "the GPU has fallen off the bus; reboot, and check its power and its slot",
    "ResetRequired": "reset the GPU (nvidia-smi --gpu-reset), or reboot",
    "IrqIssue": "check the GPU's interrupts in dmesg; reboot",
    "InsufficientPower": "connect the GPU's power cables",
    "Memory": "free memory of the host",
    "InsufficientResources": "free memory of the host",
}
_REMEDY = "see whether nvidia-smi works, and what dmesg says"

_log = logging.getLogger(__name__)


class CudaBackend:
    """Finds GPUs; a GPU in MIG mode is found as its slices.

    Args:
        nvml: the module `pynvml` or a stand-in; None: imported when first needed.
        environment: where the user's CUDA_VISIBLE_DEVICES is looked up.
        dev: where the driver's device files are, by which a broken installation is told from none.
    """

    def __init__(
        self,
        nvml: ModuleType | None = None,
        environment: Mapping[str, str] | None = None,
        dev: Path = Path("/dev"),
    ) -> None:
        self._given = nvml
        self._environment = os.environ if environment is None else environment
        self._dev = dev

    def discover(self, count: int | None = None) -> list[DeviceInfo]:
        """GPUs and MIG slices in the order of their PCI bus ids, then of the slices.

        Indices count what is there, so they stay the same when CUDA_VISIBLE_DEVICES hides some.
        Indices in that variable are taken as places in PCI order among the GPUs, which is what
        nvidia-smi shows; CUDA itself takes them so only if CUDA_DEVICE_ORDER is PCI_BUS_ID.
        GPUs that this user may not use are left out, and those that are broken or prohibit
        computing too, with a warning.

        Args:
            count: not used: hardware is what it is.

        Raises:
            DeviceError: the driver is broken, or every GPU is.
        """
        with self._session() as nvml:
            if nvml is None:
                return []
            gpus = _find_gpus(nvml)
        return select_visible(_number(gpus), self._environment.get("CUDA_VISIBLE_DEVICES"))

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """Who computes or draws on `device`; empty where the driver does not tell.

        In a container the pids may be the host's and the names empty: show them, but never act
        on a pid.
        """
        with suppress(DeviceError), self._session() as nvml:
            return [] if nvml is None else _find_processes(nvml, device.uuid)
        return []

    @contextmanager
    def _session(self) -> Iterator[ModuleType | None]:
        """NVML while it is initialised; None where there is no driver.

        Whatever NVML raises inside comes out as a DeviceError.
        """
        nvml = self._given or import_nvml()
        if nvml is None:
            yield None
            return
        try:
            nvml.nvmlInit()
        except errors(nvml) as error:
            if _kind(error) in _NO_DRIVER and not self._has_device_files():
                yield None  # and no nvmlShutdown: it would raise Uninitialized
                return
            raise translate(error, "cannot ask the NVIDIA driver for its GPUs") from error
        try:
            yield nvml
        except errors(nvml) as error:
            raise translate(error, "the NVIDIA driver failed while it listed its GPUs") from error
        finally:
            with suppress(*errors(nvml)):
                nvml.nvmlShutdown()

    def _has_device_files(self) -> bool:
        """Whether there are GPUs for the driver, so that its failure is no absence."""
        return any(path.name[6:].isdigit() for path in self._dev.glob("nvidia[0-9]*"))


def translate(error: Exception, failed: str) -> DeviceError:
    """The DeviceError for an exception of NVML: what failed, NVML's words, what to do."""
    remedy = _REMEDIES.get(_kind(error), _REMEDY)
    words = str(error).rstrip(".")
    return DeviceError(f'{failed}: {words}; {remedy}, or go without GPUs: backend = "cpu"')


def errors(nvml: ModuleType) -> tuple[type[Exception], ...]:
    """Everything that the module raises of its own."""
    return (nvml.NVMLError, nvml.NVMLLibraryMismatchError)


def _kind(error: Exception) -> str:
    """The name of NVML's error, as in `NVMLError_GpuIsLost`."""
    return type(error).__name__.removeprefix("NVMLError_")


def import_nvml() -> ModuleType | None:
    """The module, or None (and a warning) where it is not installed."""
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        _log.warning("the package nvidia-ml-py is missing, so no GPUs are looked for")
        return None


def ask(
    nvml: ModuleType, default: Answer, function: Callable[..., Answer], *arguments: object
) -> Answer:
    """What an NVML function answers; `default` where it cannot tell on this driver or GPU."""
    try:
        return function(*arguments)
    except errors(nvml) as error:
        if _kind(error) in _UNKNOWN_HERE:
            return default
        raise


def _find_gpus(nvml: ModuleType) -> list[PhysicalGpu]:
    """The GPUs that this user may use, in PCI order, with their devices not numbered yet."""
    driver = ask(nvml, "", nvml.nvmlSystemGetDriverVersion)
    gpus: list[tuple[str, PhysicalGpu]] = []
    broken: list[Exception] = []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            gpu, device = _describe_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index), driver)
        except errors(nvml) as error:
            if _kind(error) != "NoPermission":  # a batch system hides the GPUs of others so
                broken.append(error)
                _log.warning("%s", translate(error, f"GPU {index} of NVML is left out"))
            continue
        gpus.append((device.pci_bus_id, gpu))
    if broken and not gpus:
        raise translate(broken[0], "no GPU can be used") from broken[0]
    return [gpu for _, gpu in sorted(gpus, key=lambda item: _pci_key(item[0]))]


def _describe_gpu(nvml: ModuleType, handle: Handle, driver: str) -> tuple[PhysicalGpu, DeviceInfo]:
    """A GPU with the devices it is used as, and the GPU as one device."""
    uuid = nvml.nvmlDeviceGetUUID(handle)
    capability = ask(nvml, None, nvml.nvmlDeviceGetCudaComputeCapability, handle)
    mode = _COMPUTE_MODES.get(ask(nvml, 0, nvml.nvmlDeviceGetComputeMode, handle), "")
    gpu = DeviceInfo(
        kind="cuda",
        index=0,
        uuid=uuid,
        name=ask(nvml, "NVIDIA GPU", nvml.nvmlDeviceGetName, handle),
        pci_bus_id=_format_pci_bus_id(nvml.nvmlDeviceGetPciInfo(handle).busId),
        memory_bytes=_find_memory(nvml, handle),
        compute_capability=capability,
        driver=driver,
        locks=((uuid, True),),
        compute_mode=mode,
        sm_count=_count_sms(nvml, handle, capability),
        peak_gflops=_find_peak_gflops(nvml, handle),
        peak_gbps=_find_peak_gbps(nvml, handle),
    )
    enabled, _pending = ask(nvml, (0, 0), nvml.nvmlDeviceGetMigMode, handle)
    if mode == "prohibited":
        _log.warning(
            "%s (%s) is left out: its compute mode is prohibited; nvidia-smi -c 0 allows computing",
            gpu.name,
            uuid,
        )
        return PhysicalGpu(uuid, ()), gpu
    devices = _describe_slices(nvml, handle, gpu) if enabled else [gpu]
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
    if not slices:
        _log.warning(
            "%s (%s) is left out: it is in MIG mode without a slice; make one with "
            "nvidia-smi mig -cgi, or leave MIG mode",
            gpu.name,
            gpu.uuid,
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


def _format_pci_bus_id(bus_id: str | bytes) -> str:
    """NVML's `00000000:65:00.0` as CUDA and Linux write it: `0000:65:00.0`."""
    text = bus_id.decode() if isinstance(bus_id, bytes) else bus_id
    domain, _, rest = text.partition(":")
    return f"{int(domain, 16):04x}:{rest.lower()}"


def _pci_key(bus_id: str) -> tuple[int, ...]:
    return tuple(int(part, 16) for part in re.split("[:.]", bus_id))


def _number(gpus: Sequence[PhysicalGpu]) -> list[PhysicalGpu]:
    """The same with indices that count all devices."""
    count = itertools.count()
    return [
        replace(gpu, devices=tuple(replace(device, index=next(count)) for device in gpu.devices))
        for gpu in gpus
    ]


def _find_processes(nvml: ModuleType, uuid: str) -> list[DeviceProcess]:
    handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
    found: dict[int, DeviceProcess] = {}
    for function in (
        nvml.nvmlDeviceGetComputeRunningProcesses,
        nvml.nvmlDeviceGetGraphicsRunningProcesses,
    ):
        processes: list[Any] = ask(nvml, [], function, handle)
        for process in processes:
            name = ask(nvml, "", nvml.nvmlSystemGetProcessName, process.pid)
            memory = process.usedGpuMemory or 0  # None: not told
            found.setdefault(process.pid, DeviceProcess(process.pid, name, memory))
    return list(found.values())
