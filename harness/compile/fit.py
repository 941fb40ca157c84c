"""What a device cannot launch: told before it is compiled, or from what it became. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.measurement import Argument, Launch, item_bytes
from harness.model import Resources
from harness.occupancy import compute_occupancy
from harness.units import format_bytes, format_count


def find_fault(launch: Launch, limits: Mapping[str, int]) -> str:
    """Why no device with these limits can launch this, whatever the kernel; empty if it may.

    Args:
        limits: as of `harness.limits.device_limits`; what is not in it is not checked.
    """
    for what, extent in (("grid", launch.grid), ("block", launch.block)):
        for axis, size in zip("xyz", extent, strict=True):
            most = limits.get(f"max_{what}_{axis}")
            if size < 1:
                return f"{what}.{axis} = {size}: nothing to launch"
            if most is not None and size > most:
                return f"{what}.{axis} = {size}: the device allows {most}"
    most = limits.get("max_threads_per_block")
    if most is not None and launch.threads > most:
        return f"{launch.threads} threads per block: the device allows {most}"
    most = limits.get("max_shared_bytes_per_block_optin")
    if launch.shared_bytes < 0:
        return f"shared_bytes = {launch.shared_bytes}: less than nothing"
    if most is not None and launch.shared_bytes > most:
        return f"{launch.shared_bytes} bytes of dynamic shared memory: the device allows {most}"
    return ""


def find_excess(arguments: Sequence[Argument], limits: Mapping[str, int]) -> str:
    """Why arrays do not fit into the device's memory; empty if they may.

    Of those that kernels change in place there are two: the other holds what they were at first.
    """
    needed = sum(a.size_bytes * (2 if a.role == "inout" else 1) for a in arguments)
    most = limits.get("memory_bytes")
    if most is None or needed <= most:
        return ""
    twice = ", those that it changes counted twice" * any(a.role == "inout" for a in arguments)
    return f"its arrays take {format_bytes(needed)}{twice}: the device has {format_bytes(most)}"


def find_mismatch(
    arguments: Sequence[tuple[str, str, bool]], parameter_bytes: Sequence[int] | None
) -> str:
    """Why a kernel with such parameters cannot be given these arguments; empty if it can.

    A driver is given addresses of arguments, and copies from there what the kernel takes: with one
    too few, or a smaller one, it reads what is no argument, and says nothing.

    Args:
        arguments: the name and type of each, and whether it is an array.
        parameter_bytes: as of `model.Resources`.
    """
    if parameter_bytes is None:
        return ""
    if len(arguments) != len(parameter_bytes):
        names = ", ".join(name for name, _, _ in arguments) or "none"
        sizes = f" (of {', '.join(map(str, parameter_bytes))} bytes)" if parameter_bytes else ""
        return (
            f"the kernel takes {format_count(len(parameter_bytes), 'argument')}{sizes}, "
            f"kernel.arguments has {len(arguments)}: {names}"
        )
    for (name, dtype, is_array), takes in zip(arguments, parameter_bytes, strict=True):
        has = 8 if is_array else item_bytes(dtype)
        if has != takes:
            what = "an array's address" if is_array else f"a scalar {dtype}"
            text = f"argument {name}: {what} has {has} bytes, the kernel takes {takes} there"
            if takes not in (1, 2, 4, 8):
                text += ": a struct? let the kernel take its members, as arguments of their own"
            return text
    return ""


def find_misfit(launch: Launch, resources: Resources, limits: Mapping[str, int]) -> str:
    """Why a kernel that needs so much cannot be launched so; empty if it can."""
    shared = resources.shared_bytes + launch.shared_bytes
    most = limits.get("max_shared_bytes_per_block_optin")
    if most is not None and shared > most:
        return (
            f"{resources.shared_bytes} bytes of static and {launch.shared_bytes} of dynamic shared "
            f"memory: the device allows {most} in total"
        )
    if resources.max_threads and launch.threads > resources.max_threads:
        return (
            f"{launch.threads} threads per block: the kernel was compiled for at most "
            f"{resources.max_threads} (__launch_bounds__)"
        )
    occupancy = compute_occupancy(
        resources, threads=launch.threads, shared_bytes=launch.shared_bytes, limits=limits
    )
    if occupancy is not None and occupancy.blocks == 0 and "registers" in occupancy.limited_by:
        return (
            f"{resources.registers} registers for each of {launch.threads} threads: the device "
            f"has {limits['max_registers_per_block']} for a block, which it gives to warps in "
            "multiples of 256, and to four warps at a time"
        )
    if launch.cooperative and occupancy is not None and "sm_count" in limits:
        most = occupancy.blocks * limits["sm_count"]
        if launch.blocks > most:
            return f"a grid of {launch.blocks} blocks: the device holds {most} of them at once"
    return ""
