"""Kernels to cubins by NVRTC, NVIDIA's compiler as a library, in a thread of the harness.

It needs neither a GPU nor a driver nor a host compiler, and saves the start of nvcc's processes.
The bindings (`cuda.bindings`) let go of the interpreter while it compiles. A compile is told to
stop between its stages, so a cancel, a pause or a timeout may take a while to be heeded.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.compile.base import Translation
from harness.compile.files import hash_bytes
from harness.compile.flow import Flow
from harness.compile.includes import IncludeScanner
from harness.compile.nvcc import first_error
from harness.compile.source import KernelSource, define_macros
from harness.compile.toolkit import check_architecture, header_folders
from harness.errors import CompileError
from harness.model import Evidence, OutcomeKind
from harness.procs.explain import EVIDENCE_CHARACTERS, EVIDENCE_LINES
from harness.units import format_seconds

_REMEDY = "`pip install 'gpu-harness[cuda13]'` or `[cuda12]`, or use the compiler nvcc"
_NICENESS = 10
_FLOW = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_CANCELLED = 16  # NVRTC_ERROR_CANCELLED; older bindings have no name for it
_MINIMAL = "--minimal"
"""Declares no textures, surfaces and CUDA runtime functions: 3 to 6 ms less for each kernel.

The binary is the same; what does need them does not compile, and is compiled again with all.
"""
_KEPT_BYTES = {-1: 256 << 20, -2: 16 << 20, -3: 64 << 20}
"""M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD of the C library's `mallopt`."""


