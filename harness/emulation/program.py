"""The program that runs emulated kernels: how it is built, and what it reads and writes.

`launch.h` and `run.cpp` are its fixed part, compiled once; a kernel's own part is its source after
`cuda/kernel.h`, with a table of kernels at the end. `cuda/cuda_emulation.h` says how it works.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from harness.emulation.names import qualify
from harness.measurement import Launch

HOME = Path(__file__).parent
INCLUDE = HOME / "cuda"
RUNTIME = HOME / "run.cpp"
EXIT_MISBEHAVED = 3

GUARD_BYTES = 256
"""Room for dynamic shared memory beyond what a launch asks for, to see whether it is written."""

RUNTIME_FLAGS = ("-std=c++17", "-O2", "-U_FORTIFY_SOURCE")  # its longjmp does not expect fibers
FLAGS = (
    "-std=c++17",
    "-O1",
    "-fno-strict-aliasing",
    "-fno-extern-tls-init",  # shared memory is thread_local and never initialised
    "-U_FORTIFY_SOURCE",
    "-w",  # unknown pragmas, and a kernel's warnings are nvcc's business
    "-fsanitize=alignment,bounds,shift-exponent,integer-divide-by-zero",
    "-fno-sanitize-recover=all",
)

_DYNAMIC = re.compile(r"\bextern\s+__shared__\s+[^;]*?(\w+)\s*\[\s*\]")


class Kind(IntEnum):
    """What an argument is to the emulation."""

    SCALAR = 0
    INPUT = 1
    WRITABLE = 2
    VARIABLE = 3


class Order(IntEnum):
    """In which order threads run between two barriers, and blocks start."""

    FORWARDS = 0
    BACKWARDS = 1


@dataclass(frozen=True, slots=True)
class Run:
    """A launch of the program's kernel number `kernel` on problem number `problem`.

    Attributes:
        resident: how many blocks run in turns.
    """

    kernel: int
    problem: int
    order: Order
    launch: Launch
    resident: int = 1


Problem = Sequence[tuple[Kind, bytes]]
"""Each argument: what it is, and the bytes that it begins with."""


def room_for(shared_bytes: int) -> int:
    """How much dynamic shared memory there must be for a launch that asks for so much."""
    return -(-(shared_bytes + GUARD_BYTES) // 16) * 16


def find_dynamic(source: str) -> str | None:
    """The name of the dynamic shared memory that a source declares; None: it declares none."""
    found = _DYNAMIC.search(source)
    return found[1] if found else None


def make_program(
    source: str, text: str, function: str, shared_bytes: int, variables: Sequence[str] = ()
) -> str:
    """The C++ text that makes a program of one kernel.

    Args:
        source: the kernel's file as it is written, which is looked at for its shared memory.
        text: the same with the definitions of its macros before it.
        variables: those that are filled before a run, in their order; one that the source does not
            name is not there, unless a header may have it.
    """
    lines = ['#include "kernel.h"', text]
    dynamic, room = find_dynamic(source), room_for(shared_bytes)
    pointer = "nullptr"
    if dynamic is not None:
        # The kernel declares it, of whatever type; only a symbol of that name must be there.
        lines.append(
            f'asm(".pushsection .tbss,\\"awT\\",@nobits\\n.globl {dynamic}\\n.balign 32\\n'
            f".type {dynamic}, @object\\n.size {dynamic}, {room}\\n"
            f'{dynamic}: .zero {room}\\n.popsection");'
        )
        lines.append(
            f'extern thread_local unsigned char emulation_dynamic[{room}] asm("{dynamic}");'
        )
        pointer = "emulation_dynamic"
    lines += [
        "const emulation::Kernel emulation::kernels[] = {",
        f"    emulation::make_kernel<{function}>({pointer}, {room if dynamic else 0}),",
        "};",
        "const size_t emulation::kernel_count = 1;",
        "const emulation::Variable emulation::variables[] = {",
        *(f"    {_find_variable(name, source)}," for name in variables),
        "    {nullptr, 0},",
        "};",
        f"const size_t emulation::variable_count = {len(variables)};",
    ]
    return "\n".join(lines) + "\n"


def _find_variable(name: str, source: str) -> str:
    """Address and size of a variable, as C++ writes them."""
    if re.search(rf"\b{name}\b", source) is None and "#include" not in source:
        return "{nullptr, 0}"
    name = qualify(name, source)
    return f"{{(void *)&{name}, sizeof {name}}}"


def write_request(problems: Sequence[Problem], runs: Sequence[Run]) -> bytes:
    """What the program reads; `run.cpp` says in which form."""
    parts = [_numbers(len(problems))]
    for problem in problems:
        parts.append(_numbers(len(problem)))
        for kind, value in problem:
            parts += [_numbers(kind, len(value)), value]
    parts.append(_numbers(len(runs)))
    for run in runs:
        launch = run.launch
        parts.append(_numbers(run.problem, run.kernel, run.order, run.resident))
        parts.append(_numbers(*launch.grid, *launch.block, launch.shared_bytes))
    return b"".join(parts)


def read_result(
    data: bytes, problems: Sequence[Problem], runs: Sequence[Run]
) -> list[tuple[bytes, ...]]:
    """What each run left in its writable arrays, in order."""
    at, outputs = 0, []
    for run in runs:
        left = []
        for kind, value in problems[run.problem]:
            if kind is Kind.WRITABLE:
                left.append(data[at : at + len(value)])
                at += len(value)
        outputs.append(tuple(left))
    assert at == len(data), "the program wrote something else than it was asked for"
    return outputs


def _numbers(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}q", *numbers)
