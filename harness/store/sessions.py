"""Reading the journal: sessions, and what they measured."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from harness.errors import SessionError, StoreError
from harness.events import Note
from harness.lane import Lane
from harness.model import Outcome, OutcomeKind, Run, SessionInfo
from harness.store.base import (
    BENCH,
    Ranked,
    SessionOverview,
    SessionRow,
    StoredSession,
    find_winners,
)
from harness.store.claims import is_claimed
from harness.store.rows import (
    RUN_COLUMNS,
    SEARCHED,
    TEST_COLUMNS,
    read_lane,
    read_outcome,
    read_run,
    to_text,
)
from harness.store.schema import connect, has_journal, translated

_UNSCORED = ", ".join(
    f"'{kind.value}'" for kind in OutcomeKind if not kind.is_failure and kind is not OutcomeKind.OK
)
"""Outcomes without a score that are no failures, as SQL lists them."""

MAX_DIGITS = 18
"""Of a session's number: SQLite's integers hold no more."""


def list_sessions(path: Path) -> list[SessionRow]:
    """The journal's sessions, the latest first.

    Raises:
        StoreError: there is no journal at `path`, or it cannot be read.
    """
    with closing(connect(path, create=False)) as db, translated(path, "cannot list sessions"):
        rows = db.execute(
            "SELECT id, name, state, started_s, unit, goal, simulated, config_path, strategy, "
            "count(t.outcome), "
            f"count(t.outcome) - count(t.score) - coalesce(sum(t.outcome IN ({_UNSCORED})), 0), "
            "min(t.score), max(t.score), summary "
            "FROM sessions LEFT JOIN (SELECT session, outcome, score FROM tests "
            "WHERE outcome <> 'interrupted') t "
            "ON t.session = id GROUP BY id ORDER BY id DESC"
        ).fetchall()
    return [
        SessionRow(
            id=row[0],
            name=row[1],
            state=name_state(path, row[0], row[2]),
            started_s=row[3],
            unit=row[4],
            goal=row[5],
            simulated=bool(row[6]),
            config_path=row[7],
            strategy=row[8],
            tests=row[9],
            failed=row[10],
            best=_find_best_score(row[2], row[13], row[11] if row[5] == "min" else row[12]),
        )
        for row in rows
    ]


def _find_best_score(state: str, summary: str | None, by_score: float | None) -> float | None:
    """The score of what a session called the best at its end, else the best of all scores."""
    said = json.loads(summary or "{}")
    best = said.get("best") if find_winners(state, said) else None
    found: float | None = (best or {}).get("score")
    return by_score if found is None else found


def find_complete(path: Path, key: str) -> int | None:
    """The latest complete session with this key; None if there is none.

    Raises:
        StoreError: there is no journal at `path`, or it cannot be read.
    """
    return _find_last(path, "spec_key = ? AND state = 'complete'", [key])


def find_latest(path: Path, config_path: str, *, bench: bool, simulated: bool) -> int | None:
    """The latest session of a config in which a test succeeded; None if there is none.

    Args:
        config_path: absolute.
        bench: one that measured given configurations; else one that searched.
        simulated: one that was simulated; else one that measured.

    Raises:
        StoreError: there is no journal at `path`, or it cannot be read.
    """
    return _find_last(
        path,
        f"{f'strategy = {BENCH!r}' if bench else SEARCHED} AND config_path = ? AND simulated = ? "
        "AND EXISTS (SELECT 1 FROM tests WHERE session = sessions.id AND outcome = 'ok')",
        [to_text(config_path), int(simulated)],
    )


def find_last_search(path: Path) -> int | None:
    """The latest session that searched; None if there is none.

    Raises:
        StoreError: there is no journal at `path`, or it cannot be read.
    """
    return _find_last(path, SEARCHED, [])


def _find_last(path: Path, where: str, values: Sequence[str | int]) -> int | None:
    with closing(connect(path, create=False)) as db, translated(path, "cannot look up a session"):
        row = db.execute(f"SELECT max(id) FROM sessions WHERE {where}", values).fetchone()
    found: int | None = row[0]
    return found


def load_session(path: Path, which: str = "last", *, runs: bool = True) -> StoredSession:
    """A session of the journal.

    Args:
        which: its id, `last`, or a config, by its name or file (its latest session).
        runs: whether outcomes come with their runs.

    Raises:
        StoreError: no such journal or session.
    """
    with closing(connect(path, create=False)) as db, translated(path, "cannot read the session"):
        session = find_session(db, path, which)
        return StoredSession(
            **_read_facts(db, path, session),
            outcomes=tuple(_read_outcomes(db, session, runs=runs)),
            spec=_read_spec(db, session),
        )


def load_overview(path: Path, which: str = "last", *, top: int = 10) -> SessionOverview:
    """The same session, but of its outcomes only the `top` best and the failures.

    This reads what it gives and no more: a session of a million runs takes a fraction of a second.

    Raises:
        StoreError: no such journal or session.
    """
    with closing(connect(path, create=False)) as db, translated(path, "cannot read the session"):
        session = find_session(db, path, which)
        facts = _read_facts(db, path, session)
        winners = find_winners(facts["state"], facts["summary"])
        failures = db.execute(
            f"SELECT {TEST_COLUMNS} FROM tests WHERE session = ? "
            f"AND outcome NOT IN ('ok', {_UNSCORED}) ORDER BY id",
            (session,),
        ).fetchall()
        invalid, censored = (
            db.execute(
                f"SELECT {TEST_COLUMNS} FROM tests WHERE session = ? AND outcome = ? ORDER BY id",
                (session, kind.value),
            ).fetchall()
            for kind in (OutcomeKind.INVALID, OutcomeKind.CENSORED)
        )
        kinds = dict(
            db.execute(
                "SELECT outcome, count(*) FROM tests WHERE session = ? AND outcome IS NOT NULL "
                "AND outcome <> 'interrupted' "
                "GROUP BY outcome ORDER BY outcome",
                (session,),
            )
        )
        return SessionOverview(
            problem=_read_spec(db, session).get("problem", {}),
            **facts,
            tests=sum(kinds.values()),
            kinds=kinds,
            ranked=tuple(
                _rank(db, facts["info"], lanes, winners, top)
                for lanes in _group_lanes(facts["info"])
            ),
            failures=tuple(read_outcome(row, ()) for row in failures),
            invalid=tuple(read_outcome(row, ()) for row in invalid),
            censored=tuple(read_outcome(row, ()) for row in censored),
        )


def _group_lanes(info: SessionInfo) -> list[tuple[Lane, ...]]:
    """The lanes whose scores can be ranked together."""
    if info.distribution != "replicate":
        return [info.lanes]
    models = dict.fromkeys(lane.device.model for lane in info.lanes)
    return [tuple(lane for lane in info.lanes if lane.device.model == each) for each in models]


def _rank(
    db: sqlite3.Connection,
    info: SessionInfo,
    lanes: tuple[Lane, ...],
    winners: frozenset[int],
    top: int,
) -> Ranked:
    """The `top` best tests of some lanes."""
    order = "ASC" if info.goal == "min" else "DESC"
    names = [to_text(lane.name) for lane in lanes]
    scored = "session = ? AND outcome = 'ok' AND score IS NOT NULL"
    if len(lanes) < len(info.lanes):
        scored += f" AND lane IN ({','.join('?' * len(names))})"
    else:
        names = []
    by_score = (
        f"SELECT {TEST_COLUMNS} FROM tests WHERE {scored} AND %s ORDER BY score {order}, id LIMIT ?"
    )
    won = ",".join(map(str, sorted(winners)))
    best = db.execute(by_score % f"id IN ({won})", (info.id, *names, min(top, 1))).fetchall()
    first = best[0][0] if best else 0
    values = (info.id, *names, top - len(best))
    best += db.execute(by_score % f"id <> {first}", values).fetchall()
    (count,) = db.execute(
        f"SELECT count(*) FROM tests WHERE {scored}", (info.id, *names)
    ).fetchone()
    environments = read_environments(info.lanes)
    found = (read_outcome(row, read_runs_of(db, info.id, row[0], environments)) for row in best)
    return Ranked(lanes, tuple(found), count)


def name_state(path: Path, session: int, state: str) -> str:
    """A session that nobody records to any more, and that did not end, was killed."""
    return "killed" if state == "running" and not is_claimed(path, session) else state


def names_session(path: Path, which: str) -> bool:
    """Whether the journal at `path` has a session that `which` names; no journal has none.

    Raises:
        StoreError: the journal cannot be read.
    """
    if not has_journal(path):
        return False
    with closing(connect(path, create=False)) as db, translated(path, "cannot look up a session"):
        return _look_up(db, which) is not None


def find_session(db: sqlite3.Connection, path: Path, which: str) -> int:
    """The id of the session that `which` names.

    Raises:
        StoreError: there is none.
    """
    found = _look_up(db, which)
    if found is None:
        if db.execute("SELECT 1 FROM sessions LIMIT 1").fetchone() is None:
            raise StoreError(f"{path}: this journal holds no session yet; run `harness tune`")
        if Path(which).is_file():
            raise SessionError(
                f"{path}: there is no session {which!r}, which is a file: `harness import` makes a "
                "session of a file of results"
            )
        raise SessionError(
            f"{path}: there is no session {which!r}; `harness sessions` lists them, and `last` is "
            "the latest"
        )
    return found


def _look_up(db: sqlite3.Connection, which: str) -> int | None:
    values: tuple[str | int, ...]
    # A config's name, or its file.
    where = "name = ? OR config_path = ?"
    values = (to_text(which), to_text(str(Path(which).resolve())))
    if which == "last":
        where, values = "1", ()
    elif which.isascii() and which.isdecimal() and len(which) <= MAX_DIGITS:
        where, values = "id = ?", (int(which),)
    row = db.execute(f"SELECT max(id) FROM sessions WHERE {where}", values).fetchone()
    found: int | None = row[0]
    return found


def read_info(db: sqlite3.Connection, path: Path, session: int) -> SessionInfo:
    """What a session of the journal at `path` is."""
    row = db.execute(
        "SELECT name, goal, unit, parameters, repeat, aggregate, simulated, started_s, "
        "distribution, strategy FROM sessions WHERE id = ?",
        (session,),
    ).fetchone()
    return SessionInfo(
        id=session,
        name=row[0],
        goal=row[1],
        unit=row[2],
        lanes=tuple(read_lanes(db, session)),
        parameters=tuple(json.loads(row[3])),
        repeat=row[4],
        aggregate=row[5],
        size=None,
        simulated=bool(row[6]),
        started_s=row[7],
        distribution=row[8],
        strategy=row[9],
        journal=str(path),
    )


def _read_facts(db: sqlite3.Connection, path: Path, session: int) -> dict[str, Any]:
    """What is known of a session beside its tests, as fields of what is handed out."""
    state, config_path, environment, summary = db.execute(
        "SELECT state, config_path, environment, summary FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    return {
        "info": read_info(db, path, session),
        "state": name_state(path, session, state),
        "config_path": config_path,
        "notes": tuple(_read_notes(db, session)),
        "environment": json.loads(environment),
        "summary": json.loads(summary) if summary else {},
    }


def _read_spec(db: sqlite3.Connection, session: int) -> dict[str, Any]:
    (text,) = db.execute("SELECT spec FROM sessions WHERE id = ?", (session,)).fetchone()
    spec: dict[str, Any] = json.loads(text)
    return spec


def _read_outcomes(db: sqlite3.Connection, session: int, *, runs: bool) -> list[Outcome]:
    found = read_runs(db, session) if runs else {}
    query = (
        f"SELECT {TEST_COLUMNS} FROM tests WHERE session = ? AND outcome IS NOT NULL ORDER BY id"
    )
    return [read_outcome(row, found.get(row[0], ())) for row in db.execute(query, (session,))]


def _read_notes(db: sqlite3.Connection, session: int) -> list[Note]:
    query = "SELECT level, text, at_s, details FROM notes WHERE session = ? ORDER BY rowid"
    return [
        Note(level, text, at_s, json.loads(details))
        for level, text, at_s, details in db.execute(query, (session,))
    ]


def read_lanes(db: sqlite3.Connection, session: int) -> list[Lane]:
    """The lanes of a session, in order."""
    query = (
        "SELECT name, position, device, environment FROM lanes WHERE session = ? ORDER BY position"
    )
    return [read_lane(*row) for row in db.execute(query, (session,))]


def read_environments(lanes: Sequence[Lane]) -> dict[str, Mapping[str, str]]:
    """What each lane adds to the environment of its runs."""
    return {lane.name: dict(lane.environment) for lane in lanes}


def read_runs(db: sqlite3.Connection, session: int) -> dict[int, list[Run]]:
    """The runs of a session by test, each test's in order."""
    environments = read_environments(read_lanes(db, session))
    found: dict[int, list[Run]] = {}
    query = f"SELECT {RUN_COLUMNS} FROM runs WHERE session = ? ORDER BY test, run"
    for row in db.execute(query, (session,)):
        found.setdefault(row[0], []).append(read_run(row, environments))
    return found


def read_runs_of(
    db: sqlite3.Connection, session: int, test: int, environments: Mapping[str, Mapping[str, str]]
) -> list[Run]:
    """The runs of one test, in order."""
    query = f"SELECT {RUN_COLUMNS} FROM runs WHERE session = ? AND test = ? ORDER BY run"
    return [read_run(row, environments) for row in db.execute(query, (session, test))]
