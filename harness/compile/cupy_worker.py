"""CuPy's raw kernels as CUDA C++ sources, in a factory worker. This module alone imports CuPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cupy

from harness.compile.factory import Make, UnfitError
from harness.compile.factory_protocol import Ask, Ready, Written
from harness.compile.modules import Modules


def open_cupy() -> tuple[Ready, Make]:
    """Which CuPy there is, and what takes sources from its kernels."""
    return Ready({"cupy": str(cupy.__version__)}), write_source


def write_source(kernel: Any, ask: Ask, modules: Modules) -> Written:
    """The source of what a factory returned: a RawKernel, or a RawModule and a kernel's name.

    Raises:
        UnfitError: it is something else.
    """
    raw, function = kernel if isinstance(kernel, tuple) and len(kernel) == 2 else (kernel, None)
    if function is None:
        function = getattr(raw, "name", None)
    text = getattr(raw, "code", None)
    if not isinstance(text, str) or not isinstance(function, str):
        raise UnfitError(
            f"returned an object of type {type(kernel).__name__}; return a cupy.RawKernel, or a "
            "cupy.RawModule made from code together with the name of a kernel in it"
        )
    return Written(
        text, function, tuple(raw.options), _find_headers(), modules.list_files(ask.path)
    )


def _find_headers() -> tuple[str, ...]:
    """CuPy's own headers, which it lets raw kernels include."""
    folder = Path(cupy.__file__).parent / "_core" / "include"
    return (str(folder),) if folder.is_dir() else ()
