"""The CUDA C++ kernels compile for four generations of GPUs, at their parameters' extremes."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.configuration import Value
from tests.emulation.variants import Variant, include_headers, include_variant
from tests.kernels.cases import CASES, Case
from tests.kernels.description import Description

ARCHITECTURES = (75, 80, 90, 120)

pytestmark = [
    pytest.mark.nvcc,
    pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc on PATH"),
]


def _extremes(description: Description) -> list[dict[str, Value]]:
    """A few configurations in which each parameter's first and last value occur."""
    allowed = description.configurations(description.extremes())
    wanted = set(itertools.chain.from_iterable(one.items() for one in allowed))
    chosen = []
    while wanted:
        chosen.append(max(allowed, key=lambda one: len(wanted & set(one.items()))))
        wanted -= set(chosen[-1].items())
    return chosen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.config)
def test_extremes_compile_for_all_architectures(case: Case, tmp_path: Path) -> None:
    description = Description(case.config)
    variants = [Variant({}), *(Variant(one) for one in _extremes(description))]
    lines = include_headers(description.source.read_text())
    for number, variant in enumerate(variants):
        lines += include_variant(description.source, description.function, number, variant)
    program = tmp_path / "variants.cu"
    program.write_text("\n".join(lines) + "\n")

    targets = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in ARCHITECTURES]
    command = ["nvcc", "-fatbin", "-Werror=all-warnings", *targets, "-o", "variants.fatbin"]
    done = subprocess.run(
        [*command, program.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{[variant.macros for variant in variants]}\n{done.stderr}"
    assert (tmp_path / "variants.fatbin").stat().st_size > 0
