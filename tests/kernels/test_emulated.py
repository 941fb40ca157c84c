"""The CUDA C++ kernels, run on the CPU: right in every configuration, and not by luck."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.configuration import Value
from tests.emulation.emulate import EmulationError
from tests.kernels.cases import CASES, Case
from tests.kernels.description import Description
from tests.kernels.emulated import Batch

BARRIER = re.compile(r"__sync(?:threads|warp)\(\);")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.config)
def test_every_configuration_is_right(case: Case, tmp_path: Path) -> None:
    batch = Batch(case, Description(case.config).configurations(case.values))
    program = batch.build(batch.variants(), tmp_path)
    assert batch.find_wrong(program, batch.runs) == []


# A configuration, or several, in which every barrier of the kernel is compiled.
WITH_BARRIERS: dict[str, dict[str, tuple[Value, ...]]] = {
    "transpose": {"TILE": (16,), "ROWS": (8,), "VECTOR": (1,), "PAD": (1,)},
    "reduction": {"BLOCK": (128,), "VECTOR": (1,), "UNROLL": (1,), "BLOCKS_PER_SM": (2,)},
    "histogram": {"BLOCK": (128,), "VECTOR": (4,), "COPIES": (4,), "BY_LANE": (1,)},
    "scan": {"BLOCK": (128,), "ITEMS": (4,), "LOOKBACK": (32,)},
    "matmul": {
        "TILE_M": (64,),
        "TILE_K": (8,),
        "THREAD_M": (8,),
        "THREAD_N": (4,),
        "VECTOR": (1,),
        "STAGES": (1,),
        "PAD": (0,),
    },
    "matmul_wmma": {
        "WARPS_M": (2,),
        "WARPS_N": (2,),
        "WARP_M": (1,),
        "WARP_N": (2,),
        "STAGES": (1,),
        "PAD": (8,),
    },
    "convolution2d": {
        "BLOCK_X": (16,),
        "BLOCK_Y": (4,),
        "TILE_X": (1,),
        "TILE_Y": (1,),
        "SHARED": (1,),
        "UNROLL": (1,),
    },
    "stencil": {
        "BLOCK_X": (16,),
        "BLOCK_Y": (8,),
        "TILE_Z": (4,),
        "SHARED": (1,),
        "UNROLL": (1,),
    },
    "nbody": {"BLOCK": (64,), "BODIES": (1,), "SHARED": (1,), "UNROLL": (1,)},
}


def test_all_kernels_with_barriers_are_listed() -> None:
    with_barriers = {
        case.config for case in CASES if BARRIER.search(Description(case.config).source.read_text())
    }
    assert with_barriers == set(WITH_BARRIERS)


@pytest.mark.parametrize("name", WITH_BARRIERS)
def test_without_any_one_of_its_barriers_it_is_found_out(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.config == name)
    description = Description(name)
    configurations = description.configurations({**case.values, **WITH_BARRIERS[name]})
    batch = Batch(case, configurations)
    source = tmp_path / f"{name}.cu"
    pieces = BARRIER.split(description.source.read_text())
    barriers = BARRIER.findall(description.source.read_text())
    source.write_text(
        pieces[0] + "".join(f"BARRIER_{i}{piece}" for i, piece in enumerate(pieces[1:]))
    )
    variants = []
    for removed in range(-1, len(barriers)):  # -1: none
        kept = {f"BARRIER_{i}": "" if i == removed else b for i, b in enumerate(barriers)}
        variants += batch.variants(kept)
    program = batch.build(variants, tmp_path, source)

    def is_right(version: int) -> bool:
        first = version * len(configurations)
        runs = [replace(each, kernel=first + each.kernel) for each in batch.runs]
        try:
            return not batch.find_wrong(program, runs)
        except EmulationError:
            return False

    assert is_right(0)
    assert [barriers[i] for i in range(len(barriers)) if is_right(i + 1)] == []
