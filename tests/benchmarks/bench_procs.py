"""How fast a lane starts, times and reaps commands, and what that costs the harness itself."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from harness.model import Command
from harness.procs.worker import Worker

RUNS = 2000
TRUE = Command(("/bin/true",), "/bin/true", "/")


def run_lane(worker: Worker, runs: int) -> list[float]:
    return [worker.run(TRUE).elapsed_s for _ in range(runs)]


def measure(lanes: int) -> None:
    workers = [Worker() for _ in range(lanes)]
    for worker in workers:
        run_lane(worker, 1)
    before, started_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    with ThreadPoolExecutor(lanes) as threads:
        times = list(threads.map(lambda worker: run_lane(worker, RUNS // lanes), workers))
    wall_s, after = time.perf_counter() - started_s, resource.getrusage(resource.RUSAGE_SELF)
    for worker in workers:
        worker.close()
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    elapsed = sorted(sample for lane in times for sample in lane)
    print(
        f"{lanes:3d} lanes: {len(elapsed) / wall_s:6.0f} runs/s, "
        f"{1e3 * cpu_s / len(elapsed):.3f} ms of the harness's processor time per run, "
        f"/bin/true takes {1e3 * statistics.median(elapsed):.2f} ms, "
        f"99 % {1e3 * elapsed[int(0.99 * len(elapsed))]:.2f} ms"
    )


def main() -> None:
    started_s = time.perf_counter()
    with Worker() as worker:
        worker.run(TRUE)
        print(f"first run, with the start of the worker: {time.perf_counter() - started_s:.3f} s")
    for lanes in map(int, sys.argv[1:] or ("1", "2", "4", "16")):
        measure(lanes)


if __name__ == "__main__":
    main()
