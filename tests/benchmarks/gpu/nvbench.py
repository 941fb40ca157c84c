"""One launch of saxpy timed by NVBench's Python package, in a process of its own.

    python -m tests.benchmarks.gpu.nvbench SETTINGS RESULTS

SETTINGS is JSON: `path` of the cubin, `function`, `grid`, `block`, `count` of elements. NVBench
writes its results to the file RESULTS, which `read_time_s` reads. Needs `cuda-bench` and `cupy`.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

COLD_TIME = "nv/cold/time/gpu/mean"


def read_time_s(path: Path) -> float:
    """The mean time of a launch with a cold L2 cache, from NVBench's JSON.

    Raises:
        ValueError: it was not measured.
    """
    for benchmark in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]:
        for state in benchmark["states"]:
            for summary in state.get("summaries") or ():
                if summary["tag"] == COLD_TIME:
                    return float(summary["data"][0]["value"])
    raise ValueError(f"{path}: NVBench measured nothing: there is no {COLD_TIME}")


def main(text: str, results: str) -> None:
    """Measure what the settings say."""
    bench, cupy = import_module("cuda.bench"), import_module("cupy")
    settings = json.loads(text)

    def saxpy(state: Any) -> None:
        kernel = cupy.RawModule(path=settings["path"]).get_function(settings["function"])
        count = settings["count"]
        x, y = cupy.ones(count, "float32"), cupy.ones(count, "float32")
        values = (np.float32(2.5), x, y, np.int32(count))

        def launch(on: Any) -> None:
            with cupy.cuda.ExternalStream(on.get_stream().addressof()):
                kernel(tuple(settings["grid"]), tuple(settings["block"]), values)

        state.exec(launch)

    bench.register(saxpy)
    bench.run_all_benchmarks([sys.argv[0], "--json", results, "--devices", "0"])


if __name__ == "__main__":
    main(*sys.argv[1:])
