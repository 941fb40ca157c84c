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

_RECOVERY_ACTION = 230

ERRORS = sorted(value for name, value in vars(pynvml).items() if name.startswith("NVML_ERROR_"))
"""The codes of all errors that NVML knows."""

make_error: Callable[[int], Exception] = pynvml.NVMLError


@dataclass(frozen=True)
class FakeSlice:
    """A MIG slice.

    Attributes:
        named: whether the driver gives its name with the profile.
        processes: as of a GPU, which has those of all its slices.
    """

    uuid: str
    gpu_slices: int = 1
    compute_slices: int = 1
    memory_mib: int = 4864
    named: bool = True
    sm_count: int = 14
    processes: tuple[tuple[int, str | None, int | None], ...] = ()


@dataclass(frozen=True)
class FakeGpu:
    """An invented GPU.

    Attributes:
        pci_bus_id: empty: it is on no bus, and what is asked of it is not supported.
        slices: MIG slices, None for a hole; empty and `mig` false: not in MIG mode.
        processes: (pid, name or None if the driver does not tell it, bytes or None).
        clients: pids of those who share it through MPS.
        error: code of the NVML error that every question about it raises.
        reasons: why its clocks are held back.
        counters: whether it counts for how long they are.
        recovery: what it needs after an error of the hardware, by NVML's number.
        virtual: how it is virtualised, by NVML's number: 2 is a part of one that several have.
        remapped: broken rows of memory: correctable, not, whether they wait, whether that failed.
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
    clients: tuple[int, ...] = ()
    error: int | None = None
    reasons: int = 0x4
    counters: bool = True
    recovery: int = 0
    virtual: int = 0
    remapped: tuple[int, int, int, int] = (0, 0, 0, 0)


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
        self._lost: dict[str, int] = {}
        self._init_error = init_error
        self._errors = dict.fromkeys(missing, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        self._errors |= errors or {}
        for name in FUNCTIONS:
            setattr(self, name, self._guard(name, getattr(self, f"_{name}")))

    def lose(self, place: int, code: int) -> None:
        """From now on a GPU answers every question with an error, as after it fell off the bus."""
        self._lost[self.gpus[place].uuid] = code

    def __getattr__(self, name: str) -> Any:
        """Constants and exceptions of the real module; no function of it."""
        value = getattr(pynvml, name)
        if name.startswith("nvml") and callable(value):
            raise AttributeError(f"the fake NVML has no {name}")
        return value

    def _guard(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            if not self.initialised and name != "nvmlInit":
                raise make_error(pynvml.NVML_ERROR_UNINITIALIZED)
            if name in self._errors and "version" not in options:
                self._fail(name)
            if options and "nvmlDeviceGetMemoryInfo_v2" in self._errors:
                raise make_error(self._errors["nvmlDeviceGetMemoryInfo_v2"])
            for argument in arguments:
                if isinstance(argument, FakeGpu):
                    error = self._lost.get(argument.uuid, argument.error)
                    if error is not None:
                        raise make_error(error)
                if isinstance(argument, FakeGpu) and not argument.pci_bus_id:
                    self._refuse(name)
            return function(*arguments, **options)

        return call

    def _refuse(self, name: str) -> None:
        """What a driver of integrated GPUs does not know."""
        if name not in ("nvmlDeviceGetUUID", "nvmlDeviceGetName"):
            raise make_error(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def _fail(self, name: str) -> None:
        code = self._errors[name]
        if name.endswith("RunningProcesses") and code == pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
            raise pynvml.NVMLLibraryMismatchError(f"{name}: versions differ")  # as the real one
        raise make_error(code)

    def _nvmlInit(self) -> None:
        if self._init_error is not None:
            raise make_error(self._init_error)
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
            raise make_error(gpu.error)
        return gpu

    def _nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeGpu | FakeSlice:
        handles: list[FakeGpu | FakeSlice] = list(self.gpus)
        handles += [part for gpu in self.gpus for part in gpu.slices if part is not None]
        for handle in handles:
            if handle.uuid == uuid:
                return handle
        raise make_error(pynvml.NVML_ERROR_NOT_FOUND)

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
        return gpu.reasons

    def _nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu: FakeGpu) -> int:
        return gpu.reasons

    def _nvmlDeviceGetFieldValues(self, gpu: FakeGpu, fields: list[int]) -> list[SimpleNamespace]:
        return [self._make_field(gpu, field) for field in fields]

    def _make_field(self, gpu: FakeGpu, field: int) -> SimpleNamespace:
        value = SimpleNamespace(ullVal=1000 * field)
        known = gpu.counters and field < 271
        if field == _RECOVERY_ACTION:
            value, known = SimpleNamespace(uiVal=gpu.recovery), True
        code = pynvml.NVML_SUCCESS if known else pynvml.NVML_ERROR_NOT_SUPPORTED
        return SimpleNamespace(fieldId=field, nvmlReturn=code, value=value)

    def _nvmlDeviceGetVirtualizationMode(self, gpu: FakeGpu) -> int:
        return gpu.virtual

    def _nvmlDeviceGetRemappedRows(self, gpu: FakeGpu) -> tuple[int, int, int, int]:
        return gpu.remapped

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
            raise make_error(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [int(gpu.mig), int(gpu.mig)]

    def _nvmlDeviceGetMaxMigDeviceCount(self, gpu: FakeGpu) -> int:
        return 7

    def _nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: FakeGpu, place: int) -> FakeSlice:
        part = gpu.slices[place] if place < len(gpu.slices) else None
        if part is None:
            raise make_error(pynvml.NVML_ERROR_NOT_FOUND)
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
        processes = handle.processes
        if isinstance(handle, FakeGpu):
            parts = (part for part in handle.slices if part is not None)
            processes += tuple(process for part in parts for process in part.processes)
        return [SimpleNamespace(pid=pid, usedGpuMemory=memory) for pid, _, memory in processes]

    def _nvmlDeviceGetMPSComputeRunningProcesses(
        self, handle: FakeGpu | FakeSlice
    ) -> list[SimpleNamespace]:
        if isinstance(handle, FakeSlice):
            return []
        return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in handle.clients]

    def _nvmlDeviceGetGraphicsRunningProcesses(
        self, handle: FakeGpu | FakeSlice
    ) -> list[SimpleNamespace]:
        if isinstance(handle, FakeSlice):
            raise make_error(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return []

    def _nvmlSystemGetProcessName(self, pid: int) -> str:
        for gpu in self.gpus:
            for known, name, _ in gpu.processes:
                if known == pid and name is not None:
                    return name
        raise make_error(pynvml.NVML_ERROR_NOT_FOUND)


FUNCTIONS = tuple(name[1:] for name in vars(FakeNvml) if name.startswith("_nvml"))
"""Every function that the fake has."""
