"""The files that a config asks for, written from what the session knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.app.emit import write_emits
from harness.app.names import EXPORTS, load
from harness.app.setup import Setup
from harness.export.base import write_whole
from harness.export.importance import format_importance
from harness.model import Outcome, SessionInfo


def write_outputs(
    setup: Setup,
    info: SessionInfo,
    outcomes: Sequence[Outcome],
    best: Outcome | None,
    *,
    complete: bool,
) -> tuple[tuple[str, str], ...]:
    """Write log, transcript, importance table and tuned values where the config names them.

    Args:
        complete: whether the search came to its end; values of another are nothing to build with.

    Returns:
        What was written and where.

    Raises:
        StoreError: a file cannot be written; the journal has it all.
    """
    output = setup.spec.output
    written: list[tuple[str, str]] = []

    def write(what: str, name: str, text: str) -> None:
        path: Path = setup.spec.base / name
        write_whole(path, text)
        written.append((what, str(path)))

    if output.log is not None:
        write("log", output.log, load(EXPORTS["csv"])(info, outcomes))
    if output.script is not None:
        write("script", output.script, load(EXPORTS["script"])(info, outcomes))
    if output.importance is not None and best is not None:
        known = {outcome.configuration: outcome for outcome in outcomes}
        table = format_importance(info, best, setup.spec.parameters, known)
        write("importance", output.importance, table)
    if complete:
        written += write_emits(output.emit, setup.spec.base, info, outcomes)
    return tuple(written)