_Made = tuple[OutcomeKind, bytes, str, str]
"""How a compile went, the cubin, the kernel's name in it, and the log."""


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
        knows_minimal: whether it can leave out what few kernels need; see `_MINIMAL`.
    """

    bindings: Any
    version: str
    library: str
    build: str
    architectures: tuple[str, ...]
    headers: tuple[str, ...]
    knows_minimal: bool = False

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
        major, minor = _call(nvrtc, "nvrtcVersion")
        known = _call(nvrtc, "nvrtcGetSupportedArchs")
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


class NvrtcTranslator:
    """Compiles one source at a time in a thread of its own, on its cores, after all else.

    Args:
        cores: where to compile; empty: wherever this process may.
        idle: give way to what else wants the processor. Not entirely, as worker processes do: the
            thread holds the interpreter's lock for moments, and others would wait for it.
        timeout_s: for one compile; None: no limit.
    """

    def __init__(
        self,
        nvrtc: Nvrtc,
        *,
        cores: Collection[int] = (),
        idle: bool = False,
        timeout_s: float | None = None,
    ) -> None:
        self._nvrtc = nvrtc
        self._cores = frozenset(cores)
        self._idle = idle
        self._timeout_s = timeout_s
        self._scanner = IncludeScanner(nvrtc.headers)
        self._flow = Flow()
        self._need_all: set[str] = set()  # texts that do not compile with _MINIMAL
        self._thread = ThreadPoolExecutor(1, "harness-nvrtc", initializer=self._settle)

    @property
    def identity(self) -> str:
        """See `base.Translator`."""
        return self._nvrtc.identity

    @property
    def fingerprint(self) -> str:
        """See `base.Translator`."""
        return self._nvrtc.fingerprint

    def translate(self, source: KernelSource) -> Translation:
        """See `base.Translator`."""
        self._nvrtc.check_architecture(source.architecture)
        return self._thread.submit(self._translate, source).result()

    def cancel(self) -> None:
        """Stop the compile that goes on, if one does, when it next asks."""
        self._flow.cancel()

    def pause(self) -> None:
        """Hold it when it next asks, until `resume`."""
        self._flow.pause()

    def resume(self) -> None:
        """Let it go on."""
        self._flow.resume()

    def close(self) -> None:
        """End the thread."""
        self._flow.cancel()
        self._thread.shutdown()

    def _settle(self) -> None:
        """Of the compile thread, not of the process: Linux keeps these per thread."""
        if self._cores:
            os.sched_setaffinity(0, self._cores)
        if self._idle:
            thread = threading.get_native_id()
            niceness = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, min(19, niceness + _NICENESS))

    def _translate(self, source: KernelSource) -> Translation:
        options = [f"-arch={source.architecture}", *source.options]
        options += [f"-I{folder}" for folder in (*source.search_directories, *self._nvrtc.headers)]
        macros = [f"-D{name}={value}" for name, value in source.macros]
        command = shlex.join(["nvrtc", *options, *macros, source.name])
        with self._flow.run(self._timeout_s):
            if self._flow.may_go_on():
                kind, binary, function, log = self._run_briefly(source, options)
            else:
                kind, binary, function, log = OutcomeKind.INTERRUPTED, b"", "", ""
        stopped = self._flow.stopped
        if kind is OutcomeKind.OK:
            included = self._scanner.scan(source.text, source.search_directories)
            inputs = None if included.computed else tuple(sorted(included.files))
            absent = tuple(sorted(included.absent))
            return Translation(kind, binary, function, log, inputs, absent)
        lines = "\n".join(log.splitlines()[-EVIDENCE_LINES:])[-EVIDENCE_CHARACTERS:]
        evidence = Evidence(command=command, directory="", output=lines)
        if stopped is not None:
            return Translation(stopped, log=log, reason=self._explain(stopped), evidence=evidence)
        reason = first_error(log) or "NVRTC failed without a message"
        return Translation(kind, log=log, reason=reason, evidence=evidence)

    def _explain(self, stopped: OutcomeKind) -> str:
        if stopped is OutcomeKind.TIMEOUT and self._timeout_s is not None:
            return f"took longer than {format_seconds(self._timeout_s)}"
        return "cancelled"

    def _run_briefly(self, source: KernelSource, options: list[str]) -> _Made:
        """As `_run`, but without declarations that only few sources need, as far as that goes."""
        if self._nvrtc.knows_minimal and source.text not in self._need_all:
            made = self._run(source, [*options, _MINIMAL])
            if made[0] is OutcomeKind.OK or not self._flow.may_go_on():
                return made
        made = self._run(source, options)
        if made[0] is OutcomeKind.OK:
            self._need_all.add(source.text)
        return made

    def _run(self, source: KernelSource, options: list[str]) -> _Made:
        nvrtc = self._nvrtc.bindings
        text, name = define_macros(source).encode(), source.function.encode()
        program = _call(nvrtc, "nvrtcCreateProgram", text, source.name.encode(), 0, None, None)
        try:
            _call(nvrtc, "nvrtcAddNameExpression", program, name)
            asked = [*options, "--no-source-include", "--ptxas-options=-v"]
            callback = _attach(nvrtc, program, self._flow)
            encoded = [option.encode() for option in asked]
            status = nvrtc.nvrtcCompileProgram(program, len(encoded), encoded)[0]
            del callback  # had to live until now
            log = _read_text(nvrtc, "nvrtcGetProgramLog", program)
            if int(status) != 0:
                if int(status) != _CANCELLED and not log.strip():
                    log = f"error: {_call(nvrtc, 'nvrtcGetErrorString', status).decode()}"
                return OutcomeKind.COMPILE_FAILED, b"", "", log
            lowered = _call(nvrtc, "nvrtcGetLoweredName", program, name).decode()
            return OutcomeKind.OK, _read(nvrtc, "nvrtcGetCUBIN", program), lowered, log
        finally:
            nvrtc.nvrtcDestroyProgram(program)


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
    program = _call(nvrtc, "nvrtcCreateProgram", b"", b"empty.cu", 0, None, None)
    try:
        return int(nvrtc.nvrtcCompileProgram(program, 1, [_MINIMAL.encode()])[0]) == 0
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _attach(nvrtc: Any, program: Any, flow: Flow) -> object:
    """Have NVRTC ask whether to go on; the result must live as long as it may ask."""
    callback = _FLOW(lambda *_: int(not flow.may_go_on()))
    address = ctypes.cast(callback, ctypes.c_void_p).value
    try:
        nvrtc.nvrtcSetFlowCallback(program, address, 0)
    except (AttributeError, RuntimeError):  # before CUDA 12.8: a compile runs to its end
        return None
    return callback


def _call(nvrtc: Any, name: str, *arguments: object) -> Any:
    """What a function of the bindings returns besides its status.

    Raises:
        CompileError: the status is not success.
    """
    status, *values = getattr(nvrtc, name)(*arguments)
    if int(status) != 0:
        raise CompileError(f"{name} of NVRTC failed: {status!r}")
    return values[0] if len(values) == 1 else values


def _read(nvrtc: Any, name: str, program: Any) -> bytes:
    """What NVRTC writes into a buffer."""
    size = _call(nvrtc, f"{name}Size", program)
    if size <= 1:
        return b""  # and Python's bytes of length 1 are shared: they must not be written to
    buffer = bytes(size)
    _call(nvrtc, name, program, buffer)
    return buffer


def _read_text(nvrtc: Any, name: str, program: Any) -> str:
    """The same for what ends with a zero."""
    return _read(nvrtc, name, program).decode("utf-8", "replace").rstrip("\0")


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
