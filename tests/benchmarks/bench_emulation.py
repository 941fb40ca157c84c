"""What it costs to verify a kernel on the CPU, for each of the CUDA C++ kernels in configs/.

    python -m tests.benchmarks.bench_emulation [TESTS]

A random sample of each config's space on one simulated H100, in virtual time, so that nothing but
the emulation takes time. Wanted: every test is right, none is left unverified.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import harness

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def measure(config: Path, tests: int, folder: Path) -> str:
    """A line about one kernel."""
    spec = harness.load_config(config)
    mock: dict[str, Any] = {"time": "virtual", "devices": ["H100"]}
    changes: dict[str, Any] = {
        "backend": "mock",
        "parallel": 1,
        "max_tests": tests,
        "strategy": "random",
        "output": {"journal": str(folder / f"{config.stem}.sqlite")},
    }
    seconds = []
    for emulate in (False, True):
        started_s = time.perf_counter()
        result = harness.tune(spec, mock={**mock, "emulate": emulate}, fresh=True, **changes)
        seconds.append(time.perf_counter() - started_s)
    found = [o.artifact.emulated for o in result.outcomes if o.artifact and o.artifact.emulated]
    missing = sum(bool(one.unverified) for one in found)
    wrong = result.summary.to_object()["outcomes"].get("wrong_result", 0)
    each_s = (seconds[1] - seconds[0]) / len(found)
    sizes = sorted({one.place for one in found if not one.unverified}, key=len)
    return (
        f"{config.stem:15} {len(found) - missing - wrong} right, {wrong} wrong, {missing} not "
        f"verified, {each_s:.2f} s each, at {sizes[0]} … {sizes[-1]}"
    )


def main() -> int:
    """Print a line for each kernel; returns 1 if one was wrong or not verified."""
    tests = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for config in sorted(CONFIGS.glob("*.toml")):
            text = config.read_text()
            if "\n[kernel]\n" in text and "\nlanguage = " not in text:  # CUDA C++
                lines.append(measure(config, tests, Path(folder)))
                print(lines[-1], flush=True)
    return int(any("0 wrong, 0 not verified" not in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
