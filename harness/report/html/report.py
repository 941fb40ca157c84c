"""The sections of a report, in the order in which a reader needs them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from harness.effects import Importance, Measured, find_importance
from harness.report.groups import Group, find_reference, make_groups, measure, rank
from harness.report.html import tables
from harness.report.html.axes import MANY, all_scores
from harness.report.html.course import draw_progress, draw_samples, draw_scores
from harness.report.html.landscape import (
    draw_effect,
    draw_importance,
    draw_pair,
    draw_parallel,
)
from harness.report.html.page import (
    Cell,
    Markup,
    Page,
    bullets,
    details,
    element,
    join,
    paragraph,
    table,
)
from harness.report.html.roofline import draw_roofline
from harness.report.html.timeline import draw_timeline
from harness.report.html.use import Use, find_use
from harness.report.html.warnings import find_warnings
from harness.report.ties import Ties, find_ties
from harness.store.base import StoredSession
from harness.units import format_count, format_instant

_MOST_EFFECTS = 12
_MOST_PAIRED = 4
"""Heat maps are drawn of the pairs among so many of the most important parameters."""


def make_report(sessions: Sequence[StoredSession], library: str) -> str:
    """The page.

    Args:
        sessions: at least one, with runs.
        library: Plotly's JavaScript.

    Raises:
        ConfigError: the sessions tune different things.
    """
    groups = make_groups(sessions)
    uses = [find_use(stored) for stored in sessions]
    ties = [find_ties(group) for group in groups]
    page = Page(_title(sessions))
    _add_outset(page, sessions, groups, uses, ties)
    scored = [group for group in groups if group.best is not None]
    if scored:
        _add_course(page, scored)
        _add_landscape(page, scored)
    _add_time(page, sessions, uses)
    if len(scored) > 1:
        page.add("devices", "Side by side", tables.compare_groups(scored))
    _add_roofline(page, scored)
    _add_samples(page, scored)
    page.add("failures", "What failed", tables.show_failures(groups))
    page.add(
        "environment",
        "Environment and commands",
        *(tables.show_commands(group) for group in groups),
        tables.show_environment(sessions),
    )
    return page.to_html(_lead(sessions), library)


def _add_roofline(page: Page, groups: Sequence[Group]) -> None:
    roofline = draw_roofline(groups)
    if roofline is None:
        return
    drawn = page.figure(
        roofline,
        "Speed of each kernel beside what its device can do at that intensity",
        "Each point is a test; by its metrics gflops or tflops, and gbps. The roofs are those of "
        "FP32 arithmetic and of memory, where the device is known.",
    )
    page.add("roofline", "Roofline", drawn)


def _add_samples(page: Page, groups: Sequence[Group]) -> None:
    samples = draw_samples(groups) if groups else None
    if samples is None:
        return
    drawn = page.figure(
        samples,
        "Distribution of the samples of the best tests",
        "" if len(groups) == 1 else "Colours are those of the plots above.",
    )
    page.add("samples", "Samples of the best", drawn)


def _title(sessions: Sequence[StoredSession]) -> str:
    names = ", ".join(dict.fromkeys(stored.info.name for stored in sessions))
    return f"{names}: tuning report"


def _lead(sessions: Sequence[StoredSession]) -> Markup:
    told = "; ".join(f"session {s.info.id}, {format_instant(s.info.started_s)}" for s in sessions)
    parts: list[Cell] = [element("p", told, class_="lead")]
    if any(stored.info.simulated for stored in sessions):
        parts.insert(0, element("span", "simulated", class_="badge"))
    return join(parts)


def _add_outset(
    page: Page,
    sessions: Sequence[StoredSession],
    groups: Sequence[Group],
    uses: Sequence[Use],
    ties: Sequence[Ties | None],
) -> None:
    """Warnings, summary, the best."""
    warnings = find_warnings(sessions, groups, ties)
    page.add("warnings", "Warnings", bullets(warnings, class_="warnings") if warnings else "")
    page.add("summary", "Summary", tables.make_cards(groups), tables.summarise(sessions, uses))
    several = len(groups) > 1
    shown = [
        details(group.label, tables.show_best(group, tie), open_=place == 0)
        if several
        else tables.show_best(group, tie)
        for place, (group, tie) in enumerate(zip(groups, ties, strict=True))
    ]
    page.add("best", "The best, and what cannot be told from it", *shown)


def _add_course(page: Page, groups: Sequence[Group]) -> None:
    """The best so far, and every test."""
    compared = " The dashed line is the reference." if find_reference(groups[0].stored) else ""
    page.add(
        "progress",
        "Best so far",
        page.figure(
            draw_progress(groups, "tests"),
            "The best score over the number of tests",
            f"Over tests.{compared}",
        ),
        page.figure(
            draw_progress(groups, "time"), "The best score over time", f"Over time.{compared}"
        ),
    )
    scores = all_scores(groups)
    bars = "" if len(scores) > MANY else ", its bar the range of its samples"
    failed = sum(len(group.outcomes) for group in groups) > len(scores)
    strip = " Failures are in the strip below, by kind." if failed else ""
    page.add(
        "scores",
        "Every test",
        page.figure(
            draw_scores(groups),
            "The score of every test, and the failures by kind",
            f"Each point is a test{bars}.{strip}",
        ),
    )


def _add_landscape(page: Page, groups: Sequence[Group]) -> None:
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


def _add_time(page: Page, sessions: Sequence[StoredSession], uses: Sequence[Use]) -> None:
    parts: list[Cell] = []
    for stored, use in zip(sessions, uses, strict=True):
        if use.span_s > 0:
            parts.append(
                page.figure(
                    draw_timeline(use),
                    f"What each lane of session {stored.info.id} did over time",
                    "Beside each lane: the share of the time that it spent in timed runs. It was "
                    "idle where there is nothing.",
                )
            )
        parts.append(tables.show_lanes(stored, use))
    page.add("lanes", "How lanes were used", *parts)
