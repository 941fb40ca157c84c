"""How a config stands to its last complete session, as commands tell it."""

from __future__ import annotations

from typing import Any

import click

from harness.app.rewrite import rewrite_outputs
from harness.app.staleness import Standing, find_standing
from harness.cli.output import write_json, write_lines
from harness.config.spec import Spec
from harness.errors import HarnessError
from harness.report.summary import describe_files, files_object
from harness.store.past import PastSession
from harness.units import format_score, format_text


def tell_stale(standing: Standing) -> None:
    """Say on stderr why there is something to do."""
    for line in standing.changes:
        click.echo(f"stale: {format_text(line)}", err=True)


def settle(spec: Spec, session: PastSession, changes: tuple[str, ...], *, as_json: bool) -> None:
    """Write files that are not as the session left them, and say that nothing is tested.

    Raises:
        StoreError: the journal cannot be read, or a file cannot be written.
    """
    files = rewrite_outputs(spec, session) if changes else ()
    if as_json:
        facts = {"up_to_date": not changes, "changes": list(changes)}
        write_json({**session.summary, **files_object(files), **facts})
        return
    if not changes:
        write_lines([f"up to date: {describe_session(session)}"])
        return
    lines = [f"nothing to test; written again from {describe_session(session)}"]
    write_lines([*lines, *describe_files(files)])


def look_up(spec: Spec) -> Standing | None:
    """How a config stands; None where that cannot be told, as for recorded results."""
    if spec.backend == "replay":
        return None
    try:
        return find_standing(spec)
    except HarnessError:  # no compiler, or no journal that can be read: tuning would say so
        return None


def describe_standing(standing: Standing | None) -> list[str]:
    """The same in lines; nothing of a config that was never tuned."""
    if standing is None or standing.is_new:
        return []
    if standing.session is not None and not standing.changes:
        return [f"up to date: {describe_session(standing.session)}"]
    return [f"stale: {line}" for line in standing.changes]


def describe_session(session: PastSession) -> str:
    """Which session it is, and what it found."""
    best: dict[str, Any] | None = session.summary.get("best")
    if best is None:
        return f"session {session.id}"
    simulated = " (simulated)" if session.summary.get("simulated") else ""
    return f"session {session.id}, best {format_score(best['score'], best['unit'])}{simulated}"
