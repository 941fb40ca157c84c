"""How a session is shown while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from harness.app.options import MakeView, View, make_plain_view
from harness.report.progress import Progress


def choose_view(progress: str) -> MakeView | None:
    """What makes the view that the option names; None: nothing is shown."""
    if progress == "none":
        return None
    if progress == "live" or (progress == "auto" and sys.stderr.isatty()):
        return _make_live
    return make_plain_view(lambda line: click.echo(line, err=True))


def _make_live(
    progress: Progress, now_s: Callable[[], float], remaining: Callable[[], int | None]
) -> View:
    from rich.console import Console  # noqa: PLC0415 - slow to import, needed on terminals only

    from harness.report.live import LiveView  # noqa: PLC0415

    return LiveView(progress, console=Console(stderr=True), now_s=now_s, remaining=remaining)
