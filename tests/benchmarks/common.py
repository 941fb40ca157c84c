"""What the benchmark scripts share. Each prints ratios to a bound or a peer of the same run."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import harness


def describe_machine() -> str:
    """The processor and how many cores of it."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def time_tune(data: Mapping[str, Any], **changes: Any) -> tuple[harness.Result, float]:
    """Tune in a fresh folder; the result and the wall time of it all, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        spec = harness.make_spec(data, base=folder)
        started = time.perf_counter()
        result = harness.tune(spec, **changes)
        return result, time.perf_counter() - started


def interleave(
    variants: Mapping[str, Callable[[], float]], repetitions: int
) -> dict[str, list[float]]:
    """What each variant measures, `repetitions` times, taking turns."""
    measured: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repetitions):
        for name, measure in variants.items():
            measured[name].append(measure())
    return measured


def medians(measured: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: statistics.median(values) for name, values in measured.items()}
