"""Numba kernels to cubins, in a factory worker: Numba makes PTX, nvJitLink machine code.

Neither needs a GPU. One process compiles for one architecture. This is the only module that imports
Numba; it uses its public functions where there are any, and checks in the binary that arguments are
passed as the harness passes them, since Numba does not promise that they stay so.
"""

from __future__ import annotations

import platform
import re
import warnings
from typing import Any

from cuda.bindings import nvjitlink
from numba import cuda, types
from numba.cuda import dispatcher
from numba.cuda.cudadrv import nvrtc, nvvm

from harness.compile.cubin import read_parameter_bytes
from harness.compile.elf import Cubin
from harness.compile.factory import Make, UnfitError
from harness.compile.factory_protocol import Ask, Compiled, Failed, Ready
from harness.compile.modules import Modules
from harness.compile.source import count_parameter_bytes
from harness.compile.versions import list_numba

_UNSUPPORTED = ("link", "extensions")
"""Options of `cuda.jit` that change what is linked, or how arguments are passed."""


def open_numba() -> tuple[Ready, Make]:
    """Numba with its compilers, and what makes cubins by them."""
    warnings.simplefilter("ignore")  # about occupancy and copies: there is no launch here
    versions = {
        **list_numba(),
        "nvvm": ".".join(map(str, nvvm.NVVM().get_version())),
        "nvjitlink": ".".join(map(str, nvjitlink.version())),
        "python": platform.python_version(),
    }
    # Where this is asked has moved.
    ask = getattr(nvrtc, "get_supported_ccs", None) or nvvm.get_supported_ccs
    known = tuple(f"sm_{major}{minor}" for major, minor in ask())
    return Ready(versions, known), make_cubin


def make_cubin(kernel: Any, ask: Ask, modules: Modules) -> Compiled | Failed:
    """Compile what a factory returned.

    Raises:
        UnfitError: it is no kernel of Numba, or one that cannot be taken out of Numba.
    """
    options = getattr(kernel, "targetoptions", None)
    if options is None or not hasattr(kernel, "py_func"):
        raise UnfitError(
            f"returned an object of type {type(kernel).__name__}; return a kernel of Numba, which "
            "is a function under @cuda.jit"
        )
    if options.get("device"):
        raise UnfitError("returned a device function; remove device=True")
    for name in _UNSUPPORTED:
        if options.get(name):
            raise UnfitError(f"returned a kernel with {name}=…, which cannot be compiled for later")
    ptx = _compile_ptx(kernel, options, ask)
    binary, log = _link(ptx, options, ask)
    (entry,) = Cubin(binary).entries
    expected, found = (
        count_parameter_bytes(ask.signature),
        read_parameter_bytes(Cubin(binary), entry),
    )
    if found != expected:
        return Failed(
            f"this Numba passes arguments in another way than the harness: in {found} bytes "
            f"instead of {expected}; install another version of numba-cuda",
            fatal=True,
        )
    return Compiled(binary, log, modules.list_files(ask.path))


def _compile_ptx(kernel: Any, options: dict[str, Any], ask: Ask) -> str:
    capability = _parse_architecture(ask.architecture)
    _pretend_device(capability)
    wanted = {name: options.get(name) for name in ("debug", "lineinfo", "fastmath")}
    if options.get("launch_bounds") is not None:  # which older versions do not know
        wanted["launch_bounds"] = options["launch_bounds"]
    signature = tuple(_find_type(name) for name in ask.signature)
    ptx, _ = cuda.compile_ptx(
        kernel.py_func, signature, cc=capability, opt=options.get("opt", True), **wanted
    )
    return str(ptx)


def _parse_architecture(name: str) -> tuple[int | str, ...]:
    """`sm_90a` as (9, 0, "a")."""
    match = re.fullmatch(r"sm_(\d+)(\d)([a-z]?)", name)
    assert match is not None, "the harness has checked it"
    return (int(match[1]), int(match[2]), *match[3])


class _Device:
    """What Numba asks of a device when it compiles."""

    def __init__(self, compute_capability: tuple[int | str, ...]) -> None:
        self.compute_capability = compute_capability[:2]


def _pretend_device(capability: tuple[int | str, ...]) -> None:
    """Let Numba compile functions that kernels call: it asks the current device what for.

    They are kept, so one process compiles for one architecture only.
    """
    if hasattr(dispatcher, "get_current_device"):
        dispatcher.get_current_device = lambda: _Device(capability)


def _find_type(name: str) -> Any:
    """Numba's type for `float32`, or `float32[2]`: an array of two dimensions."""
    scalar, _, dimensions = name.rstrip("]").partition("[")
    found = getattr(types, scalar)
    return types.Array(found, int(dimensions), "C") if dimensions else found


def _link(ptx: str, options: dict[str, Any], ask: Ask) -> tuple[bytes, str]:
    """The cubin and ptxas's words, by the library that Numba itself links with."""
    asked = [f"-arch={ask.architecture}", "-Xptxas=-v", *ask.options]
    if options.get("lineinfo") or options.get("debug"):
        asked.append("-lineinfo")
    if options.get("max_registers"):
        asked.append(f"-maxrregcount={options['max_registers']}")
    try:
        handle = nvjitlink.create(len(asked), asked)
    except nvjitlink.nvJitLinkError as error:
        raise UnfitError(f"cannot be linked with {' '.join(asked)}: {error}") from error
    try:
        data = ptx.encode()
        nvjitlink.add_data(handle, nvjitlink.InputType.PTX, data, len(data), "kernel.ptx")
        nvjitlink.complete(handle)
        binary = bytearray(nvjitlink.get_linked_cubin_size(handle))
        nvjitlink.get_linked_cubin(handle, binary)
        return bytes(binary), _read_log(handle, "info")
    except nvjitlink.nvJitLinkError as error:
        said = _read_log(handle, "error")
        raise UnfitError(f"cannot be linked: {said or error}") from error
    finally:
        nvjitlink.destroy(handle)


def _read_log(handle: Any, kind: str) -> str:
    size = getattr(nvjitlink, f"get_{kind}_log_size")(handle)
    if size <= 1:
        return ""
    text = bytearray(size)
    getattr(nvjitlink, f"get_{kind}_log")(handle, text)
    return text.decode("utf-8", "replace").rstrip("\0").strip()
