"""Time and memory to construct spaces, against brute force and against other tuners.

    python tests/benchmarks/bench_space.py [--repeat N] [--only NAME …]

Peers (Kernel Tuner, python-constraint2, pyATF) are measured where HARNESS_PEERS_PYTHON names an
interpreter that has them. Everything is timed in its own process, repetitions interleaved; shown
are medians of the time to a usable space (counted, a configuration drawn or looked up) and, for
ours, to a list of all configurations in order as well. `mem` is the peak of allocations beside
the result.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from harness.space.sampling import sample
from tests.benchmarks.spaces import SPACES, Definition

PEERS = ("kernel_tuner", "python-constraint2", "pyatf")
PEER_SCRIPT = Path(__file__).with_name("peer_space.py")
PEER_TIMEOUT_S = 90.0
BRUTE_LIMIT = 2_000_000
MATRIX_LIMIT = 10_000_000


def measure_ours(definition: Definition) -> dict[str, float]:
    """Seconds to a usable space, to its whole matrix, and to 10^4 uniform samples."""
    start = time.perf_counter()
    space = definition.make()
    sample(space, 1, np.random.default_rng(0))
    result = {"usable": time.perf_counter() - start}
    if space.size is not None and space.size <= MATRIX_LIMIT:
        space.matrix()
        result["all"] = time.perf_counter() - start
    start = time.perf_counter()
    sample(space, 10_000, np.random.default_rng(1))
    result["sample"] = time.perf_counter() - start
    result["size"] = float(-1 if space.size is None else space.size)
    return result


def measure_memory(definition: Definition) -> dict[str, float]:
    """Bytes: what the space keeps, and the peak while it was made."""
    tracemalloc.start()
    space = definition.make()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"kept": kept, "peak": peak, "size": float(-1 if space.size is None else space.size)}


def measure_brute_force(definition: Definition) -> dict[str, float]:
    """Seconds for `itertools.product` and compiled Python, and whether we find the same rows."""
    start = time.perf_counter()
    names = ", ".join(definition.parameters)
    text = " and ".join(f"({constraint})" for constraint in definition.constraints)
    holds = eval(f"lambda {names}: {text}")
    rows = [v for v in itertools.product(*definition.parameters.values()) if holds(*v)]
    elapsed = time.perf_counter() - start
    same = [configuration.values_ for configuration in definition.make()] == rows
    return {"usable": elapsed, "size": len(rows), "same": float(same)}


def measure_peer(peer: str, definition: Definition, python: str) -> dict[str, float] | None:
    """The same for another tuner, in its own process; None: it failed or took too long."""
    request = {
        "peer": peer,
        "parameters": definition.parameters,
        "constraints": definition.constraints,
    }
    try:
        done = subprocess.run(
            [python, str(PEER_SCRIPT)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=PEER_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        print(f"  {peer}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    result: dict[str, float] = json.loads(lines[-1])
    return result


def run(definition: Definition, repeat: int, python: str | None) -> None:
    """Measure one space and print its line."""
    times: dict[str, list[float]] = {}
    skipped: set[str] = set()
    sizes: dict[str, float] = {}
    for _ in range(repeat):
        ours = measure_ours(definition)
        sizes["ours"] = ours.pop("size")
        for key, value in ours.items():
            times.setdefault(key, []).append(value)
        if definition.combinations <= BRUTE_LIMIT:
            brute = measure_brute_force(definition)
            times.setdefault("brute", []).append(brute["usable"])
            sizes["brute"] = brute["size"]
            assert brute["same"], f"{definition.name}: not the same as brute force"
        for peer in PEERS if python else ():
            result = None if peer in skipped else measure_peer(peer, definition, python or "")
            if result is None:
                skipped.add(peer)
            else:
                times.setdefault(peer, []).append(result["usable"])
                sizes[peer] = result["size"]
                if "all" in result:
                    times.setdefault(f"{peer} all", []).append(result["all"])
                same = sizes[peer] == sizes["ours"] and result.get("same", 1.0)
                assert same, f"{definition.name}: {peer} finds {sizes}"
    report(definition, times, sizes["ours"], skipped)


def report(
    definition: Definition, times: dict[str, list[float]], size: float, skipped: set[str]
) -> None:
    """Print medians, and how many times longer others take."""
    medians = {key: statistics.median(found) for key, found in times.items()}
    memory = measure_memory(definition)
    counted = "not counted" if size < 0 else f"{size:,.0f} valid"
    kind = "as published" if definition.is_exact else "an equivalent"
    print(f"{definition.name} ({kind}): {definition.combinations:,} combinations, {counted}")
    print(f"  usable {medians['usable'] * 1e3:9.2f} ms", end="")
    if "all" in medians:
        print(f"   listed {medians['all'] * 1e3:9.2f} ms", end="")
    print(f"   10^4 samples {medians['sample'] * 1e3:7.2f} ms", end="")
    print(f"   kept {memory['kept'] / 1e6:.2f} MB, peak {memory['peak'] / 1e6:.2f} MB", end="")
    print(f", {memory['kept'] / size:.2f} B each" if size > 0 else "")
    for key in ("brute", *PEERS):
        if key in medians:
            ratio = medians[key] / medians["usable"]
            print(f"  {key:20} {medians[key] * 1e3:10.2f} ms   {ratio:8.1f} x usable", end="")
            if "all" in medians:
                listed = medians.get(f"{key} all", medians[key])
                print(f"   {listed / medians['all']:8.1f} x listed", end="")
            print()
    for peer in sorted(skipped):
        print(f"  {peer:20} failed, or more than {PEER_TIMEOUT_S:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    python = os.environ.get("HARNESS_PEERS_PYTHON")
    measure_ours(SPACES[0])  # warms up the interpreter, as the peers' first calls do
    for definition in SPACES:
        if not arguments.only or definition.name in arguments.only:
            run(definition, arguments.repeat, python)


if __name__ == "__main__":
    main()
