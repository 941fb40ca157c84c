"""A stand-in for the module `pynvml` that invents machines.

Constants and exceptions are those of the real module, so what is caught here is caught there.
"""

# ruff: noqa: N802 - functions bear the names that NVML gives them

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml

_HOST_PID = 4_123_456
"""A pid that a container sees though it means nothing there."""


_make_error: Callable[[int], Exception] = pynvml.NVMLError


@dataclass(frozen=True)
class FakeSlice:
    """A MIG slice; `named` says whether the driver gives its name with the profile."""

    uuid: str
    gpu_slices: int = 1
    compute_slices: int = 1
    memory_mib: int = 4864
    named: bool = True
    sm_count: int = 14


@dataclass(frozen=True)
class FakeGpu:
    """An invented GPU.

    Attributes:
        slices: MIG slices, None for a hole; empty and `mig` false: not in MIG mode.
        processes: (pid, name or None if the driver does not tell it, bytes or None).
        error: code of the NVML error that every question about it raises.
    """

    uuid: str
    pci_bus_id: str
    name: str = "NVIDIA RTX A4000"
    capability: tuple[int, int] = (8, 6)
    memory_bytes: int = 16 * 2**30
    cores: int = 6144
    compute_mode: int = pynvml.NVML_COMPUTEMODE_DEFAULT
    mig: bool = False
    slices: tuple[FakeSlice | None, ...] = ()
    processes: tuple[tuple[int, str | None, int | None], ...] = ()
    error: int | None = None


