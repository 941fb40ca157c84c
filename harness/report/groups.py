"""What is searched together, as reports and plots look at it: a session, or a lane of a replicate.

Everything is said of a group: its best, how it came about, and which others cannot be told from it
(`ties`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.configuration import Configuration
from harness.effects import Measured, collect
from harness.errors import ConfigError
from harness.lane import Lane
from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.report.ranking import Ranking, read_rankings
from harness.stats import is_better
from harness.store.base import StoredSession


@dataclass(frozen=True, slots=True)
class Group:
    """One search and what came of it.

    Attributes:
        label: tells it from the others of the report.
        outcomes: in the order of the tests, interrupted ones left out.
        best: what the session found to be the best, of kernels the winner of its finals; else the
            first with the best score; None if no test succeeded.
        best_score: of all scores; what slowdowns are measured by.
        ranking: what its finals said; None if none were measured.
    """

    label: str
    stored: StoredSession
    lanes: tuple[Lane, ...]
    outcomes: tuple[Outcome, ...]
    best: Outcome | None
    best_score: float | None
    ranking: Ranking | None = None

    @property
    def info(self) -> SessionInfo:
        """The session that it is of."""
        return self.stored.info

    @property
    def device(self) -> str:
        """The models of its lanes' devices."""
        return ", ".join(dict.fromkeys(lane.device.name or "no device" for lane in self.lanes))

    def slowdown(self, score: float | None) -> float | None:
        """How many times as bad as the best score is `score`; None without a ratio."""
        best = self.best_score
        if score is None or best is None or score <= 0 or best <= 0:
            return None
        return score / best if self.info.goal == "min" else best / score


def make_groups(sessions: Sequence[StoredSession]) -> list[Group]:
    """The groups of `sessions`, in order.

    Raises:
        ConfigError: the sessions tune different things.
    """
    _check_alike([stored.info for stored in sessions])
    groups = []
    for stored in sessions:
        info = stored.info
        name = f"session {info.id}"
        if info.distribution != "replicate":
            groups.append(_make_group(name, stored, info.lanes))
            continue
        for lane in info.lanes:
            place = f"{lane.name}: {lane.device.name}" if lane.device.name else lane.name
            label = place if len(sessions) == 1 else f"{name}, {place}"
            groups.append(_make_group(label, stored, (lane,)))
    return groups


def _check_alike(infos: Sequence[SessionInfo]) -> None:
    """Refuse sessions that cannot be looked at side by side.

    Raises:
        ConfigError: their parameters, goals or units differ.
    """
    first = infos[0]
    for other in infos[1:]:
        for what in ("parameters", "goal", "unit"):
            mine, theirs = getattr(first, what), getattr(other, what)
            if mine != theirs:
                raise ConfigError(
                    f"sessions {first.id} and {other.id} cannot be shown side by side: their "
                    f"{what} differ ({mine} and {theirs}); make a report of each"
                )


def _make_group(label: str, stored: StoredSession, lanes: tuple[Lane, ...]) -> Group:
    names = {lane.name for lane in lanes}
    replicates = stored.info.distribution == "replicate"
    outcomes = tuple(
        outcome
        for outcome in stored.outcomes
        if outcome.kind is not OutcomeKind.INTERRUPTED and (not replicates or outcome.lane in names)
    )
    first = find_best(stored.info, outcomes)
    won = [outcome for outcome in outcomes if outcome.test_id in stored.winners]
    best = find_best(stored.info, won) or first
    said = read_rankings(stored.finals)
    if replicates:
        said = [ranking for ranking in said if ranking.lane in names]
    score = None if first is None else first.score
    return Group(label, stored, lanes, outcomes, best, score, next(iter(said), None))


def find_best(info: SessionInfo, outcomes: Sequence[Outcome]) -> Outcome | None:
    """The first of the outcomes with the best score; None if none has a score."""
    best: Outcome | None = None
    for outcome in outcomes:
        if outcome.score is None or not math.isfinite(outcome.score):
            continue
        if best is None or best.score is None or is_better(outcome.score, best.score, info.goal):
            best = outcome
    return best


def rank(group: Group) -> list[Outcome]:
    """The successful outcomes, the best first."""
    sign = 1 if group.info.goal == "min" else -1
    scored = [o for o in group.outcomes if o.score is not None and math.isfinite(o.score)]
    return sorted(scored, key=lambda outcome: sign * (outcome.score or 0.0))


@dataclass(frozen=True, slots=True)
class Step:
    """A new best.

    Attributes:
        place: how many tests of the group had ended, this one included.
        at_s: seconds since the session began.
    """

    place: int
    at_s: float
    score: float
    outcome: Outcome


def best_so_far(group: Group) -> list[Step]:
    """Each test that was the best when it ended, in the order in which tests ended."""
    steps: list[Step] = []
    ended = sorted(group.outcomes, key=lambda outcome: (outcome.ended_s, outcome.test_id))
    for place, outcome in enumerate(ended, 1):
        score = outcome.score
        if score is None or not math.isfinite(score):
            continue
        if not steps or is_better(score, steps[-1].score, group.info.goal):
            at_s = max(0.0, outcome.ended_s - group.info.started_s)
            steps.append(Step(place, at_s, score, outcome))
    return steps


def measure(group: Group) -> Measured:
    """The successful tests of a group as arrays, values in the config's order."""
    known = group.stored.spec.get("parameters", {})
    order = {name: values for name, values in known.items() if isinstance(values, list)}
    return collect(group.info.parameters, group.outcomes, order)


def find_reference(stored: StoredSession) -> float | None:
    """The score that the config compares with."""
    found = stored.spec.get("scoring", {}).get("reference")
    return float(found) if isinstance(found, int | float) else None


def by_configuration(group: Group) -> dict[Configuration, Outcome]:
    """The successful outcomes by what was tested."""
    return {o.configuration: o for o in group.outcomes if o.score is not None}
