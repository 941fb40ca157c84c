"""Builds and runs CUDA kernels on the CPU: `cuda_emulation.h` says how, `run.h` the file formats.

Neither nvcc nor a GPU is needed, only a C++ compiler. All variants of a kernel go into one program.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import pytest

from tests.emulation.variants import Variant, include_headers, include_variant

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


def make_program(source: Path, function: str, variants: Sequence[Variant]) -> str:
    """The text of a C++ program that holds all variants of the kernel `function`."""
    text = source.read_text()
    lines = ['#include "run.h"', *include_headers(text)]
    table = []
    for number, variant in enumerate(variants):
        space, kernel = f"variant_{number}", f"{function}_{number}"
        dynamic, room = "nullptr", 0
        lines += include_variant(source, function, number, variant)
        if "dynamic_shared[]" in text:
            room = -(-(variant.shared_bytes + GUARD_BYTES) // 16) * 16
            dynamic = f"{space}::dynamic_shared"
            lines.append(
                f"namespace {space} {{ thread_local float4 dynamic_shared[{room // 16}] "
                "__attribute__((aligned(32))); }"
            )
        table.append(f"{{emulation::body<{space}::{kernel}>, {dynamic}, {room}}},")
    lines += ["int main(int argc, char **argv)", "{"]
    lines += ["    return emulation::serve(argc, argv, {", *table, "    });", "}"]
    return "\n".join(lines) + "\n"


def build(source: Path, function: str, variants: Sequence[Variant], folder: Path) -> Path:
    """Compile all variants of a kernel into one program in `folder`."""
    text, program = folder / f"{function}.cpp", folder / function
    text.write_text(make_program(source, function, variants))
    command = [compiler(), *FLAGS, f"-I{HERE}", "-o", str(program), str(text)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmulationError(f"{' '.join(command)}\n{done.stderr}")
    return program


def run(program: Path, problems: Sequence[Problem], runs: Sequence[Run]) -> list[tuple[bytes, ...]]:
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
