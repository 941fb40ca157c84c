"""The driver's management library (NVML): loaded, started, its errors in words.

It comes as the module `pynvml`, or as a stand-in that invents machines. It is initialised anew for
each question, since it must not be carried across a fork.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from harness.errors import DeviceError

Answer = TypeVar("Answer")

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
OR_WITHOUT = ', or go without GPUs: backend = "cpu"'
_REMEDY = "see whether nvidia-smi works, and what dmesg says"

_WSL = Path("/usr/lib/wsl/lib")
"""Where Windows puts the driver's libraries in its Linux, whether the loader looks there or not."""


class NvmlMissingError(DeviceError):
    """There are GPUs, but no library to ask for them."""


_log = logging.getLogger(__name__)


@contextmanager
def nvml_session(
    given: ModuleType | None = None, has_gpus: Callable[[], bool] = lambda: False
) -> Iterator[ModuleType | None]:
    """NVML while it is initialised; None where there is no driver.

    Args:
        given: the module, or a stand-in; None: imported.
        has_gpus: whether there are GPUs all the same, so that a missing driver is a broken one.

    Raises:
        NvmlMissingError: there is no driver's library, but there are GPUs.
        DeviceError: the driver is broken, or whatever NVML raises inside.
    """
    nvml = given or import_nvml()
    if nvml is None:
        yield None
        return
    try:
        nvml.nvmlInit()
    except errors(nvml) as error:
        if kind(error) in _NO_DRIVER and not has_gpus():
            yield None  # and no nvmlShutdown: it would raise Uninitialized
            return
        said = translate(error, "cannot ask the NVIDIA driver for its GPUs")
        raise (NvmlMissingError(str(said)) if kind(error) in _NO_DRIVER else said) from error
    try:
        yield nvml
    except errors(nvml) as error:
        raise translate(error, "the NVIDIA driver failed while it listed its GPUs") from error
    finally:
        with suppress(*errors(nvml)):
            nvml.nvmlShutdown()


def translate(error: Exception, failed: str) -> DeviceError:
    """The DeviceError for an exception of NVML: what failed, NVML's words, what to do."""
    remedy = _REMEDIES.get(kind(error), _REMEDY)
    words = str(error).rstrip(".")
    return DeviceError(f"{failed}: {words}; {remedy}{OR_WITHOUT}")


def errors(nvml: ModuleType) -> tuple[type[Exception], ...]:
    """Everything that the module raises of its own."""
    return (nvml.NVMLError, nvml.NVMLLibraryMismatchError)


def kind(error: Exception) -> str:
    """The name of NVML's error, as in `NVMLError_GpuIsLost`."""
    return type(error).__name__.removeprefix("NVMLError_")


def import_nvml() -> ModuleType | None:
    """The module, or None (and a warning) where it is not installed."""
    try:
        module = importlib.import_module("pynvml")
    except ImportError:
        _log.warning("the package nvidia-ml-py is missing, so no GPUs are looked for")
        return None
    load_where_windows_puts_it()
    return module


def load_where_windows_puts_it(folder: Path = _WSL) -> None:
    """Load the library by its path in WSL, so that it is found by its name afterwards."""
    library = folder / "libnvidia-ml.so.1"
    if library.is_file():
        with suppress(OSError):
            ctypes.CDLL(str(library))


def ask(
    nvml: ModuleType, default: Answer, function: Callable[..., Answer], *arguments: object
) -> Answer:
    """What an NVML function answers; `default` where it cannot tell on this driver or GPU."""
    try:
        return function(*arguments)
    except errors(nvml) as error:
        if kind(error) in _UNKNOWN_HERE:
            return default
        raise
