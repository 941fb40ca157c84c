"""What `harness tune` does once there is something to do: apart, since it is slow to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from harness.app.options import Options
from harness.app.session import run_session
from harness.app.setup import prepare
from harness.app.trees import require_tree
from harness.cli.check import describe, plan_object
from harness.cli.output import write_json, write_lines
from harness.cli.views import choose_view
from harness.config.spec import Spec
from harness.errors import EXIT_DEVICE, EXIT_FAILURE, EXIT_INTERRUPTED
from harness.replay.recording import Recording
from harness.units import format_text


def show_plan(spec: Spec, recording: Recording | None, *, check_tree: bool, as_json: bool) -> None:
    """Say what tuning `spec` would do."""
    if check_tree:
        require_tree(spec)
    setup = prepare(spec, recording=recording)
    if as_json:
        write_json(plan_object(setup))
    else:
        write_lines(describe(setup))


def run_tuning(
    spec: Spec,
    recording: Recording | None,
    *,
    progress: str,
    as_json: bool,
    facts: Mapping[str, Any],
    warm_start: Sequence[str],
    **options: bool,
) -> None:
    """Tune `spec`, show how it goes, and exit with the code that says how it ended.

    Args:
        facts: what the object for programs has beside the summary.
        **options: as of `Options`.
    """
    if options.get("check_tree"):
        require_tree(spec)
    chosen = Options(
        warm_start=tuple(warm_start),
        make_view=choose_view(progress),
        on_wait=lambda text: click.echo(format_text(text), err=True),
        **options,
    )
    result = run_session(prepare(spec, recording=recording), chosen)
    if as_json:
        write_json({**result.summary.to_object(), **facts})
    else:
        write_lines(result.summary.to_lines())
    if result.summary.state == "interrupted":
        raise click.exceptions.Exit(EXIT_INTERRUPTED)
    if result.summary.lost:
        raise click.exceptions.Exit(EXIT_DEVICE)
    if result.best is None or result.summary.unwritten:
        raise click.exceptions.Exit(EXIT_FAILURE)
