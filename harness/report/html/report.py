"""The sections of a report, in the order in which a reader needs them."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.groups import Group, find_reference, make_groups
from harness.report.html import tables
from harness.report.html.axes import MANY, all_scores
from harness.report.html.course import draw_progress, draw_samples, draw_scores
from harness.report.html.page import (
    Cell,
    Markup,
    Page,
    bullets,
    details,
    element,
    join,
)
from harness.report.html.parameters import add_parameters
from harness.report.html.roofline import draw_roofline
from harness.report.html.timeline import draw_timeline
from harness.report.html.use import Use, find_use
from harness.report.html.warnings import find_warnings
from harness.report.ties import Ties, find_ties
from harness.store.base import StoredSession
from harness.units import format_instant


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
        add_parameters(page, scored)
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
