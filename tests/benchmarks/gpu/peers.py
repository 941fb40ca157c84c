"""The same kernel, timed by others: bare events, CuPy's benchmark, NVBench; Kernel Tuner."""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.measurement import Argument, Launch
from harness.timing.cuda import CudaDriver, open_cuda
from harness.timing.data import encode, make_values, size_bytes
from harness.timing.driver import DriverError
from harness.timing.parameters import make_parameters

from .nvbench import read_time_s
from .parts import SAXPY, best_of
from .sessions import Bench, Row, read_config, with_measure

LAUNCHES = 20
"""Per pair of events: enough for their resolution not to matter."""

TILED = """
extern "C" __global__ void tiled(const float *a, const float *b, float *c)
{
    __shared__ float left[BY][BX], right[BX][BX];
    const int column = blockIdx.x * BX + threadIdx.x, row = blockIdx.y * BY + threadIdx.y;
    float sum = 0;
    for (int first = 0; first < SIZE; first += BX) {
        left[threadIdx.y][threadIdx.x] = a[row * SIZE + first + threadIdx.x];
        for (int y = threadIdx.y; y < BX; y += BY)
            right[y][threadIdx.x] = b[(first + y) * SIZE + column];
        __syncthreads();
#pragma unroll UNROLL
        for (int k = 0; k < BX; ++k)
            sum += left[threadIdx.y][k] * right[k][threadIdx.x];
        __syncthreads();
    }
    c[row * SIZE + column] = sum;
}
"""
SPACE: dict[str, list[int]] = {"BX": [16, 32], "BY": [4, 8, 16, 32], "UNROLL": [1, 2, 4, 8]}
SIZE = 1024


def measure_events(bench: Bench) -> Iterator[Row]:
    """One configuration of saxpy by the harness and by others: hot, and with a cold L2 cache."""
    count = int(read_config("saxpy")["problem"]["N"])
    repeats = bench.count(50)
    for mode in ("hot", "cold"):
        data = with_measure(read_config("saxpy", **SAXPY), mode=mode, finalists=False)
        best = best_of(bench.tune(data)[0])
        artifact, measured = best.artifact, best.runs[0].measurement
        assert artifact is not None
        assert measured is not None
        binary = (artifact.path, artifact.function, measured.launch)
        harness_s = statistics.median(measured.samples_s)
        yield {"mode": mode, "timer": "harness", "time_us": 1e6 * harness_s, "of_harness": 1.0}
        timers = {"NVBench": partial(time_by_nvbench, *binary, count)}
        if mode == "hot":
            timers = {
                "events": partial(time_by_events, bench, *binary, count, repeats),
                "cupyx.profiler.benchmark": partial(time_by_cupy, *binary, count, repeats),
            }
        for name, timer in timers.items():
            row: Row = {"mode": mode, "timer": name}
            try:
                time_s = timer()
                yield {**row, "time_us": 1e6 * time_s, "of_harness": time_s / harness_s}
            except (ImportError, DriverError, RuntimeError, ValueError) as error:
                yield {**row, "error": str(error)[-200:]}


def time_by_events(
    bench: Bench, path: str, function: str, launch: Launch, count: int, repeats: int
) -> float:
    """Seconds per launch by events and nothing else."""
    arguments = (
        Argument("a", "in", "float32", None, 2.5),
        Argument("x", "in", "float32", (count,)),
        Argument("y", "inout", "float32", (count,)),
        Argument("n", "in", "int32", None, count),
    )
    driver = open_cuda(json.dumps({"uuid": bench.devices[0].uuid}))
    try:
        return statistics.median(time_bare(driver, path, function, launch, arguments, repeats))
    finally:
        driver.close()


