"""Kernels from factories: functions of users' Python, called with a configuration's values."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable
from typing import Any

from harness.compile.factory_protocol import Ask, Compiled, Failed, Written
from harness.compile.modules import Modules

Make = Callable[[Any, Ask, Modules], "Compiled | Written | Failed"]
"""What to answer, of what a factory returned."""


_DEVICE_ERRORS = ("CudaSupportError", "CudaAPIError", "CUDARuntimeError")
"""What Numba and CuPy raise where there is no device to ask."""

_NO_DEVICE = (
    "no GPU is to be seen where kernels are compiled: leave out what asks for one, such as a "
    "signature in @cuda.jit"
)


class UnfitError(Exception):
    """What a factory returned is of no use, as the message says."""


def serve(ask: Ask, modules: Modules, make: Make) -> Compiled | Written | Failed:
    """Have the factory make a kernel; whatever goes wrong is in the reply."""
    try:
        module = modules.load(ask.text, ask.path, ask.module, ask.folders)
        factory = getattr(module, ask.factory)
        kernel = factory(**{name: ast.literal_eval(text) for name, text in ask.arguments})
        return make(kernel, ask, modules)
    except UnfitError as error:
        return Failed(f"{ask.factory} {error}")
    except Exception as error:  # noqa: BLE001 - whatever users' Python raises
        return Failed(_summarise(error), _describe(error, modules))


def _summarise(error: Exception) -> str:
    """What is wrong, in one line: the first that says something."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(("Failed in", "File "))]
    name = type(error).__name__
    summary = f"{name}: {said[0].rstrip(':')}" if said else name
    return f"{summary}; {_NO_DEVICE}" if name in _DEVICE_ERRORS else summary


def _describe(error: Exception, modules: Modules) -> str:
    """The traceback, as far as it goes through users' Python."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not modules.is_installed(frame.filename)]
    lines = traceback.format_list(own) + traceback.format_exception_only(type(error), error)
    return "".join(lines)
