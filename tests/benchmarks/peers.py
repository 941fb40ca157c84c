"""Other tuners on recorded spaces: their searches, each made once and kept.

A search is determined by the tuner, its version, the space, the number of tests and the seed. With
a folder to keep them in, those that were made before are read from it, so that a long comparison
can be made in parts, by several calls, and interrupted.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.replay.drive import Trace, loss_of
from harness.replay.recording import Recording
from harness.replay.score import Floats
from harness.replay.standing import Case, CaseScore, Field, score_case
from tests.benchmarks.searches import Kept

PEERS = (
    "optuna_tpe,simulated_annealing,adaptive_tabu_greywolf,dual_annealing,pso,bayes_opt,"
    "genetic_algorithm,mls,greedy_ils"
)
KNOWS_NO_BUDGET = {"optuna_tpe"}
"""One search serves all budgets."""
SCRIPT = Path(__file__).with_name("peer_search.py")
SEEDS_AT_ONCE = 5
VERSIONS = (
    "import importlib.metadata as m, sys\n"
    "print(*(f'{d.metadata[\"Name\"]} {d.version}' for d in m.distributions()"
    " if d.metadata['Name'].lower().replace('-', '_') in ('optuna', 'kernel_tuner')))"
)

Losses = list[list[float]]
"""Of each seed, those of its tests, in order."""


@dataclass(frozen=True, slots=True)
class Job:
    """Some seeds of a peer on one space."""

    peer: str
    field: str
    tests: int
    seeds: tuple[int, ...]

    def name(self, seed: int) -> str:
        """What one of them is kept as."""
        return f"{self.peer}-{self.field}-{self.tests}-{seed}"


def run_peers(
    peers: Sequence[str],
    recordings: Mapping[str, Recording],
    fields: Mapping[str, Field],
    budgets: Sequence[int],
    *,
    python: str,
    seeds: int,
    jobs: int,
    folder: Path | None = None,
) -> list[CaseScore]:
    """The scores of other tuners, each search in a process of their interpreter.

    Args:
        folder: where searches are kept; None: nowhere.
    """
    kept, versions = Kept(folder), find_versions(python)
    requests = {name: _make_request(recording) for name, recording in recordings.items()}
    spaces = {name: _digest(request, versions) for name, request in requests.items()}
    wanted = [
        Job(peer, name, tests, tuple(range(seeds)))
        for peer in peers
        for name in recordings
        for tests in ((max(budgets),) if peer in KNOWS_NO_BUDGET else budgets)
    ]
    traces: dict[str, Trace] = {}
    for job in wanted:
        for seed in job.seeds:
            if (found := kept.load(job.name(seed), spaces[job.field])) is not None:
                traces[job.name(seed)] = found

    def run(job: Job) -> None:
        losses = _run_job(job, requests[job.field], python)
        for seed, row in zip(job.seeds, losses, strict=True):
            trace = _make_trace(row)
            kept.save(job.name(seed), spaces[job.field], trace)
            traces[job.name(seed)] = trace

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, _split(wanted, traces)))
    scores = []
    for job in wanted:
        made = [traces[job.name(seed)].losses for seed in job.seeds]
        for tests in budgets if job.peer in KNOWS_NO_BUDGET else (job.tests,):
            case = Case(job.peer, job.field, 1, tests)
            rows = [_make_trace(losses[:tests]) for losses in made]
            scores.append(score_case(case, fields[case.field], rows))
    return scores


def find_versions(python: str) -> str:
    """Names and versions of the tuners that an interpreter has."""
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{python}: {done.stderr.strip()[-2000:]}")
    return ", ".join(sorted(done.stdout.strip().splitlines()))


def _split(jobs: Iterable[Job], made: Container[str]) -> Iterator[Job]:
    """What is not made yet, in jobs of a few seeds each: a peer takes long to start."""
    for job in jobs:
        missing = [seed for seed in job.seeds if job.name(seed) not in made]
        for low in range(0, len(missing), SEEDS_AT_ONCE):
            yield replace(job, seeds=tuple(missing[low : low + SEEDS_AT_ONCE]))


def _make_request(recording: Recording) -> dict[str, Any]:
    configurations = list(recording.space)
    losses = [loss_of(recording.outcome(c), recording.goal) for c in configurations]
    return {
        "parameters": {p.name: list(p.values) for p in recording.space.parameters},
        "configurations": [list(c.values_) for c in configurations],
        "losses": [loss if np.isfinite(loss) else None for loss in losses],
    }


def _digest(request: Mapping[str, Any], versions: str) -> str:
    """Of all that a search depends on, besides its peer, tests and seed."""
    return hashlib.sha256(json.dumps([request, versions, SCRIPT.read_text()]).encode()).hexdigest()


def _run_job(job: Job, request: Mapping[str, Any], python: str) -> Losses:
    whole = {**request, "peer": job.peer, "tests": job.tests, "seeds": job.seeds}
    done = subprocess.run(
        [python, str(SCRIPT)],
        input=json.dumps(whole),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{job.peer} on {job.field}: {done.stderr.strip()[-2000:]}")
    losses = json.loads(done.stdout.splitlines()[-1])["losses"]
    return [[np.inf if loss is None else loss for loss in row] for row in losses]


def _make_trace(losses: Sequence[float] | Floats) -> Trace:
    """A search of which only the tests are known, a second each."""
    return Trace(np.array(losses), np.arange(1.0, len(losses) + 1), 0.0)
