"""`harness history`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.numbers import Number, WholeNumber
from harness.cli.options import check_target, find_journal, journal_option, threshold_option
from harness.cli.output import write_json, write_lines
from harness.cli.tables import format_table
from harness.config.targets import CONFIG_ENDINGS, find_picture
from harness.errors import EXIT_REGRESSION
from harness.report.history import MAX_RISK, Track, describe_track, make_tracks, to_object
from harness.report.history_plot import save_history
from harness.store.history import describe_taken, load_history
from harness.store.sessions import names_session

_CONFIGS = CONFIG_ENDINGS | {".json"}


@click.command()
@click.argument("config", required=False)
@threshold_option
@click.option(
    "--risk",
    type=Number(above=0),
    default=5.0,
    show_default=True,
    help="How often scores that never changed may be said to have, in percent.",
)
@click.option(
    "--least",
    type=WholeNumber(1, 1_000_000),
    default=2,
    show_default=True,
    help="Leave out what fewer sessions measured.",
)
@click.option(
    "--fail", is_flag=True, help="Exit with 4 if the last change of anything made it slower."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What is written to stdout.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Plot it to this file: .png, .svg or .pdf.",
)
@journal_option
def history(
    *,
    config: str | None,
    threshold: float,
    risk: float,
    least: int,
    fail: bool,
    form: str,
    as_json: bool,
    output: Path | None,
    journal: Path | None,
) -> None:
    """Show the scores of CONFIG over its sessions and git commits, and where they changed.

    CONFIG is a config's file, or the name of sessions; without it, all of the journal are shown.
    Benches are followed configuration by configuration, searches by the best that they found.
    """
    if risk / 100 > MAX_RISK:
        raise click.UsageError(f"--risk {risk:g}: must be at most {100 * MAX_RISK:g} percent")
    ending = None if output is None else find_picture(output)
    path = find_journal(journal, [] if config is None else [config])
    check_target(output, path)
    entries = load_history(path, _find_config(config, path))
    found = make_tracks(entries, threshold=threshold / 100, risk=risk / 100)
    tracks = [track for track in found if len(track.points) >= least]
    if as_json or form == "json":
        write_json([to_object(track) for track in tracks])
    else:
        write_lines([*_describe(tracks, len(found) - len(tracks), least), *describe_taken(entries)])
    if output is not None and ending is not None:
        save_history(output, tracks, ending)
        click.echo(f"wrote {output}", err=True)
    if fail and any(track.regressed for track in tracks):
        raise click.exceptions.Exit(EXIT_REGRESSION)


def _find_config(config: str | None, journal: Path) -> str | Path | None:
    """A config's file, or the name of sessions; of a file without an ending rather the name."""
    if config is None:
        return None
    path = Path(config)
    if path.suffix in _CONFIGS or (path.is_file() and not names_session(journal, config)):
        return path
    return config


def _describe(tracks: list[Track], hidden: int, least: int) -> list[str]:
    lines: list[str] = []
    for track in tracks:
        title, table, changes = describe_track(track)
        lines += [title, "", *format_table(table), "", *changes, ""]
    if hidden:
        few = f"{hidden} series of fewer than {least} sessions"
        lines.append(f"not shown: {few}; --least 1 shows all")
    elif not tracks:
        lines.append("no session has a result; `harness bench` makes them")
    return lines if hidden or not tracks else lines[:-1]
