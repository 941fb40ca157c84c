"""Does it pay to test first what compiles quickly? Searches of recordings in simulated time.

    python -m tests.benchmarks.bench_quick RECORDING … [--seeds N] [--strategies NAME,…]

Each search makes tests until the time is over that so many tests of the space take on average.
Shown is S over that time, as `harness simulate` defines it, and the mean over seeds of the same
score of each search, without and with `search.prefer_quick`; and how many tests were made.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.app.simulate import MOST_PER_TEST, make_field
from harness.app.strategies import make_strategy
from harness.replay.drive import simulate
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.replay.score import best_at, random_best, relative_gain
from harness.replay.standing import Field
from harness.search.explorer import Explorer
from tests.benchmarks.common import describe_machine

BUDGETS = (25, 50, 100, 200)


@dataclass(frozen=True)
class Job:
    """One search."""

    path: str
    strategy: str
    quick: bool
    tests: int
    lanes: int
    seed: int


@lru_cache
def load(path: str) -> tuple[Recording, Field]:
    recording = load_recording(path)
    return recording, make_field(path, recording)


def run(job: Job) -> tuple[float, int]:
    """The score of what was found in the time, and how many tests that were."""
    recording, field = load(job.path)
    strategy = make_strategy(
        job.strategy,
        recording.space,
        goal=recording.goal,
        seed=job.seed,
        budget=job.tests,
        lanes=job.lanes,
    )
    if job.quick:
        assert isinstance(strategy, Explorer)
        strategy.prefer_quick()
    time_s = field.time_s(job.tests, job.lanes)
    most = MOST_PER_TEST * job.tests
    trace = simulate(strategy, recording, lanes=job.lanes, tests=1, time_s=time_s, most=most)
    best = float(best_at([trace.losses], [trace.ended_s], time_s)[0])
    return best, int((trace.ended_s <= time_s).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="*")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--strategies", default="model,genetic,local")
    arguments = parser.parse_args()
    print(f"{describe_machine()}; {arguments.seeds} seeds; simulated from recordings")
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for strategy in arguments.strategies.split(","):
            totals: list[list[float]] = []
            print(f"\n{strategy}: S without, with; mean without, with; tests without, with")
            for path in arguments.recordings:
                row: list[float] = []
                for measure in _measure(pool, path, strategy, arguments):
                    row += measure
                totals.append(row)
                name = path.rpartition("/")[2].partition(".")[0]
                print(f"  {name:28}", " ".join(f"{value:6.2f}" for value in row), flush=True)
            if totals:
                means = np.mean(totals, axis=0)
                print(f"  {'all':28}", " ".join(f"{value:6.3f}" for value in means))


def _measure(
    pool: ProcessPoolExecutor, path: str, strategy: str, arguments: argparse.Namespace
) -> list[list[float]]:
    """S, the mean score, and tests per budgeted test, each without and with."""
    _, field = load(path)
    seeds = range(arguments.seeds)
    medians: list[float] = []
    means: list[float] = []
    made: list[float] = []
    for quick in (False, True):
        scores, gains, counts = [], [], []
        for tests in BUDGETS:
            jobs = [Job(path, strategy, quick, tests, arguments.lanes, seed) for seed in seeds]
            found = list(pool.map(run, jobs, chunksize=5))
            random = random_best(field.losses, tests)
            best = [loss for loss, _ in found]
            scores.append(relative_gain(float(np.median(best)), random, field.optimum))
            gains.append(np.mean([relative_gain(b, random, field.optimum) for b in best]))
            counts.append(np.mean([count for _, count in found]) / tests)
        medians.append(float(np.mean(scores)))
        means.append(float(np.mean(gains)))
        made.append(float(np.mean(counts)))
    return [medians, means, made]


if __name__ == "__main__":
    main()
