"""Reads our exports with Kernel Tuner; run by bench_replay.py in that tuner's interpreter.

Reads a JSON object (t4, cache, written: paths) from stdin and writes one as stdout's last line:
`valid`, whether the T4 file keeps the schema that Kernel Tuner ships; `best`, `time`, `count`: the
configuration and score that it finds best when it replays the cache, of how many; and, where the
package autotuning_methodology is installed, `optimum` and `size` of the T4 file as that reads and
validates it. What it replayed, Kernel Tuner writes as T4 to `written`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kernel_tuner
from kernel_tuner.file_utils import output_file_schema, store_output_file

TIMES = ["compilation", "runtimes", "framework", "search_algorithm", "validation"]


def read_with_methodology(path: str) -> dict[str, Any]:
    """What the tool that compares tuners on T4 files makes of ours."""
    try:
        from autotuning_methodology.searchspace_statistics import (  # noqa: PLC0415 - may be missing
            SearchspaceStatistics,
        )
    except ImportError:
        return {}
    found = SearchspaceStatistics("exported", "device", True, TIMES, ["time"], Path(path))
    return {"optimum": float(found.total_performance_absolute_optimum()), "size": found.size}


def main() -> None:
    request = json.load(sys.stdin)
    content = json.loads(Path(request["t4"]).read_text())
    version, schema = output_file_schema("results")
    jsonschema.validate(content, schema)
    results, _ = kernel_tuner.tune_cache(request["cache"], strategy="brute_force", quiet=True)
    best = min(results, key=lambda result: result["time"])
    cache = json.loads(Path(request["cache"]).read_text())
    keys = cache["tune_params_keys"]
    store_output_file(request["written"], results, cache["tune_params"])
    found = {
        "valid": content["schema_version"] == version,
        "best": {key: best[key] for key in keys},
        "time": best["time"],
        "count": len(results),
        **read_with_methodology(request["t4"]),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
