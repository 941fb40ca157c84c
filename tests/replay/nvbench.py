"""Invented results in the layout that NVBench writes."""

from __future__ import annotations

import json
import random
import statistics
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Point = tuple[int, str]
"""BlockSize and Layout."""

TIMES: Mapping[Point, float] = {(64, "row"): 2e-3, (64, "col"): 3e-3, (128, "row"): 1e-3}
DEVICES = ({"id": 0, "name": "NVIDIA A100", "sm_version": 800, "number_of_sms": 108},)


def draw(median: float, seed: object, count: int = 100, noise: float = 0.01) -> list[float]:
    source = random.Random(str(seed))
    return [median * source.lognormvariate(0, noise) for _ in range(count)]


def summary(tag: str, kind: str, value: object, **data: tuple[str, object]) -> dict[str, Any]:
    """NVBench writes numbers as texts."""
    named = {"value": (kind, value), **data} if kind else data
    return {
        "tag": tag,
        "name": tag.rpartition("/")[2],
        "data": [
            {"name": name, "type": what, "value": str(given)}
            for name, (what, given) in named.items()
        ],
    }


def cold(samples: Sequence[float]) -> list[dict[str, Any]]:
    mean = statistics.fmean(samples)
    return [
        summary("nv/cold/sample_size", "int64", len(samples)),
        summary("nv/cold/time/cpu/mean", "float64", mean + 5e-6),
        summary("nv/cold/time/gpu/mean", "float64", mean),
        summary("nv/cold/time/gpu/stdev/relative", "float64", statistics.stdev(samples) / mean),
    ]


def batch(mean: float) -> list[dict[str, Any]]:
    return [
        summary("nv/batch/sample_size", "int64", 500),
        summary("nv/batch/time/gpu/mean", "float64", mean),
    ]


def state(
    point: Point, summaries: Sequence[Mapping[str, Any]], device: int | None = 0
) -> dict[str, Any]:
    size, layout = point
    return {
        "name": f"Device={device} BlockSize={size} Layout={layout}",
        "device": device,
        "type_config_index": 0,
        "axis_values": [
            {"name": "BlockSize", "type": "int64", "value": str(size)},
            {"name": "Layout", "type": "string", "value": layout},
        ],
        "summaries": list(summaries),
        "is_skipped": False,
    }


def skipped(point: Point, reason: str) -> dict[str, Any]:
    return {**state(point, []), "summaries": None, "is_skipped": True, "skip_reason": reason}


def benchmark(
    times: Mapping[Point, float] = TIMES, *, seed: object = 0, name: str = "copy", device: int = 0
) -> dict[str, Any]:
    """Of 1 % noise, 100 samples each; in batches it takes four fifths."""
    states = [
        state(point, [*cold(draw(time, (seed, point))), *batch(0.8 * time)], device)
        for point, time in times.items()
    ]
    return {"name": name, "index": 0, "devices": [device], "axes": [], "states": states}


def write(path: Path, *benchmarks: Mapping[str, Any], devices: Any = DEVICES) -> Path:
    version = {"json": {"major": 1, "minor": 0, "patch": 0, "string": "1.0.0"}}
    content = {
        "meta": {"argv": ["./bench"], "version": version},
        "devices": list(devices),
        "benchmarks": list(benchmarks or [benchmark()]),
    }
    path.write_text(json.dumps(content))
    return path


def write_samples(path: Path, samples: Mapping[Point, Sequence[float]]) -> Path:
    """As with `--jsonbin`: NVBench ran in another folder than the results are read in."""
    folder = path.with_name(f"{path.name}-bin")
    folder.mkdir()
    states = []
    for number, (point, taken) in enumerate(samples.items()):
        (folder / f"{number}.bin").write_bytes(struct.pack(f"<{len(taken)}f", *taken))
        filed = summary(
            "nv/json/bin:nv/cold/sample_times",
            "",
            None,
            filename=("string", f"results/{folder.name}/{number}.bin"),
            size=("int64", len(taken)),
        )
        states.append(state(point, [*cold(taken), filed]))
    return write(path, {"name": "copy", "states": states})
