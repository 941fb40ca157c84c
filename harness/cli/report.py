"""`harness report`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import check_target, find_journal, journal_option
from harness.export.base import write_whole
from harness.report.html.library import load_library
from harness.report.html.report import make_report
from harness.store.sessions import load_session
from harness.units import format_bytes


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="File to write.",
)
@journal_option
def report(*, sessions: tuple[str, ...], output: Path, journal: Path | None) -> None:
    """Write SESSION (its number, a config's name or file, or `last`) as a page for a browser.

    It is one file that needs no network. Several sessions of one program are shown side by side.
    """
    path = find_journal(journal, sessions)
    check_target(output, path)
    stored = [load_session(path, session) for session in sessions or ("last",)]
    text = make_report(stored, load_library())
    write_whole(output, text)
    click.echo(f"wrote {output} ({format_bytes(len(text.encode()))})", err=True)