def time_by_nvbench(path: str, function: str, launch: Launch, count: int) -> float:
    """Seconds per launch by NVBench's Python package, with a cold L2 cache.

    Raises:
        ImportError: it, or CuPy, is not installed.
        RuntimeError, ValueError: it failed.
    """
    for module in ("cuda.bench", "cupy"):
        importlib.import_module(module)
    settings = {
        "path": path,
        "function": function,
        "count": count,
        "grid": launch.grid,
        "block": launch.block,
    }
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "nvbench.json"
        program = [sys.executable, "-m", "tests.benchmarks.gpu.nvbench"]
        ended = subprocess.run(
            [*program, json.dumps(settings), str(results)],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise RuntimeError(ended.stderr.strip() or f"it ended with {ended.returncode}")
        return read_time_s(results)


def time_bare(
    driver: CudaDriver,
    path: str,
    function: str,
    launch: Launch,
    arguments: Sequence[Argument],
    repeats: int,
) -> list[float]:
    """Seconds per launch, of pairs of events around launches, and nothing else."""
    kernel = driver.load(path, function)
    pointers = {}
    for argument in arguments:
        if argument.shape is not None:
            pointers[argument.name] = driver.allocate(size_bytes(argument))
            values = encode(make_values(argument, []), argument.dtype)
            driver.write(pointers[argument.name], memoryview(values))
    parameters = make_parameters(arguments, pointers, "c")
    times_s = []
    for _ in range(repeats + 1):
        driver.mark(0)
        for _ in range(LAUNCHES):
            driver.launch(kernel, launch, parameters)
        driver.mark(1)
        times_s.append(driver.elapsed_s() / LAUNCHES)
    for pointer in pointers.values():
        driver.free(pointer)
    return times_s[1:]  # the first warms up


def time_by_cupy(path: str, function: str, launch: Launch, count: int, repeats: int) -> float:
    """Seconds per launch by CuPy's own benchmark.

    Raises:
        ImportError: it is not installed.
    """
    cupy = importlib.import_module("cupy")
    profiler = importlib.import_module("cupyx.profiler")
    kernel = cupy.RawModule(path=path).get_function(function)
    x, y = cupy.ones(count, "float32"), cupy.ones(count, "float32")
    values = (np.float32(2.5), x, y, np.int32(count))
    timed = profiler.benchmark(kernel, (launch.grid, launch.block, values), n_repeat=repeats)
    return float(np.median(timed.gpu_times))


def measure_tuners(bench: Bench) -> Iterator[Row]:
    """A tiled matrix multiplication's whole space: by the harness, and by Kernel Tuner."""
    tables: dict[str, Any] = {
        "name": "tiled",
        "parameters": SPACE,
        "kernel": {
            "code": TILED,
            "function": "tiled",
            "grid": [f"{SIZE} // BX", f"{SIZE} // BY"],
            "block": ["BX", "BY"],
            "options": [f"-DSIZE={SIZE}"],
            "arguments": [
                {"name": "a", "shape": [SIZE, SIZE]},
                {"name": "b", "shape": [SIZE, SIZE]},
                {"name": "c", "shape": [SIZE, SIZE], "role": "out"},
            ],
        },
    }
    result, wall_s = bench.tune(tables)
    yield {
        "tuner": "harness",
        "configurations": len(result.outcomes),
        "wall_s": wall_s,
        "best_us": 1e6 * (best_of(result).score or 0.0),
    }
    yield tune_by_kernel_tuner()


def tune_by_kernel_tuner() -> Row:
    """The same space by Kernel Tuner with CuPy; says what is missing if it is."""
    row: Row = {"tuner": "kernel_tuner"}
    try:
        tuner = importlib.import_module("kernel_tuner")
        importlib.import_module("cupy")
    except ImportError as error:
        return {**row, "error": str(error)}
    source = np.random.default_rng(0)
    a, b = (source.random((SIZE, SIZE), dtype=np.float32) for _ in range(2))
    started_s = time.perf_counter()
    results, _ = tuner.tune_kernel(
        "tiled",
        TILED,
        (SIZE, SIZE),
        [a, b, np.zeros_like(a)],
        {**SPACE, "SIZE": [SIZE]},
        block_size_names=["BX", "BY"],
        grid_div_x=["BX"],
        grid_div_y=["BY"],
        lang="cupy",
        quiet=True,
    )
    wall_s = time.perf_counter() - started_s
    times_ms = [found["time"] for found in results if isinstance(found["time"], float)]
    return {
        **row,
        "configurations": len(results),
        "wall_s": wall_s,
        "best_us": 1e3 * min(times_ms),
    }
