"""Small recordings, in each of the formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Table = Mapping[tuple[int, str], float | str]
"""By the values of BLOCK and MODE: milliseconds, or how the test failed."""

TABLE: Table = {
    (32, "row"): 4.0,
    (32, "col"): 3.0,
    (64, "row"): 2.0,
    (64, "col"): "runtime",
    (128, "row"): 5.0,
    (16, "row"): "compile",
}
"""Its best is BLOCK=64 MODE=row; a test compiles for 100 ms and runs three times."""


def t4_result(block: int, mode: str, time: float | str) -> dict[str, Any]:
    failed = isinstance(time, str)
    runtimes = [] if isinstance(time, str) else [time + 0.5, time, time - 0.5]
    return {
        "configuration": {"BLOCK": block, "MODE": mode},
        "times": {"compilation": 100, "framework": 7, "validation": 3, "runtimes": runtimes},
        "invalidity": time if failed else "correct",
        "correctness": int(not failed),
        "measurements": [{"name": "time", "value": "failed" if failed else time, "unit": ""}],
        "objectives": ["time"],
    }


def t4_object(table: Table = TABLE) -> dict[str, Any]:
    return {
        "schema_version": "1.0.0",
        "results": [t4_result(*key, time) for key, time in table.items()],
    }


def write_json(path: Path, content: object) -> Path:
    text = json.dumps(content).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_t4(path: Path, table: Table = TABLE) -> Path:
    return write_json(path, t4_object(table))


_ERRORS = {"runtime": "RuntimeFailedConfig", "compile": "CompilationFailedConfig"}


def kernel_tuner_object(table: Table = TABLE) -> dict[str, Any]:
    cache: dict[str, dict[str, Any]] = {}
    for (block, mode), time in table.items():
        entry = {"BLOCK": block, "MODE": mode, "compile_time": 100, "framework_time": 7}
        if isinstance(time, str):
            entry |= {"time": _ERRORS[time], "benchmark_time": 0}
        else:
            times = [time + 0.5, time, time - 0.5]
            entry |= {"time": time, "times": times, "verification_time": 3}
        cache[f"{block},{mode}"] = entry
    return {
        "device_name": "Model X",
        "kernel_name": "kernel",
        "tune_params_keys": ["BLOCK", "MODE"],
        "tune_params": {"BLOCK": [16, 32, 64, 128], "MODE": ["row", "col"]},
        "cache": cache,
    }


def write_kernel_tuner(path: Path, table: Table = TABLE) -> Path:
    return write_json(path, kernel_tuner_object(table))


def t1_object() -> dict[str, Any]:
    return {
        "ConfigurationSpace": {
            "TuningParameters": [
                {"Name": "MODE", "Type": "string", "Values": "['row', 'col']"},
                {"Name": "BLOCK", "Type": "int", "Values": "[16, 32, 64, 128]"},
            ],
            "Conditions": [{"Expression": "BLOCK > 16", "Parameters": ["BLOCK"]}],
        }
    }


def change(content: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """`content` with something else at `path`, such as `results/0/times`."""
    *parents, last = path.split("/")
    place: Any = content
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    place[int(last) if isinstance(place, list) else last] = value
    return content
