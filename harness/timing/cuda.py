"""The driver on a real GPU: CUDA's driver API, by ctypes on `libcuda.so.1`.

Some thirty functions of a library that every machine with a GPU has, whose binary interface is
versioned and stable: so kernel tests need none of the extras, the worker starts in a fraction of
the time that importing bindings takes, and nothing stands between a launch and the device. All
calls are on one stream of the worker's own, which no other work is ordered with.

Source: CUDA Driver API reference; numbers of errors and attributes are those of `cuda.h`.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from ctypes import byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_ulonglong, c_void_p
from typing import Any

from harness.measurement import Launch
from harness.timing.driver import DriverError, DriverFacts, Parameter, Pointer, Scalar
from harness.units import format_bytes

L2_CACHE_SIZE = 38
MAX_DYNAMIC_SHARED = 8
NON_BLOCKING = 1

STICKY = frozenset({4, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 810, 999})
"""Deinitialised, and what leaves the context unusable: illegal access, assert, trap …"""
STUB, UNAVAILABLE, SYSTEM_NOT_READY = 34, 46, 802
LOST = frozenset({UNAVAILABLE, 214, 220, SYSTEM_NOT_READY})
"""Beside the last two: uncorrectable errors of memory and of links."""
OUT_OF_MEMORY, NO_DEVICE, INVALID_IMAGE = 2, 100, 200
NO_BINARY, UNSUPPORTED_TOOLCHAIN, NOT_READY = 209, 222, 600
_HINTS = {
    STUB: "remove a toolkit's folder of stubs from LD_LIBRARY_PATH",
    UNAVAILABLE: "another process has it for itself, or nobody may compute on it: see "
    "`nvidia-smi --query --display COMPUTE`",
    NO_DEVICE: "is CUDA_VISIBLE_DEVICES right?",
    NO_BINARY: "it was compiled for another GPU: remove kernel.architectures",
    SYSTEM_NOT_READY: "is NVIDIA's fabric manager running?",
}
"""What is likely to be the matter, and what to do, where the error does not say it."""

FUNCTIONS: dict[str, tuple[object, ...]] = {
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (c_void_p,),
    "cuGetErrorName": (c_int, c_void_p),
    "cuGetErrorString": (c_int, c_void_p),
    "cuDeviceGetCount": (c_void_p,),
    "cuDeviceGet": (c_void_p, c_int),
    "cuDeviceGetUuid_v2": (c_void_p, c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (c_void_p, c_int, c_int),
    "cuDevicePrimaryCtxRetain": (c_void_p, c_int),
    "cuDevicePrimaryCtxRelease_v2": (c_int,),
    "cuCtxSetCurrent": (c_void_p,),
    "cuModuleLoad": (c_void_p, c_char_p),
    "cuModuleUnload": (c_void_p,),
    "cuModuleGetFunction": (c_void_p, c_void_p, c_char_p),
    "cuModuleGetGlobal_v2": (c_void_p, c_void_p, c_void_p, c_char_p),
    "cuFuncSetAttribute": (c_void_p, c_int, c_int),
    "cuMemGetInfo_v2": (c_void_p, c_void_p),
    "cuMemAlloc_v2": (c_void_p, c_size_t),
    "cuMemFree_v2": (c_ulonglong,),
    "cuMemcpyHtoDAsync_v2": (c_ulonglong, c_void_p, c_size_t, c_void_p),
    "cuMemcpyDtoHAsync_v2": (c_void_p, c_ulonglong, c_size_t, c_void_p),
    "cuMemcpyDtoDAsync_v2": (c_ulonglong, c_ulonglong, c_size_t, c_void_p),
    "cuMemsetD8Async": (c_ulonglong, ctypes.c_ubyte, c_size_t, c_void_p),
    "cuStreamCreate": (c_void_p, c_uint),
    "cuStreamSynchronize": (c_void_p,),
    "cuEventCreate": (c_void_p, c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventQuery": (c_void_p,),
    "cuEventSynchronize": (c_void_p,),
    "cuEventElapsedTime": (c_void_p, c_void_p, c_void_p),
    "cuLaunchKernel": (c_void_p, *[c_uint] * 7, c_void_p, c_void_p, c_void_p),
    "cuLaunchCooperativeKernel": (c_void_p, *[c_uint] * 7, c_void_p, c_void_p),
}
"""What is called, with the types of the arguments; each returns an error's number."""


def open_cuda(settings: str) -> CudaDriver:
    """The driver of a worker's process.

    Args:
        settings: JSON with the `uuid` of the lane's device, and the `library` to load, which is
            `libcuda.so.1` by default.

    Raises:
        DriverError: there is no driver, or no such device in sight.
    """
    data = json.loads(settings)
    return CudaDriver(data["uuid"], data.get("library", "libcuda.so.1"))


