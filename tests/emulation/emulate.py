"""Builds and runs many variants of a CUDA kernel on the CPU, in one program, for tests.

Neither nvcc nor a GPU is needed, only a C++ compiler.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.emulation.compiler import find_compiler
from harness.emulation.program import (
    FLAGS,
    INCLUDE,
    RUNTIME,
    Problem,
    Run,
    read_result,
    room_for,
    write_request,
)
from tests.emulation.variants import Variant, include_headers, include_variant


class EmulationError(Exception):
    """A kernel misbehaved: what the emulation or the sanitizer said."""


def compiler() -> str:
    """The C++ compiler; skips the test that asks if there is none."""
    found = find_compiler()
    if found is None:
        pytest.skip("no C++ compiler; install g++ or set CXX")
    return found


def make_program(source: Path, function: str, variants: Sequence[Variant]) -> str:
    """The text of a C++ program that holds all variants of the kernel `function`."""
    text = source.read_text()
    lines = ['#include "kernel.h"', *include_headers(text)]
    table = []
    for number, variant in enumerate(variants):
        space, kernel = f"variant_{number}", f"{function}_{number}"
        dynamic, room = "nullptr", 0
        lines += include_variant(source, function, number, variant)
        if "dynamic_shared[]" in text:
            room = room_for(variant.shared_bytes)
            dynamic = f"{space}::dynamic_shared"
            lines.append(
                f"namespace {space} {{ thread_local float4 dynamic_shared[{room // 16}] "
                "__attribute__((aligned(32))); }"
            )
        table.append(f"emulation::make_kernel<{space}::{kernel}>({dynamic}, {room}),")
    lines += ["const emulation::Kernel emulation::kernels[] = {", *table, "};"]
    lines += [f"const size_t emulation::kernel_count = {len(variants)};"]
    lines += ["const emulation::Variable emulation::variables[] = {{nullptr, 0}};"]
    lines += ["const size_t emulation::variable_count = 0;"]
    return "\n".join(lines) + "\n"


def build(source: Path, function: str, variants: Sequence[Variant], folder: Path) -> Path:
    """Compile all variants of a kernel into one program in `folder`."""
    text, program = folder / f"{function}.cpp", folder / function
    text.write_text(make_program(source, function, variants))
    command = [compiler(), *FLAGS, f"-I{INCLUDE}", "-o", str(program), str(text), str(RUNTIME)]
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
    request.write_bytes(write_request(problems, runs))
    done = subprocess.run(
        [str(program), str(request), str(result)], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        number = re.match(r"run (\d+)", done.stderr)
        which = f"{runs[int(number[1])]}\n" if number else ""
        raise EmulationError(f"exit status {done.returncode}\n{which}{done.stderr}")
    return read_result(result.read_bytes(), problems, runs)
