"""Compiling ahead of simulated GPUs: how near a session is to the longer of its two parts.

    python -m tests.benchmarks.bench_pipeline [CONFIGURATIONS]

Tunes a tiled matrix multiplication on mock GPUs that take about 20 ms per test, with real compiles
into an empty cache. A session cannot be shorter than all compiles divided by the compile workers,
nor than what the busiest lane measures; wanted is at most 1.1 times the greater of the two.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import harness
from tests.benchmarks.common import describe_machine

SOURCE = """\
extern "C" __global__ void matmul(const float *a, const float *b, float *c, int n)
{
    __shared__ float left[TILE * PARTS][TILE], right[TILE][TILE + PAD];
    float sums[PARTS] = {};
    constexpr int STEP = UNROLL;
    const int row = blockIdx.y * TILE * PARTS + threadIdx.y;
    const int column = blockIdx.x * TILE + threadIdx.x;
    for (int start = 0; start < n; start += TILE) {
#pragma unroll
        for (int part = 0; part < PARTS; ++part)
            left[threadIdx.y + part * TILE][threadIdx.x] =
                a[(row + part * TILE) * n + start + threadIdx.x];
        right[threadIdx.y][threadIdx.x] = b[(start + threadIdx.y) * n + column];
        __syncthreads();
#pragma unroll STEP
        for (int k = 0; k < TILE; ++k)
#pragma unroll
            for (int part = 0; part < PARTS; ++part)
                sums[part] += left[threadIdx.y + part * TILE][k] * right[k][threadIdx.x];
        __syncthreads();
    }
#pragma unroll
    for (int part = 0; part < PARTS; ++part)
        c[(row + part * TILE) * n + column] = sums[part];
}
"""
DATA: dict[str, Any] = {
    "name": "matmul",
    "backend": "mock",
    "problem": {"N": 2048},
    "parameters": {
        "TILE": [8, 16, 32],
        "PARTS": [1, 2, 3, 4, 6],
        "UNROLL": [1, 2, 4, 8],
        "PAD": [0, 1, 2, 3, 4],
    },
    "kernel": {
        "source": "matmul.cu",
        "function": "matmul",
        "grid": ["N // TILE", "(N + TILE * PARTS - 1) // (TILE * PARTS)"],
        "block": ["TILE", "TILE"],
        "arguments": [
            *({"name": name, "shape": ["N", "N"]} for name in "ab"),
            {"name": "c", "shape": ["N", "N"], "role": "out"},
            {"name": "n", "dtype": "int32", "value": "N"},
        ],
        "measure": {"finalists": False},
    },
    "scoring": {"repeat": 4},
    "mock": {"run_s": 0.003},
}


def measure(lanes: int, most: int, compiler: str) -> None:
    """One session, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "matmul.cu").write_text(SOURCE)
        os.environ["HARNESS_CACHE_DIR"] = str(Path(folder) / "cache")
        parameters = {**DATA["parameters"], "PAD": DATA["parameters"]["PAD"][: max(1, most // 60)]}
        kernel = {**DATA["kernel"], "compiler": compiler}
        spec = harness.make_spec({**DATA, "parameters": parameters, "kernel": kernel}, base=folder)
        started = time.perf_counter()
        result = harness.tune(spec, parallel=lanes)
        wall_s = time.perf_counter() - started
    progress = result.summary.progress
    workers = len([seat for seat in progress.seats if seat.startswith("compile-")])
    compile_s = sum(outcome.compile_s for outcome in result.outcomes) / workers
    busy = [progress.seats[lane.name].busy_s for lane in result.info.lanes]
    tests = len(result.outcomes)
    assert len(result.failures) == 0, result.summary.to_lines()
    bound_s = max(compile_s, *busy) if lanes > 1 else max(compile_s, busy[0])
    print(
        f"{compiler}: {tests} tests, {lanes} lane(s), {workers} compile workers: "
        f"wall {wall_s:.1f} s, compiles / workers {compile_s:.1f} s, "
        f"busiest lane {max(busy):.1f} s ({1e3 * sum(busy) / tests:.1f} ms per test); "
        f"wall / greater part {wall_s / bound_s:.3f}"
    )


def main(most: int = 300) -> None:
    """With one lane, and with four; by nvcc, and by NVRTC where the extra is installed."""
    print(describe_machine())
    compilers = ["nvcc", "nvrtc"] if find_spec("cuda") else ["nvcc"]
    for compiler in compilers:
        for lanes in (1, 4):
            measure(lanes, most, compiler)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
