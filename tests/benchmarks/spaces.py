"""Spaces to measure with: the published ones in this project's notation, and equivalents.

Convolution, dedispersion, hotspot and GEMM have the parameters and constraints that the
auto-tuning community publishes for these kernels. The others follow the published structure and
reach nearly the published size; their exact definitions differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.configuration import Value
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space


@dataclass(frozen=True)
class Definition:
    """A space before it is made.

    Attributes:
        combinations, valid: what is expected; None: not known exactly.
        is_exact: whether it is the published space rather than one like it.
    """

    name: str
    parameters: dict[str, tuple[Value, ...]]
    constraints: tuple[str, ...]
    combinations: int
    valid: int | None
    is_exact: bool = False

    def make(self) -> Space:
        parameters = [Parameter(name, values) for name, values in self.parameters.items()]
        constraints = [parse_constraint(text, self.parameters) for text in self.constraints]
        return make_space(parameters, constraints)


def _powers(first: int, last: int) -> tuple[Value, ...]:
    return tuple(2**exponent for exponent in range(first, last + 1))


def _upto(last: int) -> tuple[Value, ...]:
    return tuple(range(1, last + 1))


CONVOLUTION = Definition(
    "convolution",
    {
        "block_x": tuple(range(16, 257, 16)),
        "block_y": _powers(0, 4),
        "tile_x": _upto(4),
        "tile_y": _upto(4),
        "read_only": (0, 1),
        "padding": (0, 1),
        "shared": (0, 1),
        "filter_w": (15,),
        "filter_h": (15,),
        "vector": (1,),
    },
    (
        "block_x * block_y <= 1024",
        "padding == 0 or block_x % 32 != 0",
        "padding == 0 or shared != 0",
        "shared == 0 or (block_x * tile_x + filter_w - 1) * (block_y * tile_y + filter_h - 1)"
        " < 12 * 1024",
    ),
    10_240,
    4_362,
    is_exact=True,
)

DEDISPERSION = Definition(
    "dedispersion",
    {
        "block_x": _powers(0, 5),
        "block_y": tuple(range(32, 257, 8)),
        "blocks_per_sm": (1,),
        "tile_x": _upto(4),
        "tile_y": _upto(8),
        "stride_x": (0, 1),
        "stride_y": (0, 1),
        "unroll": (0,),
    },
    (
        "32 <= block_x * block_y <= 1024",
        "tile_x > 1 or stride_x == 0",
        "tile_y > 1 or stride_y == 0",
    ),
    22_272,
    11_130,
    is_exact=True,
)

HOTSPOT = Definition(
    "hotspot",
    {
        "grid_w": (4096,),
        "grid_h": (4096,),
        "block_x": (1, 2, 4, 8, 16, *range(32, 1025, 32)),
        "block_y": _powers(0, 5),
        "tile_x": _upto(10),
        "tile_y": _upto(10),
        "steps": _upto(10),
        "max_steps": (10,),
        "unroll": _upto(10),
        "power_shared": (0, 1),
        "blocks_per_sm": (0, 1, 2, 3, 4),
    },
    (
        "32 <= block_x * block_y <= 1024",
        "steps % unroll == 0",
        "(block_x * tile_x + 2 * steps) * (block_y * tile_y + 2 * steps)"
        " * (2 + power_shared) * 4 <= 49152",
        "blocks_per_sm == 0 or (block_x * tile_x + 2 * steps) * (block_y * tile_y + 2 * steps)"
        " * (2 + power_shared) * 4 * blocks_per_sm <= 102400",
    ),
    22_200_000,
    349_853,
    is_exact=True,
)

GEMM = Definition(
    "gemm",
    {
        "kernel": (0,),
        "MWG": _powers(4, 7),
        "NWG": _powers(4, 7),
        "KWG": _powers(4, 5),
        "MDIMC": _powers(3, 5),
        "NDIMC": _powers(3, 5),
        "MDIMA": _powers(3, 5),
        "NDIMB": _powers(3, 5),
        "KWI": (2,),
        "VWM": _powers(0, 3),
        "VWN": _powers(0, 3),
        "STRM": (0, 1),
        "STRN": (0, 1),
        "SA": (0, 1),
        "SB": (0, 1),
        "KREG": (1,),
        "precision": (32,),
    },
    (
        "KWG % KWI == 0",
        "MWG % (MDIMC * VWM) == 0",
        "NWG % (NDIMC * VWN) == 0",
        "MWG % (MDIMA * VWM) == 0",
        "NWG % (NDIMB * VWN) == 0",
        "KWG % (MDIMC * NDIMC / MDIMA) == 0",
        "KWG % (MDIMC * NDIMC / NDIMB) == 0",
        "not (MWG == 128 and NWG == 128 and MDIMC == 8 and NDIMC == 8)",
    ),
    663_552,
    116_928,
    is_exact=True,
)

EXPDIST = Definition(
    "expdist",
    {
        "block_x": _powers(5, 10),
        "block_y": _powers(0, 5),
        "tile_x": _upto(8),
        "tile_y": _upto(8),
        "shared": (0, 1, 2),
        "unroll_x": _upto(8),
        "unroll_y": _upto(8),
        "column": (0, 1),
        "blocks_y": _powers(0, 10),
    },
    (
        "32 <= block_x * block_y <= 1024",
        "tile_x % unroll_x == 0",
        "tile_y % unroll_y == 0",
        "column == 1 or blocks_y == 1",
    ),
    9_732_096,
    302_400,
)

MICROHH = Definition(
    "microhh",
    {
        "block_x": _powers(0, 9),
        "block_y": _powers(0, 5),
        "block_z": _powers(0, 2),
        "tile_x": _powers(0, 2),
        "tile_y": _powers(0, 2),
        "tile_z": _powers(0, 2),
        "close_x": (0, 1),
        "close_y": (0, 1),
        "close_z": (0, 1),
        "unroll": (1, 2, 4),
        "blocks_per_sm": (1, 2, 4, 8, 16),
        "swizzle": (0, 1),
    },
    (
        "32 <= block_x * block_y * block_z <= 1024",
        "block_x * block_y * block_z * blocks_per_sm <= 1024",
        "tile_x > 1 or close_x == 0",
        "tile_y > 1 or close_y == 0",
        "tile_z > 1 or close_z == 0",
        "unroll < tile_x * tile_y * tile_z",
        "swizzle == 0 or block_y > 1",
    ),
    1_166_400,
    None,
)


def _loop_nest(axis: str) -> tuple[dict[str, tuple[Value, ...]], tuple[str, ...]]:
    """One of four loops, each split among groups, items, cache and registers."""
    groups, items, local, private, fused = (
        f"{word}_{axis}" for word in ("WG", "WI", "L", "P", "F")
    )
    fusable = f"{private} == 1" if axis == "A" else f"{private} == 1 and {items} == 1"
    return (
        {
            groups: _powers(0, 3),
            items: _powers(0, 3),
            local: _powers(0, 3),
            private: _upto(7),
            fused: (0, 1),
        },
        (
            f"4 % ({groups} * {local}) == 0",
            f"{local} % ({items} * {private}) == 0",
            f"{fused} == 0 or {fusable}",
        ),
    )


_LOOPS = [_loop_nest(axis) for axis in "ABCD"]
ATF_CONVOLUTION = Definition(
    "atf_convolution",
    {name: values for parameters, _ in _LOOPS for name, values in parameters.items()},
    tuple(text for _, constraints in _LOOPS for text in constraints),
    896**4,
    231_525,
)

SYNTHETIC = Definition(
    "synthetic",
    {f"x{at}": _upto(16) for at in range(8)},
    (
        "x0 * x1 <= 24",
        "x2 % x1 == 0 or x2 < x0",
        "x1 + x2 + x3 <= 20",
        "x3 * x4 % 3 == 0",
        "x4 <= x5",
        "x5 * x6 <= 48",
        "(x0 + x6) % 2 == 0",
        "x5 + x6 + x7 <= 20 and x7 % x4 == 0",
    ),
    16**8,
    None,
)

QUADRILLION = Definition(
    "quadrillion",
    {f"x{at}": _upto(10) for at in range(15)},
    (*(f"x{at} * x{at + 1} <= 60" for at in range(14)), "x0 + x7 + x14 <= 24"),
    10**15,
    None,
)

OPEN = Definition(
    "open",
    {f"x{at}": _upto(10) for at in range(15)},
    (" + ".join(f"x{at}" for at in range(15)) + " <= 80", "x3 % x11 == 0 or x7 > x2"),
    10**15,
    None,
)

SPACES = (
    CONVOLUTION,
    DEDISPERSION,
    HOTSPOT,
    GEMM,
    EXPDIST,
    MICROHH,
    ATF_CONVOLUTION,
    SYNTHETIC,
    QUADRILLION,
    OPEN,
)