class FakeNvml(ModuleType):
    """The module of an invented machine.

    Args:
        gpus: in NVML's order, which need not be the PCI bus's.
        init_error: code of the NVML error that initialising raises.
        missing: functions that the driver is too old to have.
        errors: code of the NVML error that a function raises.

    Attributes:
        initialised: how often it was initialised and not yet shut down.
        locked: the clocks' range in MHz of each GPU where they are locked.
    """

    def __init__(
        self,
        gpus: Sequence[FakeGpu] = (),
        *,
        init_error: int | None = None,
        missing: Sequence[str] = (),
        errors: dict[str, int] | None = None,
    ) -> None:
        super().__init__("pynvml")
        self.gpus = tuple(gpus)
        self.initialised = 0
        self.locked: dict[str, tuple[int, int]] = {}
        self._init_error = init_error
        self._errors = dict.fromkeys(missing, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        self._errors |= errors or {}
        for name in FUNCTIONS:
            setattr(self, name, self._guard(name, getattr(self, f"_{name}")))

    def __getattr__(self, name: str) -> Any:
        """Constants and exceptions of the real module; no function of it."""
        value = getattr(pynvml, name)
        if name.startswith("nvml") and callable(value):
            raise AttributeError(f"the fake NVML has no {name}")
        return value

    def _guard(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            if not self.initialised and name != "nvmlInit":
                raise _make_error(pynvml.NVML_ERROR_UNINITIALIZED)
            if name in self._errors and "version" not in options:
                self._fail(name)
            if options and "nvmlDeviceGetMemoryInfo_v2" in self._errors:
                raise _make_error(self._errors["nvmlDeviceGetMemoryInfo_v2"])
            for argument in arguments:
                if isinstance(argument, FakeGpu) and argument.error is not None:
                    raise _make_error(argument.error)
            return function(*arguments, **options)

        return call

    def _fail(self, name: str) -> None:
        code = self._errors[name]
        if name.endswith("RunningProcesses") and code == pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
            raise pynvml.NVMLLibraryMismatchError(f"{name}: versions differ")  # as the real one
        raise _make_error(code)

    def _nvmlInit(self) -> None:
        if self._init_error is not None:
            raise _make_error(self._init_error)
        self.initialised += 1

    def _nvmlShutdown(self) -> None:
        self.initialised -= 1

    def _nvmlSystemGetDriverVersion(self) -> str:
        return "570.133.20"

    def _nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def _nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        gpu = self.gpus[index]
        if gpu.error is not None:
            raise _make_error(gpu.error)
        return gpu

    def _nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeGpu | FakeSlice:
        handles: list[FakeGpu | FakeSlice] = list(self.gpus)
        handles += [part for gpu in self.gpus for part in gpu.slices if part is not None]
        for handle in handles:
            if handle.uuid == uuid:
                return handle
        raise _make_error(pynvml.NVML_ERROR_NOT_FOUND)

    def _nvmlDeviceGetUUID(self, handle: FakeGpu | FakeSlice) -> str:
        return handle.uuid

    def _nvmlDeviceGetName(self, handle: FakeGpu | FakeSlice) -> str:
        if isinstance(handle, FakeGpu):
            return handle.name
        parent = next(gpu for gpu in self.gpus if handle in gpu.slices)
        if not handle.named:
            return parent.name
        return f"{parent.name} MIG {handle.gpu_slices}g.{round(handle.memory_mib / 1024)}gb"

    def _nvmlDeviceGetPciInfo(self, gpu: FakeGpu) -> SimpleNamespace:
        return SimpleNamespace(busId=gpu.pci_bus_id)

    def _nvmlDeviceGetCudaComputeCapability(self, gpu: FakeGpu) -> tuple[int, int]:
        return gpu.capability

    def _nvmlDeviceGetNumGpuCores(self, gpu: FakeGpu) -> int:
        return gpu.cores

    def _nvmlDeviceGetClockInfo(self, gpu: FakeGpu, clock: int) -> int:
        return 1410 if clock == pynvml.NVML_CLOCK_SM else 6500

    def _nvmlDeviceGetDefaultApplicationsClock(self, gpu: FakeGpu, clock: int) -> int:
        return 1170

    def _nvmlDeviceSetGpuLockedClocks(self, gpu: FakeGpu, least: int, most: int) -> None:
        self.locked[gpu.uuid] = (least, most)

    def _nvmlDeviceResetGpuLockedClocks(self, gpu: FakeGpu) -> None:
        del self.locked[gpu.uuid]

    def _nvmlDeviceGetTemperature(self, gpu: FakeGpu, sensor: int) -> int:
        return 61

    def _nvmlDeviceGetPowerUsage(self, gpu: FakeGpu) -> int:
        return 140_500

    def _nvmlDeviceGetTotalEnergyConsumption(self, gpu: FakeGpu) -> int:
        return 987_654_321

    def _nvmlDeviceGetCurrentClocksEventReasons(self, gpu: FakeGpu) -> int:
        return 0x4

    def _nvmlDeviceGetFieldValues(self, gpu: FakeGpu, fields: list[int]) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(
                fieldId=field,
                nvmlReturn=pynvml.NVML_SUCCESS if field < 271 else pynvml.NVML_ERROR_NOT_SUPPORTED,
                value=SimpleNamespace(ullVal=1000 * field),
            )
            for field in fields
        ]

    def _nvmlDeviceGetMaxClockInfo(self, gpu: FakeGpu, clock: int) -> int:
        return 1560 if clock == pynvml.NVML_CLOCK_SM else 7001

    def _nvmlDeviceGetMemoryBusWidth(self, gpu: FakeGpu) -> int:
        return 256

    def _nvmlDeviceGetComputeMode(self, gpu: FakeGpu) -> int:
        return gpu.compute_mode

    def _nvmlDeviceGetMemoryInfo(
        self, handle: FakeGpu | FakeSlice, version: int | None = None
    ) -> SimpleNamespace:
        if isinstance(handle, FakeSlice):
            return SimpleNamespace(total=handle.memory_mib * 2**20)
        return SimpleNamespace(total=handle.memory_bytes)

    def _nvmlDeviceGetMigMode(self, gpu: FakeGpu) -> list[int]:
        if gpu.capability < (8, 0):
            raise _make_error(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [int(gpu.mig), int(gpu.mig)]

    def _nvmlDeviceGetMaxMigDeviceCount(self, gpu: FakeGpu) -> int:
        return 7

    def _nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: FakeGpu, place: int) -> FakeSlice:
        part = gpu.slices[place] if place < len(gpu.slices) else None
        if part is None:
            raise _make_error(pynvml.NVML_ERROR_NOT_FOUND)
        return part

    def _nvmlDeviceGetAttributes_v2(self, part: FakeSlice) -> SimpleNamespace:
        return SimpleNamespace(
            gpuInstanceSliceCount=part.gpu_slices,
            computeInstanceSliceCount=part.compute_slices,
            memorySizeMB=part.memory_mib,
            multiprocessorCount=part.sm_count,
        )

    def _nvmlDeviceGetComputeRunningProcesses(
        self, handle: FakeGpu | FakeSlice
    ) -> list[SimpleNamespace]:
        if isinstance(handle, FakeSlice):
            return []
        return [
            SimpleNamespace(pid=pid, usedGpuMemory=memory) for pid, _, memory in handle.processes
        ]

    def _nvmlDeviceGetGraphicsRunningProcesses(
        self, handle: FakeGpu | FakeSlice
    ) -> list[SimpleNamespace]:
        if isinstance(handle, FakeSlice):
            raise _make_error(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return []

    def _nvmlSystemGetProcessName(self, pid: int) -> str:
        for gpu in self.gpus:
            for known, name, _ in gpu.processes:
                if known == pid and name is not None:
                    return name
        raise _make_error(pynvml.NVML_ERROR_NOT_FOUND)


FUNCTIONS = tuple(name[1:] for name in vars(FakeNvml) if name.startswith("_nvml"))
"""Every function that the fake has."""


def make_gpus(count: int) -> tuple[FakeGpu, ...]:
    """`count` GPUs alike, in PCI order."""
    return tuple(
        FakeGpu(
            uuid=f"GPU-{number:08x}-0000-4000-8000-00000000000{number:x}",
            pci_bus_id=f"00000000:{0x10 * (number + 1):02X}:00.0",
            processes=((900 + number, "/usr/bin/python3", 2**30),),
        )
        for number in range(count)
    )


def no_library() -> FakeNvml:
    """A machine without a driver, or a container without its management library."""
    return FakeNvml(init_error=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)


def one_gpu() -> FakeNvml:
    """A workstation with one GPU."""
    return FakeNvml(make_gpus(1))


def eight_alike() -> FakeNvml:
    """A server with eight GPUs of one model."""
    return FakeNvml(make_gpus(8))


def three_unlike() -> FakeNvml:
    """Three models, which NVML lists in another order than the PCI bus does."""
    return FakeNvml(
        [
            FakeGpu(
                "GPU-cccccccc-0000-4000-8000-000000000003",
                "00000000:C1:00.0",
                "NVIDIA A100-PCIE-40GB",
                (8, 0),
                40 * 2**30,
                6912,
            ),
            FakeGpu(
                "GPU-aaaaaaaa-0000-4000-8000-000000000001",
                "00000000:0A:00.0",
                "Tesla V100-PCIE-16GB",
                (7, 0),
                16 * 2**30,
            ),
            FakeGpu("GPU-aaaabbbb-0000-4000-8000-000000000002", "00000000:65:00.0"),
        ]
    )


def mig() -> FakeNvml:
    """An A100 in MIG mode with three slices and holes between them, beside a whole A100."""
    name = "NVIDIA A100-SXM4-40GB"
    slices = (
        FakeSlice("MIG-11111111-0000-4000-8000-000000000001", 3, 3, 19968),
        None,
        FakeSlice("MIG-22222222-0000-4000-8000-000000000002"),
        None,
        FakeSlice("MIG-33333333-0000-4000-8000-000000000003", 2, 1, 9856, named=False),
    )
    return FakeNvml(
        [
            FakeGpu(
                "GPU-0000aaaa-0000-4000-8000-000000000001",
                "00000000:07:00.0",
                name,
                (8, 0),
                40 * 2**30,
                6912,
                mig=True,
                slices=slices,
            ),
            FakeGpu(
                "GPU-0000bbbb-0000-4000-8000-000000000002",
                "00000000:0F:00.0",
                name,
                (8, 0),
                40 * 2**30,
                6912,
            ),
        ]
    )


def dead_driver() -> FakeNvml:
    """A driver that was updated without a reboot."""
    return FakeNvml(make_gpus(1), init_error=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)


def old_driver() -> FakeNvml:
    """A driver from before MIG and the second version of the memory question."""
    return FakeNvml(
        make_gpus(2),
        missing=(
            "nvmlDeviceGetMemoryInfo_v2",
            "nvmlDeviceGetMigMode",
            "nvmlDeviceGetCudaComputeCapability",
            "nvmlDeviceGetNumGpuCores",
            "nvmlDeviceGetMaxClockInfo",
            "nvmlDeviceGetFieldValues",
            "nvmlDeviceGetTotalEnergyConsumption",
            "nvmlDeviceGetMemoryBusWidth",
            "nvmlDeviceGetComputeRunningProcesses",
            "nvmlDeviceGetGraphicsRunningProcesses",
        ),
    )


def container() -> FakeNvml:
    """A container: processes have the host's pids, and neither names nor memory."""
    gpu = FakeGpu(
        uuid="GPU-0000cccc-0000-4000-8000-000000000001",
        pci_bus_id="00000000:3B:00.0",
        processes=((_HOST_PID, None, None),),
    )
    return FakeNvml([gpu])
