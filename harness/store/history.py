"""The scores of a config over its sessions: what each session has to say in a few numbers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.configuration import Configuration
from harness.errors import SessionError
from harness.model import Outcome, SessionInfo
from harness.store.base import BENCH, find_winners
from harness.store.rows import TEST_COLUMNS, read_outcome, to_text
from harness.store.schema import connect, translated
from harness.store.sessions import read_environments, read_info, read_runs_of


@dataclass(frozen=True, slots=True)
class Entry:
    """A session and those of its tests that a history is made of.

    Attributes:
        outcomes: of a bench, all that succeeded; of a search that came to its end, the best of
            each model of device.
        environment: under what it was measured, the commit among it.
        problem: the sizes that were measured.
        taken: sessions that it has the rest of these tests from; what they measured is theirs.
    """

    info: SessionInfo
    outcomes: tuple[Outcome, ...]
    environment: Mapping[str, str]
    problem: Mapping[str, Any]
    taken: frozenset[int] = frozenset()


def load_history(path: Path, config: str | Path | None = None) -> list[Entry]:
    """The sessions of a config, in the order in which they were begun.

    Args:
        config: the name of sessions, or the path of their config; None: all sessions.

    Raises:
        StoreError: there is no such journal, or (SessionError) no session of the config in it.
    """
    with closing(connect(path, create=False)) as db, translated(path, "cannot read the history"):
        rows = _find_sessions(db, config)
        if not rows:
            names = [name for (name,) in db.execute("SELECT DISTINCT name FROM sessions")]
            held = f"it holds {', '.join(names)}" if names else "it holds no session yet"
            raise SessionError(f"{path}: there is no session of {config or 'any config'}; {held}")
        return _drop_copies([_read_entry(db, path, row) for row in rows])


def _drop_copies(entries: Sequence[Entry]) -> list[Entry]:
    """Every measurement once: in the first session that has it, by whom ever it was made."""
    seen: set[tuple[int, Configuration]] = set()
    found = []
    for entry in entries:
        own, taken = [], set()
        for outcome in entry.outcomes:
            origin = outcome.reused_from or entry.info.id
            if (origin, outcome.configuration) in seen:
                taken.add(origin)
            else:
                own.append(outcome)
        seen.update((o.reused_from or entry.info.id, o.configuration) for o in own)
        found.append(replace(entry, outcomes=tuple(own), taken=frozenset(taken)))
    return found


def describe_taken(entries: Sequence[Entry]) -> list[str]:
    """Which sessions have no point of their own, since they measured nothing that it could be."""
    return [
        f"session {entry.info.id} is left out: it has its best from session "
        f"{', '.join(map(str, sorted(entry.taken)))}, and did not measure it again"
        for entry in entries
        if entry.taken and not entry.outcomes
    ]


def _find_sessions(db: sqlite3.Connection, config: str | Path | None) -> list[tuple[Any, ...]]:
    where, values = "1", []
    if isinstance(config, Path):
        where, values = "config_path = ?", [to_text(str(config.resolve()))]
    elif config is not None:
        where, values = "name = ?", [to_text(config)]
    found: list[tuple[Any, ...]] = db.execute(
        f"SELECT id, environment, spec, state, summary FROM sessions WHERE {where} ORDER BY id",
        values,
    ).fetchall()
    return found


def _read_entry(db: sqlite3.Connection, path: Path, row: tuple[Any, ...]) -> Entry:
    session, environment, spec, state, summary = row
    info = read_info(db, path, session)
    chosen: Iterator[tuple[Any, ...]] = iter(())
    if info.strategy == BENCH:
        chosen = _select(db, session, "", [])
    elif state == "complete":  # the best of an unfinished search is not the best
        chosen = _select_bests(db, info, find_winners(state, json.loads(summary or "{}")))
    environments = read_environments(info.lanes)
    outcomes = tuple(
        read_outcome(row, read_runs_of(db, session, row[0], environments)) for row in chosen
    )
    problem = json.loads(spec).get("problem") or {}
    return Entry(info, outcomes, json.loads(environment), problem)


def _select_bests(
    db: sqlite3.Connection, info: SessionInfo, winners: Iterable[int]
) -> Iterator[tuple[Any, ...]]:
    """The best of each model of device; of kernels the winner of the finals, where it is of it."""
    won = ",".join(map(str, sorted(winners)))
    by_model: dict[str, list[str]] = {}
    for lane in info.lanes:
        by_model.setdefault(lane.device.model, []).append(lane.name)
    order = "ASC" if info.goal == "min" else "DESC"
    for lanes in by_model.values():
        marks = ",".join("?" * len(lanes))
        yield from _select(
            db,
            info.id,
            f"AND lane IN ({marks}) ORDER BY id NOT IN ({won}), score {order}, id LIMIT 1",
            lanes,
        )


def _select(
    db: sqlite3.Connection, session: int, how: str, values: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    rows = db.execute(
        f"SELECT {TEST_COLUMNS} FROM tests WHERE session = ? AND outcome = 'ok' "
        f"AND score IS NOT NULL {how}",
        (session, *values),
    )
    yield from rows.fetchall()
