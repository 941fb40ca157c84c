"""The compiler of a config's kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.compile.toolkit import Nvcc, find_nvcc, open_nvcc, parse_version
from harness.config.spec import Spec
from harness.errors import CompileError
from harness.procs.version import read_version

if TYPE_CHECKING:  # loaded where it is looked for: who only asks for nvcc's version does without
    from harness.compile.nvrtc import Nvrtc


def open_toolchain(spec: Spec, *, virtual: bool) -> Nvcc | Nvrtc | None:
    """The compiler of a config's kernels; None if nothing is compiled, or by commands.

    Args:
        virtual: whether the session is in virtual time, where compiling is simulated.

    Raises:
        CompileError: it is not there, or (for `auto`) neither is.
    """
    if spec.kernel is None or virtual:
        return None
    name, program = spec.kernel.compiler, spec.kernel.nvcc or ""
    if name == "nvcc":
        return open_nvcc(program)
    try:
        return _open_nvrtc()
    except CompileError as first:
        if name == "nvrtc":
            raise
        try:
            return open_nvcc(program)
        except CompileError as second:
            raise CompileError(f"there is no compiler for kernels: {first}; {second}") from second


def describe_toolchain(spec: Spec, toolchain: Nvcc | Nvrtc | None) -> str:
    """Which compiler makes the binaries of kernels; empty where commands do."""
    if toolchain is None:
        return "simulated" if spec.kernel else ""
    return _describe(type(toolchain).__name__.lower(), toolchain.version, toolchain.build)


def identify_toolchain(spec: Spec, *, virtual: bool) -> str:
    """What `describe_toolchain` says of the one that would be opened, as fast as that goes.

    Raises:
        CompileError: as of `open_toolchain`.
    """
    if spec.kernel is None or virtual:
        return describe_toolchain(spec, None)
    if spec.kernel.compiler == "auto":
        try:
            return describe_toolchain(spec, _open_nvrtc())
        except CompileError:
            pass
    if spec.kernel.compiler != "nvrtc":
        try:
            found = parse_version(read_version(find_nvcc(spec.kernel.nvcc or "")[0]))
        except CompileError:
            found = None
        if found is not None:
            return _describe("nvcc", *found)
    return describe_toolchain(spec, open_toolchain(spec, virtual=virtual))  # or why it cannot be


def _describe(name: str, version: str, build: str) -> str:
    return f"{name} {version} {build}"


def _open_nvrtc() -> Nvrtc:
    from harness.compile.nvrtc import open_nvrtc  # noqa: PLC0415

    return open_nvrtc()
