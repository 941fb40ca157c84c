"""Which configurations may be as good as the best of a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.comparison import Comparison, compare_samples
from harness.configuration import Goal
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
        comparisons: of each with the best, by the samples of the search; none of finalists.
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
        comparison = _compare(best, outcome, goal, proven=proven)
        if comparison is not None:
            ties.append(outcome)
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


def _compare(best: Outcome, outcome: Outcome, goal: Goal, *, proven: bool) -> Comparison | None:
    """The comparison with the best if it leaves the two untold; None if they are told apart."""
    one, two = best.samples, outcome.samples
    if not one or not two or min(*one, *two) <= 0:
        return None
    if max(min(one), min(two)) > min(max(one), max(two)) and (not proven or len(two) >= _PROVING):
        return None  # their ranges do not overlap: nothing need be counted
    comparison = compare_samples(one, two, goal=goal)
    return comparison if not proven or comparison.low <= 1 <= comparison.high else None