class CudaDriver:
    """A GPU, or a slice of one; see `timing.driver.Driver`.

    Args:
        uuid: as NVML writes it.
    """

    def __init__(self, uuid: str, library: str) -> None:
        self._cuda = _Library(library)
        call = self._cuda.call
        call("cuInit", 0)
        self._device = self._find_device(uuid)
        context = c_void_p()
        call("cuDevicePrimaryCtxRetain", byref(context), self._device)
        call("cuCtxSetCurrent", context)
        self._stream = c_void_p()
        call("cuStreamCreate", byref(self._stream), NON_BLOCKING)
        self._marks = (c_void_p(), c_void_p())
        for mark in self._marks:
            call("cuEventCreate", byref(mark), 0)
        self._module: c_void_p | None = None
        self._own: dict[str, c_void_p] = {}
        self._packed: tuple[tuple[Parameter, ...], Any, list[Any]] | None = None
        self.facts = self._read_facts(uuid)

    def _find_device(self, uuid: str) -> int:
        """The ordinal handle of the device with this UUID among those that CUDA shows."""
        count = c_int()
        self._cuda.call("cuDeviceGetCount", byref(count))
        seen = []
        for ordinal in range(count.value):
            device, found = c_int(), (ctypes.c_ubyte * 16)()
            self._cuda.call("cuDeviceGet", byref(device), ordinal)
            self._cuda.call("cuDeviceGetUuid_v2", found, device.value)
            seen.append(bytes(found).hex())
            if seen[-1] == uuid.partition("-")[2].replace("-", "").lower():
                return device.value
        raise DriverError(
            f"CUDA shows {len(seen)} devices ({', '.join(seen) or 'none'}), but the lane's is "
            f'{uuid}; see what sets CUDA_VISIBLE_DEVICES, and use pin = "visible"'
        )

    def _read_facts(self, uuid: str) -> DriverFacts:
        call = self._cuda.call
        name, l2_bytes = ctypes.create_string_buffer(256), c_int()
        call("cuDeviceGetName", name, len(name), self._device)
        call("cuDeviceGetAttribute", byref(l2_bytes), L2_CACHE_SIZE, self._device)
        major, minor = self._cuda.read_version()
        versions = {"cuda": f"{major}.{minor}"}
        return DriverFacts(uuid, name.value.decode(errors="replace"), l2_bytes.value, versions)

    def load(self, path: str, function: str) -> int:
        """Load a cubin in place of the one before; see `Driver.load`."""
        if self._module is not None:
            self._cuda.call("cuModuleUnload", self._module)
            self._module = None
        self._module = self._load(path)
        return self._find_kernel(self._module, function)

    def find_variable(self, symbol: str) -> tuple[Pointer, int]:
        """A variable of the module of the test; see `Driver.find_variable`."""
        pointer, size = c_ulonglong(), c_size_t()
        place = (byref(pointer), byref(size))
        self._cuda.call("cuModuleGetGlobal_v2", *place, self._module, symbol.encode())
        return pointer.value, size.value

    def load_own(self, path: str, function: str) -> int:
        """A kernel of a cubin that stays loaded; see `Driver.load_own`."""
        if path not in self._own:
            self._own[path] = self._load(path)
        return self._find_kernel(self._own[path], function)

    def _load(self, path: str) -> c_void_p:
        module = c_void_p()
        self._cuda.call("cuModuleLoad", byref(module), path.encode())
        return module

    def _find_kernel(self, module: c_void_p, function: str) -> int:
        kernel = c_void_p()
        self._cuda.call("cuModuleGetFunction", byref(kernel), module, function.encode())
        return kernel.value or 0

    def allow_shared(self, kernel: int, shared_bytes: int) -> None:
        """Opt in to more dynamic shared memory than a kernel has by default."""
        self._cuda.call("cuFuncSetAttribute", kernel, MAX_DYNAMIC_SHARED, shared_bytes)

    def allocate(self, size_bytes: int) -> Pointer:
        """Memory on the device, aligned for any type."""
        pointer = c_ulonglong()
        try:
            self._cuda.call("cuMemAlloc_v2", byref(pointer), max(1, size_bytes))
        except DriverError as error:
            text = f"no {format_bytes(size_bytes)} on the device: {error}"
            raise DriverError(text, sticky=error.sticky, lost=error.lost) from error
        return pointer.value

    def free(self, pointer: Pointer) -> None:
        """Give it back."""
        self._cuda.call("cuMemFree_v2", pointer)

    def write(self, pointer: Pointer, data: memoryview) -> None:
        """Copy from the host, and wait for it."""
        source = bytes(data)
        self._cuda.call("cuMemcpyHtoDAsync_v2", pointer, source, len(source), self._stream)
        self.synchronize()

    def read(self, pointer: Pointer, data: memoryview) -> None:
        """Copy to the host, and wait for it."""
        target = (ctypes.c_ubyte * data.nbytes).from_buffer(data)
        self._cuda.call("cuMemcpyDtoHAsync_v2", target, pointer, data.nbytes, self._stream)
        self.synchronize()

    def copy(self, target: Pointer, source: Pointer, size_bytes: int) -> None:
        """Copy on the device."""
        self._cuda.call("cuMemcpyDtoDAsync_v2", target, source, size_bytes, self._stream)

    def set_bytes(self, pointer: Pointer, byte: int, size_bytes: int) -> None:
        """Set every byte."""
        self._cuda.call("cuMemsetD8Async", pointer, byte, size_bytes, self._stream)

    def launch(self, kernel: int, launch: Launch, parameters: tuple[Parameter, ...]) -> None:
        """Launch on the stream."""
        how = (kernel, *launch.grid, *launch.block, launch.shared_bytes, self._stream)
        packed = self._pack(parameters)
        if launch.cooperative:
            self._cuda.call("cuLaunchCooperativeKernel", *how, packed)
        else:
            self._cuda.call("cuLaunchKernel", *how, packed, None)

    def _pack(self, parameters: tuple[Parameter, ...]) -> Any:
        """Pointers to the values of the arguments; made once for launches in a row."""
        if self._packed is None or self._packed[0] is not parameters:
            values: list[Any] = [
                ctypes.create_string_buffer(parameter.data, len(parameter.data))
                if isinstance(parameter, Scalar)
                else c_ulonglong(parameter)
                for parameter in parameters
            ]
            pointers = (c_void_p * max(1, len(values)))()
            for place, value in enumerate(values):
                pointers[place] = ctypes.addressof(value)
            self._packed = (parameters, pointers, values)
        return self._packed[1]

    def mark(self, slot: int) -> None:
        """Record an event."""
        self._cuda.call("cuEventRecord", self._marks[slot], self._stream)

    def has_reached(self, slot: int) -> bool:
        """Whether the event has happened."""
        return self._cuda.call("cuEventQuery", self._marks[slot], fine=NOT_READY) == 0

    def elapsed_s(self) -> float:
        """Between the events, once the second has been reached."""
        elapsed_ms = c_float()
        self._cuda.call("cuEventSynchronize", self._marks[1])
        self._cuda.call("cuEventElapsedTime", byref(elapsed_ms), *self._marks)
        return elapsed_ms.value / 1e3

    def synchronize(self) -> None:
        """Wait for the stream."""
        self._cuda.call("cuStreamSynchronize", self._stream)

    def close(self) -> None:
        """Let go of the context."""
        self._cuda.call("cuDevicePrimaryCtxRelease_v2", self._device)


