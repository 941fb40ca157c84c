"""What `harness show --importance` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cli.output import write_json, write_lines
from harness.cli.tables import format_table
from harness.effects import Importance, find_importance
from harness.report.groups import make_groups, measure
from harness.store.base import StoredSession
from harness.store.sessions import load_session

_MOST_PAIRS = 5


def show_importance(journal: Path, session: str, *, as_json: bool) -> None:
    """Say how much each parameter of a session matters."""
    stored, found = _load(journal, session)
    if as_json:
        write_json(_to_object(stored, found))
    else:
        write_lines(_to_lines(stored, found))


def _load(journal: Path, session: str) -> tuple[StoredSession, dict[str, Importance | None]]:
    """A session, and the importance of its parameters, for each lane of a replicate."""
    stored = load_session(journal, session, runs=False)
    groups = make_groups([stored])
    return stored, {group.label: find_importance(measure(group)) for group in groups}


def _to_object(stored: StoredSession, found: dict[str, Importance | None]) -> dict[str, Any]:
    """For `--json`: fractions of the variance of the scores."""
    return {
        "session": stored.info.id,
        "simulated": stored.info.simulated,
        "warnings": [note.text for note in stored.notes if note.level == "warning"],
        "importance": {
            label: None
            if importance is None
            else {
                "parameters": {name: importance.single[name] for name in importance.ranked()},
                "pairs": [
                    {"parameters": list(pair), "share": share}
                    for pair, share in importance.pairs.items()
                ],
            }
            for label, importance in found.items()
        },
    }


def _to_lines(stored: StoredSession, found: dict[str, Importance | None]) -> list[str]:
    """For people."""
    origin = f" ({stored.info.origin})" if stored.info.origin else ""
    lines = [f"session {stored.info.id}: {stored.info.name}{origin}"]
    lines += [f"warning: {note.text}" for note in stored.notes if note.level == "warning"]
    for label, importance in found.items():
        if len(found) > 1:
            lines += ["", label]
        if importance is None:
            lines.append("nothing to say: too few tests succeeded, or all scores are the same")
            continue
        table: list[tuple[str, ...]] = [("PARAMETER", "VARIANCE EXPLAINED")]
        table += [(name, _percent(importance.single[name])) for name in importance.ranked()]
        pairs = list(importance.pairs.items())[:_MOST_PAIRS]
        table += [(f"{a} with {b}, beyond each", _percent(share)) for (a, b), share in pairs]
        lines += format_table(table)
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:5.1f} %"
