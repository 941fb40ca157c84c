"""Recordings: loading them, the rate of simulated tests, and exports as Kernel Tuner reads them.

    python -m tests.benchmarks.bench_replay [RECORDING ...]

Without files, a recording of 18,000 configurations with 32 samples each is invented. The rate is
compared with that of a bare loop over the same outcomes. Where HARNESS_PEERS_PYTHON names an
interpreter with Kernel Tuner, that tuner reads what we export: its best must be ours.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
from harness.app.names import EXPORTS, load
from harness.replay.drive import simulate
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.search.exhaustive import Exhaustive
from tests.benchmarks.common import describe_machine, interleave, medians

PEER_SCRIPT = Path(__file__).with_name("peer_replay.py")


def invent(path: Path) -> Path:
    """A T4 file of 18,000 configurations."""
    rng = random.Random(1)
    results = []
    for values in itertools.product(range(10), range(10), range(10), range(18)):
        time_ms = 1 + rng.random() * sum(values)
        failed = rng.random() < 0.1
        samples = [time_ms * rng.uniform(1, 1.1) for _ in range(32)]
        results.append(
            {
                "configuration": dict(zip("ABCD", values, strict=True)),
                "times": {"compilation": 500.0, "runtimes": [] if failed else samples},
                "invalidity": "runtime" if failed else "correct",
                "correctness": int(not failed),
                "measurements": [{"name": "time", "value": time_ms}],
                "objectives": ["time"],
            }
        )
    path.write_text(json.dumps({"schema_version": "1.0.0", "results": results}))
    return path


def measure_load(path: str) -> float:
    started = time.perf_counter()
    load_recording(path)
    return time.perf_counter() - started


def measure_drive(recording: Recording, lanes: int) -> float:
    """Seconds per simulated test."""
    strategy = Exhaustive(recording.space)
    started = time.perf_counter()
    trace = simulate(strategy, recording, lanes=lanes, tests=10**9)
    return (time.perf_counter() - started) / len(trace.losses)


def measure_loop(recording: Recording) -> float:
    """Seconds per configuration to list the space and look its outcome up."""
    started = time.perf_counter()
    count = sum(recording.outcome(configuration) is not None for configuration in recording.space)
    return (time.perf_counter() - started) / count


def run(path: str) -> None:
    """Measure one recording and print its lines."""
    recording = load_recording(path)
    found = medians(
        interleave(
            {
                "load": lambda: measure_load(path),
                "1 lane": lambda: measure_drive(recording, 1),
                "8 lanes": lambda: measure_drive(recording, 8),
                "loop": lambda: measure_loop(recording),
            },
            5,
        )
    )
    size = Path(path).stat().st_size / 1e6
    print(f"{Path(path).name}: {recording.space.size} configurations, {size:.1f} MB")
    print(f"  loading             {found['load']:.2f} s")
    for lanes in ("1 lane", "8 lanes"):
        ratio = found[lanes] / found["loop"]
        print(f"  {lanes:19} {1 / found[lanes]:,.0f} tests/s, {ratio:.1f} x a bare loop")


def check_peer(python: str) -> None:
    """Let Kernel Tuner read a session's exports."""
    with tempfile.TemporaryDirectory() as folder:
        spec = harness.make_spec(
            {
                "name": "exported",
                "backend": "mock",
                "parameters": {"block_size_x": [32, 64, 128, 256], "MODE": [0, 1], "N": [1, 2, 3]},
                "command": {"compile": "true", "test": "true %block_size_x% %MODE% %N%"},
                "scoring": {"repeat": 7},
                "mock": {"time": "virtual", "run_failures": 0.2, "compile_failures": 0.1},
            },
            base=folder,
        )
        result = harness.tune(spec)
        paths = {"t4": Path(folder) / "t4.json", "cache": Path(folder) / "cache.json"}
        for key, form in (("t4", "t4"), ("cache", "kernel-tuner")):
            paths[key].write_text(load(EXPORTS[form])(result.info, result.outcomes))
        request = json.dumps({key: str(path) for key, path in paths.items()})
        done = subprocess.run(
            [python, str(PEER_SCRIPT)], input=request, capture_output=True, text=True, check=False
        )
    if done.returncode:
        print(f"  kernel_tuner: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert result.best is not None
    assert result.best.score is not None
    assert found["best"] == dict(result.best.configuration), found
    assert abs(found["time"] / (1000 * result.best.score) - 1) < 1e-9, found
    print(f"Kernel Tuner: T4 valid {found['valid']}, the same best of {found['count']}")


def main() -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        for path in sys.argv[1:] or [str(invent(Path(folder) / "invented.json"))]:
            run(path)
    python = os.environ.get("HARNESS_PEERS_PYTHON")
    if python:
        check_peer(python)


if __name__ == "__main__":
    main()
