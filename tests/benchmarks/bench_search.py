"""How good our strategies are on recorded spaces, against other tuners'.

    python -m tests.benchmarks.bench_search RECORDING … [--seeds N] [--jobs N] [--strategies …]
    python -m tests.benchmarks.bench_search RECORDING … --cross-validate [--first-seed N]
    python -m tests.benchmarks.bench_search RECORDING … --lanes N

A recording is a T4 file or a Kernel Tuner cache of a whole space; without any there is nothing to
measure. Peers (Optuna, Kernel Tuner in its simulation mode) take part where HARNESS_PEERS_PYTHON
names an interpreter that has them. Shown are S, its value at each budget, and the geometric mean of
best/optimum at 100 tests, as `harness simulate` defines them; for `auto` the differences to the
best peer at each budget; and what the best choice of peer for every space and budget in hindsight
would reach. With --cross-validate: what `auto` reaches if its settings are chosen on other kernels.
With --lanes: what it gains and loses by so many lanes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from harness.app.simulate import Plan, run_plan
from harness.replay.load import load_recording
from harness.replay.score import geometric_mean
from harness.replay.standing import CaseScore
from tests.benchmarks import cross_validation, more_lanes
from tests.benchmarks.common import describe_machine
from tests.benchmarks.peers import PEERS, find_versions, run_peers

BUDGETS = (25, 50, 100, 200)
RATIO_AT = 100
OURS = "auto,random,stratified,local,local-best,annealing,genetic"


def show(scores: Sequence[CaseScore], ours: Sequence[str], peers: Sequence[str]) -> None:
    """Print the table."""
    by_case = {(s.case.strategy, s.case.field, s.case.tests): s for s in scores}
    fields = list(dict.fromkeys(score.case.field for score in scores))

    def at(strategy: str, tests: int) -> float:
        return fmean(by_case[strategy, field, tests].by_tests for field in fields)

    def ratio(strategy: str) -> float:
        return geometric_mean([by_case[strategy, field, RATIO_AT].ratio for field in fields])

    heads = "".join(f"{f'S@{tests}':>8}" for tests in BUDGETS)
    print(f"{'':26}{'S':>7}{heads}{f'best/opt@{RATIO_AT}':>14}{'ms/test':>9}")
    ranked = sorted([*ours, *peers], key=lambda name: -fmean(at(name, b) for b in BUDGETS))
    for name in ranked:
        row = [at(name, tests) for tests in BUDGETS]
        line = f"{name:26}{fmean(row):7.3f}{''.join(f'{value:8.2f}' for value in row)}"
        line += f"{ratio(name):14.3f}"
        if name in ours:
            line += (
                f"{1e3 * np.median([s.thinking_s for s in scores if s.case.strategy == name]):9.2f}"
            )
        print(line)
    if peers:
        best = [max(at(peer, tests) for peer in peers) for tests in BUDGETS]
        print(f"{'best peer, each budget':26}{fmean(best):7.3f}", end="")
        print("".join(f"{value:8.2f}" for value in best))
        hindsight = [
            fmean(max(by_case[peer, field, b].by_tests for peer in peers) for field in fields)
            for b in BUDGETS
        ]
        print(f"{'best peer, each case':26}{fmean(hindsight):7.3f}", end="")
        print("".join(f"{value:8.2f}" for value in hindsight))
        if "auto" in ours:
            print(f"{'auto less the best peer':33}", end="")
            print("".join(f"{at('auto', b) - best[i]:+8.2f}" for i, b in enumerate(BUDGETS)))
    print("\nauto by space:" if "auto" in ours else "")
    for field in fields if "auto" in ours else ():
        values = [by_case["auto", field, tests] for tests in BUDGETS]
        print(f"  {field:30}", "".join(f"{value.by_tests:7.2f}" for value in values), end="")
        print("   best/opt", "".join(f"{value.ratio:8.3f}" for value in values))


def _list(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


def _examine_auto(arguments: argparse.Namespace) -> None:
    budgets = [int(tests) for tests in _list(arguments.budgets)]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(f"{describe_machine()}; seeds {seeds[0]} to {seeds[-1]}; simulated from recordings")
    if arguments.cross_validate:
        every = cross_validation.CANDIDATES
        chosen = _list(arguments.candidates or "")
        scores = cross_validation.find_scores(
            arguments.recordings,
            budgets,
            seeds=seeds,
            jobs=arguments.jobs,
            folder=arguments.keep,
            candidates=[every[int(number) - 1] for number in chosen] or every,
        )
        cross_validation.show(scores, budgets)
    if arguments.lanes:
        more_lanes.show(
            arguments.recordings,
            arguments.lanes,
            budgets,
            seeds=seeds,
            jobs=arguments.jobs,
            folder=arguments.keep,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="*")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--strategies", default=OURS)
    parser.add_argument("--peers", default=PEERS)
    parser.add_argument("--keep", type=Path, help="folder in which searches are kept")
    parser.add_argument(
        "--cross-validate", action="store_true", help="choose and score on different kernels"
    )
    parser.add_argument("--candidates", help="settings to choose from, by number, from 1: 1,4")
    parser.add_argument("--lanes", type=int, help="compare so many lanes with one")
    parser.add_argument("--first-seed", type=int, default=0, help="of these two comparisons")
    parser.add_argument("--budgets", default=",".join(map(str, BUDGETS)), help="the same")
    arguments = parser.parse_args()
    if not arguments.recordings:
        print("no recordings given: nothing to measure")
        return
    if arguments.cross_validate or arguments.lanes:
        _examine_auto(arguments)
        return
    python = os.environ.get("HARNESS_PEERS_PYTHON")
    ours, peers = _list(arguments.strategies), _list(arguments.peers) if python else []
    plan = Plan(tuple(arguments.recordings), tuple(ours), BUDGETS, arguments.seeds)
    started = time.perf_counter()
    simulation = run_plan(plan, jobs=arguments.jobs)
    scores = list(simulation.scores)
    if python:
        fields = {field.name: field for field in simulation.fields}
        recordings = dict(zip(fields, map(load_recording, arguments.recordings), strict=True))
        scores += run_peers(
            peers,
            recordings,
            fields,
            BUDGETS,
            python=python,
            seeds=arguments.seeds,
            jobs=arguments.jobs,
            folder=arguments.keep,
        )
        print(find_versions(python))
    print(f"{describe_machine()}; {arguments.seeds} seeds; simulated from recordings")
    show(scores, ours, peers)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
