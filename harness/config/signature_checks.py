"""Checks of `kernel.arguments` and `kernel.function` against what the source declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.config.kernel_tables import ArgumentTable, KernelTable
from harness.config.problems import Problem, find_nearest, format_value_of
from harness.config.signature import Parameter, find_kernels
from harness.config.view import View
from harness.units import format_count

_ADDRESSES = ("int64", "uint64")
"""Integers that may stand for an address: of nothing, or of an array."""

_FLOATS = {"float16", "bfloat16", "float32", "float64"}


def check_signature(view: View, kernel: KernelTable) -> Iterator[Problem]:
    """What the kernel, and a simple one that is its reference, take otherwise than is said."""
    if not view.is_whole("kernel", "arguments") or kernel.language != "cuda":
        return
    text = kernel.code or _read(view, kernel.source)
    yield from _check_constants(text, kernel)
    if view.is_read("kernel", "function"):
        yield from _check_kernel(text, ("kernel", "function"), kernel.function, kernel)
    reference = kernel.reference
    if reference is not None and reference.kernel is not None:
        text = _read(view, reference.source) if reference.source else text
        key = ("kernel", "reference", "kernel")
        yield from _check_kernel(text, key, reference.kernel, kernel)


def _read(view: View, name: str | None) -> str:
    """A source's text; empty if it cannot be read, which other checks tell."""
    try:
        return Path(view.spec.base / (name or "")).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _check_constants(text: str, kernel: KernelTable) -> Iterator[Problem]:
    """Variables that the source does not have."""
    for n, argument in enumerate(kernel.arguments):
        known = re.search(rf"\b{re.escape(argument.name)}\b", text) or not _is_whole(text)
        if argument.role == "constant" and not known:
            problem = "the source has no variable of that name; name one, or remove the role"
            yield Problem(("kernel", "arguments", n), problem, format_value_of(argument.name))


def _list_passed(kernel: KernelTable) -> list[tuple[int, ArgumentTable]]:
    """The arguments that are parameters of the kernel, with their places."""
    return [(n, given) for n, given in enumerate(kernel.arguments) if given.role != "constant"]


def _check_kernel(
    text: str, key: tuple[str, ...], function: str, kernel: KernelTable
) -> Iterator[Problem]:
    kernels = find_kernels(text)
    name = _base_name(function)
    if name not in kernels:
        if kernels and _is_whole(text) and not re.search(rf"\b{re.escape(name)}\b", text):
            nearest = find_nearest(name, kernels)
            remedy = f"did you mean {nearest}?" if nearest else f"kernels: {', '.join(kernels)}"
            problem = f"the source has no kernel of that name; {remedy}"
            yield Problem(key, problem, format_value_of(function))
        return
    parameters, arguments = kernels[name], _list_passed(kernel)
    if parameters is None:
        return
    if len(parameters) != len(arguments):
        takes = format_count(len(parameters), "argument")
        listed = ", ".join(parameter.text for parameter in parameters) or "none"
        text = f"{len(arguments)}, but {name} takes {takes}: {listed}; list them in its order"
        yield Problem(("kernel", "arguments"), text)
        return
    for (n, argument), parameter in zip(arguments, parameters, strict=True):
        problem = _compare(argument, parameter)
        if problem:
            text = f"{name} takes {parameter.text} there; {problem}"
            yield Problem(("kernel", "arguments", n), text, format_value_of(argument.name))


def _base_name(function: str) -> str:
    """The kernel's name without namespaces and template arguments."""
    return function.partition("<")[0].rpartition("::")[2].strip()


def _is_whole(text: str) -> bool:
    """Whether all kernels are in the text itself: no header, and no macro, makes any."""
    return "##" not in text and re.search(r"^\s*#\s*include\b", text, re.MULTILINE) is None


def _compare(argument: ArgumentTable, parameter: Parameter) -> str:
    """What to do about an argument that is not what the kernel takes; empty if it may be."""
    if parameter.is_pointer is None:
        return ""
    if argument.shape is None:
        return _compare_scalar(argument, parameter)
    if not parameter.is_pointer:
        return "" if parameter.dtype in _ADDRESSES else "give it a value in place of a shape"
    if parameter.is_const and argument.role != "in":
        return f'it cannot write that: remove const, or role = "{argument.role}"'
    if {argument.dtype, parameter.dtype} <= _FLOATS and argument.dtype != parameter.dtype:
        return f'its elements are {argument.dtype}: write dtype = "{parameter.dtype}"'
    return ""


def _compare_scalar(argument: ArgumentTable, parameter: Parameter) -> str:
    if parameter.is_pointer:
        return "" if argument.dtype in _ADDRESSES else "give it a shape in place of a value"
    if _is_alike(argument.dtype, parameter.dtype):
        return ""
    return f'it has dtype {argument.dtype}: write dtype = "{parameter.dtype}"'


def _is_alike(given: str, taken: str) -> bool:
    """Whether a scalar of one type has the bits of the other's; signs are the user's affair."""
    return given.removeprefix("u") == taken.removeprefix("u")


def describe_odd_arrays(kernel: KernelTable, text: str) -> list[str]:
    """Arrays whose elements the kernel takes for something else, which it may mean to do.

    Bytes are taken for anything, so nothing is said of pointers to them.
    """
    name = _base_name(kernel.function)
    parameters = find_kernels(text).get(name)
    arguments = _list_passed(kernel)
    if parameters is None or len(parameters) != len(arguments):
        return []
    return [
        f"argument {argument.name} has elements of {argument.dtype}, but {name} takes "
        f'{parameter.text} there: is dtype = "{parameter.dtype}" meant?'
        for (_, argument), parameter in zip(arguments, parameters, strict=True)
        if argument.shape is not None
        and parameter.is_pointer
        and parameter.dtype not in ("", "int8", "uint8")
        and not _is_alike(argument.dtype, parameter.dtype)
    ]
