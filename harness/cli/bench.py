"""`harness bench`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.app.bench import REPEAT, Wanted, find_before, prepare_bench
from harness.app.options import Options
from harness.app.result import Result
from harness.app.session import run_session
from harness.app.setup import Setup
from harness.app.sides import load_side
from harness.cli.numbers import WholeNumber
from harness.cli.options import (
    device_options,
    json_option,
    load_spec,
    own_journal_option,
    progress_option,
    size_option,
    threshold_option,
)
from harness.cli.output import write_json, write_lines
from harness.cli.tables import format_table
from harness.cli.views import choose_view
from harness.config.spec import MAX_REPEAT
from harness.errors import (
    EXIT_DEVICE,
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    EXIT_REGRESSION,
    EXIT_USAGE,
    ConfigError,
)
from harness.report.bench import bench_object, bench_table
from harness.report.compare import Comparisons, compare_sessions
from harness.report.sides import Side
from harness.store.environment import capture_commit
from harness.units import format_path, format_text

_MOST = 1000


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@size_option
@device_options
@click.option(
    "--values",
    metavar='"NAME=VALUE …"',
    multiple=True,
    help="Measure this configuration; may be given several times.",
)
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    help="Measure the best of this session or file; default: of the last search of CONFIG.",
)
@click.option(
    "--top",
    type=WholeNumber(1, _MOST),
    default=1,
    show_default=True,
    help="How many of the best, of each model of device.",
)
@click.option(
    "--repeat",
    type=WholeNumber(1, MAX_REPEAT),
    help=f"Runs of each; default: what CONFIG says, but at least {REPEAT}.",
)
@click.option(
    "--against",
    metavar="SIDE",
    help="Compare with this: `last` bench of CONFIG, if there is one, or whatever `harness "
    "compare` takes.",
)
@threshold_option
@click.option("--unlike", is_flag=True, help="Compare also what is not alike.")
@click.option("--wait", is_flag=True, help="Wait for devices that another harness uses.")
@own_journal_option
@progress_option
@json_option
def bench(
    *,
    config: Path,
    values: tuple[str, ...],
    source: str | None,
    top: int,
    repeat: int | None,
    against: str | None,
    threshold: float,
    unlike: bool,
    wait: bool,
    progress: str,
    as_json: bool,
    **lanes: Any,
) -> None:
    """Measure given configurations of CONFIG anew, on every device, without a search.

    By default the best that was found. Each bench is a session of its own; `harness history` shows
    them over time. With --against each configuration is compared with itself. It exits with 4 if
    one is proven to be slower, with 2 if the two have none in common.
    """
    spec = load_spec(config, **lanes)
    prepared = prepare_bench(spec, Wanted(values, source, top), repeat=repeat)
    before = None if against is None else _find_side(against, prepared.setup)
    options = Options(
        wait=wait,
        make_view=choose_view(progress),
        on_wait=lambda text: click.echo(format_text(text), err=True),
    )
    result = run_session(prepared.setup, options)
    name = f"session {result.info.id}"
    after = Side(name, result.info, result.outcomes, problem=prepared.setup.spec.problem)
    known = None if result.best is None else before
    comparison, refused = _compare(known, after, threshold=threshold / 100, unlike=unlike)
    commit = capture_commit(spec.base)
    if as_json:
        made = bench_object(result.info, result.outcomes, commit)
        more = {"comparison": comparison and comparison.to_object(), "refused": refused or None}
        write_json({**made, **more})
    else:
        write_lines(_describe(result, commit, prepared.sources))
        if comparison is not None:
            write_lines(["", *comparison.to_lines(20)])
        elif against is not None and before is None:
            write_lines(["", "nothing to compare with yet: this is the first bench of the config"])
    if refused:
        click.echo(f"error: {format_text(refused)}", err=True)
    _exit(result, comparison, refused)


def _compare(
    before: Side | None, after: Side, *, threshold: float, unlike: bool
) -> tuple[Comparisons | None, str]:
    """The comparison, if there is one, and why it cannot be made: what was measured is told."""
    if before is None:
        return None, ""
    try:
        return compare_sessions(before, after, threshold=threshold, unlike=unlike), ""
    except ConfigError as error:
        return None, str(error)


def _find_side(which: str, setup: Setup) -> Side | None:
    """What the result is compared with; looked for before hours are spent on measuring.

    None for `last` if there is no bench yet: the one that is made now is the next one's `last`.
    """
    spec = setup.spec
    if which == "last":
        number = find_before(setup, bench=True)
        if number is None:
            return None
        which = str(number)
    return load_side(which, spec.journal_path)


def _describe(result: Result, commit: str, sources: Sequence[str]) -> list[str]:
    info = result.info
    where = f" at commit {commit[:12]}" if commit else ""
    simulated = f" ({info.origin})" if info.origin else ""
    lines = [f"bench of {info.name}: session {info.id}{where}{simulated}, {result.summary.state}"]
    which = f"the best of {', '.join(sources)}" if sources else "what was given"
    lines += [f"measured: {which}; journal: {format_path(info.journal)}", ""]
    lines += format_table(bench_table(info, result.outcomes))
    return [*lines, *(f"{outcome.lane}: {outcome.reason}" for outcome in result.failures)]


def _exit(result: Result, comparison: Comparisons | None, refused: str) -> None:
    if result.summary.state == "interrupted":
        raise click.exceptions.Exit(EXIT_INTERRUPTED)
    if result.summary.lost:
        raise click.exceptions.Exit(EXIT_DEVICE)
    if result.failures:
        raise click.exceptions.Exit(EXIT_FAILURE)
    if refused:
        raise click.exceptions.Exit(EXIT_USAGE)
    if comparison is not None and comparison.regressed:
        raise click.exceptions.Exit(EXIT_REGRESSION)
