"""NVRTC, NVIDIA's compiler as a library: finding it, and calling it through `cuda.bindings`."""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.compile.files import hash_bytes
from harness.compile.flow import Traffic
from harness.compile.toolkit import check_architecture, header_folders
from harness.errors import CompileError

_REMEDY = "`pip install 'gpu-harness[cuda13]'` or `[cuda12]`, or use the compiler nvcc"
MINIMAL = "--minimal"
"""Declares no textures, surfaces and CUDA runtime functions: 3 to 6 ms less for each kernel.

The binary is the same; what does need them does not compile, and is compiled again with all.
"""
_KEPT_BYTES = {-1: 256 << 20, -2: 16 << 20, -3: 64 << 20}
"""M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD of the C library's `mallopt`."""


@dataclass(frozen=True)
class Nvrtc:
    """An installed NVRTC.

    Attributes:
        bindings: the module `cuda.bindings.nvrtc`.
        version: `13.0`.
        library: path of the library; empty if that cannot be told.
        build: tells apart libraries of one version.
        architectures: what it can compile for: `sm_75` …
        headers: folders of the toolkit's headers that fit it.
        knows_minimal: whether it can leave out what few kernels need; see `MINIMAL`.
        traffic: its compiles, of which it lets only one at a time look at a source.
    """

    bindings: Any
    version: str
    library: str
    build: str
    architectures: tuple[str, ...]
    headers: tuple[str, ...]
    knows_minimal: bool = False
    traffic: Traffic = field(default_factory=Traffic, compare=False)

    @property
    def identity(self) -> str:
        """See `base.Translator`."""
        return f"nvrtc {self.version}"

    @property
    def fingerprint(self) -> str:
        """See `base.Translator`."""
        return "\n".join([self.identity, self.build, *self.headers])

    def check_architecture(self, architecture: str) -> None:
        """Raises CompileError unless NVRTC can compile for `architecture`."""
        where = f" ({self.library})" if self.library else ""
        check_architecture(
            architecture, self.architectures, f"NVRTC {self.version}{where}", "NVRTC"
        )


def open_nvrtc() -> Nvrtc:
    """Load NVRTC through the bindings of the extra.

    Raises:
        CompileError: bindings or library are missing, or do not fit each other.
    """
    try:
        from cuda.bindings import nvrtc  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CompileError(f"no bindings of NVRTC (cuda.bindings): {error}; {_REMEDY}") from error
    try:
        major, minor = call(nvrtc, "nvrtcVersion")
        known = call(nvrtc, "nvrtcGetSupportedArchs")
    except (RuntimeError, CompileError) as error:  # what the bindings say if there is no library
        said = " ".join(str(error).split())
        raise CompileError(f"NVRTC's library cannot be loaded: {said}; {_REMEDY}") from error
    _keep_memory()
    library = _find_library()
    return Nvrtc(
        bindings=nvrtc,
        version=f"{major}.{minor}",
        library=library,
        build=_identify(library),
        architectures=tuple(f"sm_{number}" for number in known),
        headers=tuple(map(str, header_folders(major))),
        knows_minimal=_knows_minimal(nvrtc),
    )


def _keep_memory() -> None:
    """Have the C library keep what a compile frees, for the next one.

    It would give it back to the system and ask for it again, a thousand page faults per kernel: a
    tenth of the time, during which threads wait for each other.
    """
    with contextlib.suppress(AttributeError):  # another C library than glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, size in _KEPT_BYTES.items():
            mallopt(parameter, size)


def _knows_minimal(nvrtc: Any) -> bool:
    """Whether this version has the option; old ones refuse it."""
    program = call(nvrtc, "nvrtcCreateProgram", b"", b"empty.cu", 0, None, None)
    try:
        return int(nvrtc.nvrtcCompileProgram(program, 1, [MINIMAL.encode()])[0]) == 0
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def call(nvrtc: Any, name: str, *arguments: object) -> Any:
    """What a function of the bindings returns besides its status.

    Raises:
        CompileError: the status is not success.
    """
    status, *values = getattr(nvrtc, name)(*arguments)
    if int(status) != 0:
        raise CompileError(f"{name} of NVRTC failed: {status!r}")
    return values[0] if len(values) == 1 else values


def read(nvrtc: Any, name: str, program: Any) -> bytes:
    """What NVRTC writes into a buffer."""
    size = call(nvrtc, f"{name}Size", program)
    if size <= 1:
        return b""  # and Python's bytes of length 1 are shared: they must not be written to
    buffer = bytes(size)
    call(nvrtc, name, program, buffer)
    return buffer


def read_text(nvrtc: Any, name: str, program: Any) -> str:
    """The same for what ends with a zero."""
    return read(nvrtc, name, program).decode("utf-8", "replace").rstrip("\0")


def _find_library() -> str:
    """The file that was loaded; empty if the system does not say."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    except OSError:
        return ""
    paths = [line.split(maxsplit=5)[-1] for line in maps.splitlines() if "/libnvrtc.so" in line]
    return paths[0] if paths else ""


def _identify(library: str) -> str:
    """Differs between builds of the library, of which the version tells two numbers only."""
    try:
        with Path(library).open("rb") as file:
            head = file.read(1 << 20)
            return f"{hash_bytes(head)} {file.seek(0, os.SEEK_END)}"
    except OSError:
        return ""
