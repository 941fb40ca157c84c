from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from harness.compile.fit import find_excess, find_fault, find_misfit, find_mismatch
from harness.config.kernel_tables import Dtype
from harness.lane import DeviceInfo
from harness.limits import device_limits
from harness.measurement import Argument, Launch
from harness.model import Resources
from harness.timing.data import storage_type

LIMITS = device_limits(DeviceInfo("mock", 0, "MOCK-0", "A4000", compute_capability=(8, 6)))


@pytest.mark.parametrize(
    ("launch", "fault"),
    [
        (Launch((1, 1, 1), (1024, 1, 1)), ""),
        (Launch((2**31 - 1, 1, 1), (32, 32, 1), 99 * 1024), ""),
        (Launch((0, 1, 1), (32, 1, 1)), "grid.x = 0: nothing to launch"),
        (Launch((1, 1, 1), (32, 0, 1)), "block.y = 0: nothing to launch"),
        (Launch((1, 70000, 1), (32, 1, 1)), "grid.y = 70000: the device allows 65535"),
        (Launch((1, 1, 1), (1, 1, 128)), "block.z = 128: the device allows 64"),
        (Launch((1, 1, 1), (64, 32, 1)), "2048 threads per block: the device allows 1024"),
        (
            Launch((1, 1, 1), (32, 1, 1), 100 * 1024),
            "102400 bytes of dynamic shared memory: the device allows 101376",
        ),
        (Launch((1, 1, 1), (32, 1, 1), -1), "shared_bytes = -1: less than nothing"),
    ],
)
def test_what_no_kernel_can_be_launched_with(launch: Launch, fault: str) -> None:
    assert find_fault(launch, LIMITS) == fault


def test_a_grid_that_is_synchronised_must_be_on_the_device_at_once() -> None:
    limits = {**LIMITS, "sm_count": 48}
    launch = Launch((288, 1, 1), (256, 1, 1), cooperative=True)  # 6 blocks of 8 warps of 48
    resources = Resources(registers=32)
    assert find_misfit(launch, resources, limits) == ""
    more = replace(launch, grid=(289, 1, 1))
    said = "a grid of 289 blocks: the device holds 288 of them at once"
    assert find_misfit(more, resources, limits) == said
    assert find_misfit(replace(more, cooperative=False), resources, limits) == ""
    assert find_misfit(more, resources, LIMITS) == ""  # how many it holds is not known


def test_without_limits_only_nonsense_is_refused() -> None:
    assert find_fault(Launch((1, 10**6, 1), (4096, 1, 1)), {}) == ""
    assert find_fault(Launch((1, 0, 1), (1, 1, 1)), {}) == "grid.y = 0: nothing to launch"


@pytest.mark.parametrize(
    ("resources", "misfit"),
    [
        (Resources(64, 1024), ""),
        (Resources(65), "65 registers for each of 1024 threads"),
        (Resources(32, max_threads=512), "compiled for at most 512 (__launch_bounds__)"),
        (Resources(32, 60 * 1024), "61440 bytes of static and 61440 of dynamic shared memory"),
    ],
)
def test_what_a_compiled_kernel_cannot_be_launched_with(resources: Resources, misfit: str) -> None:
    launch = Launch((1, 1, 1), (1024, 1, 1), resources.shared_bytes)
    found = find_misfit(launch, resources, LIMITS)
    assert found.startswith(misfit) if misfit.startswith(("65", "61")) else misfit in found
    assert bool(found) == bool(misfit)


@pytest.mark.parametrize(("threads", "registers", "fits"), [
    (1024, 64, True),
    (992, 65, False),  # 31 warps of 2304 registers would fit, but four at a time are given: 32
    (672, 80, True),
    (672, 81, False),  # 81 become 88, and 21 warps 24
])  # fmt: skip
def test_registers_are_given_to_warps_in_steps(threads: int, registers: int, fits: bool) -> None:
    launch = Launch((1, 1, 1), (threads, 1, 1))
    assert threads * registers <= 65536
    assert (find_misfit(launch, Resources(registers), LIMITS) == "") is fits


def test_of_an_unknown_device_registers_are_not_checked() -> None:
    assert find_misfit(Launch((1, 1, 1), (1024, 1, 1)), Resources(255), {}) == ""


def test_arrays_must_fit_into_the_memory() -> None:
    limits = {"memory_bytes": 2**20}
    read = Argument("x", "in", "float32", (2**17,))  # half of it
    assert find_excess([read, read], limits) == ""
    assert find_excess([read, read, Argument("n", "in", "int32", value=3)], limits) == ""
    assert find_excess([read] * 3, limits) == "its arrays take 1.50 MiB: the device has 1.00 MiB"
    changed = Argument("y", "inout", "bfloat16", (2**18, 2))
    assert find_excess([changed], limits) == (
        "its arrays take 2.00 MiB, those that it changes counted twice: the device has 1.00 MiB"
    )
    assert find_excess([changed], {}) == ""


@pytest.mark.parametrize("dtype", get_args(Dtype))
def test_every_type_has_its_size(dtype: str) -> None:
    argument = Argument("x", "in", dtype, (3, 5))
    assert argument.size_bytes == 15 * storage_type(dtype).itemsize


X, N = ("x", "float32", True), ("n", "int32", False)


@pytest.mark.parametrize(
    ("parameter_bytes", "problem"),
    [
        (None, ""),
        ((8, 4), ""),
        ((8, 4, 4), "takes 3 arguments (of 8, 4, 4 bytes), kernel.arguments has 2: x, n"),
        ((8,), "takes 1 argument (of 8 bytes), kernel.arguments has 2: x, n"),
        ((), "takes 0 arguments, kernel.arguments has 2: x, n"),
        ((4, 4), "argument x: an array's address has 8 bytes, the kernel takes 4 there"),
        ((8, 8), "argument n: a scalar int32 has 4 bytes, the kernel takes 8 there"),
        ((8, 12), "takes 12 there: a struct?"),
    ],
)
def test_arguments_that_a_kernel_does_not_take(
    parameter_bytes: tuple[int, ...] | None, problem: str
) -> None:
    found = find_mismatch([X, N], parameter_bytes)
    assert problem in found
    assert bool(found) == bool(problem)
