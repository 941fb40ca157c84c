"""What a device can hold: the numbers that constraints and kernel launches may name.

`device.max_threads_per_block` in an expression is the entry `max_threads_per_block` here. Most
limits follow from a GPU's compute capability; how many multiprocessors and how much memory it has
are the device's own. Pure: no driver is asked.

Source: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.lane import DeviceInfo

PREFIX = "device."
"""What a limit's name begins with in an expression."""

_KIB = 1024

_COMMON = {
    "warp_size": 32,
    "max_threads_per_block": 1024,
    "max_block_x": 1024,
    "max_block_y": 1024,
    "max_block_z": 64,
    "max_grid_x": 2**31 - 1,
    "max_grid_y": 65535,
    "max_grid_z": 65535,
    "max_registers_per_thread": 255,
    "max_shared_bytes_per_block": 48 * _KIB,
    "registers_per_sm": 64 * _KIB,
}
"""What all supported GPUs have in common."""


@dataclass(frozen=True, slots=True)
class _Capability:
    """What differs; threads and blocks are those that a multiprocessor can hold at once."""

    threads: int
    blocks: int
    shared_kib: int
    optin_kib: int
    cores: int
    block_registers: int = 64 * _KIB


_CAPABILITIES = {
    (5, 0): _Capability(2048, 32, 64, 48, 128),
    (5, 2): _Capability(2048, 32, 96, 48, 128),
    (5, 3): _Capability(2048, 32, 64, 48, 128, 32 * _KIB),
    (6, 0): _Capability(2048, 32, 64, 48, 64),
    (6, 1): _Capability(2048, 32, 96, 48, 128),
    (6, 2): _Capability(2048, 32, 64, 48, 128, 32 * _KIB),
    (7, 0): _Capability(2048, 32, 96, 96, 64),
    (7, 2): _Capability(2048, 32, 96, 96, 64),
    (7, 5): _Capability(1024, 16, 64, 64, 64),
    (8, 0): _Capability(2048, 32, 164, 163, 64),
    (8, 6): _Capability(1536, 16, 100, 99, 128),
    (8, 7): _Capability(1536, 16, 164, 163, 128),
    (8, 9): _Capability(1536, 24, 100, 99, 128),
    (9, 0): _Capability(2048, 32, 228, 227, 128),
    (10, 0): _Capability(2048, 32, 228, 227, 128),
    (10, 1): _Capability(1536, 24, 228, 227, 128),  # what CUDA 12 calls 11.0
    (10, 3): _Capability(2048, 32, 228, 227, 128),
    (10, 7): _Capability(1024, 16, 228, 227, 128),
    (11, 0): _Capability(1536, 24, 228, 227, 128),
    (12, 0): _Capability(1536, 24, 100, 99, 128),
}

LIMITS: dict[str, str] = {
    "warp_size": "threads of a warp",
    "max_threads_per_block": "threads of a block",
    "max_block_x": "threads of a block along x",
    "max_block_y": "threads of a block along y",
    "max_block_z": "threads of a block along z",
    "max_grid_x": "blocks of a grid along x",
    "max_grid_y": "blocks of a grid along y",
    "max_grid_z": "blocks of a grid along z",
    "max_registers_per_thread": "32-bit registers of a thread",
    "max_registers_per_block": "32-bit registers of a block",
    "max_shared_bytes_per_block": "shared memory of a block, unless it opts in to more",
    "max_shared_bytes_per_block_optin": "shared memory of a block that opts in, dynamic only",
    "registers_per_sm": "32-bit registers of a multiprocessor",
    "shared_bytes_per_sm": "shared memory of a multiprocessor",
    "max_threads_per_sm": "threads that a multiprocessor holds at once",
    "max_warps_per_sm": "warps that a multiprocessor holds at once",
    "max_blocks_per_sm": "blocks that a multiprocessor holds at once",
    "compute_capability": "10 times the major version and the minor one: 86 for 8.6",
    "sm_count": "multiprocessors; where the driver tells",
    "memory_bytes": "memory of the device; where the driver tells",
}
"""Every limit with what it says, in the order they are documented."""


def device_limits(device: DeviceInfo) -> dict[str, int]:
    """The limits of a device by name, of those in `LIMITS`; empty for what is no GPU.

    A capability that is newer than this table has the limits of the nearest older one of its
    major version; one of an unknown major version has only what the driver tells.
    """
    if device.compute_capability is None:
        return {}
    major, minor = device.compute_capability
    told = {"sm_count": device.sm_count, "memory_bytes": device.memory_bytes}
    limits = {"compute_capability": 10 * major + minor}
    known = _find_capability(major, minor)
    if known is not None:
        limits |= _COMMON | {
            "max_registers_per_block": known.block_registers,
            "max_shared_bytes_per_block_optin": known.optin_kib * _KIB,
            "shared_bytes_per_sm": known.shared_kib * _KIB,
            "max_threads_per_sm": known.threads,
            "max_warps_per_sm": known.threads // _COMMON["warp_size"],
            "max_blocks_per_sm": known.blocks,
        }
    limits |= {name: number for name, number in told.items() if number}
    return {name: limits[name] for name in LIMITS if name in limits}


def cores_per_sm(compute_capability: tuple[int, int]) -> int | None:
    """The FP32 cores of a multiprocessor, by which drivers count; None if not known."""
    known = _find_capability(*compute_capability)
    return None if known is None else known.cores


def _find_capability(major: int, minor: int) -> _Capability | None:
    older = [known for known in _CAPABILITIES if known[0] == major and known[1] <= minor]
    return _CAPABILITIES[max(older)] if older else None
