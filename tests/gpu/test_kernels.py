"""Kernel tests on the first GPU of this machine: what misbehaves is survived, times are right."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.compile.nvcc import NvccTranslator
from harness.compile.source import KernelSource
from harness.compile.toolkit import open_nvcc
from harness.device.nvml import CudaBackend
from harness.measurement import Argument
from harness.procs.worker import Worker
from harness.timing.cuda import open_cuda
from harness.timing.fingerprints import LEAST_BYTES, Fingerprints
from harness.timing.own_kernels import FINGERPRINT, SOURCE
from tests.timing.test_fingerprints import make_sums

pytestmark = [pytest.mark.gpu, pytest.mark.nvcc]

Listed = list[tuple[str, str, str]]

# WAY 0 works; the others touch what is not theirs, fail an assertion, never end, compute nonsense.
MISBEHAVES = """\
#include <cassert>
extern "C" __global__ void misbehave(float *x, int n)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (WAY == 1)
        x[(1ll << 40) + i] = 1;
    assert(WAY != 2);
    while (WAY == 3)
        asm volatile("");
    if (i < n)
        x[i] = WAY == 4 ? -1 : i;
}
"""

# Spins for MICROSECONDS by the GPU's own timer.
SPINS = """\
extern "C" __global__ void spin(unsigned long long *end)
{
    unsigned long long start, now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(start));
    do
        asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    while (now - start < 1000ull * MICROSECONDS);
    *end = now;
}
"""

# Reads SIZE floats again and again: from the L2 cache if they are there.
READS = """\
extern "C" __global__ void read(const float *x, float *out, int n)
{
    float sum = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        sum += x[i];
    atomicAdd(out, sum);
}
"""


# Each by the weight that its place has in constant memory.
WEIGHS = """\
__constant__ float weights[8];
extern "C" __global__ void weigh(const float *x, float *y, int n)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = weights[i % 8] * x[i];
}
"""

# All blocks count, then, when all have, each reads how many there were.
COUNTS = """\
#include <cooperative_groups.h>
__device__ int arrived;
extern "C" __global__ void count(int *seen)
{
    if (threadIdx.x == 0)
        atomicAdd(&arrived, 1);
    cooperative_groups::this_grid().sync();
    if (threadIdx.x == 0)
        seen[blockIdx.x] = arrived;
    cooperative_groups::this_grid().sync();
    if (blockIdx.x == 0 && threadIdx.x == 0)
        arrived = 0;
}
"""


@pytest.fixture
def base(listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / ".harness").mkdir()
    return tmp_path


def tune(base: Path, code: str, function: str, **changes: Any) -> harness.Result:
    spec = harness.kernel(code, function, base=base, backend="cuda", parallel=1, **changes)
    return harness.tune(spec, fresh=True)


def times_s(result: harness.Result) -> dict[object, float]:
    """The least sample of each value of the only parameter."""
    return {
        next(iter(outcome.configuration.values())): min(outcome.samples)
        for outcome in result.outcomes
    }


def test_each_way_to_misbehave_is_recorded_and_survived(base: Path) -> None:
    (base / "ramp_reference.py").write_text(
        "import numpy\ndef ramp(x, n):\n    return numpy.arange(n)\n"
    )
    result = tune(
        base,
        MISBEHAVES,
        "misbehave",
        parameters={"WAY": [0, 1, 2, 3, 4]},
        problem={"N": 1000},
        grid=4,
        block=256,
        arguments=[
            {"name": "x", "shape": ["N"], "role": "out"},
            {"name": "n", "dtype": "int32", "value": "N"},
        ],
        reference={"function": "ramp_reference:ramp"},
        kernel={"timeout_s": 2.0, "compiler": "nvcc"},
    )
    kinds = {o.configuration["WAY"]: o.kind.value for o in result.outcomes}
    expected = ["ok", "run_failed", "run_failed", "timeout", "wrong_result"]
    assert kinds == dict(enumerate(expected))


def test_a_kernel_that_spins_takes_as_long_as_it_spins(base: Path) -> None:
    result = tune(
        base,
        SPINS,
        "spin",
        parameters={"MICROSECONDS": [100, 1000, 10_000]},
        grid=1,
        block=1,
        arguments=[{"name": "end", "dtype": "uint64", "shape": [1], "role": "out"}],
    )
    for microseconds, time_s in times_s(result).items():
        assert isinstance(microseconds, int)
        # the timer that the kernel reads moves in steps of up to 32 us on some GPUs
        assert time_s == pytest.approx(microseconds * 1e-6, rel=0.02, abs=40e-6)


def test_data_that_fit_the_cache_are_read_faster_hot_than_cold(base: Path) -> None:
    def measure(mode: str) -> float:
        result = tune(
            base,
            READS,
            "read",
            parameters={"BLOCK": [256]},
            problem={"N": 1 << 19},
            grid=64,
            block="BLOCK",
            arguments=[
                {"name": "x", "shape": ["N"]},
                {"name": "out", "shape": [1], "role": "inout", "fill": "zeros"},
                {"name": "n", "dtype": "int32", "value": "N"},
            ],
            kernel={"measure": {"mode": mode}},
        )
        return min(times_s(result).values())

    assert measure("hot") < 0.9 * measure("cold")


def test_constant_memory_is_filled(base: Path) -> None:
    (base / "weigh_reference.py").write_text(
        "import numpy\ndef weigh(x, y, n, weights):\n    return numpy.resize(weights, n) * x\n"
    )
    result = tune(
        base,
        WEIGHS,
        "weigh",
        parameters={"BLOCK": [64, 128]},
        problem={"N": 100_000},
        grid="(N + BLOCK - 1) // BLOCK",
        block="BLOCK",
        arguments=[
            {"name": "x", "shape": ["N"]},
            {"name": "y", "shape": ["N"], "role": "out"},
            {"name": "n", "dtype": "int32", "value": "N"},
            {"name": "weights", "shape": [8], "role": "constant"},
        ],
        reference={"function": "weigh_reference:weigh"},
    )
    assert Counter(outcome.kind.value for outcome in result.outcomes) == {"ok": 2}


def test_blocks_wait_for_each_other(base: Path) -> None:
    (base / "count_reference.py").write_text(
        "import numpy\ndef count(seen):\n    return numpy.full(seen.shape, seen.size)\n"
    )
    result = tune(
        base,
        COUNTS,
        "count",
        parameters={"BLOCKS": [1, 16, 1 << 20]},
        grid="BLOCKS",
        block=64,
        arguments=[{"name": "seen", "dtype": "int32", "shape": ["BLOCKS"], "role": "out"}],
        reference={"function": "count_reference:count"},
        kernel={"cooperative": True, "compiler": "nvcc"},
    )
    kinds = {o.configuration["BLOCKS"]: o.kind.value for o in result.outcomes}
    assert kinds == {1: "ok", 16: "ok", 1 << 20: "invalid"}


def test_the_device_makes_fingerprints_and_knows_them(base: Path, listed: Listed) -> None:
    device = CudaBackend().discover(None)[0]
    assert device.compute_capability is not None
    major, minor = device.compute_capability
    with closing(NvccTranslator(open_nvcc(), Worker())) as translator:
        made = translator.translate(KernelSource(SOURCE, FINGERPRINT, f"sm_{major}{minor}"))
    (base / "own.cubin").write_bytes(made.binary)
    data = np.random.default_rng(1).bytes(LEAST_BYTES + 9)
    output = Argument("y", "out", "uint8", (len(data),))
    with closing(open_cuda(json.dumps({"uuid": device.uuid}))) as driver:
        known = Fingerprints(driver, str(base / "own.cubin"))
        pointer = driver.allocate(len(data))
        driver.write(pointer, memoryview(data))
        assert known.make(output, pointer) == ("y", *make_sums(data)[:2])
        known.add(output, pointer, 0.5)
        assert known.find_error(output, pointer) == 0.5
        driver.set_bytes(pointer + len(data) - 1, data[-1] ^ 1, 1)
        assert known.find_error(output, pointer) is None


def test_what_is_measured_says_where_and_under_what_circumstances(
    base: Path, listed: Listed
) -> None:
    result = tune(
        base,
        SPINS,
        "spin",
        parameters={"MICROSECONDS": [100, 200, 300]},
        grid=1,
        block=1,
        arguments=[{"name": "end", "dtype": "uint64", "shape": [1], "role": "out"}],
    )
    assert Counter(outcome.kind.value for outcome in result.outcomes) == {"ok": 3}
    for outcome in result.outcomes:
        (run, *_) = outcome.runs
        assert run.device_uuid in {uuid for _, uuid, _ in listed}
        assert run.measurement is not None
        assert run.measurement.before is not None
        assert run.measurement.before.sm_mhz
        assert run.measurement.sentinel_s
        assert outcome.artifact is not None
        assert outcome.artifact.resources.registers > 0
