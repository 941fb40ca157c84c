"""The compiler of a config's kernels."""

from __future__ import annotations

from harness.compile.nvrtc import Nvrtc, open_nvrtc
from harness.compile.toolkit import Nvcc, open_nvcc
from harness.config.spec import Spec
from harness.errors import CompileError


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
        return open_nvrtc()
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
    return f"{type(toolchain).__name__.lower()} {toolchain.version} {toolchain.build}"
