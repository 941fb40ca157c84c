from __future__ import annotations

import pytest

from harness.device.mock import MODELS, MockBackend
from harness.device.nvml import CudaBackend
from harness.lane import DeviceInfo
from harness.limits import LIMITS, cores_per_sm, device_limits
from harness.testing import nvml as machines


def gpu(*capability: int, sm_count: int = 0) -> DeviceInfo:
    major, minor = capability
    return DeviceInfo("cuda", 0, "GPU-1", "a GPU", compute_capability=(major, minor),
                      sm_count=sm_count)  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_every_simulated_gpu_has_every_limit(model: str) -> None:
    (device,) = MockBackend([model]).discover()
    limits = device_limits(device)
    assert list(limits) == list(LIMITS)
    assert all(number > 0 for number in limits.values())
    assert limits["max_shared_bytes_per_block"] <= limits["max_shared_bytes_per_block_optin"]
    assert limits["max_shared_bytes_per_block_optin"] <= limits["shared_bytes_per_sm"]
    assert limits["max_warps_per_sm"] * limits["warp_size"] == limits["max_threads_per_sm"]
    assert limits["sm_count"] == MODELS[model].sm_count


@pytest.mark.parametrize(
    ("capability", "threads", "blocks", "shared"),
    [
        ((7, 5), 1024, 16, 64),
        ((8, 6), 1536, 16, 100),
        ((9, 0), 2048, 32, 228),
        ((10, 3), 2048, 32, 228),
        ((11, 0), 1536, 24, 228),
    ],
)
def test_published_numbers(
    capability: tuple[int, int], threads: int, blocks: int, shared: int
) -> None:
    limits = device_limits(gpu(*capability))
    assert limits["max_threads_per_sm"] == threads
    assert limits["max_blocks_per_sm"] == blocks
    assert limits["shared_bytes_per_sm"] == shared * 1024
    assert limits["max_threads_per_block"] == 1024
    assert limits["compute_capability"] == 10 * capability[0] + capability[1]


def test_what_the_driver_does_not_tell_is_not_there() -> None:
    limits = device_limits(gpu(8, 6))
    assert "sm_count" not in limits
    assert "memory_bytes" not in limits
    assert device_limits(gpu(8, 6, sm_count=48))["sm_count"] == 48


def test_newer_capabilities_are_as_older_ones_of_their_major_version() -> None:
    newer, older = device_limits(gpu(12, 1)), device_limits(gpu(12, 0))
    assert newer == older | {"compute_capability": 121}
    assert device_limits(gpu(99, 0, sm_count=7)) == {"compute_capability": 990, "sm_count": 7}
    assert cores_per_sm((99, 0)) is None


def test_cores_have_no_limits() -> None:
    assert device_limits(DeviceInfo("cpu", 0, "CPU-0", "a CPU", cores=(0,))) == {}


def test_the_driver_tells_multiprocessors_of_gpus_and_slices() -> None:
    unlike = CudaBackend(machines.three_unlike()).discover()
    assert [device.sm_count for device in unlike] == [96, 48, 108]
    sliced = CudaBackend(machines.mig()).discover()
    assert [device.sm_count for device in sliced] == [14, 14, 14, 108]
    assert {device.sm_count for device in CudaBackend(machines.old_driver()).discover()} == {0}
