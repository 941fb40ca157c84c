"""What verifying a result costs on the host: the harness beside `numpy.allclose`, in one run.

    python -m tests.benchmarks.bench_verify [MILLIONS_OF_FLOATS] [REPETITIONS]

A device waits while the host compares. `other` is a result that differs in its last bits from what
is expected and from the one before; `again` is one with the same bytes as the one before, as other
configurations mostly give it; `allclose` is what one would write instead, and `bytes` the bound:
comparing bytes alone. Medians of interleaved repetitions; the machine may be busy, so ratios count.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from harness.measurement import Argument
from harness.timing.verify import Checker
from tests.benchmarks.common import describe_machine

ATOL, RTOL = 1e-6, 1e-4


def time_s(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def main(millions: int = 32, repetitions: int = 5) -> None:
    count = millions << 20
    expected = np.random.default_rng(1).random(count, dtype="float32")
    near = [expected * np.float32(1 + error) for error in (1e-6, 2e-6)]
    results = [bytearray(values.tobytes()) for values in near]
    same = bytearray(results[0])
    copied_s: list[float] = []
    output = Argument("y", "out", "float32", (count,))
    checker = Checker([output], {"y": expected}, ATOL, RTOL)

    def check(result: bytearray) -> float:
        """Without the copy from the device, which everybody has to make."""

        def read(_: Argument, buffer: memoryview) -> None:
            copied_s.append(time_s(lambda: buffer.__setitem__(slice(None), result)))

        whole_s = time_s(lambda: checker.check(read))
        return whole_s - copied_s[-1]

    for result in results:
        check(result)  # the first time, memory is made
    times_s: dict[str, list[float]] = {"other": [], "again": [], "allclose": [], "bytes": []}
    for number in range(repetitions):
        result = results[number % 2]
        times_s["other"].append(check(result))
        times_s["again"].append(check(result))
        times_s["allclose"].append(time_s(lambda: np.allclose(near[0], expected, RTOL, ATOL)))
        times_s["bytes"].append(time_s(lambda: results[0] == same))
    medians = {name: statistics.median(values) for name, values in times_s.items()}
    print(f"{describe_machine()}; {millions} Mi float32, {repetitions} repetitions")
    for name, median_s in medians.items():
        print(
            f"{name:9s} {1e3 * median_s:8.1f} ms  {medians['allclose'] / median_s:6.2f} x as fast"
        )


if __name__ == "__main__":
    main(*[int(text) for text in sys.argv[1:]])
