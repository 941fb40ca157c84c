"""How tests scale with lanes: 400 tests that sleep 50 ms; and 64 simulated lanes in virtual time.

Efficiency = time of one lane / (N x time of N lanes). Targets: 0.95 at 8, 0.9 at 16, 0.98 at 64
virtual lanes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.benchmarks.common import describe_machine, interleave, medians, time_tune

TESTS = 400
SLEEP_S = 0.05
LANES = (1, 2, 4, 8, 16)


def _elapsed_s(data: Mapping[str, Any], lanes: int) -> float:
    return time_tune(data, parallel=lanes)[0].summary.elapsed_s


def main(repetitions: int) -> None:
    data = {
        "name": "sleep",
        "backend": "none",
        "parameters": {"N": list(range(TESTS))},
        "command": {"test": ["sleep", str(SLEEP_S)], "environment": {"N": "%N%"}},
    }
    print(f"{TESTS} tests of {SLEEP_S * 1000:.0f} ms, {describe_machine()}")
    variants = {str(lanes): partial(_elapsed_s, data, lanes) for lanes in LANES}
    measured = medians(interleave(variants, repetitions))
    one = measured["1"]
    for lanes in LANES:
        elapsed = measured[str(lanes)]
        print(
            f"{lanes:3d} lanes: {elapsed:7.2f} s, speed-up {one / elapsed:6.2f}, "
            f"efficiency {one / elapsed / lanes:.3f}, "
            f"ideal / measured {TESTS * SLEEP_S / lanes / elapsed:.3f}"
        )
    virtual = {
        "name": "virtual",
        "backend": "mock",
        "parameters": {"N": list(range(6400))},
        "command": {"test": "true %N%"},
        "mock": {"time": "virtual", "devices": ["A100"] * 64, "noise": 0.0},
    }
    times = {lanes: _elapsed_s(virtual, lanes) for lanes in (1, 64)}
    efficiency = times[1] / times[64] / 64
    print(f"64 simulated lanes in virtual time: efficiency {efficiency:.3f} (simulated)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
