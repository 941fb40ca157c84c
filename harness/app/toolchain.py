"""The compilers of a config's kernels: which there are, and what decides about binaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.compile.toolkit import Nvcc, find_nvcc, open_nvcc, parse_version
from harness.compile.versions import find_cupy, find_numba
from harness.config.kernel_tables import KernelTable
from harness.config.spec import Spec
from harness.errors import CompileError
from harness.lane import Lane
from harness.procs.version import read_version

if TYPE_CHECKING:  # loaded where it is looked for: who only asks for versions does without
    from harness.compile.numba import Numba
    from harness.compile.nvrtc_library import Nvrtc


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What compiles a session's kernels.

    Attributes:
        cuda: for CUDA C++, which the sentinel and references are, whatever the tests are.
        numba: for tests of Numba's.
    """

    cuda: Nvcc | Nvrtc
    numba: Numba | None = None

    def check_architecture(self, architecture: str) -> None:
        """Raises CompileError unless everything can compile for `architecture`."""
        self.cuda.check_architecture(architecture)
        if self.numba is not None:
            self.numba.check_architecture(architecture)


def check_lanes(toolchain: Toolchain, lanes: Sequence[Lane], find: Callable[[Lane], str]) -> None:
    """Refuse lanes for whose devices nothing can be compiled.

    Args:
        find: the architecture to compile for on a lane.

    Raises:
        CompileError: names the first such lane, and the lanes that would do.
    """
    problems: dict[str, CompileError] = {}
    for lane in lanes:
        try:
            toolchain.check_architecture(find(lane))
        except CompileError as error:
            problems[lane.name] = error
    for lane in lanes:
        if lane.name not in problems:
            continue
        others = [other.device for other in lanes if other.name not in problems]
        text = f"lane {lane.name} ({lane.device.name}): {problems[lane.name]}"
        if others:
            names = ",".join(f"gpu{device.index}" for device in others)
            text += f"; or leave such devices out: --parallel {names}"
        raise CompileError(text)


def open_toolchain(spec: Spec, *, virtual: bool) -> Toolchain | None:
    """The compilers of a config's kernels; None if nothing is compiled, or by commands.

    Args:
        virtual: whether the session is in virtual time, where compiling is simulated.

    Raises:
        CompileError: one is not there, or (for `auto`) neither is.
    """
    if spec.kernel is None or virtual:
        return None
    numba = None
    if spec.kernel.language == "numba":
        from harness.compile.numba import open_numba  # noqa: PLC0415

        numba = open_numba()
    elif spec.kernel.language == "cupy":
        find_cupy()
    return Toolchain(_open_cuda(spec), numba)


def _open_cuda(spec: Spec) -> Nvcc | Nvrtc:
    """The compiler of CUDA C++."""
    assert spec.kernel is not None
    name = _choose_compiler(spec.kernel)
    if name == "nvcc":
        return open_nvcc(_find_program(spec))
    try:
        return _open_nvrtc()
    except CompileError as first:
        if name == "nvrtc":
            raise
        try:
            return open_nvcc(_find_program(spec))
        except CompileError as second:
            raise CompileError(f"there is no compiler for kernels: {first}; {second}") from second


def _choose_compiler(kernel: KernelTable) -> str:
    """Who names an nvcc wants that one, whatever else is there."""
    return "nvcc" if kernel.compiler == "auto" and kernel.nvcc else kernel.compiler


def describe_toolchain(spec: Spec, toolchain: Toolchain | None) -> str:
    """Which compilers make the binaries of tests; empty where commands do."""
    if toolchain is None:
        return "simulated" if spec.kernel else ""
    return _describe(spec, _describe_cuda(toolchain.cuda))


def identify_toolchain(spec: Spec, *, virtual: bool) -> str:
    """What `describe_toolchain` says of the one that would be opened, as fast as that goes.

    Raises:
        CompileError: as of `open_toolchain`.
    """
    if spec.kernel is None or virtual:
        return describe_toolchain(spec, None)
    if spec.kernel.language == "numba":
        return _describe(spec, "")
    name = _choose_compiler(spec.kernel)
    if name == "auto":
        try:
            return _describe(spec, _describe_cuda(_open_nvrtc()))
        except CompileError:
            pass
    if name != "nvrtc":
        try:
            found = parse_version(read_version(find_nvcc(_find_program(spec))[0]))
        except CompileError:
            found = None
        if found is not None:
            return _describe(spec, f"nvcc {found[0]} {found[1]}")
    return _describe(spec, _describe_cuda(_open_cuda(spec)))  # or why it cannot be


def _describe(spec: Spec, cuda: str) -> str:
    """What decides about binaries of the config's language.

    Args:
        cuda: the compiler of CUDA C++; of Numba's kernels it decides nothing.
    """
    assert spec.kernel is not None
    if spec.kernel.language == "numba":
        return find_numba()
    return f"{find_cupy()}; {cuda}" if spec.kernel.language == "cupy" else cuda


def _describe_cuda(cuda: Nvcc | Nvrtc) -> str:
    return f"{type(cuda).__name__.lower()} {cuda.version} {cuda.build}"


def _find_program(spec: Spec) -> str:
    """The nvcc that the config names; a path is relative to the config."""
    named = spec.kernel.nvcc or "" if spec.kernel else ""
    return str((spec.base / named).resolve()) if "/" in named else named


def _open_nvrtc() -> Nvrtc:
    from harness.compile.nvrtc_library import open_nvrtc  # noqa: PLC0415

    return open_nvrtc()
