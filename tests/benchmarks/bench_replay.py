"""Recordings: loading them, the rate of simulated tests, and exports as Kernel Tuner reads them.

    python -m tests.benchmarks.bench_replay [RECORDING ...]

Without files, a recording of 18,000 configurations with 32 samples each is invented. The rate is
compared with that of a bare loop over the same outcomes. Where HARNESS_PEERS_PYTHON names an
interpreter with Kernel Tuner, that tuner reads what we export, and we read what it writes: the best
must be the same. With autotuning_methodology installed there as well, that reads our T4, too.
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
from harness.app.imports import import_results
from harness.app.names import EXPORTS, load
from harness.model import Outcome
from harness.replay.drive import simulate
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.search.exhaustive import Exhaustive
from harness.store.sessions import load_session
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
    """Let Kernel Tuner read what a session exports, and read what it writes.

    Kernel Tuner reads no T4. So the T4 file is imported, and the cache that it replays is made of
    that import: it knows no more than the T4 file says.
    """
    with tempfile.TemporaryDirectory() as folder:
        best = _export(Path(folder))
        paths = {name: str(Path(folder) / f"{name}.json") for name in ("t4", "cache", "written")}
        done = subprocess.run(
            [python, str(PEER_SCRIPT)],
            input=json.dumps(paths),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"  kernel_tuner: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return
        found = json.loads(done.stdout.strip().splitlines()[-1])
        back, measured = load_recording(paths["written"]).best
    assert best.score is not None
    assert measured.score is not None
    assert found["best"] == dict(best.configuration), found
    assert abs(found["time"] / (1000 * best.score) - 1) < 1e-9, found
    assert dict(back) == dict(best.configuration), back
    assert abs(measured.score / best.score - 1) < 1e-9, measured
    print(f"Kernel Tuner: our T4 valid {found['valid']}, from it the same best of {found['count']}")
    print("Kernel Tuner: the T4 that it writes has the same best")
    if "optimum" in found:
        assert abs(found["optimum"] / (1000 * best.score) - 1) < 1e-9, found
        print(f"autotuning_methodology: reads our T4, the same best of {found['size']}")


def _export(folder: Path) -> Outcome:
    """Tune, write T4, and of an import of that a cache; the best."""
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
    (folder / "t4.json").write_text(load(EXPORTS["t4"])(result.info, result.outcomes))
    journal = folder / "imported.sqlite"
    import_results(str(folder / "t4.json"), journal)
    stored = load_session(journal)
    cache = load(EXPORTS["kernel-tuner"])(stored.info, stored.outcomes)
    (folder / "cache.json").write_text(cache)
    assert result.best is not None
    return result.best


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
