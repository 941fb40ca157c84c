"""Which configurations may be as good as the best of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.comparison import Comparison, are_told_apart, compare_samples
from harness.model import Outcome
from harness.report.groups import Group, rank
from harness.report.ranking import Ranking

_PROVING = 4
"""With so many samples on both sides, ranges that do not overlap are told apart at 95 %."""


@dataclass(frozen=True, slots=True)
class Ties:
    """The configurations that may be as good as the best.

    Attributes:
        outcomes: the best first; the best itself is among them.
        comparisons: of each with the best, by the samples of the search; none of finalists, nor
            where samples of 0 or below have no ratio.
        proven: whether there are samples enough to tell others apart; if not, these are the
            ones whose samples overlap those of the best.
    """

    outcomes: tuple[Outcome, ...]
    comparisons: Mapping[int, Comparison]
    proven: bool


def find_ties(group: Group) -> Ties | None:
    """The tie set of a group: that of its finals, else by the samples of the search.

    The latter compares one by one with a best that was chosen for its score, for which nothing is
    allowed. Finals measure anew.

    Returns:
        None if no test succeeded.
    """
    best = group.best
    if best is None:
        return None
    if group.ranking is not None:
        return Ties(_tied_in_finals(group, best, group.ranking), {}, proven=True)
    goal = group.info.goal
    proven = len(best.samples) >= _PROVING
    ties = [best]
    comparisons: dict[int, Comparison] = {}
    for outcome in rank(group):
        if outcome is best:
            continue
        if _are_told_apart(best.samples, outcome.samples, proven=proven):
            continue
        ties.append(outcome)
        if min(*best.samples, *outcome.samples) > 0:
            comparison = compare_samples(best.samples, outcome.samples, goal=goal)
            comparisons[outcome.test_id] = comparison
    return Ties(tuple(ties), comparisons, proven)


def _tied_in_finals(group: Group, best: Outcome, ranking: Ranking) -> tuple[Outcome, ...]:
    """The tied finalists, and the tests that are the same binary and launch as one of them."""
    tied = ranking.finals.tied
    others = [
        outcome
        for outcome in rank(group)
        if outcome is not best and (outcome.test_id in tied or outcome.copy_of in tied)
    ]
    place = {test: number for number, test in enumerate(tied)}
    others.sort(key=lambda outcome: place[outcome.copy_of or outcome.test_id])
    return (best, *others)


def _are_told_apart(best: Sequence[float], other: Sequence[float], *, proven: bool) -> bool:
    if not best or not other:
        return True
    if max(min(best), min(other)) > min(max(best), max(other)) and (
        not proven or len(other) >= _PROVING
    ):
        return True  # their ranges do not overlap: nothing need be counted
    return proven and are_told_apart(best, other)
