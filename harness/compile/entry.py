"""Finding a kernel in its binary: from `matmul<float, 16>` to `_Z6matmulIfLi16EEvPT_PKS0_`.

nvcc gives a kernel's name in the binary no other way than by putting it there. So a kernel that
does nothing, with the one asked for as a template argument, is added to the source: it makes the
compiler instantiate what nothing else uses, and its own mangled name holds the other's. Taking the
kernel's address in a variable would do so too, but then every kernel of the module is compiled
for being called through pointers, and needs more registers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.compile.source import KernelSource, define_macros

MARK = "harness_entry"
PLACE = "kernel.function"
"""What messages about the added lines name as their file: the key that is wrong then."""


def mark_entry(source: KernelSource) -> str:
    """The text to compile: the source, and a kernel that is marked with the one asked for."""
    return (
        f'{define_macros(source)}#line 1 "{PLACE}"\n'
        f"template <typename T, T kernel> __global__ void {MARK}() {{}} "
        f"template __global__ void {MARK}<decltype(&{source.function}), &{source.function}>();\n"
    )


def find_candidates(entries: Sequence[str], function: str) -> tuple[str, ...]:
    """Those of a binary's kernels that may be `function`; one, unless names are overloaded."""
    kernels = tuple(name for name in entries if MARK not in name)
    plain = re.sub(r"<.*", "", function, flags=re.DOTALL).rpartition("::")[2].strip()
    named = f"{len(plain)}{plain}"
    likely = tuple(name for name in kernels if name == plain or named in name)
    return likely or kernels


def pick_entry(demangled: Mapping[str, str]) -> str | None:
    """The kernel that the mark names, or None if that is not clear.

    Args:
        demangled: each kernel's mangled name with the one for people.
    """
    mark = next((text for name, text in demangled.items() if MARK in name), "")
    found = [name for name, text in demangled.items() if MARK not in name and _is_named(mark, text)]
    return found[0] if len(found) == 1 else None


def _is_named(mark: str, text: str) -> bool:
    """Whether the mark is of the kernel whose name for people is `text`."""
    name, parenthesis, arguments = text.partition("(")
    if not parenthesis:  # extern "C": only the mark knows its arguments
        return f"&({name}(" in mark
    # c++filt leaves out the arguments of some functions that are no templates, but not their type
    return f"&({text})>" in mark or mark.endswith(f"<void (*)({arguments}, &{name}>()")
