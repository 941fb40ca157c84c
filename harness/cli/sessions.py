"""`harness sessions`, `harness show`: reading the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.numbers import WholeNumber
from harness.cli.options import MAX_TOP, find_journal, journal_option, json_option
from harness.cli.output import write_json, write_lines
from harness.cli.tables import format_table
from harness.configuration import show_value
from harness.model import Outcome, SessionInfo
from harness.report.kernel import describe_kernel, kernel_object
from harness.report.plain import describe_score
from harness.report.ranking import describe_chance, is_ranking, read_rankings
from harness.store.base import BENCH, IMPORT, Ranked, SessionOverview, SessionRow
from harness.store.sessions import list_sessions, load_overview
from harness.units import format_count, format_instant, format_path, format_score, format_word


@click.command()
@journal_option
@json_option
def sessions(*, journal: Path | None, as_json: bool) -> None:
    """List the sessions of this project's journal, the latest first."""
    rows = list_sessions(find_journal(journal))
    if as_json:
        keys = ("id", "name", "state", "tests", "failed", "best", "unit", "simulated")
        found = [
            {
                **{key: getattr(row, key) for key in keys},
                "kind": _kind_of(row),
                "started_s": row.started_s,
                "config": row.config_path,
            }
            for row in rows
        ]
        write_json(found)
        return
    table: list[tuple[str, ...]] = [
        ("ID", "NAME", "KIND", "STATE", "STARTED (UTC)", "TESTS", "FAILED", "BEST")
    ]
    for row in rows:
        best = "" if row.best is None else format_score(row.best, row.unit)
        table.append(
            (
                str(row.id),
                row.name,
                _kind_of(row),
                row.state,
                format_instant(row.started_s, zone=""),
                str(row.tests),
                str(row.failed),
                f"{best}{' (simulated)' if row.simulated and best else ''}",
            )
        )
    write_lines(format_table(table))


def _kind_of(row: SessionRow) -> str:
    """`tune`, or what tested given configurations: `bench`, `import`."""
    return row.strategy if row.strategy in (BENCH, IMPORT) else "tune"


@click.command()
@click.argument("session", default="last")
@click.option(
    "--top",
    type=WholeNumber(1, MAX_TOP),
    default=10,
    show_default=True,
    help="How many of the best tests.",
)
@click.option(
    "--failures", is_flag=True, help="The tests without a score: why, and failures' evidence."
)
@click.option("--importance", is_flag=True, help="How much each parameter matters.")
@journal_option
@json_option
def show(
    *,
    session: str,
    top: int,
    failures: bool,
    importance: bool,
    journal: Path | None,
    as_json: bool,
) -> None:
    """Show SESSION: its number, a config's name or file, or `last`."""
    if importance:
        from harness.cli.importance import show_importance  # noqa: PLC0415 - numpy loads slowly

        show_importance(find_journal(journal, [session]), session, as_json=as_json)
        return
    stored = load_overview(find_journal(journal, [session]), session, top=top)
    if as_json:
        write_json(_to_object(stored))
    elif failures:
        write_lines(_failure_lines(stored))
    else:
        write_lines(_lines(stored))


def _to_object(stored: SessionOverview) -> dict[str, Any]:
    info = stored.info
    return {
        "session": info.id,
        "name": info.name,
        "state": stored.state,
        "config": stored.config_path,
        "problem": dict(stored.problem),
        "simulated": info.simulated,
        "imported": info.imported,
        "recording": info.recording or None,
        "unit": info.unit,
        "goal": info.goal,
        "tests": stored.tests,
        "failed": len(stored.failures),
        "outcomes": dict(stored.kinds),
        "top": [_outcome_object(outcome) for outcome in stored.best],
        "failures": [_unscored_object(o) for o in (*stored.failures, *stored.invalid)],
        "censored": [_unscored_object(o) for o in stored.censored],
        "finals": list(stored.finals),
        "lanes": {lane.name: lane.device.name for lane in info.lanes},
        "environment": dict(stored.environment),
        "warnings": [note.text for note in stored.notes if note.level == "warning"],
    }


def _unscored_object(outcome: Outcome) -> dict[str, Any]:
    return {
        "test": outcome.test_id,
        "parameters": dict(outcome.configuration),
        "outcome": outcome.kind.value,
        "reason": outcome.reason,
    }


