"""What cannot be told from the best, in a report's words and tables."""

from __future__ import annotations

from harness.comparison import Comparison
from harness.configuration import show_value
from harness.model import Outcome
from harness.report.groups import Group, rank
from harness.report.html.page import Cell, Markup, element, join, paragraph, table
from harness.report.plain import describe_score
from harness.report.ranking import Ranking, describe_chance
from harness.report.ties import Ties
from harness.store.base import BENCH, IMPORT
from harness.timing.finalists import TIE, Standing
from harness.units import format_count, format_significant

_MOST = 12


def show_ties(group: Group, ties: Ties) -> Markup:
    """The tie set of a group, and what it is based on."""
    if group.ranking is not None:
        return _show_finals(group, group.ranking, ties)
    count = len(rank(group))
    return Markup("") if count < 2 else _show_pairs(group, ties, count)


def _show_finals(group: Group, ranking: Ranking, ties: Ties) -> Markup:
    finals = ranking.finals
    others = len(ties.outcomes) - 1
    told = (
        f"{_others(others)} tied with it: to within {100 * TIE:g} % as good, for all that the "
        "samples prove. Choose among these for reasons other than the score."
        if others
        else f"Each of the others is worse by more than {100 * TIE:g} %."
    )
    what = (
        f"{format_count(len(finals.standings), 'finalist')} were measured anew, in turns, on lane "
        f"{ranking.lane}; test {finals.winner} won, by its median. {told} Each was compared with "
        "the winner at 95 %. All other tests had worse scores in the search."
    )
    outcomes = {outcome.test_id: outcome for outcome in group.outcomes}
    rows: list[list[Cell]] = []
    for standing in finals.standings:
        outcome = outcomes.get(standing.test)
        if outcome is None:
            continue
        ratio = "1" if standing.test == finals.winner else _interval(standing)
        verdict = "wins" if standing.test == finals.winner else "tied" if standing.tied else "worse"
        rows.append(_row(outcome, group, verdict, ratio))
        rows += [
            _row(copy, group, f"same binary as test {standing.test}", ratio)
            for copy in group.outcomes
            if copy.copy_of == standing.test
        ]
    said = ("result", "ratio in the finals", "score in the search")
    header = ["test", *said, *group.info.parameters]
    return join([paragraph(what), table("The finals", header, rows)])


def _show_pairs(group: Group, ties: Ties, count: int) -> Markup:
    others = len(ties.outcomes) - 1
    searched = group.info.strategy != BENCH  # a bench measures what it is told to
    parts = [_show_chance(group, count)] if searched else []
    if not ties.proven:
        which = format_count(others, "other test") if others else "no other test"
        what = (
            f"The samples of {which} overlap with those of the best; there are too few to prove "
            "more."
        )
    elif others:
        what = f"Compared one by one at 95 %, {_others(others)} not told from the best."
        if searched and others + 1 < count:
            what += (
                " These comparisons take the best as given, though it was picked for its score: "
                "that all of the rest are worse is not proven at 95 %."
            )
    else:
        what = (
            "Compared one by one at 95 %, the samples of the best are better than those of each "
            "other test."
        )
        if searched:
            what += (
                " These comparisons take the best as given, though it was picked for its score: "
                "that it is the best is not proven at 95 %."
            )
    parts.append(paragraph(what))
    if others:
        parts.append(_table_of_pairs(group, ties))
    return join(parts)


def _show_chance(group: Group, count: int) -> Markup:
    chance = describe_chance([count], group.info.goal)
    said: list[Cell] = [f"{chance[0].upper()}{chance[1:]}."]
    if group.info.strategy != IMPORT:
        advice = element("code", "harness bench CONFIG --top 5")
        said += [" ", advice, " measures the best of them anew."]
    return paragraph(*said)


def _others(count: int) -> str:
    return f"{format_count(count, 'other test')} {'is' if count == 1 else 'are'}"


def _table_of_pairs(group: Group, ties: Ties) -> Markup:
    rows = [
        _row(outcome, group, _ratio(ties.comparisons.get(outcome.test_id)) if place else "1")
        for place, outcome in enumerate(ties.outcomes[:_MOST])
    ]
    header = ["test", "ratio to the best", "score", *group.info.parameters]
    caption = "Not told from the best one by one" if ties.proven else "Overlapping with the best"
    if len(ties.outcomes) > _MOST:
        caption += f": the first {_MOST} of {len(ties.outcomes)}"
    return table(caption, header, rows)


def _row(outcome: Outcome, group: Group, *cells: str) -> list[Cell]:
    score = describe_score(outcome, group.info.unit)
    values = (show_value(value) for value in outcome.configuration.values())
    return [f"test {outcome.test_id}", *cells, score, *values]


def _ratio(comparison: Comparison | None) -> str:
    if comparison is None:
        return "none: samples of 0 or below"
    if comparison.low <= 0:
        return format_significant(comparison.ratio, 4)
    return _interval(comparison)


def _interval(found: Comparison | Standing[int]) -> str:
    ratio, low, high = (
        format_significant(number, 4) for number in (found.ratio, found.low, found.high)
    )
    return f"{ratio} [{low}, {high}]"
