"""`harness import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.app.imports import Imported, import_results
from harness.cli.options import find_journal, journal_option, json_option
from harness.cli.output import write_json, write_lines
from harness.replay.recording import Scale
from harness.report.plain import describe_score
from harness.units import format_count, format_path


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--device", help="What was measured on; default: what the file says.")
@click.option("--name", help="Of the session; default: what the file says, or its name.")
@click.option(
    "--definition",
    type=click.Path(path_type=Path),
    help="T1 file: what was tuned; results of anything else are left out.",
)
@click.option(
    "--optimal",
    type=click.Choice(["min_time", "max_time", "min", "max"]),
    help="Of a log in CSV: which score is best; default: what it says, else min_time.",
)
@click.option("--unit", help="Of a log in CSV with --optimal min or max: the unit of its scores.")
@journal_option
@json_option
def import_(
    *,
    files: tuple[str, ...],
    device: str | None,
    name: str | None,
    definition: Path | None,
    optimal: str | None,
    unit: str | None,
    journal: Path | None,
    as_json: bool,
) -> None:
    """Put results that other tools measured into the journal, each FILE as a session.

    FILE is T4, a Kernel Tuner cache, a log in CSV as Spencer's tuner and `harness export` write
    it, or what `harness export --format json` wrote. The session says what it was imported from;
    no test that is made here takes a result from it. A file that was imported before is not
    imported again.
    """
    scale = _read_scale(optimal, unit)
    path = find_journal(journal)
    found = []
    for file in files:
        imported = import_results(
            file, path, definition=definition, device=device, name=name, scale=scale
        )
        found.append(imported)
        if not as_json:
            write_lines(_describe(imported))
    if as_json:
        write_json([_to_object(imported) for imported in found])
    else:
        write_lines([f"journal: {format_path(path)}"])


def _read_scale(optimal: str | None, unit: str | None) -> Scale | None:
    if optimal is None and unit is None:
        return None
    optimal = optimal or "min_time"
    timed = optimal.endswith("_time")
    if timed and unit is not None:
        raise click.UsageError(
            f"--unit {unit}: times are in seconds; with --optimal min or max a log holds figures "
            "of merit, which have a unit"
        )
    return Scale("min" if optimal.startswith("min") else "max", "s" if timed else unit or "")


def _describe(imported: Imported) -> list[str]:
    info = imported.info
    if imported.known:
        return [
            f"session {info.id} holds {format_path(info.recording)} already: nothing was imported"
        ]
    assert imported.best is not None
    simulated = ", simulated" if info.simulated else ""
    failed = f", {imported.failed} failed" if imported.failed else ""
    return [
        f"session {info.id}: {info.name}, {format_count(imported.tests, 'test')}{failed}, imported "
        f"from {format_path(info.recording)} ({imported.form}{simulated})",
        f"  on {info.lanes[0].device.name or 'a device that the file does not name (--device)'}; "
        f"best: {describe_score(imported.best, info.unit)} with {imported.best.configuration}",
        *(f"  warning: {text}" for text in _doubts(imported)),
    ]


def _doubts(imported: Imported) -> list[str]:
    """What of the file is not in the session, or may be otherwise."""
    if not imported.assumed:
        return list(imported.warnings)
    scale = (
        "the log does not say what its scores are: taken as seconds, of which the least is best; "
        "--optimal and --unit say otherwise"
    )
    return [*imported.warnings, scale]


def _to_object(imported: Imported) -> dict[str, Any]:
    info = imported.info
    return {
        "session": info.id,
        "known": imported.known,
        "name": info.name,
        "file": info.recording,
        "format": imported.form,
        "journal": info.journal,
        "device": info.lanes[0].device.name,
        "simulated": info.simulated,
        "unit": info.unit,
        "goal": info.goal,
        "tests": imported.tests,
        "failed": imported.failed,
        "warnings": _doubts(imported),
    }
