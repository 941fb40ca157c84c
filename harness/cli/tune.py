"""`harness tune`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.app.example import default_config
from harness.app.options import MakeView, Options, View
from harness.app.replay import make_replay_spec
from harness.app.session import run_session
from harness.app.setup import Setup, prepare
from harness.cli.check import describe
from harness.cli.numbers import WholeNumber
from harness.cli.options import change, json_option, lane_options, search_options
from harness.cli.output import write_json, write_lines
from harness.config.load import load_config
from harness.config.spec import MAX_REPEAT
from harness.errors import EXIT_DEVICE, EXIT_FAILURE, EXIT_INTERRUPTED
from harness.report.plain import PlainView
from harness.report.progress import Progress
from harness.units import format_path, format_text


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@lane_options
@search_options
@click.option("--repeat", type=WholeNumber(1, MAX_REPEAT), help="Runs per test.")
@click.option(
    "--warm-start",
    metavar="SESSION",
    multiple=True,
    help="Tell the strategy what another session found.",
)
@click.option(
    "--replay", metavar="FILE", help="Answer from recorded results, in simulated time, from FILE."
)
@click.option(
    "--definition",
    type=click.Path(path_type=Path),
    help="T1 file: what was tuned, for --replay without CONFIG.",
)
@click.option("--fresh", is_flag=True, help="Measure everything again; the journal keeps the old.")
@click.option("--retry", is_flag=True, help="Measure failed tests again, and nothing else.")
@click.option("--wait", is_flag=True, help="Wait for devices that another harness uses.")
@click.option("--check-tree", is_flag=True, help="Test a sample that would show a wrong tree.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "live", "plain", "none"]),
    default="auto",
    help="auto: live on a terminal, plain lines elsewhere.",
)
@json_option
def tune(
    *,
    config: Path | None,
    replay: str | None,
    definition: Path | None,
    dry_run: bool,
    progress: str,
    as_json: bool,
    fresh: bool,
    retry: bool,
    wait: bool,
    check_tree: bool,
    warm_start: tuple[str, ...],
    **changes: Any,
) -> None:
    """Find the best configuration of the program that CONFIG describes.

    Results go to stdout, progress to stderr. The same command again goes on where it was
    interrupted. Without CONFIG, an example that fits this machine is tuned, or with --replay what
    was recorded.
    """
    setup = _prepare(config, replay, definition, changes)
    if dry_run:
        write_lines(describe(setup))
        return
    options = Options(
        fresh=fresh,
        retry=retry,
        wait=wait,
        check_tree=check_tree,
        warm_start=warm_start,
        make_view=_choose_view(progress),
        on_wait=lambda text: click.echo(format_text(text), err=True),
    )
    result = run_session(setup, options)
    if as_json:
        write_json(result.summary.to_object())
    else:
        write_lines(result.summary.to_lines())
    if result.summary.state == "interrupted":
        raise click.exceptions.Exit(EXIT_INTERRUPTED)
    if result.summary.lost:
        raise click.exceptions.Exit(EXIT_DEVICE)
    if result.best is None or result.summary.unwritten:
        raise click.exceptions.Exit(EXIT_FAILURE)


def _prepare(
    config: Path | None, replay: str | None, definition: Path | None, changes: dict[str, Any]
) -> Setup:
    """The setup of a config, of a recording, of both, or of an example."""
    if replay is not None and changes["backend"] not in (None, "replay"):
        raise click.UsageError(f"--replay and --backend {changes['backend']}: give one of them")
    if definition is not None and (config is not None or replay is None):
        raise click.UsageError("--definition goes with --replay and without CONFIG")
    if replay is not None and config is None:
        spec, recording = make_replay_spec(replay, definition)
        return prepare(change(spec, **changes), recording=recording)
    if config is None:
        config, why = default_config()
        click.echo(f"no config given: tuning {format_path(config)}, {why}", err=True)
    spec = load_config(config)
    if replay is not None:
        table = {"file": str(Path(replay).resolve()), "unmeasured": spec.replay.unmeasured}
        changes |= {"backend": "replay", "replay": table}
    return prepare(change(spec, **changes))


def _choose_view(progress: str) -> MakeView | None:
    if progress == "none":
        return None
    if progress == "live" or (progress == "auto" and sys.stderr.isatty()):
        return _make_live
    return _make_plain


def _make_plain(
    progress: Progress, now_s: Callable[[], float], _: Callable[[], int | None]
) -> View:
    return PlainView(progress, write=lambda line: click.echo(line, err=True), now_s=now_s)


def _make_live(
    progress: Progress, now_s: Callable[[], float], remaining: Callable[[], int | None]
) -> View:
    from rich.console import Console  # noqa: PLC0415 - slow to import, needed on terminals only

    from harness.report.live import LiveView  # noqa: PLC0415

    return LiveView(progress, console=Console(stderr=True), now_s=now_s, remaining=remaining)
