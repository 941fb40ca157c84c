"""Kernels to cubins by NVRTC, NVIDIA's compiler as a library, in a thread of the harness.

It needs neither a GPU nor a driver nor a host compiler, and saves the start of nvcc's processes.
The bindings (`cuda.bindings`) let go of the interpreter while it compiles. A compile is told to
stop between its stages, so a cancel, a pause or a timeout may take a while to be heeded.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from harness.compile.base import Translation
from harness.compile.brief import compile_briefly
from harness.compile.flow import Flow
from harness.compile.includes import IncludeScanner
from harness.compile.messages import first_error
from harness.compile.nvrtc_library import MINIMAL, Nvrtc, call, read, read_text
from harness.compile.nvrtc_options import adapt_options
from harness.compile.nvrtc_remedies import add_remedy
from harness.compile.source import KernelSource, define_macros
from harness.model import Evidence, OutcomeKind
from harness.procs.explain import EVIDENCE_CHARACTERS, EVIDENCE_LINES
from harness.units import format_seconds

_NICENESS = 10
_FLOW = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_STRLEN = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value
_CANCELLED = 16  # NVRTC_ERROR_CANCELLED; older bindings have no name for it


def _place(source: KernelSource) -> str:
    """An absolute path for the text, so that the folder of this process is never looked in.

    NVRTC looks for includes in quotes beside the text and beside each header, as nvcc does, and not
    at all beside headers if told not to do so for the text. Messages have the `#line` of the text.
    """
    return str(Path(source.path).resolve()) if source.path else "/dev/null/kernel.cu"


class _Made(NamedTuple):
    """How a compile went; as of `base.Translation`."""

    kind: OutcomeKind
    binary: bytes = b""
    function: str = ""
    log: str = ""


class NvrtcTranslator:
    """Compiles one source at a time in a thread of its own, on its cores, after all else.

    Args:
        cores: where to compile; empty: wherever this process may.
        idle: give way to what else wants the processor. Not entirely, as worker processes do: the
            thread holds the interpreter's lock for moments, and others would wait for it.
        timeout_s: for one compile; None: no limit.
        holds: whether `pause` holds what compiles, too, and not only what begins after it.
    """

    def __init__(
        self,
        nvrtc: Nvrtc,
        *,
        cores: Collection[int] = (),
        idle: bool = False,
        timeout_s: float | None = None,
        holds: bool = False,
    ) -> None:
        self._nvrtc = nvrtc
        self._cores = frozenset(cores)
        self._idle = idle
        self._timeout_s = timeout_s
        self._waits = holds or timeout_s is not None
        self._scanner = IncludeScanner(nvrtc.headers)
        self._flow = Flow(traffic=nvrtc.traffic)
        self._need_all: set[str] = set()
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
        """Stop the compile that goes on when it next asks, or else the next one."""
        self._flow.cancel()

    def pause(self) -> None:
        """Hold what begins, and what goes on when it next asks, until `resume`."""
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
        options = [f"-arch={source.architecture}", *adapt_options(source.options)]
        options += [f"-I{folder}" for folder in (*source.search_directories, *self._nvrtc.headers)]
        macros = [f"-D{name}={value}" for name, value in source.macros]
        command = shlex.join(["nvrtc", *options, *macros, source.name])
        with self._flow.run(self._timeout_s):
            made = self._run_briefly(source, options)
        kind, log = made.kind, made.log
        if kind is OutcomeKind.OK:
            included = self._scanner.scan(source.text, source.search_directories)
            inputs = None if included.computed else tuple(sorted(included.files))
            absent = tuple(sorted(included.absent))
            return Translation(kind, made.binary, made.function, log, inputs, absent)
        lines = "\n".join(log.splitlines()[-EVIDENCE_LINES:])[-EVIDENCE_CHARACTERS:]
        evidence = Evidence(command=command, directory="", output=lines)
        return Translation(kind, log=log, reason=self._explain(made), evidence=evidence)

    def _explain(self, made: _Made) -> str:
        if made.kind is OutcomeKind.INTERRUPTED:
            return "cancelled"
        if made.kind is OutcomeKind.TIMEOUT and self._timeout_s is not None:
            return f"took longer than {format_seconds(self._timeout_s)}"
        return add_remedy(first_error(made.log) or "NVRTC failed without a message")

    def _run_briefly(self, source: KernelSource, options: list[str]) -> _Made:
        def attempt(briefly: bool) -> _Made:
            return self._run(source, [*options, MINIMAL] if briefly else options)

        if self._nvrtc.knows_minimal:
            return compile_briefly(source.text, self._need_all, attempt)
        return attempt(False)

    def _run(self, source: KernelSource, options: list[str]) -> _Made:
        if not self._flow.may_go_on():
            return _Made(self._flow.stopped or OutcomeKind.INTERRUPTED)
        nvrtc = self._nvrtc.bindings
        text, name = define_macros(source).encode(), source.function.encode()
        place = _place(source).encode()
        program = call(nvrtc, "nvrtcCreateProgram", text, place, 0, None, None)
        try:
            call(nvrtc, "nvrtcAddNameExpression", program, name)
            asked = [*options, "--ptxas-options=-v"]
            callback = self._attach(program)
            encoded = [option.encode() for option in asked]
            status = nvrtc.nvrtcCompileProgram(program, len(encoded), encoded)[0]
            del callback  # had to live until now
            log = read_text(nvrtc, "nvrtcGetProgramLog", program)
            if int(status) != 0:
                if int(status) != _CANCELLED and not log.strip():
                    log = f"error: {call(nvrtc, 'nvrtcGetErrorString', status).decode()}"
                self._flow.may_go_on()  # notes a cancel that only C has seen
                return _Made(self._flow.stopped or OutcomeKind.COMPILE_FAILED, log=log)
            lowered = call(nvrtc, "nvrtcGetLoweredName", program, name).decode()
            return _Made(OutcomeKind.OK, read(nvrtc, "nvrtcGetCUBIN", program), lowered, log)
        finally:
            nvrtc.nvrtcDestroyProgram(program)

    def _attach(self, program: Any) -> object:
        """Have NVRTC ask whether to go on; what is returned must live as long as it may ask.

        It asks 700 times per kernel, of its own thread. Python would have to answer with the
        interpreter's lock, for which compile threads then wait, and others for them: a tenth of the
        time of small kernels on two cores. So where yes or no will do, the C library answers: with
        the length of a text that is empty until there is a reason to stop.
        """
        callback = _FLOW(lambda *_: int(not self._flow.may_go_on())) if self._waits else None
        address = _STRLEN if callback is None else ctypes.cast(callback, ctypes.c_void_p).value
        payload = ctypes.addressof(self._flow.reason_to_stop)
        try:
            self._nvrtc.bindings.nvrtcSetFlowCallback(program, address, payload)
        except (AttributeError, RuntimeError):  # before CUDA 12.8: a compile runs to its end
            return None
        return callback
