"""What the harness achieves on this machine's GPUs: `make bench-gpu`.

    python -m tests.benchmarks.gpu [PART …] [--scale 0.2] [--backend mock] [--output FILE]

Parts: kernels, noise, overhead, pipeline, lanes, events, tuners; default: all. Prints a table for
each and writes everything, with the device's name, driver, date and command, to
`tests/benchmarks/results/gpu-DEVICE.json`. Without a GPU it says so and ends. Simulated GPUs are
for a trial of the script itself: their results are only written to a file that `--output` names.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import harness
from harness.errors import HarnessError
from tests.benchmarks.common import describe_machine

from .parts import PARTS
from .peers import measure_events, measure_tuners
from .sessions import Bench, Row

RESULTS = Path(__file__).resolve().parents[1] / "results"
ALL = {**PARTS, "events": measure_events, "tuners": measure_tuners}
ON_HARDWARE_ONLY = ("events", "tuners")
"""Parts that call the driver in this process."""


def format_table(rows: Sequence[Row]) -> list[str]:
    """Columns as wide as they must be; numbers with four digits."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_format(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _format(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def run_parts(bench: Bench, names: Sequence[str]) -> dict[str, list[Row]]:
    """The rows of each part, printed as they are there; a part that fails says why."""
    found: dict[str, list[Row]] = {}
    for name in names:
        rows: list[Row] = []
        try:
            rows.extend(ALL[name](bench))
        except (HarnessError, RuntimeError, OSError) as error:
            rows.append({"error": f"{type(error).__name__}: {error}"[:300]})
        found[name] = rows
        print(f"\n{name}", *format_table(rows), sep="\n  ", flush=True)
    return found


def describe(bench: Bench, names: Sequence[str]) -> Row:
    """Where and how it was measured."""
    device = bench.devices[0]
    return {
        "device": device.name,
        "uuid": device.uuid,
        "devices": len(bench.devices),
        "driver": device.driver,
        "simulated": device.simulated,
        "machine": describe_machine(),
        "system": platform.platform(),
        "harness": harness.__version__,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": f"python -m tests.benchmarks.gpu {' '.join(names)} --scale {bench.scale:g}",
    }


def write_results(path: Path, data: Row) -> None:
    """The whole file at once: a run that is stopped leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(ALL))
    parser.add_argument("--scale", type=float, default=1.0, help="how much is measured")
    parser.add_argument("--backend", choices=("cuda", "mock"), default="cuda")
    parser.add_argument("--output", type=Path, help="where to write the results")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.parts if name not in ALL]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; parts: {', '.join(ALL)}")
    try:
        devices = harness.devices(given.backend)
    except HarnessError as error:
        print(f"there is no GPU here, so nothing is measured: {error}")
        return 0
    if not devices:
        print("there is no GPU here, so nothing is measured")
        return 0
    changes: Row = {"backend": given.backend}
    names = given.parts or list(ALL)
    if given.backend == "mock":
        print("simulated: these results come from mock devices, not from hardware")
        changes["mock"] = {"time": "virtual"}
        names = [name for name in names if name not in ON_HARDWARE_ONLY]
    bench = Bench(devices, given.scale, changes)
    data = {**describe(bench, names), "parts": run_parts(bench, names)}
    path: Path | None = given.output
    if path is None and given.backend == "cuda":
        label = re.sub(r"[^A-Za-z0-9]+", "-", devices[0].name).strip("-").lower()
        path = RESULTS / f"gpu-{label}.json"
    if path is not None:
        write_results(path, data)
        print(f"\nwritten: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
