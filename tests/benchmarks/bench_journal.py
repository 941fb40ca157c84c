"""How long reading a journal of a million runs takes (synthetic).

Targets: `harness show` in less than 1 s, `harness export --format parquet` in less than 10 s, each
as a process of its own. Also `harness sessions`.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.common import describe_machine
from tests.benchmarks.journals import make_journal

TARGETS_S = {
    "show": 1.0,
    "sessions": None,
    "export --format parquet": 10.0,
}


def run(journal: Path, command: str) -> tuple[float, float]:
    """Seconds that a command takes on the journal, and its processor time."""
    arguments = [sys.executable, "-m", "harness", *command.split(), "--journal", str(journal)]
    if command.startswith("export"):
        arguments += ["-o", str(journal.parent / "exported")]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, capture_output=True)
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(tests: int, repeat: int, times: int) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        journal = Path(name) / "journal.sqlite"
        make_journal(journal, tests, repeat)
        size = journal.stat().st_size
        print(f"synthetic journal: {tests} tests, {repeat} runs each, {size / 1e6:.0f} MB")
        for command, target in TARGETS_S.items():
            if "parquet" in command and find_spec("pyarrow") is None:
                print("skipped: Parquet needs pyarrow (pip install 'gpu-harness[parquet]')")
                continue
            took = [run(journal, command) for _ in range(times)]
            wall, worked = (statistics.median(part) for part in zip(*took, strict=True))
            text = f"harness {command}: {wall:.2f} s, processor time {worked:.2f} s"
            if target is not None:
                text += f"; {wall / target:.2f} and {worked / target:.2f} of the target"
            print(text, flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] or ("200000", "5", "3"))))
