"""`harness compare`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.app.sides import load_sides
from harness.cli.numbers import WholeNumber
from harness.cli.options import (
    MAX_TOP,
    find_journal,
    journal_option,
    json_option,
    threshold_option,
)
from harness.cli.output import write_json, write_lines
from harness.errors import EXIT_REGRESSION
from harness.report.compare import compare_sessions


@click.command()
@click.argument("first")
@click.argument("second")
@threshold_option
@click.option(
    "--unlike",
    is_flag=True,
    help="Compare although devices or problems differ, or cold with hot, or simulated with "
    "measured.",
)
@click.option("--benchmark", metavar="NAME", help="Of NVBench's benchmarks, only this one.")
@click.option(
    "--hot", is_flag=True, help="Of NVBench's results, those of batches, without flushing the L2."
)
@click.option(
    "--top",
    type=WholeNumber(0, MAX_TOP),
    default=20,
    show_default=True,
    help="How many configurations.",
)
@journal_option
@json_option
def compare(
    *,
    first: str,
    second: str,
    threshold: float,
    unlike: bool,
    benchmark: str | None,
    hot: bool,
    top: int,
    journal: Path | None,
    as_json: bool,
) -> None:
    """Say what SECOND is slower and faster at than FIRST, and whether the samples prove it.

    Each is a session (its number, a config's name or file, or `last`); one of another journal, as
    JOURNAL:SESSION; or a file: what `harness export --format json` wrote, T4, a Kernel Tuner
    cache, a log in CSV, or NVBench's JSON. Exits with 4 if anything is proven to be slower.
    """
    sides = load_sides(
        first, second, find_journal(journal, [first, second]), benchmark=benchmark, hot=hot
    )
    found = compare_sessions(*sides, threshold=threshold / 100, unlike=unlike)
    if as_json:
        write_json(found.to_object())
    else:
        write_lines(found.to_lines(top))
    if found.regressed:
        raise click.exceptions.Exit(EXIT_REGRESSION)