def _outcome_object(outcome: Outcome) -> dict[str, Any]:
    return {
        "test": outcome.test_id,
        "parameters": dict(outcome.configuration),
        "score": outcome.score,
        "samples": list(outcome.samples),
        "lane": outcome.lane,
        **kernel_object(outcome),
    }


def _problem_lines(stored: SessionOverview) -> list[str]:
    sizes = (f"{name} = {format_word(show_value(value))}" for name, value in stored.problem.items())
    return [f"problem: {', '.join(sizes)}"] if stored.problem else []


def _lines(stored: SessionOverview) -> list[str]:
    info = stored.info
    simulated = f", {info.origin}" if info.origin else ""
    lines = [
        f"session {info.id}: {info.name}, {stored.state}{simulated}",
        f"config: {format_path(stored.config_path)}",
        *_problem_lines(stored),
        f"started: {format_instant(info.started_s)}; {format_count(stored.tests, 'test')}, "
        f"{len(stored.failures)} failed",
        *(f"lane {lane.name}: {lane.device.name}" for lane in info.lanes),
        *(f"{note.level}: {note.text}" for note in stored.notes if not is_ranking(note)),
    ]
    for ranked in stored.ranked:
        lines += ["", *_ranked_lines(ranked, info, several=len(stored.ranked) > 1)]
    lines += _choice_lines(stored)
    counts = [
        (len(stored.failures), "failed"),
        (len(stored.invalid), "invalid"),
        (len(stored.censored), "given up in the race"),
    ]
    if any(count for count, _ in counts):
        said = ", ".join(f"{count} {word}" for count, word in counts if count)
        lines += ["", f"{said}; `harness show {info.id} --failures` shows why"]
    return lines


def _ranked_lines(ranked: Ranked, info: SessionInfo, *, several: bool) -> list[str]:
    """The best tests of lanes whose scores can be ranked together, and the best's kernel."""
    lines = []
    if several:
        names = ", ".join(lane.name for lane in ranked.lanes)
        device = ranked.lanes[0].device.name or "no device"
        lines.append(f"on {device} (lane{'s' * (len(ranked.lanes) > 1)} {names}):")
    if not ranked.best:
        return [*lines, "no test succeeded"]
    table: list[tuple[str, ...]] = [
        (f"SCORE{' (simulated)' if info.simulated else ''}", "TEST", "LANE", *info.parameters)
    ]
    table += [
        (
            describe_score(outcome, info.unit),
            str(outcome.test_id),
            outcome.lane,
            *(show_value(value) for value in outcome.configuration.values()),
        )
        for outcome in ranked.best
    ]
    lines += format_table(table)
    if len(ranked.best) < ranked.scored:
        lines.append(f"… the best {len(ranked.best)} of {ranked.scored}; --top N shows more")
    if kernel := describe_kernel(ranked.best[0], info):
        lines += ["the best:", *(f"  {line}" for line in kernel)]
    return lines


def _choice_lines(stored: SessionOverview) -> list[str]:
    """How the best was found to be so."""
    if stored.finals:
        return ["", *(ranking.describe() for ranking in read_rankings(stored.finals))]
    counts = [ranked.scored for ranked in stored.ranked]
    if max(counts) < 2 or stored.info.strategy == BENCH:  # which chooses nothing
        return []
    return ["", describe_chance(counts, stored.info.goal)]


def _failure_lines(stored: SessionOverview) -> list[str]:
    explained = (*stored.failures, *stored.invalid, *stored.censored)
    if not explained:
        return [f"session {stored.info.id}: no test failed"]
    lines, first = [], dict[str, int]()
    for outcome in explained:
        lines.append(f"test {outcome.test_id} [{outcome.lane}] {outcome.configuration}")
        lines.append(f"  {outcome.kind.value}: {outcome.reason}")
        if outcome.evidence is None:
            continue
        place, output = outcome.evidence.directory, outcome.evidence.output
        lines.append(f"  {f'in {place}: ' if place else ''}{outcome.evidence.command}")
        same = first.setdefault(output, outcome.test_id)
        if same != outcome.test_id and len(output.splitlines()) > 1:
            output = f"the same output as of test {same}"
        lines += [f"  | {line.expandtabs()}" for line in output.splitlines()]
    return lines
