"""`harness tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.app.example import default_config
from harness.app.staleness import find_standing
from harness.cli.numbers import WholeNumber
from harness.cli.options import (
    change,
    json_option,
    lane_options,
    own_journal_option,
    progress_option,
    search_options,
    size_option,
)
from harness.cli.standing import settle, tell_stale
from harness.config.load import load_config
from harness.config.spec import MAX_REPEAT, Spec
from harness.units import WHOLE_NUMBER, format_path

if TYPE_CHECKING:
    from harness.replay.recording import Recording


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@size_option
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
@click.option(
    "--if-stale",
    is_flag=True,
    help="Only if config, sources, compilers, devices or drivers changed since the last time.",
)
@click.option("--fresh", is_flag=True, help="Measure everything again; the journal keeps the old.")
@click.option("--retry", is_flag=True, help="Go on, and measure failed tests again.")
@click.option(
    "--emulate",
    is_flag=True,
    default=None,
    help="Backend mock: verify kernels by running them on the CPU.",
)
@click.option(
    "--lock-clocks",
    metavar="MHZ",
    help="Lock the GPUs' clocks meanwhile, at MHZ or `base`; takes root.",
)
@click.option("--wait", is_flag=True, help="Wait for devices that another harness uses.")
@click.option("--check-tree", is_flag=True, help="Test a sample that would show a wrong tree.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@own_journal_option
@progress_option
@json_option
def tune(
    *,
    config: Path | None,
    replay: str | None,
    definition: Path | None,
    if_stale: bool,
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
    interrupted. Without CONFIG, the only config of the folder is tuned (in a checkout of the
    project, an example that fits this machine), or with --replay what was recorded.

    Exit status: 0 if a best was found, or --if-stale found nothing to do; 1 if no test succeeded,
    or a file could not be written; 2 for a wrong config or command line; 3 without the devices;
    130 if interrupted.
    """
    clock = changes["lock_clocks"]
    if clock is not None and WHOLE_NUMBER.fullmatch(clock):
        changes["lock_clocks"] = int(clock)
    spec, recording = _find_spec(config, replay, definition, changes)
    facts: dict[str, Any] = {}
    if if_stale:
        _check_if_stale(fresh=fresh, retry=retry, replays=spec.backend == "replay")
        standing = find_standing(spec)
        tell_stale(standing)
        if standing.session is not None:
            if not (dry_run and standing.changes):
                settle(spec, standing.session, standing.changes, as_json=as_json)
            return
        facts = {"up_to_date": False, "changes": list(standing.changes)}
    # Loaded only now: with --if-stale there is mostly nothing to do, and that must be quick.
    from harness.cli.tuning import run_tuning, show_plan  # noqa: PLC0415

    if dry_run:
        show_plan(spec, recording, check_tree=check_tree, as_json=as_json)
        return
    run_tuning(
        spec,
        recording,
        progress=progress,
        as_json=as_json,
        facts=facts,
        warm_start=warm_start,
        fresh=fresh,
        retry=retry,
        wait=wait,
        check_tree=check_tree,
    )


def _check_if_stale(*, fresh: bool, retry: bool, replays: bool) -> None:
    """Refuse what contradicts `--if-stale`."""
    for option, given in (("--fresh", fresh), ("--retry", retry)):
        if given:
            raise click.UsageError(
                f"--if-stale and {option}: the one asks for what is out of date only, the other "
                "for results anew; give one of them"
            )
    if replays:
        raise click.UsageError("--if-stale: recorded results do not get stale; leave it out")


def _find_spec(
    config: Path | None, replay: str | None, definition: Path | None, changes: dict[str, Any]
) -> tuple[Spec, Recording | None]:
    """The Spec of a config, of a recording (with that), of both, or of an example."""
    if replay is not None and changes["backend"] not in (None, "replay"):
        raise click.UsageError(f"--replay and --backend {changes['backend']}: give one of them")
    if definition is not None and (config is not None or replay is None):
        raise click.UsageError("--definition goes with --replay and without CONFIG")
    if replay is not None and config is None:
        from harness.app.replay import make_replay_spec  # noqa: PLC0415 - loads NumPy

        spec, recording = make_replay_spec(replay, definition)
        return change(spec, **changes), recording
    if config is None:
        config, why = default_config(Path.cwd())
        click.echo(f"no config given: tuning {format_path(config)}, {why}", err=True)
    spec = load_config(config)
    if replay is not None:
        table = {"file": str(Path(replay).resolve()), "unmeasured": spec.replay.unmeasured}
        changes |= {"backend": "replay", "replay": table}
    return change(spec, **changes), None
