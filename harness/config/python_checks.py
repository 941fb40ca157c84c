"""Checks of a `[kernel]` whose source is Python, or looks as if it were."""

from __future__ import annotations

from collections.abc import Iterator

from harness.config.kernel_tables import KernelTable
from harness.config.problems import Key, Problem, format_value_of
from harness.config.view import View


def check_python(view: View, kernel: KernelTable) -> Iterator[Problem]:
    """What does not go with the language."""
    if not view.is_read("kernel", "language"):
        return
    if kernel.language == "cuda":
        if kernel.source is not None and kernel.source.endswith(".py"):
            text = 'Python, but the language is CUDA C++; add language = "numba", or "cupy"'
            yield Problem(("kernel", "source"), text, format_value_of(kernel.source))
        return
    if kernel.source is not None and not kernel.source.endswith(".py"):
        text = f"no Python file, but the language is {kernel.language}; name one that ends in .py"
        yield Problem(("kernel", "source"), text, format_value_of(kernel.source))
    if not kernel.function.isidentifier():
        text = "not the name of a Python function; name the factory, as make_saxpy"
        yield Problem(("kernel", "function"), text, format_value_of(kernel.function))
    if kernel.parameters != "macros" and view.is_read("kernel", "parameters"):
        text = "for CUDA C++ only; remove it: a factory gets the parameters that its arguments name"
        yield Problem(("kernel", "parameters"), text, format_value_of(kernel.parameters))
    yield from _check_reference(view, kernel)
    if kernel.language == "numba":
        yield from _check_numba(view, kernel)


def _check_reference(view: View, kernel: KernelTable) -> Iterator[Problem]:
    reference = kernel.reference
    if reference is None or reference.kernel is None or reference.source is not None:
        return
    if view.is_read("kernel", "reference", "source"):
        text = "missing; the reference's kernel is CUDA C++: name its file"
        yield Problem(("kernel", "reference", "source"), text)


def _check_numba(view: View, kernel: KernelTable) -> Iterator[Problem]:
    for name, value in (("compiler", kernel.compiler), ("nvcc", kernel.nvcc)):
        if value not in ("auto", None) and view.is_read("kernel", name):
            text = "for CUDA C++ only; remove it: Numba compiles its kernels itself"
            yield Problem(("kernel", name), text, format_value_of(value))
    for index, argument in enumerate(kernel.arguments):
        role: Key = ("kernel", "arguments", index, "role")
        if argument.role == "constant" and view.is_read(*role):
            text = "Numba's kernels have no variables that can be filled; use cuda.const.array_like"
            yield Problem(role, text, format_value_of(argument.role))
        key: Key = ("kernel", "arguments", index, "dtype")
        if argument.dtype == "bfloat16" and view.is_read(*key):
            text = "Numba's kernels do not take it; use float16 or float32, or CUDA C++"
            yield Problem(key, text, format_value_of(argument.dtype))
