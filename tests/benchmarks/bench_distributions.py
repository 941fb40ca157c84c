"""Distributions against the lower bound: compiles and runs that sleep.

600 tests; compile log-normal with median 0.2 s, 7 runs of 0.02 s; 4 lanes, 8 compile workers. The
bound is max(total run time / lanes, total compile time / workers), from the times that the commands
themselves took. Target: pipelined within 5 %.
"""

from __future__ import annotations

import random
import sys

from tests.benchmarks.common import describe_machine, time_tune

TESTS = 600
REPEAT = 7
LANES = 4
WORKERS = 8


def main(repetitions: int) -> None:
    rng = random.Random(1)
    sleeps = [f"{rng.lognormvariate(-1.6094, 0.5):.9f}" for _ in range(TESTS)]
    data = {
        "name": "distributions",
        "backend": "none",
        "parallel": LANES,
        "parameters": {"C": sleeps},
        "command": {"compile": ["sleep", "%C%"], "test": ["sleep", "0.02"]},
        "scoring": {"repeat": REPEAT},
        "compile": {"workers": WORKERS},
    }
    print(f"{TESTS} tests, {LANES} lanes, {WORKERS} compile workers, {describe_machine()}")
    for _ in range(repetitions):
        for name in ("pipelined", "pooled", "per-test"):
            result, _elapsed = time_tune(data, distribution=name)
            compiled = sum(outcome.compile_s for outcome in result.outcomes)
            ran = sum(run.elapsed_s for outcome in result.outcomes for run in outcome.runs)
            bound = max(ran / LANES, compiled / WORKERS)
            took = result.summary.elapsed_s
            print(f"{name:10s} {took:7.2f} s, {took / bound:.3f} x the bound of {bound:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
