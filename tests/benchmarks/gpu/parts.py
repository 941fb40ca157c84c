"""What the harness achieves on a GPU: each part gives the rows of a table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import harness
from harness.errors import HarnessError
from harness.model import Outcome
from harness.report.kernel import share_of_peak

from .sessions import (
    Bench,
    Row,
    empty_cache,
    kernel_configs,
    read_config,
    sampled_s,
    with_measure,
)

SAXPY = {"BLOCK": 256, "VECTOR": 4, "UNROLL": 1, "BLOCKS_PER_SM": 8}
"""A configuration whose time is that of the memory."""


def best_of(result: harness.Result) -> Outcome:
    """The best outcome of a session that should have one."""
    if result.best is None:
        reasons = {outcome.reason for outcome in result.failures}
        raise HarnessError(f"no test succeeded: {'; '.join(sorted(reasons))[:300]}")
    return result.best


def measure_kernels(bench: Bench) -> Iterator[Row]:
    """Of each kernel the best of some configurations: its time, and its share of the peak."""
    for name in kernel_configs():
        row: Row = {"config": name}
        try:
            result, wall_s = bench.tune(read_config(name), max_tests=bench.count(100))
            best = best_of(result)
        except HarnessError as error:
            yield {**row, "error": str(error)[:200]}
            continue
        measured = best.runs[0].measurement
        assert measured is not None
        for metric, value in measured.metrics:
            share = share_of_peak(metric, value, result.info.lanes[0].device)
            row |= {"metric": metric, "value": value, "share_of_peak": share}
        yield {
            **row,
            "best_us": 1e6 * min(measured.samples_s),
            "configuration": str(best.configuration),
            "tests": len(result.outcomes),
            "failed": len(result.failures),
            "wall_s": wall_s,
        }


def measure_noise(bench: Bench) -> Iterator[Row]:
    """One configuration in many sessions, cold and hot: how far do the results lie apart?"""
    for mode in ("cold", "hot"):
        data = with_measure(read_config("saxpy", **SAXPY), mode=mode, finalists=False)
        scores = []
        for _ in range(bench.count(10)):
            best = best_of(bench.tune(data)[0])
            measured = best.runs[0].measurement
            assert measured is not None
            scores.append(statistics.median(measured.samples_s))
        middle = statistics.median(scores)
        deviation = statistics.median(abs(score - middle) for score in scores)
        yield {
            "mode": mode,
            "sessions": len(scores),
            "median_us": 1e6 * middle,
            "relative_mad": deviation / middle,
            "relative_range": (max(scores) - min(scores)) / middle,
        }


def measure_overhead(bench: Bench) -> Iterator[Row]:
    """What a test takes beside its compile and its samples: with a warm cache, per test.

    Of two sessions of unlike size the difference counts, so that no start-up does.
    """
    data = with_measure(read_config("vector_add"), finalists=False, sentinel=False)
    data["scoring"] = {"optimal": "min_time", "repeat": 4}
    sizes = (bench.count(20), bench.count(20) + bench.count(40))
    bench.tune(data, max_tests=sizes[1], strategy="random", seed=1)  # fills the cache
    ends = [bench.tune(data, max_tests=size, strategy="random", seed=1) for size in sizes]
    (few, few_s), (many, many_s) = ends
    tests = len(many.outcomes) - len(few.outcomes)
    sampled = sampled_s(many) - sampled_s(few)
    yield {
        "tests": tests,
        "wall_ms_per_test": 1e3 * (many_s - few_s) / tests,
        "samples_ms_per_test": 1e3 * sampled / tests,
        "overhead_ms_per_test": 1e3 * (many_s - few_s - sampled) / tests,
    }


def measure_pipeline(bench: Bench) -> Iterator[Row]:
    """Compiling ahead: the wall time of a session with an empty cache, of the longer of its parts.

    The parts are all compiles divided by the compile workers, and what the device is busy.
    """
    data = with_measure(read_config("matmul"), finalists=False)
    for distribution in ("pipelined", "per-test"):
        with empty_cache():
            result, wall_s = bench.tune(
                data,
                distribution=distribution,
                max_tests=bench.count(60),
                strategy="random",
                seed=1,
            )
        seats = result.summary.progress.seats
        workers = max(1, sum(name.startswith("compile-") for name in seats))
        compile_s = sum(outcome.compile_s for outcome in result.outcomes) / workers
        busy_s = seats[result.info.lanes[0].name].busy_s
        together = compile_s + busy_s if distribution == "per-test" else max(compile_s, busy_s)
        yield {
            "distribution": distribution,
            "tests": len(result.outcomes),
            "wall_s": wall_s,
            "compile_s": compile_s,
            "device_s": busy_s,
            "wall_of_bound": wall_s / together if together else None,
        }


def measure_lanes(bench: Bench) -> Iterator[Row]:
    """Tests per second on one device, two, and so on: with a warm cache."""
    data = with_measure(read_config("matmul"), finalists=False)
    keys = {"max_tests": bench.count(120), "strategy": "random", "seed": 1}
    bench.tune(data, **keys)
    alone = 0.0
    for lanes in range(1, len(bench.devices) + 1):
        result, wall_s = bench.tune(data, parallel=lanes, **keys)
        rate = len(result.outcomes) / wall_s
        alone = alone or rate
        yield {
            "lanes": lanes,
            "tests": len(result.outcomes),
            "wall_s": wall_s,
            "tests_per_s": rate,
            "of_ideal": rate / alone / lanes,
        }


Part = Callable[[Bench], Iterator[Row]]
PARTS: dict[str, Part] = {
    "kernels": measure_kernels,
    "noise": measure_noise,
    "overhead": measure_overhead,
    "pipeline": measure_pipeline,
    "lanes": measure_lanes,
}
