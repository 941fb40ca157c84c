"""`harness compare`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.numbers import Number, WholeNumber
from harness.cli.options import MAX_TOP, find_journal, journal_option, json_option
from harness.cli.output import write_json, write_lines
from harness.errors import EXIT_REGRESSION
from harness.report.compare import Side, compare_sessions
from harness.store.exported import load_exported
from harness.store.sessions import load_session


@click.command()
@click.argument("first")
@click.argument("second")
@click.option(
    "--threshold",
    type=Number(above=0),
    default=1.0,
    show_default=True,
    help="The least difference that matters, in percent.",
)
@click.option(
    "--unlike", is_flag=True, help="Compare although devices differ, or one side is simulated."
)
@click.option("--top", type=WholeNumber(0, MAX_TOP), default=20, help="How many configurations.")
@journal_option
@json_option
def compare(
    *,
    first: str,
    second: str,
    threshold: float,
    unlike: bool,
    top: int,
    journal: Path | None,
    as_json: bool,
) -> None:
    """Say what SECOND is slower and faster at than FIRST, and whether the samples prove it.

    Each is a session (its number, a config's name, or `last`), or a file that `harness export
    --format json` wrote. Exits with 4 if anything is proven to be slower.
    """
    found = compare_sessions(
        _load(first, journal), _load(second, journal), threshold=threshold / 100, unlike=unlike
    )
    if as_json:
        write_json(found.to_object())
    else:
        write_lines(found.to_lines(top))
    if found.regressed:
        raise click.exceptions.Exit(EXIT_REGRESSION)


def _load(which: str, journal: Path | None) -> Side:
    path = Path(which)
    if path.suffix == ".json" or path.is_file():
        return Side(which, *load_exported(path))
    stored = load_session(find_journal(journal), which)
    return Side(f"session {stored.info.id} ({stored.info.name})", stored.info, stored.outcomes)
