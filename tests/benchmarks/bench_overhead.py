"""Overhead: 2,000 tests of `true` on 4 lanes, every result durable in the journal.

Peers in the same run: GNU parallel with --joblog (which keeps less), and `xargs -P4`, which keeps
nothing at all. Targets: 5 x parallel, 0.5 x xargs.

All run `true` without arguments: with one, GNU `true` loads its locale first, and takes a third
longer. parallel starts a shell for each; the harness does for commands that are texts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.common import describe_machine, interleave, medians, time_tune

TESTS = 2000
LANES = 4


def time_harness(command: str | list[str]) -> float:
    """Tests per second, from Spec to result."""
    data = {
        "name": "overhead",
        "backend": "none",
        "parallel": LANES,
        "parameters": {"N": list(range(TESTS))},
        "command": {"test": command},
    }
    return TESTS / time_tune(data)[1]


def time_parallel() -> float:
    """The same for GNU parallel, keeping a joblog."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(
            [
                "parallel",
                f"-j{LANES}",
                "-N0",
                "--joblog",
                str(Path(folder) / "log"),
                "true",
                ":::",
                *map(str, range(TESTS)),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return TESTS / (time.perf_counter() - started)


def time_xargs() -> float:
    """The same for xargs, which keeps nothing."""
    lines = "\n".join(map(str, range(TESTS)))
    started = time.perf_counter()
    subprocess.run(["xargs", f"-P{LANES}", "-I{}", "true"], input=lines, text=True, check=True)
    return TESTS / (time.perf_counter() - started)


def main(repetitions: int) -> None:
    print(f"{TESTS} tests of `true`, {LANES} lanes, {describe_machine()}")
    variants = {
        "harness (list)": lambda: time_harness(["true"]),
        "harness (shell)": lambda: time_harness("true"),
        "xargs": time_xargs,
    }
    if shutil.which("parallel"):
        variants["parallel"] = time_parallel
    else:
        print("GNU parallel is not installed: its ratio is left out")
    rates = medians(interleave(variants, repetitions))
    for name, rate in rates.items():
        ratios = ", ".join(
            f"{rate / rates[peer]:.2f} x {peer}" for peer in ("parallel", "xargs") if peer in rates
        )
        print(f"{name:16s} {rate:7.0f} tests/s   {ratios}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