class _Library:
    """The functions of the driver's library, by name; an error is raised as a DriverError."""

    def __init__(self, name: str) -> None:
        try:
            library = ctypes.CDLL(name)
            self._functions = {
                function: _declare(getattr(library, function), arguments)
                for function, arguments in FUNCTIONS.items()
            }
        except OSError as error:
            raise DriverError(
                f"{name}: {error}; kernel tests need NVIDIA's driver: install it, or use "
                'backend = "mock"'
            ) from error
        except AttributeError as error:
            raise DriverError(f"{name}: {error}; NVIDIA's driver is too old: upgrade it") from error

    def ask(self, function: str, *arguments: object) -> int:
        """Call `function`; returns the number of its error, 0 for none."""
        return self._functions[function](*arguments)

    def call(self, function: str, *arguments: object, fine: int = 0) -> int:
        """Call `function`; returns 0, or the number `fine`.

        Raises:
            DriverError: it returned another error.
        """
        status = self.ask(function, *arguments)
        if status not in (0, fine):
            raise DriverError(
                f"{function}: {self._describe(status)}",
                sticky=status in STICKY,
                lost=status in LOST,
            )
        return status

    def _describe(self, status: int) -> str:
        texts = []
        for function in ("cuGetErrorName", "cuGetErrorString"):
            text = c_char_p()
            self._functions[function](status, byref(text))
            texts.append((text.value or b"").decode(errors="replace"))
        name, description = texts
        hint = self._hint(status)
        return f"{name or status}: {description}{f' ({hint})' if hint else ''}"

    def _hint(self, status: int) -> str:
        """The hint, or one that takes asking; empty if there is none."""
        if status in (INVALID_IMAGE, UNSUPPORTED_TOOLCHAIN):
            major, minor = self.read_version()
            return (
                f"the driver supports CUDA {major}.{minor}; what a later toolkit than {major}.x "
                f"compiles it may not load: upgrade the driver, or compile with CUDA {major}.x "
                "(kernel.nvcc, CUDACXX)"
            )
        free, total = c_size_t(), c_size_t()
        if status == OUT_OF_MEMORY and not self.ask("cuMemGetInfo_v2", byref(free), byref(total)):
            return (
                f"{format_bytes(free.value)} of {format_bytes(total.value)} are free: make the "
                "problem smaller, or end what else uses the device"
            )
        return _HINTS.get(status, "")

    def read_version(self) -> tuple[int, int]:
        """The CUDA that the driver supports; zeros if it does not tell."""
        version = c_int()
        self.ask("cuDriverGetVersion", byref(version))
        return version.value // 1000, version.value % 1000 // 10


def _declare(function: Any, arguments: tuple[object, ...]) -> Callable[..., int]:
    function.restype = c_int
    function.argtypes = list(arguments)
    declared: Callable[..., int] = function
    return declared
