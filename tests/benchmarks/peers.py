"""Other tuners on recorded spaces: their searches, each made once and kept.

A search is determined by the tuner, its version, the space, the number of tests and the seed. With
a folder to keep them in, those that were made before are read from it, so that a long comparison can
be made in parts, by several calls, and interrupted.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.replay.drive import Trace, loss_of
from harness.replay.recording import Recording
from harness.replay.standing import Case, CaseScore, Field, score_case

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


class Kept:
    """The searches in a folder, a file each; without a folder none is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def load(self, job: Job, space: str) -> list[float] | None:
        """The losses of a job's only seed, if they are kept and of this space."""
        path = self._path(job)
        if path is None or not path.exists():
            return None
        found = json.loads(path.read_text())
        if found["space"] != space:
            return None
        return [np.inf if loss is None else loss for loss in found["losses"]]

    def save(self, job: Job, space: str, losses: Sequence[float]) -> None:
        """Keep the losses of a job's only seed."""
        path = self._path(job)
        if path is None:
            return
        finite = [loss if np.isfinite(loss) else None for loss in losses]
        written = path.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps({"space": space, "losses": finite}))
        written.replace(path)

    def _path(self, job: Job) -> Path | None:
        (seed,) = job.seeds
        name = f"{job.peer}-{job.field}-{job.tests}-{seed}.json"
        return None if self._folder is None else self._folder / name


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
        Job(peer, name, tests, (seed,))
        for peer in peers
        for name in recordings
        for tests in ((max(budgets),) if peer in KNOWS_NO_BUDGET else budgets)
        for seed in range(seeds)
    ]
    missing = [job for job in wanted if kept.load(job, spaces[job.field]) is None]
    made: dict[Job, list[float]] = {}

    def run(job: Job) -> None:
        losses = _run_job(job, requests[job.field], python)
        for seed, row in zip(job.seeds, losses, strict=True):
            one = Job(job.peer, job.field, job.tests, (seed,))
            kept.save(one, spaces[job.field], row)
            made[one] = row

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, _join(missing)))
    traces: dict[Case, list[Trace]] = {}
    for job in wanted:
        losses = made.get(job) or kept.load(job, spaces[job.field])
        assert losses is not None
        for tests in budgets if job.peer in KNOWS_NO_BUDGET else (job.tests,):
            case = Case(job.peer, job.field, 1, tests)
            traces.setdefault(case, []).append(_make_trace(losses[:tests]))
    return [score_case(case, fields[case.field], rows) for case, rows in traces.items()]


def find_versions(python: str) -> str:
    """Names and versions of the tuners that an interpreter has."""
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{python}: {done.stderr.strip()[-2000:]}")
    return ", ".join(sorted(done.stdout.strip().splitlines()))


def _join(missing: Iterable[Job]) -> list[Job]:
    """The same as fewer jobs of several seeds each, as a peer takes long to start."""
    groups: dict[tuple[str, str, int], list[int]] = {}
    for job in missing:
        groups.setdefault((job.peer, job.field, job.tests), []).extend(job.seeds)
    return [
        Job(peer, field, tests, tuple(seeds[low : low + SEEDS_AT_ONCE]))
        for (peer, field, tests), seeds in groups.items()
        for low in range(0, len(seeds), SEEDS_AT_ONCE)
    ]


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
    return hashlib.sha256(json.dumps([request, versions]).encode()).hexdigest()


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


def _make_trace(losses: Sequence[float]) -> Trace:
    """A search of which only the tests are known, a second each."""
    return Trace(np.array(losses), np.arange(1.0, len(losses) + 1), 0.0)
