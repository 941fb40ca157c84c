"""Ten thousand kernel tests on simulated GPUs of which much goes wrong.

    python -m tests.benchmarks.bench_failures [TESTS]

In virtual time: 5 % of the configurations crash or corrupt their context, 1 % hang, and one of
four devices is lost. Wanted: every configuration has exactly one outcome, the session ends by
itself, and the lanes that are left take over what the lost one had.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import harness

DATA: dict[str, Any] = {
    "name": "failures",
    "backend": "mock",
    "parallel": 4,
    "problem": {"N": 1_000_000},
    "kernel": {
        "code": 'extern "C" __global__ void k(float *x) {}',
        "function": "k",
        "grid": ["N // 128 + 1"],
        "block": 128,
        "arguments": [{"name": "x", "shape": ["N"], "role": "out"}],
        "metrics": {"gbps": "4 * N / time_s / 1e9"},
        "measure": {"stop": "race"},
    },
    "mock": {
        "time": "virtual",
        "compile_s": 0.01,
        "run_failures": 0.05,
        "hangs": 0.01,
        "lost": ["2"],
    },
}


def main(tests: int = 10_000) -> None:
    """One session."""
    parameters = {"A": list(range(100)), "B": list(range(max(1, tests // 100)))}
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as base:
        spec = harness.make_spec({**DATA, "parameters": parameters}, base=base)
        started = time.perf_counter()
        result = harness.tune(spec)
        wall_s = time.perf_counter() - started
    outcomes = result.outcomes
    configurations = {outcome.configuration for outcome in outcomes}
    kinds = Counter(outcome.kind.value for outcome in outcomes)
    lanes = Counter(outcome.lane for outcome in outcomes)
    assert result.complete
    assert len(outcomes) == len(configurations) == len(parameters["A"]) * len(parameters["B"])
    assert kinds["device_lost"] == kinds["interrupted"] == 0
    print(f"{len(outcomes)} configurations, one outcome each: {dict(kinds)}")
    print(f"by lane (2 was lost): {dict(sorted(lanes.items()))}")
    print(f"{len(outcomes) / wall_s:.0f} tests per second")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
