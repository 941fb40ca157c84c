"""How many blocks of a kernel a multiprocessor can hold at once. Pure.

Source: NVIDIA's occupancy calculator, as its header `cuda_occupancy.h` of the CUDA toolkit
implements it; tests compare with that header where it is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model import Resources

_WARP = 32
_REGISTER_STEP = 256
"""Registers are given to a warp in multiples of this."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How well a kernel fills a multiprocessor, before anything runs.

    Attributes:
        blocks: on one multiprocessor at once; 0: the kernel cannot be launched like this.
        warps: of these blocks.
        fraction: of the warps that a multiprocessor can hold.
        limited_by: what allows no more blocks: `threads`, `blocks`, `registers`, `shared`.
    """

    blocks: int
    warps: int
    fraction: float
    limited_by: tuple[str, ...]


def compute_occupancy(
    resources: Resources, *, threads: int, shared_bytes: int, limits: Mapping[str, int]
) -> Occupancy | None:
    """Theoretical occupancy of a launch.

    Args:
        threads: of a block.
        shared_bytes: dynamic shared memory of a block.
        limits: the device's, by the names of `device.` expressions.

    Returns:
        None if the device's limits are not known.

    Raises:
        ValueError: `threads` is not positive.
    """
    if threads < 1:
        raise ValueError(f"a block of {threads} threads: it must have at least 1")
    if "max_threads_per_sm" not in limits:
        return None
    warps = _divide_up(threads, _WARP)
    most_warps = limits["max_threads_per_sm"] // _WARP
    fits = threads <= limits["max_threads_per_block"]
    allowed = {
        "threads": most_warps // warps if fits else 0,
        "blocks": limits["max_blocks_per_sm"],
        "registers": _fit_registers(resources.registers, warps, limits),
        "shared": _fit_shared(resources.shared_bytes + shared_bytes, limits),
    }
    blocks = min(number for number in allowed.values() if number is not None)
    return Occupancy(
        blocks=blocks,
        warps=blocks * warps,
        fraction=blocks * warps / most_warps,
        limited_by=tuple(name for name, number in allowed.items() if number == blocks),
    )


def _fit_registers(registers: int, warps: int, limits: Mapping[str, int]) -> int | None:
    """Blocks for which there are registers; None: it needs none.

    A multiprocessor's registers are divided among its partitions, each of which runs whole warps.
    Compute capability 6.0 has two of them, but launches only what would fit four as well.
    """
    if registers == 0:
        return None
    per_warp = _round_up(registers * _WARP, _REGISTER_STEP)
    if (
        registers > limits["max_registers_per_thread"]
        or per_warp * _round_up(warps, 4) > limits["max_registers_per_block"]
    ):
        return 0
    partitions = 2 if limits["compute_capability"] == 60 else 4
    return limits["registers_per_sm"] // partitions // per_warp * partitions // warps


def _fit_shared(shared_bytes: int, limits: Mapping[str, int]) -> int | None:
    """Blocks for which there is shared memory; None: it needs none.

    From compute capability 8, the system takes 1 KiB of every block's for itself.
    """
    recent = limits["compute_capability"] >= 80
    reserved, step = (1024, 128) if recent else (0, 256)
    taken = _round_up(shared_bytes + reserved, step)
    if taken == 0:
        return None
    if taken > limits["max_shared_bytes_per_block_optin"] + reserved:
        return 0
    return limits["shared_bytes_per_sm"] // taken


def _divide_up(number: int, by: int) -> int:
    return -(-number // by)


def _round_up(number: int, step: int) -> int:
    return _divide_up(number, step) * step
