"""The finals of a session of kernel tests: the best are measured anew and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.app.kernel_measures import ENERGY_INDEX, KernelMeasures
from harness.app.kernels import KernelTests
from harness.configuration import Goal
from harness.lane import Lane
from harness.model import Outcome, OutcomeKind, Run, Test
from harness.report.ranking import Ranking
from harness.schedule.again import Again
from harness.timing.finalists import ROUNDS, choose_finalists, compare_finalists

INDICES = range(1, ROUNDS + 1)
"""Runs of a test beside its first are those of the finals."""


@dataclass(frozen=True, slots=True)
class Held:
    """Finals that were held, now or before.

    Attributes:
        winner: the best.
        recorded: whether an earlier invocation measured all of it.
    """

    ranking: Ranking
    winner: Outcome
    recorded: bool


def hold_finals(
    kernel: KernelTests,
    outcomes: Sequence[Outcome],
    lanes: Sequence[Lane],
    again: Again,
    *,
    goal: Goal,
) -> Held | None:
    """Let the best of `outcomes` meet on one lane: those of the model that the best was on.

    Scores of unlike devices cannot be ranked, so whoever wins must have its score from such a
    device. What an earlier invocation recorded of the same finals is not measured again. If the
    lane's device is lost meanwhile, they begin anew on another.

    Args:
        lanes: those that search together; the finals are on the best test's, or on one of the same
            model.

    Returns:
        None if there are no two to compare, no lane is left to do it on, or it was stopped.
    """
    scored = {
        outcome.test_id: outcome
        for outcome in outcomes
        if outcome.kind is OutcomeKind.OK and outcome.copy_of is None
    }
    chosen = _choose(scored, lanes, goal)
    if len(chosen) < 2:
        return None
    finalists = {test_id: scored[test_id] for test_id in chosen}
    tests = [_as_test(outcome) for outcome in finalists.values()]
    extra = kernel.kernel.measure.energy and not KernelMeasures(kernel).by_energy
    indices = [*INDICES, *([ENERGY_INDEX] if extra else [])]
    known = _recorded(finalists, indices)
    runs = known or _measure(tests, _order_lanes(tests[0], lanes), again, indices)
    if runs is None:
        return None
    name = runs[chosen[0]][0].lane
    lane = next((lane for lane in lanes if lane.name == name), lanes[0])
    costs = {n: _costs(kernel, finalists[n], lane, made) for n, made in runs.items()}
    finals = compare_finalists(costs, seed=1)
    ranking = Ranking(lane.name, finals, _energies(runs))
    return Held(ranking, finalists[finals.winner], recorded=known is not None)


def _choose(scored: Mapping[int, Outcome], lanes: Sequence[Lane], goal: Goal) -> Sequence[int]:
    """The finalists, the best first."""
    scores = {test_id: outcome.score or 0.0 for test_id, outcome in scored.items()}
    models = {test_id: _model_of(outcome, lanes) for test_id, outcome in scored.items()}
    first = choose_finalists(scores, goal)[:1]
    alike = {n: score for n, score in scores.items() if models[n] == models[first[0]]}
    return choose_finalists(alike, goal)


def _model_of(outcome: Outcome, lanes: Sequence[Lane]) -> str:
    """The model of the device of a test; lanes of earlier invocations had such devices, too."""
    models = {lane.name: lane.device.model for lane in lanes}
    only = lanes[0].device.model if len(set(models.values())) == 1 else ""
    return models.get(outcome.lane, only)


def _order_lanes(best: Test, lanes: Sequence[Lane]) -> list[Lane]:
    """The lane of the best test, and those of the same model; all, if it had none of these."""
    own = [lane for lane in lanes if lane.name == best.lane]
    if not own:
        return list(lanes)
    model = own[0].device.model
    return [*own, *(lane for lane in lanes if lane not in own and lane.device.model == model)]


def _measure(
    tests: Sequence[Test], lanes: Sequence[Lane], again: Again, indices: Sequence[int]
) -> dict[int, list[Run]] | None:
    """The runs of all, on the first of the lanes that does not lose its device meanwhile."""
    for lane in lanes:
        if again.may_run(lane):
            runs = again.run(tests, lane, indices)
            if runs is not None or again.may_run(lane):
                return runs
    return None


def _as_test(outcome: Outcome) -> Test:
    return Test(outcome.test_id, outcome.configuration, outcome.key, outcome.lane, outcome.artifact)


def _recorded(
    finalists: Mapping[int, Outcome], indices: Sequence[int]
) -> dict[int, list[Run]] | None:
    """The runs of earlier finals of the same tests, if all of them are there."""
    found = {
        test_id: [r for r in outcome.runs if r.index in indices and r.kind is OutcomeKind.OK]
        for test_id, outcome in finalists.items()
    }
    lanes = {run.lane for runs in found.values() for run in runs}
    whole = all(len(runs) == len(indices) for runs in found.values())
    return found if whole and len(lanes) == 1 else None


def _energies(runs: Mapping[int, Sequence[Run]]) -> dict[int, float]:
    """Joules per launch of the tests for which they could be told."""
    found = {
        test_id: run.measurement.energy_j
        for test_id, made in runs.items()
        for run in made
        if run.index == ENERGY_INDEX and run.measurement is not None
    }
    return {test_id: joules for test_id, joules in found.items() if joules is not None}


def _costs(kernel: KernelTests, outcome: Outcome, lane: Lane, runs: Sequence[Run]) -> list[float]:
    """The samples of all rounds as the objective sees them, the less the better."""
    measures = KernelMeasures(kernel)
    return [
        cost
        for run in runs
        if run.measurement is not None and run.index in INDICES
        for cost in measures.costs(outcome.configuration, lane, run.measurement)
    ]
