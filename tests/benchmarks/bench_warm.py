"""Do warm starts help, and do they do no harm? Searches of recordings, from other devices' results.

    python -m tests.benchmarks.bench_warm RECORDING … [--seeds N] [--prior-tests N] [--jobs N]

Recordings of the same kernel (the name up to the first underscore) are taken in pairs, each way.
The prior is what the same strategy finds on the one with some tests; with it, and without, the
other is searched. Shown for both are S at each budget, as `harness simulate` defines it, and the
mean over seeds of the same score of each search, which single seeds move less.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness.app.prior import fit_outcomes
from harness.app.simulate import make_field
from harness.app.strategies import make_strategy
from harness.model import Outcome
from harness.replay.drive import Floats, simulate
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.replay.score import best_after, random_best, relative_gain
from harness.replay.standing import Field
from tests.benchmarks.common import describe_machine

BUDGETS = (10, 25, 50, 100, 200)


@dataclass(frozen=True)
class Job:
    """One search of `path`, after one of `prior`, if any."""

    path: str
    prior: str
    prior_tests: int
    strategy: str
    seed: int


@lru_cache
def load(path: str) -> tuple[Recording, Field]:
    recording = load_recording(path)
    return recording, make_field(path, recording)


def run(job: Job) -> Floats:
    """The losses of its tests, in order."""
    recording, _ = load(job.path)
    found: tuple[Outcome, ...] = ()
    if job.prior:
        other, _ = load(job.prior)
        strategy = make_strategy(job.strategy, other.space, goal=other.goal, seed=job.seed)
        found = simulate(strategy, other, tests=job.prior_tests).outcomes
    prior = fit_outcomes(found, recording.space)
    strategy = make_strategy(
        job.strategy, recording.space, goal=recording.goal, seed=job.seed, prior=prior
    )
    return simulate(strategy, recording, tests=max(BUDGETS)).losses


def score(path: str, losses: Sequence[Floats]) -> tuple[list[float], list[float]]:
    """S and the mean score at each budget."""
    _, field = load(path)
    medians, means = [], []
    for tests in BUDGETS:
        random = random_best(field.losses, tests)
        best = best_after(losses, tests)
        medians.append(relative_gain(float(np.median(best)), random, field.optimum))
        gains = [relative_gain(float(each), random, field.optimum) for each in best]
        means.append(float(np.mean(gains)))
    return medians, means


def format_row(what: str, values: tuple[list[float], list[float]]) -> str:
    shown = ("".join(f"{value:6.2f}" for value in part) for part in values)
    return f"  {what:42}" + "   ".join(shown)


def name_of(path: str) -> str:
    return Path(path).name.partition(".")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="*")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--prior-tests", type=int, default=100)
    parser.add_argument("--strategy", default="model")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    kernels = {path: name_of(path).partition("_")[0] for path in arguments.recordings}
    pairs = [
        pair for pair in itertools.permutations(kernels, 2) if len({kernels[p] for p in pair}) == 1
    ]
    print(f"{describe_machine()}; {arguments.seeds} seeds; simulated from recordings")
    print(f"{'S and mean score, budgets ' + str(BUDGETS):44}{arguments.strategy}")
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    totals: dict[str, list[tuple[list[float], list[float]]]] = {"cold": [], "warm": []}
    with ProcessPoolExecutor(arguments.jobs) as pool:

        def measure(path: str, prior: str) -> tuple[list[float], list[float]]:
            tests, strategy = arguments.prior_tests, arguments.strategy
            jobs = [Job(path, prior, tests, strategy, seed) for seed in seeds]
            return score(path, list(pool.map(run, jobs, chunksize=5)))

        cold = {path: measure(path, "") for path in dict.fromkeys(path for _, path in pairs)}
        for prior, path in pairs:
            warm = measure(path, prior)
            totals["cold"].append(cold[path])
            totals["warm"].append(warm)
            print(format_row(f"{name_of(path)}, cold", cold[path]))
            print(format_row(f"  from {name_of(prior)}", warm), flush=True)
    for what, rows in totals.items() if pairs else ():
        means = np.mean(rows, axis=0).tolist()
        print(format_row(f"all, {what}", (means[0], means[1])))


if __name__ == "__main__":
    main()
