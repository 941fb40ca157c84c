"""Builds and runs CUDA kernels on the CPU: `cuda_emulation.h` says how, `run.h` the file formats.

Many variants of a kernel, one per configuration, go into one program: each in a namespace, with its
own macros, and a name of its own. Neither nvcc nor a GPU is needed, only a C++ compiler.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import pytest

from harness.model import Value

HERE = Path(__file__).parent
GUARD_BYTES = 256
"""Room for dynamic shared memory beyond what a launch asks for, to see whether it is written."""

FLAGS = (
    "-std=c++17",
    "-O1",
    "-fno-strict-aliasing",
    "-U_FORTIFY_SOURCE",  # its longjmp does not expect fibers
    "-w",  # unknown pragmas, and a kernel's warnings are nvcc's business
    "-fsanitize=alignment,bounds,shift,integer-divide-by-zero",
    "-fno-sanitize-recover=all",
)

Extent = tuple[int, int, int]


class Kind(IntEnum):
    """What an argument is to the emulation."""

    SCALAR = 0
    INPUT = 1
    WRITABLE = 2


class Order(IntEnum):
    """In which order threads run between two barriers, and blocks start."""

    FORWARDS = 0
    BACKWARDS = 1


@dataclass(frozen=True)
class Variant:
    """A kernel as one configuration compiles it, and the dynamic shared memory it is given."""

    macros: Mapping[str, Value]
    shared_bytes: int = 0


@dataclass(frozen=True)
class Run:
    """A launch of variant number `variant` on problem number `problem`."""

    variant: int
    problem: int
    order: Order
    grid: Extent
    block: Extent
    shared_bytes: int = 0
    resident: int = 1


Problem = Sequence[tuple[Kind, bytes]]
"""Each argument: what it is, and the bytes that it begins with."""


class EmulationError(Exception):
    """A kernel misbehaved: what the emulation or the sanitizer said."""


def compiler() -> str:
    """The C++ compiler; skips the test that asks if there is none."""
    found = shutil.which(os.environ.get("CXX", "")) or shutil.which("g++") or shutil.which("c++")
    if found is None:
        pytest.skip("no C++ compiler; install g++ or set CXX")
    return found


def make_program(source: str, name: str, function: str, variants: Sequence[Variant]) -> str:
    """The text of a C++ program that holds all variants of the kernel `function`.

    Args:
        source: the kernel's text.
        name: the file that the text is included from.
    """
    own = dict.fromkeys(re.findall(r"^\s*#\s*define\s+(\w+)", source, re.MULTILINE))
    headers = re.findall(r"^\s*#\s*include\s+<.*", source, re.MULTILINE)
    lines = ['#include "run.h"', *headers]
    table = []
    for number, variant in enumerate(variants):
        lines += [f"namespace variant_{number} {{", f"#define {function} {function}_{number}"]
        lines += [f"#define {macro} {_text(value)}" for macro, value in variant.macros.items()]
        lines.append(f'#include "{name}"')
        lines += [f"#undef {macro}" for macro in {**own, **variant.macros, function: 0}]
        dynamic, room = "nullptr", 0
        if "dynamic_shared[]" in source:
            room = -(-(variant.shared_bytes + GUARD_BYTES) // 16) * 16
            dynamic = f"variant_{number}::dynamic_shared"
            lines.append(f"thread_local float4 dynamic_shared[{room // 16}];")
        lines.append("}")
        kernel = f"variant_{number}::{function}_{number}"
        table.append(f"{{emulation::body<{kernel}>, {dynamic}, {room}}},")
    lines += ["int main(int argc, char **argv)", "{"]
    lines += ["    return emulation::serve(argc, argv, {", *table, "    });", "}"]
    return "\n".join(lines) + "\n"


def _text(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def build(source: Path, function: str, variants: Sequence[Variant], folder: Path) -> Path:
    """Compile all variants of a kernel into one program in `folder`."""
    text, program = folder / f"{function}.cpp", folder / function
    text.write_text(make_program(source.read_text(), str(source.resolve()), function, variants))
    command = [compiler(), *FLAGS, f"-I{HERE}", "-o", str(program), str(text)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmulationError(f"{' '.join(command)}\n{done.stderr}")
    return program


def run(
    program: Path, problems: Sequence[Problem], runs: Sequence[Run]
) -> list[tuple[bytes, ...]]:
    """What each run left in its writable arrays, in order.

    Raises:
        EmulationError: one of them misbehaved; says which, and how.
    """
    request, result = program.with_suffix(".request"), program.with_suffix(".result")
    request.write_bytes(_request(problems, runs))
    done = subprocess.run(
        [str(program), str(request), str(result)], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        number = re.match(r"run (\d+)", done.stderr)
        which = f"{runs[int(number[1])]}\n" if number else ""
        raise EmulationError(f"exit status {done.returncode}\n{which}{done.stderr}")
    data, at = result.read_bytes(), 0
    outputs = []
    for each in runs:
        sizes = [len(value) for kind, value in problems[each.problem] if kind is Kind.WRITABLE]
        left = []
        for size in sizes:
            left.append(data[at : at + size])
            at += size
        outputs.append(tuple(left))
    assert at == len(data)
    return outputs


def _request(problems: Sequence[Problem], runs: Sequence[Run]) -> bytes:
    parts = [_numbers(len(problems))]
    for problem in problems:
        parts.append(_numbers(len(problem)))
        for kind, value in problem:
            parts += [_numbers(kind, len(value)), value]
    parts.append(_numbers(len(runs)))
    parts += [
        _numbers(
            each.problem,
            each.variant,
            each.order,
            each.resident,
            *each.grid,
            *each.block,
            each.shared_bytes,
        )
        for each in runs
    ]
    return b"".join(parts)


def _numbers(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}q", *numbers)
