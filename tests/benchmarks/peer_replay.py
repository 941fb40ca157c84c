"""Reads our exports with Kernel Tuner; run by bench_replay.py in that tuner's interpreter.

Reads a JSON object (t4, cache: paths) from stdin and writes one as the last line of stdout:
`valid`, whether the T4 file keeps the schema that Kernel Tuner ships, and `best`, the
configuration and score that it finds best when it replays the cache.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import kernel_tuner
from kernel_tuner.file_utils import output_file_schema


def main() -> None:
    request = json.load(sys.stdin)
    content = json.loads(Path(request["t4"]).read_text())
    version, schema = output_file_schema("results")
    jsonschema.validate(content, schema)
    results, _ = kernel_tuner.tune_cache(request["cache"], strategy="brute_force", quiet=True)
    best = min(results, key=lambda result: result["time"])
    keys = json.loads(Path(request["cache"]).read_text())["tune_params_keys"]
    found = {
        "valid": content["schema_version"] == version,
        "best": {key: best[key] for key in keys},
        "time": best["time"],
        "count": len(results),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
