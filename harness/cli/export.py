"""`harness export`: sessions in other formats."""

from __future__ import annotations

import re
from pathlib import Path

import click

from harness.app.emit import format_tuned
from harness.app.names import EMITS, EXPORTS, FILES, load
from harness.cli.options import check_target, find_journal, journal_option
from harness.config.substitute import NAME_PATTERN
from harness.config.targets import ENDINGS, contradicts, find_format, make_contradiction
from harness.errors import ConfigError
from harness.export.base import write_whole
from harness.export.tuned import make_tuned
from harness.store.columns import open_columns
from harness.store.schema import has_journal
from harness.store.sessions import find_last_search, load_session


@click.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option(
    "--format",
    "given",
    type=click.Choice([*EXPORTS, *FILES, *EMITS]),
    help="Default: by the ending of the file; csv without one. csv: Spencer's log; json: "
    "everything; script: the transcript; parquet: a row per run; t4, kernel-tuner: for other "
    "tuners, and for `harness simulate`; the others: the best values of each device, for builds to "
    "include.",
)
@click.option("--prefix", help="Before every parameter's name in files for builds.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write; default: stdout."
)
@journal_option
def export(
    *,
    sessions: tuple[str, ...],
    given: str | None,
    prefix: str | None,
    output: Path | None,
    journal: Path | None,
) -> None:
    """Write SESSION (its number, a config's name or file, or `last`) in another format.

    Without SESSION the last is written; for builds, the last that searched.
    The formats for builds take several sessions, of one program on different devices.
    """
    path = find_journal(journal, sessions)
    if prefix and not re.fullmatch(NAME_PATTERN, prefix):
        raise ConfigError(
            f"--prefix {prefix}: cannot begin a name; use letters, digits and _, not starting with "
            "a digit"
        )
    said = None if output is None else find_format(output)
    check_target(output, path, given or said or "")
    form = _choose_format(given, output)
    if prefix is not None and form not in EMITS:
        raise ConfigError(
            f"--prefix {prefix}: {form} has the parameters' own names; leave it out, or use a "
            f"format for builds: {', '.join(EMITS)}"
        )
    if form not in EMITS and len(sessions) > 1:
        raise ConfigError(f"{form}: holds one session, not {len(sessions)}; export them one by one")
    if form in FILES:
        _write_file(form, path, (*sessions, "last")[0], output)
        return
    chosen = sessions or (_find_default(path, form),)
    stored = [load_session(path, session, runs=form in EXPORTS) for session in chosen]
    if form in EXPORTS:
        session = stored[0]
        more = {"winners": session.winners} if form == "json" else {}
        text = load(EXPORTS[form])(session.info, session.outcomes, **more)
    else:
        tuned = make_tuned(
            [(session.info, session.outcomes) for session in stored],
            {session.info.id: session.winners for session in stored},
        )
        stem = "tuned" if output is None else output.stem
        text = format_tuned(tuned, form, prefix=prefix, stem=stem)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text)
        click.echo(f"wrote {output}", err=True)


def _choose_format(given: str | None, output: Path | None) -> str:
    """The format that was asked for, or that the file's ending says."""
    if output is None:
        return given or "csv"
    if given is None:
        said = find_format(output)
        if said is None:
            known = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
            raise ConfigError(
                f"{output}: its ending says no format; use --format, or one of {known}"
            )
        return said
    if said := contradicts(output, given):
        raise make_contradiction(output, said, given)
    return given


def _find_default(journal: Path, form: str) -> str:
    """The last session; for builds the last that searched: a bench's best is only one of a few."""
    if form in EXPORTS or not has_journal(journal):
        return "last"
    found = find_last_search(journal)
    return "last" if found is None else str(found)


def _write_file(form: str, journal: Path, session: str, output: Path | None) -> None:
    if output is None:
        raise ConfigError(f"{form}: is no text; name the file to write with -o")
    found = open_columns(journal, session)
    load(FILES[form])(output, found.info, found.types, found.batches)
    click.echo(f"wrote {output}", err=True)
