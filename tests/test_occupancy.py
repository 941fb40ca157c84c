from __future__ import annotations

import random
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.compile.toolkit import header_folders
from harness.model import Resources
from harness.occupancy import Occupancy, compute_occupancy

KIB = 1024


def limits(
    capability: int, threads: int, blocks: int, shared_kib: int, optin_kib: int
) -> Mapping[str, int]:
    return {
        "compute_capability": capability,
        "max_threads_per_block": 1024,
        "max_threads_per_sm": threads,
        "max_blocks_per_sm": blocks,
        "registers_per_sm": 65536,
        "max_registers_per_block": 65536,
        "max_registers_per_thread": 255,
        "shared_bytes_per_sm": shared_kib * KIB,
        "max_shared_bytes_per_block_optin": optin_kib * KIB,
    }


# CUDA C++ Programming Guide, Technical Specifications per Compute Capability
DEVICES = {
    60: limits(60, 2048, 32, 64, 48),
    61: limits(61, 2048, 32, 96, 48),
    70: limits(70, 2048, 32, 96, 96),
    75: limits(75, 1024, 16, 64, 64),
    80: limits(80, 2048, 32, 164, 163),
    86: limits(86, 1536, 16, 100, 99),
    89: limits(89, 1536, 24, 100, 99),
    90: limits(90, 2048, 32, 228, 227),
    100: limits(100, 2048, 32, 228, 227),
    110: limits(110, 1536, 24, 228, 227),
    120: limits(120, 1536, 24, 100, 99),
}


def occupancy(
    capability: int, threads: int, registers: int, static: int = 0, dynamic: int = 0
) -> Occupancy:
    resources = Resources(registers=registers, shared_bytes=static)
    found = compute_occupancy(
        resources, threads=threads, shared_bytes=dynamic, limits=DEVICES[capability]
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("capability", "threads", "registers", "shared", "blocks", "fraction", "limited_by"),
    [
        # what NVIDIA's occupancy calculator shows for these launches
        (70, 256, 32, 0, 8, 1.0, {"threads", "registers"}),
        (70, 256, 64, 0, 4, 0.5, {"registers"}),
        (70, 128, 255, 0, 2, 0.125, {"registers"}),
        (75, 1024, 32, 0, 1, 1.0, {"threads"}),
        (80, 128, 32, 48 * KIB, 3, 0.1875, {"shared"}),
        (80, 1024, 40, 0, 1, 0.5, {"registers"}),
        (86, 1024, 32, 0, 1, 2 / 3, {"threads"}),
        (86, 32, 16, 0, 16, 1 / 3, {"blocks"}),
        (89, 256, 40, 0, 6, 1.0, {"threads", "registers"}),
        (90, 256, 128, 0, 2, 0.25, {"registers"}),
        (90, 128, 32, 227 * KIB, 1, 0.0625, {"shared"}),
    ],
)
def test_published_values(
    capability: int,
    threads: int,
    registers: int,
    shared: int,
    blocks: int,
    fraction: float,
    limited_by: set[str],
) -> None:
    found = occupancy(capability, threads, registers, dynamic=shared)
    assert found.blocks == blocks
    assert found.fraction == pytest.approx(fraction)
    assert set(found.limited_by) == limited_by
    assert found.warps == blocks * threads // 32


def test_static_and_dynamic_shared_memory_add_up() -> None:
    assert occupancy(80, 128, 32, 20 * KIB, 28 * KIB) == occupancy(80, 128, 32, 48 * KIB)


@pytest.mark.parametrize(
    ("threads", "registers", "shared", "limited_by"),
    [
        (1056, 16, 0, "threads"),
        (1024, 65, 0, "registers"),
        (128, 32, 227 * KIB + 1, "shared"),
    ],
)
def test_what_cannot_be_launched_has_no_blocks(
    threads: int, registers: int, shared: int, limited_by: str
) -> None:
    found = occupancy(90, threads, registers, dynamic=shared)
    assert (found.blocks, found.fraction, found.limited_by) == (0, 0.0, (limited_by,))


def test_unknown_devices_and_bad_blocks() -> None:
    assert compute_occupancy(Resources(), threads=32, shared_bytes=0, limits={}) is None
    with pytest.raises(ValueError, match="a block of 0 threads"):
        occupancy(90, 0, 32)


PROGRAM = """
#include <cstdio>
#include <cuda_occupancy.h>
int main() {
    int cc, tsm, tb, rsm, rb, regs, threads;
    unsigned long ssm, optin, statics, dynamics;
    while (scanf("%d %d %d %d %d %lu %lu %d %d %lu %lu", &cc, &tsm, &tb, &rsm, &rb, &ssm, &optin,
                 &threads, &regs, &statics, &dynamics) == 11) {
        cudaOccDeviceProp device;
        device.computeMajor = cc / 10; device.computeMinor = cc % 10;
        device.maxThreadsPerBlock = tb; device.maxThreadsPerMultiprocessor = tsm;
        device.regsPerBlock = rb; device.regsPerMultiprocessor = rsm; device.warpSize = 32;
        device.sharedMemPerBlock = 48 << 10; device.sharedMemPerMultiprocessor = ssm;
        device.numSms = 1; device.sharedMemPerBlockOptin = optin;
        device.reservedSharedMemPerBlock = cc >= 80 ? 1024 : 0;
        cudaOccFuncAttributes kernel;
        kernel.maxThreadsPerBlock = 1024; kernel.numRegs = regs; kernel.sharedSizeBytes = statics;
        kernel.partitionedGCConfig = PARTITIONED_GC_OFF;
        kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
        kernel.maxDynamicSharedSizeBytes = dynamics; kernel.numBlockBarriers = 1;
        cudaOccDeviceState state;
        cudaOccResult result;
        int status = cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state,
                                                             threads, dynamics);
        printf("%d\\n", status ? -status : result.activeBlocksPerMultiprocessor);
    }
}
"""


@pytest.mark.nvcc
def test_agrees_with_the_toolkits_own_header(tmp_path: Path) -> None:
    folders = [f for f in header_folders(13) if (f / "cuda_occupancy.h").is_file()]
    if not folders:
        pytest.skip("no cuda_occupancy.h of CUDA 13")
    program = tmp_path / "occupancy"
    (tmp_path / "occupancy.cpp").write_text(PROGRAM)
    command = ["g++", f"-I{folders[0]}", "-o", str(program), str(tmp_path / "occupancy.cpp")]
    subprocess.run(command, check=True)
    rng = random.Random(1)
    cases = [
        (
            rng.choice(sorted(DEVICES)),
            rng.randint(1, 1024),
            rng.randint(1, 255),
            rng.choice([0, rng.randint(0, 48 * KIB)]),
            rng.choice([0, rng.randint(0, 160 * KIB)]),
        )
        for _ in range(20_000)
    ]
    lines = []
    for capability, threads, registers, static, dynamic in cases:
        of = DEVICES[capability]
        device = [capability, of["max_threads_per_sm"], of["max_threads_per_block"]]
        device += [of["registers_per_sm"], of["max_registers_per_block"]]
        device += [of["shared_bytes_per_sm"], of["max_shared_bytes_per_block_optin"]]
        lines.append(" ".join(map(str, [*device, threads, registers, static, dynamic])))
    result = subprocess.run(
        [str(program)], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    expected = [int(line) for line in result.stdout.split()]
    wrong = [
        (case, found, blocks)
        for case, blocks in zip(cases, expected, strict=True)
        if (found := occupancy(*case).blocks) != blocks
    ]
    assert wrong == []
