"""What the kernels are checked on: for each config, a reduced space and small problems.

Everything else (constraints, launch, arguments, reference, tolerance) is what the config says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.configuration import Value

Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Case:
    """One kernel's reduced space and small problems.

    Attributes:
        config: the name of its file in configs/, which is the kernel's.
        values: of each parameter; a subset of those in the config.
        problems: sizes that tiles and vectors divide, that they do not, and the smallest.
        resident: how many blocks run in turns; more than 1 where blocks wait for each other.
    """

    config: str
    values: Mapping[str, tuple[Value, ...]]
    problems: tuple[Sizes, ...]
    resident: int = 1


CASES = (
    Case(
        "vector_add",
        {"BLOCK": (64, 128), "VECTOR": (1, 2, 4), "ITEMS": (1, 2, 4)},
        ({"N": 1}, {"N": 1024}, {"N": 3001}, {"N": 3004}),
    ),
    Case(
        "saxpy",
        {"BLOCK": (64, 128), "VECTOR": (1, 2, 4), "UNROLL": (1, 2, 4), "BLOCKS_PER_SM": (2, 4)},
        ({"N": 1}, {"N": 2048}, {"N": 9003}),
    ),
    Case(
        "transpose",
        {"TILE": (16, 32), "ROWS": (2, 8, 16), "VECTOR": (1, 2, 4), "PAD": (0, 1)},
        (
            {"ROWS_IN": 1, "COLUMNS_IN": 5},
            {"ROWS_IN": 64, "COLUMNS_IN": 32},
            {"ROWS_IN": 37, "COLUMNS_IN": 70},
        ),
    ),
    Case(
        "reduction",
        {
            "BLOCK": (64, 128),
            "VECTOR": (1, 2, 4),
            "UNROLL": (1, 4),
            "SHUFFLE": (0, 1),
            "BLOCKS_PER_SM": (2, 4),
        },
        ({"N": 1}, {"N": 4096}, {"N": 9003}),
    ),
    Case(
        "histogram",
        {
            "BLOCK": (128,),
            "VECTOR": (1, 4, 16),
            "COPIES": (1, 4, 32),
            "BY_LANE": (0, 1),
            "BLOCKS_PER_SM": (2,),
        },
        ({"N": 1}, {"N": 4096}, {"N": 9003}),
    ),
    Case(
        "scan",
        {"BLOCK": (64, 128), "ITEMS": (1, 2, 4, 12), "STAGED": (0, 1), "LOOKBACK": (1, 32)},
        ({"N": 1}, {"N": 1536}, {"N": 4999}, {"N": 5004}),
        resident=40,  # so that a warp that looks back finds more than 32 tiles under way
    ),
    Case(
        "matmul",
        {
            "TILE_M": (32, 64),
            "TILE_N": (64,),
            "TILE_K": (8, 16),
            "THREAD_M": (4, 8),
            "THREAD_N": (4, 8),
            "LANES_X": (8,),
            "VECTOR": (1, 4),
            "STAGES": (1, 2),
            "PAD": (0, 4),
        },
        (
            {"M": 1, "N": 3, "K": 2},
            {"M": 64, "N": 64, "K": 32},
            {"M": 67, "N": 36, "K": 21},
        ),
    ),
    Case(
        "matmul_wmma",
        {
            "WARPS_M": (1, 2),
            "WARPS_N": (1, 2),
            "WARP_M": (1, 2),
            "WARP_N": (1, 2),
            "TILE_K": (32,),
            "STAGES": (1, 2),
            "PAD": (0, 8),
        },
        ({"M": 1, "N": 3, "K": 2}, {"M": 64, "N": 64, "K": 64}, {"M": 39, "N": 72, "K": 40}),
    ),
    Case(
        "convolution2d",
        {
            "SIZE": (7,),
            "BLOCK_X": (16, 64),
            "BLOCK_Y": (1, 4),
            "TILE_X": (1, 2),
            "TILE_Y": (1, 4),
            "SHARED": (0, 1),
            "UNROLL": (0, 1),
        },
        ({"ROWS": 1, "COLUMNS": 1}, {"ROWS": 16, "COLUMNS": 128}, {"ROWS": 19, "COLUMNS": 75}),
    ),
    Case(
        "stencil",
        {
            "BLOCK_X": (16, 64),
            "BLOCK_Y": (1, 4, 8),
            "TILE_Z": (1, 4, 16),
            "SHARED": (0, 1),
            "UNROLL": (1, 2),
        },
        (
            {"NX": 1, "NY": 2, "NZ": 1},
            {"NX": 64, "NY": 8, "NZ": 8},
            {"NX": 35, "NY": 13, "NZ": 7},
        ),
    ),
    Case(
        "nbody",
        {"BLOCK": (64, 128), "BODIES": (1, 2, 4), "SHARED": (0, 1), "UNROLL": (1, 8)},
        ({"BODIES_IN_ALL": 1}, {"BODIES_IN_ALL": 128}, {"BODIES_IN_ALL": 203}),
    ),
    Case(
        "spmv",
        {"BLOCK": (64, 128), "LANES": (1, 2, 4, 8, 16, 32), "UNROLL": (1, 2, 4)},
        (
            {"ROWS": 1, "ELEMENTS": 16},
            {"ROWS": 64, "ELEMENTS": 1024},
            {"ROWS": 99, "ELEMENTS": 1584},
        ),
    ),
)
