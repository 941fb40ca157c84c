"""Compilers by name and version; which Numba and CuPy are there, told without importing them."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata

from harness.errors import CompileError

REMEDY = "`pip install 'gpu-harness[cuda13]'` or `[cuda12]`"
_NUMBA = (
    *("numba", "numba-cuda", "llvmlite", "cuda-bindings"),
    *("nvidia-nvvm", "nvidia-nvjitlink", "nvidia-cuda-nvcc"),
    *("nvidia-nvvm-cu12", "nvidia-nvjitlink-cu12", "nvidia-cuda-nvcc-cu12"),
)
"""What decides about the binaries of Numba's kernels, as far as it comes in packages."""
_CUPY = ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x")


def find_numba() -> str:
    """Numba and its parts with their versions, and Python's, whose byte code it compiles.

    Raises:
        CompileError: it is not installed.
    """
    found = list_numba()
    if not {"numba", "numba-cuda"} <= found.keys():
        missing = "numba" if "numba" not in found else "numba-cuda"
        raise CompileError(f"Numba cannot be used: {missing} is not installed; {REMEDY}")
    return f"{_join(found)} python {platform.python_version()}"


def name_compilers(described: str) -> str:
    """Name and version of each; what follows them only tells builds apart."""
    return ", ".join(" ".join(part.split()[:2]) for part in described.split("; "))


def list_numba() -> dict[str, str]:
    """Numba and its parts, as far as they are installed, with their versions."""
    return _find_installed(_NUMBA)


def find_cupy() -> str:
    """CuPy with its version.

    Raises:
        CompileError: it is not installed.
    """
    found = _find_installed(_CUPY)
    if not found:
        raise CompileError(f"CuPy cannot be used: it is not installed; {REMEDY}")
    return _join(found)


def _find_installed(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _join(versions: dict[str, str]) -> str:
    return " ".join(f"{name} {version}" for name, version in versions.items())
