"""`harness plot`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import check_target, find_journal, journal_option
from harness.config.targets import PICTURES, find_picture, make_contradiction
from harness.errors import ConfigError
from harness.export.base import write_whole
from harness.report.gnuplot import format_gnuplot
from harness.report.groups import make_groups
from harness.report.plot import save_plot
from harness.report.series import KINDS, Kind, make_series
from harness.store.sessions import load_session


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="best",
    show_default=True,
    help="best: the best score so far; scores: every test; importance: of each parameter; "
    "parameters: median and best score by value.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*PICTURES, "gnuplot"]),
    help="Default: by the ending of the file. gnuplot: a script that holds its data.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write; gnuplot's default is stdout.",
)
@journal_option
def plot(
    *,
    sessions: tuple[str, ...],
    kind: Kind,
    form: str | None,
    output: Path | None,
    journal: Path | None,
) -> None:
    """Plot SESSION (its number, a config's name or file, or `last`) for a paper."""
    ending = _choose_format(form, output)
    path = find_journal(journal, sessions)
    check_target(output, path)
    stored = [load_session(path, session) for session in sessions or ("last",)]
    groups = make_groups(stored)
    series = make_series(kind, groups)
    title = ", ".join(dict.fromkeys(each.info.name for each in stored))
    if any(each.info.simulated for each in stored):
        title += " (simulated)"
    if ending == "gnuplot":
        text = format_gnuplot(title, series)
        if output is None:
            click.echo(text, nl=False)
            return
        write_whole(output, text)
    elif output is None:
        raise ConfigError(f"{ending}: is no text; name the file to write with -o")
    else:
        save_plot(output, title, series, ending)
    click.echo(f"wrote {output}", err=True)


def _choose_format(given: str | None, output: Path | None) -> str:
    """The format that was asked for, or that the file's ending says."""
    if output is None:
        if given is None:
            raise ConfigError(
                "no file given: name it with -o (.png, .svg, .pdf), or use --format gnuplot"
            )
        return given
    ending = output.suffix.removeprefix(".").lower()
    said = "gnuplot" if ending in ("gp", "gnuplot") else ending
    if given is None:
        return said if said == "gnuplot" else find_picture(output, ", .gp for gnuplot, or --format")
    if said in (*PICTURES, "gnuplot") and said != given:
        raise make_contradiction(output, said, given)
    return given
