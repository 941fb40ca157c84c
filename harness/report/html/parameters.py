"""The sections of a report on what parameters do: importance, effects, all at once, pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from harness.effects import Importance, Measured, find_importance
from harness.report.groups import Group, measure, rank
from harness.report.html.landscape import (
    draw_effect,
    draw_importance,
    draw_pair,
    draw_parallel,
)
from harness.report.html.page import Cell, Page, details, element, paragraph, table
from harness.units import format_count

_MOST_EFFECTS = 12
_MOST_PAIRED = 4
"""Heat maps are drawn of the pairs among so many of the most important parameters."""


def add_parameters(page: Page, groups: Sequence[Group]) -> None:
    """Importance, effects, all parameters at once, pairs."""
    names = groups[0].info.parameters
    measured = [measure(group) for group in groups]
    found = [find_importance(table) for table in measured]
    known = [
        (group, importance)
        for group, importance in zip(groups, found, strict=True)
        if importance is not None
    ]
    order = known[0][1].ranked() if known else list(names)
    varied = [
        name for name in order if any(len(t.values[t.names.index(name)]) > 1 for t in measured)
    ]
    if known:
        _add_importance(page, [group for group, _ in known], [found for _, found in known])
    compared, note = _tell_without_ratio(groups)
    if not compared:
        page.add("effects", "Effects of values", note)
        return
    effects = [
        page.figure(draw_effect(groups, measured, name), f"Slowdown by the values of {name}")
        for name in varied[:_MOST_EFFECTS]
    ]
    page.add(
        "effects",
        "Effects of values",
        paragraph(
            "Slowdown of the tests with each value: the median over all the other parameters "
            "(solid), and the best of them (dotted). 1 is the best of all."
            + (" Colours are those of the plots above." if len(groups) > 1 else "")
        )
        if effects
        else "",
        element("div", *effects, class_="grid") if effects else "",
        _list_left_out(varied),
        note,
    )
    if len(varied) > 1:
        _add_together(page, groups, measured, varied)


def _tell_without_ratio(groups: Sequence[Group]) -> tuple[bool, Cell]:
    """Whether scores can be shown as slowdowns, and what there is to say of those that cannot."""
    scores = [(group, outcome.score) for group in groups for outcome in rank(group)]
    without = sum(group.slowdown(score) is None for group, score in scores)
    if not without:
        return True, ""
    if without == len(scores):
        return False, paragraph(
            "Not shown, nor how parameters act together: tests are shown by the ratio of their "
            "score to the best, and there is none where one of the two is 0 or below."
        )
    return True, paragraph(
        f"{format_count(without, 'test')} {'has' if without == 1 else 'have'} no ratio to the "
        "best, since one of the two scores is 0 or below, and no part in these plots, nor in those "
        "of all parameters at once and of pairs."
    )


def _list_left_out(varied: Sequence[str]) -> Cell:
    left_out = varied[_MOST_EFFECTS:]
    return paragraph(f"Of less importance: {', '.join(left_out)}.") if left_out else ""


def _add_importance(page: Page, groups: Sequence[Group], found: Sequence[Importance]) -> None:
    names = found[0].ranked()
    single = table(
        "Variance of the scores that each parameter explains alone",
        ["parameter", *(group.label for group in groups)],
        [[name, *(_percent(each.single[name]) for each in found)] for name in names],
    )
    first = found[0]
    pairs = [
        [f"{a}, {b}", *(_percent(each.pairs.get((a, b), 0.0)) for each in found)]
        for a, b in list(first.pairs)[:10]
    ]
    page.add(
        "importance",
        "Importance of parameters",
        page.figure(draw_importance(groups, found), "Share of the variance by parameter"),
        paragraph(
            "The share of the variance of all scores that a parameter explains alone, and what "
            "pairs explain beyond that: a functional analysis of variance of a forest of "
            "regression trees. Failed tests have no part in it."
        ),
        details(
            "As tables",
            single,
            table(
                "What pairs explain beyond their parameters alone",
                ["pair", *(group.label for group in groups)],
                pairs,
            )
            if pairs
            else "",
        ),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _add_together(
    page: Page, groups: Sequence[Group], measured: Sequence[Measured], varied: Sequence[str]
) -> None:
    parallel, drawn, total = draw_parallel(groups, measured, varied[:_MOST_EFFECTS])
    thinned = f" {drawn} of {total} tests are drawn, all of the best among them." * (drawn < total)
    page.add(
        "parallel",
        "All parameters at once",
        page.figure(
            parallel,
            "Each test as a line through its values; the tables above name the best",
            "Each line is a test, the best stand out; drag along an axis to choose lines, drag an "
            f"axis to move it.{thinned}",
            wide=True,
        ),
    )
    pairs = [
        page.figure(
            draw_pair(groups, measured, first, second), f"Least slowdown by {first} and {second}"
        )
        for first, second in combinations(varied[:_MOST_PAIRED], 2)
    ]
    page.add(
        "pairs",
        "Pairs of parameters",
        paragraph(
            "The least slowdown among the tests with each pair of values, the other parameters "
            "free; of the most important parameters. Gaps were not tested, failed, or have "
            "no ratio to the best."
        ),
        element("div", *pairs, class_="grid"),
    )
