"""The benchmark of strategies: every strategy on every recording, in parallel processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness.app.prior import fit_outcomes
from harness.app.strategies import find_strategy, make_strategy
from harness.errors import ConfigError
from harness.model import Outcome
from harness.procs.pool import map_in_processes
from harness.replay.drive import Trace, loss_of, simulate
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.replay.standing import (
    Case,
    CaseScore,
    Curve,
    Field,
    Standing,
    make_curve,
    rank_strategies,
    score_case,
)

MOST_PER_TEST = 4
"""A search whose tests are short may make so many times its budget while its time lasts."""

_SEEDS_PER_TASK = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate.

    Attributes:
        recordings: files; of a journal, `file:session`.
        definitions: T1 files that say what was tuned, one per recording, or none at all.
        budgets: tests of a search; each is a search of its own, that knows its budget.
        seeds: searches per case, with seeds 0, 1, 2 …
        lanes: numbers of tests at once.
        prior: recordings one per recording, or none: what the same strategy finds there with
            `prior_tests` tests is told beforehand.
    """

    recordings: tuple[str, ...]
    strategies: tuple[str, ...]
    budgets: tuple[int, ...] = (25, 50, 100, 200)
    seeds: int = 20
    lanes: tuple[int, ...] = (1,)
    definitions: tuple[Path, ...] = ()
    prior: tuple[str, ...] = ()
    prior_tests: int = 200

    def __post_init__(self) -> None:
        problems = [
            f"{len(given)} {what} for {len(self.recordings)} recordings; give one for each, in "
            "the same order, or none"
            for what, given in (("definitions", self.definitions), ("priors", self.prior))
            if given and len(given) != len(self.recordings)
        ]
        twice = {path for path in self.recordings if self.recordings.count(path) > 1}
        problems += [f"{path}: given twice; give each recording once" for path in sorted(twice)]
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True, slots=True)
class _Task:
    """Some seeds of a case."""

    case: Case
    seeds: tuple[int, ...]
    source: str
    definition: Path | None
    prior: str | None
    prior_tests: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of a plan.

    Attributes:
        fields: the recorded spaces, by name.
    """

    plan: Plan
    fields: tuple[Field, ...]
    scores: tuple[CaseScore, ...]
    curves: tuple[Curve, ...]

    @property
    def standings(self) -> list[Standing]:
        """A score per strategy and number of lanes."""
        return rank_strategies(self.scores, self.curves)


def run_plan(
    plan: Plan, *, jobs: int = 1, on_progress: Callable[[int, int], None] = lambda _, __: None
) -> Simulation:
    """Simulate everything that `plan` asks for.

    Args:
        on_progress: is told how many of how many parts are done.

    Raises:
        ConfigError: an unknown strategy, or a recording that cannot be read.
    """
    for strategy in plan.strategies:
        if strategy != "auto":
            find_strategy(strategy)
    names = _names(plan.recordings)
    fields = tuple(
        make_field(name, _load(source, definition))
        for name, source, definition in zip(names, plan.recordings, _definitions(plan), strict=True)
    )
    tasks = _make_tasks(plan, fields)
    found: dict[Case, dict[int, Trace]] = {}
    for done, (place, traces) in enumerate(map_in_processes(run_task, tasks, jobs), 1):
        task = tasks[place]
        found.setdefault(task.case, {}).update(zip(task.seeds, traces, strict=True))
        on_progress(done, len(tasks))
    by_name = {field.name: field for field in fields}
    cases = list(dict.fromkeys(task.case for task in tasks))
    ordered = {case: [found[case][seed] for seed in sorted(found[case])] for case in cases}
    return Simulation(
        plan=plan,
        fields=fields,
        scores=tuple(score_case(case, by_name[case.field], ordered[case]) for case in cases),
        curves=tuple(
            make_curve(case, by_name[case.field], ordered[case])
            for case in cases
            if case.tests == max(plan.budgets)
        ),
    )


def make_field(name: str, recording: Recording) -> Field:
    """What scores compare with: the losses and times of the whole recorded space.

    Raises:
        ConfigError: the space is too large to have been recorded.
    """
    if recording.space.size is None:
        raise ConfigError(
            f"{recording.source}: its space is too large to be simulated; leave out --definition: "
            "what was recorded is the space then"
        )
    measured = list(recording.measurements)
    losses = np.full(recording.space.size, np.inf)
    losses[: len(measured)] = [loss_of(recording.outcome(c), recording.goal) for c in measured]
    missing = recording.space.size - len(measured)
    total_s = sum(found.duration_s for found in recording.measurements.values())
    if missing:
        total_s += missing * recording.unmeasured.duration_s
    return Field(name, losses, total_s / recording.space.size)


def _names(sources: Sequence[str]) -> list[str]:
    """Short names: the files' own up to the first dot, if that tells them apart."""
    short = [Path(source).name.split(".")[0] for source in sources]
    return short if len(set(short)) == len(short) else list(sources)


def _definitions(plan: Plan) -> Sequence[Path | None]:
    return plan.definitions or [None] * len(plan.recordings)


def _make_tasks(plan: Plan, fields: Sequence[Field]) -> list[_Task]:
    seeds = range(plan.seeds)
    priors: Sequence[str | None] = plan.prior or [None] * len(fields)
    return [
        _Task(
            Case(strategy, field.name, lanes, tests),
            tuple(seeds[low : low + _SEEDS_PER_TASK]),
            source,
            definition,
            prior,
            plan.prior_tests,
            field.time_s(tests, lanes),
        )
        # The longest first, so that processes end together.
        for tests in sorted(plan.budgets, reverse=True)
        for strategy in plan.strategies
        for field, source, definition, prior in zip(
            fields, plan.recordings, _definitions(plan), priors, strict=True
        )
        for lanes in plan.lanes
        for low in range(0, plan.seeds, _SEEDS_PER_TASK)
    ]


@lru_cache(maxsize=32)
def _load(source: str, definition: Path | None) -> Recording:
    """A recording, once per process."""
    return load_recording(source, definition=definition)


def run_task(task: _Task) -> list[Trace]:
    """The traces of a task's seeds."""
    recording = _load(task.source, task.definition)
    return [_search(task, recording, seed) for seed in task.seeds]


def _search(task: _Task, recording: Recording, seed: int) -> Trace:
    case = task.case
    prior: list[Outcome] = []
    if task.prior is not None:
        found = _explore(task, _load(task.prior, task.definition), seed)
        prior = fit_outcomes(found, recording.space)
    strategy = make_strategy(
        case.strategy,
        recording.space,
        goal=recording.goal,
        seed=seed,
        budget=case.tests,
        lanes=case.lanes,
        prior=prior,
    )
    trace = simulate(
        strategy,
        recording,
        lanes=case.lanes,
        tests=case.tests,
        time_s=task.time_s,
        most=MOST_PER_TEST * case.tests,
    )
    return replace(trace, outcomes=())


def _explore(task: _Task, recording: Recording, seed: int) -> tuple[Outcome, ...]:
    """What the task's strategy finds on another recording: a warm start."""
    strategy = make_strategy(
        task.case.strategy,
        recording.space,
        goal=recording.goal,
        seed=seed,
        budget=task.prior_tests,
        lanes=1,
    )
    return simulate(strategy, recording, tests=task.prior_tests).outcomes
