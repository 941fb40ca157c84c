"""The journal in SQLite: what is recorded survives whatever happens to the harness.

Write-ahead log, synchronous=FULL: a transaction that returned is on the disk. Any number of harness
processes may write to one journal; each writes only to its own session, which it claims.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.events import BuildEnded, Event, Note, RunEnded, TestCreated, TestEnded, TestRevised
from harness.lane import Lane
from harness.model import Outcome, OutcomeKind, Phase, Run, Test
from harness.store.base import Begun, SessionStart
from harness.store.claims import Claim
from harness.store.past import count_usable, read_beside
from harness.store.places import find_place
from harness.store.rows import (
    RUN_COLUMNS,
    TEST_COLUMNS,
    dump,
    dump_artifact,
    dump_configuration,
    dump_device,
    dump_evidence,
    read_configuration,
    read_outcome,
    run_values,
    to_text,
)
from harness.store.schema import connect, translated
from harness.store.sessions import read_environments, read_lanes, read_runs, read_runs_of

_NOT_FINAL = tuple(kind.value for kind in OutcomeKind if not kind.is_final)
_OPEN = f"(outcome IS NULL OR outcome IN ({', '.join(repr(kind) for kind in _NOT_FINAL)}))"
# What another session may copy: not what a longer timeout or more samples could change.
_REUSABLE = tuple(
    kind.value
    for kind in OutcomeKind
    if kind.is_final and kind not in (OutcomeKind.TIMEOUT, OutcomeKind.CENSORED)
)

_FAILED = "outcome NOT IN ('ok', 'interrupted', 'censored', 'invalid')"
# What says more of the machine than of the test: no such program (127), not a program (126), not
# started, or ended together with its worker; and a disk that was full.
_UNSTARTED = (
    "outcome IN ('compile_failed', 'run_failed') AND evidence IS NOT NULL AND "
    "(json_extract(evidence, '$.exit_code') IN (126, 127) OR reason LIKE 'cannot start %' "
    "OR reason LIKE 'cannot run in %' "
    "OR reason LIKE '%No space left on device%' "
    "OR reason LIKE 'the worker that ran the command %')"
)
_REOPEN = (
    "UPDATE tests SET outcome = NULL, score = NULL, reason = NULL, evidence = NULL, "
    "ended_s = NULL, reused_from = NULL WHERE session = ? AND "
)

_INSERT_TEST = (
    "INSERT INTO tests (session, id, key, configuration, lane, created_s) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT (session, id) DO UPDATE SET lane = excluded.lane"
)
# A good run is replaced by a good one only, if that is of a test that was begun anew on another
# lane, or of finals that were: the first run of a test on a lane stays.
_INSERT_RUN = (
    f"INSERT INTO runs (session, {RUN_COLUMNS}) "
    f"VALUES ({','.join('?' * (1 + len(RUN_COLUMNS.split(','))))}) "
    "ON CONFLICT (session, test, run) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in RUN_COLUMNS.split(', ')[2:])} "
    f"WHERE runs.kind <> '{OutcomeKind.OK.value}' OR (excluded.kind = '{OutcomeKind.OK.value}' "
    "AND (runs.lane <> excluded.lane OR excluded.run > 0))"
)
_COMPILED = (
    "UPDATE tests SET compile_s = ?, compile_started_s = ?, compile_seat = ?, artifact = ? "
    "WHERE session = ? AND id = ?"
)
_CLEANED = "UPDATE tests SET cleaned_s = ? WHERE session = ? AND id = ?"
# Exactly once: a test that has a final outcome keeps it.
_END_TEST = (
    "UPDATE tests SET outcome = ?, score = ?, reason = ?, evidence = ?, ended_s = ?, lane = ?, "
    f"reused_from = ?, artifact = ?, copy_of = ? WHERE session = ? AND id = ? AND {_OPEN}"
)
# Of a test that was measured again: its runs say what it was before.
_REVISE_TEST = "UPDATE tests SET outcome = ?, score = ?, reason = ? WHERE session = ? AND id = ?"
_INSERT_NOTE = "INSERT INTO notes VALUES (?,?,?,?,?)"


class SqliteJournal:
    """A journal file, and the session that records to it."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db
        self._claim = Claim(path)
        self._session = 0
        self._reuse_from = 0
        self._has_others = False  # whether other sessions have tests that may be reused
        self._retries = False
        self._was_complete = False
        self._lanes: Sequence[Lane] = ()
        self._environment = ""
        self._written = False  # whether these two are in the journal
        self._environments: dict[str, dict[str, str]] = {}

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and of the session."""
        self._claim.release()
        self._db.close()

    @contextmanager
    def _transaction(self, doing: str) -> Iterator[sqlite3.Connection]:
        with translated(self.path, doing):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite rolls back by itself where it has to, as when the disk is full.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    # -- beginning ---------------------------------------------------------------------------

    def begin(self, start: SessionStart, *, fresh: bool, retry: bool = False) -> Begun:
        """Continue the latest session with the same key, or (`fresh`, or none) start one.

        Failed tests are measured again if `retry`; those that could not be started in any case.
        A fresh session reuses nothing older than itself, and neither do later sessions of the same
        config. A session that another process is recording is left to it: this one gets its own.
        """
        self._retries = retry
        self._lanes, self._environment = tuple(start.lanes), dump(dict(start.environment))
        self._was_complete = stands = False
        put_aside, started_s = 0, start.started_s
        with self._transaction("cannot begin a session") as db:
            horizon = db.execute(
                "SELECT COALESCE(MAX(reuse_from), 0) FROM sessions WHERE config_path = ?",
                (to_text(start.config_path),),
            ).fetchone()[0]
            found = db.execute(
                "SELECT id, reuse_from, state, premises, started_s FROM sessions "
                "WHERE spec_key = ? AND id >= ? ORDER BY id DESC LIMIT 1",
                (start.spec_key, horizon),
            ).fetchone()
            if fresh:
                put_aside = count_usable(db, start.config_path, horizon)
            resumed = not fresh and found is not None and self._claim.take(found[0])
            if not resumed:
                self._insert_session(db, start, horizon, fresh=fresh)
                self._claim.take(self._session)
            else:
                self._session, self._reuse_from, state, premises, started_s = found
                self._was_complete = state == "complete"
                stands = self._was_complete and premises == start.premises
                db.execute(_REOPEN + (_FAILED if retry else _UNSTARTED), (self._session,))
                db.execute(
                    "UPDATE sessions SET state = 'running', invocations = invocations + 1, "
                    "strategy = ?, distribution = ?, spec = ?, premises = ? WHERE id = ?",
                    (start.strategy, start.distribution, start.spec_json, start.premises, found[0]),
                )
            self._written = False
            if not resumed:
                self._write_circumstances(db)
            self._has_others = self._find_others(db)
        with translated(self.path, "cannot read the session"):
            begun = self._read_begun(resumed=resumed)
            stands = stands and not begun.unfinished
            begun = replace(begun, started_s=started_s, put_aside=put_aside)
            return replace(begun, complete=self._was_complete, stands=stands)

    def _find_others(self, db: sqlite3.Connection) -> bool:
        """Asked once: with a new journal, each test would else be looked up in vain."""
        query = "SELECT EXISTS (SELECT 1 FROM tests WHERE session >= ? AND session != ?)"
        found: int = db.execute(query, (self._reuse_from, self._session)).fetchone()[0]
        return bool(found)

    def _insert_session(
        self, db: sqlite3.Connection, start: SessionStart, horizon: int, *, fresh: bool
    ) -> None:
        cursor = db.execute(
            "INSERT INTO sessions (name, config_path, spec_key, spec, goal, unit, repeat, "
            "aggregate, parameters, simulated, harness_version, environment, distribution, "
            "strategy, started_s, premises, state) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'running')",
            (
                to_text(start.name),
                to_text(start.config_path),
                start.spec_key,
                start.spec_json,
                start.goal,
                start.unit,
                start.repeat,
                start.aggregate,
                dump(list(start.parameters)),
                int(start.simulated),
                start.harness_version,
                dump(dict(start.environment)),
                start.distribution,
                start.strategy,
                start.started_s,
                start.premises,
            ),
        )
        assert cursor.lastrowid is not None
        self._session = cursor.lastrowid
        self._reuse_from = self._session if fresh else horizon
        db.execute(
            "UPDATE sessions SET reuse_from = ? WHERE id = ?", (self._reuse_from, self._session)
        )

    def _write_circumstances(self, db: sqlite3.Connection) -> None:
        # Lanes of earlier invocations stay: their runs refer to them. Where one of the same name
        # is now bound otherwise, its runs are given what they leave to it.
        bound = read_environments(read_lanes(db, self._session))
        for lane in self._lanes:
            before = bound.get(lane.name)
            if before is not None and before != dict(lane.environment):
                db.execute(
                    "UPDATE runs SET environment = ? "
                    "WHERE session = ? AND lane = ? AND environment = ''",
                    (dump(dict(before)), self._session, lane.name),
                )
            db.execute(
                "INSERT OR REPLACE INTO lanes VALUES (?,?,?,?,?)",
                (
                    self._session,
                    lane.name,
                    lane.index,
                    dump_device(lane.device),
                    dump(dict(lane.environment)),
                ),
            )
        query = "UPDATE sessions SET environment = ? WHERE id = ?"
        db.execute(query, (self._environment, self._session))
        self._environments = {lane.name: dict(lane.environment) for lane in self._lanes}
        self._written = True

    def _read_begun(self, *, resumed: bool) -> Begun:
        runs = read_runs(self._db, self._session)
        outcomes: list[Outcome] = []
        unfinished: list[tuple[Test, tuple[Run, ...]]] = []
        last = 0
        query = f"SELECT {TEST_COLUMNS} FROM tests WHERE session = ? ORDER BY id"
        for row in self._db.execute(query, (self._session,)):
            last = row[0]
            mine = runs.get(last, [])
            if row[5] is not None and OutcomeKind(row[5]).is_final:
                outcomes.append(_as_recorded(read_outcome(row, mine), self._session))
            else:
                recorded = read_outcome((*row[:5], OutcomeKind.INTERRUPTED.value, *row[6:]), ())
                test = Test(last, recorded.configuration, recorded.key, recorded.lane)
                good = tuple(run for run in mine if run.kind is OutcomeKind.OK)
                unfinished.append((test, good))
        return Begun(
            self._session,
            resumed,
            beside=read_beside(self._db, self._session),
            outcomes=tuple(outcomes),
            unfinished=tuple(unfinished),
            uncleaned=tuple(self._read_uncleaned()),
            next_test_id=last + 1,
        )

    def _read_uncleaned(self) -> Iterator[Test]:
        query = (
            "SELECT id, configuration, key, lane FROM tests "
            "WHERE session = ? AND cleaned_s IS NULL AND reused_from IS NULL ORDER BY id"
        )
        for number, configuration, key, lane in self._db.execute(query, (self._session,)):
            yield Test(number, read_configuration(configuration), key, lane)

    def find(self, key: str) -> Outcome | None:
        """The final outcome of a test with this key in another session that may be reused.

        Of sessions that others are recording meanwhile none is seen if this one began in a journal
        without tests.
        """
        if not self._has_others:
            return None
        with translated(self.path, "cannot look up a test"):
            row = self._db.execute(
                f"SELECT {TEST_COLUMNS} FROM tests WHERE key = ? AND session >= ? AND session != ? "
                f"AND outcome IN ({','.join('?' * len(_REUSABLE))}) AND reused_from IS NULL "
                f"AND NOT ({_FAILED if self._retries else _UNSTARTED}) "
                "ORDER BY session DESC LIMIT 1",
                (key, self._reuse_from, self._session, *_REUSABLE),
            ).fetchone()
            if row is None:
                return None
            session = row[11]
            lanes = read_lanes(self._db, session)
            runs = read_runs_of(self._db, session, row[0], read_environments(lanes))
            found = replace(read_outcome(row, runs), lane=find_place(row[3], lanes, self._lanes))
            return _as_recorded(found, session)

    # -- recording ---------------------------------------------------------------------------

    def record(self, events: Sequence[Event]) -> None:
        """Make a batch of events durable, all or none."""
        with self._transaction("cannot record results") as db:
            # A session that goes on has its new lanes and commit once something is done on them:
            # who only looks at what it found leaves it as it was.
            if not self._written and not all(isinstance(event, Note) for event in events):
                self._write_circumstances(db)
            for event in events:
                self._write(db, event)

    def _write(self, db: sqlite3.Connection, event: Event) -> None:
        session = self._session
        if isinstance(event, RunEnded):
            environment = self._environments.get(event.run.lane, {})
            db.execute(_INSERT_RUN, (session, *run_values(event.test.id, event.run, environment)))
        elif isinstance(event, TestCreated):
            test = event.test
            configuration = dump_configuration(test.configuration)
            row = (session, test.id, test.key, configuration, test.lane, event.at_s)
            db.execute(_INSERT_TEST, row)
        elif isinstance(event, TestEnded):
            self._write_outcome(db, event.outcome)
        elif isinstance(event, TestRevised):
            self._revise(db, event.outcome)
        elif isinstance(event, BuildEnded):
            build = event.build
            if build.phase is Phase.COMPILE:
                artifact = dump_artifact(build.artifact)
                took = (build.elapsed_s, build.started_s, build.seat)
                db.execute(_COMPILED, (*took, artifact, session, event.test.id))
            elif build.kind is not OutcomeKind.INTERRUPTED:
                ended_s = build.started_s + build.elapsed_s
                db.execute(_CLEANED, (ended_s, session, event.test.id))
        elif isinstance(event, Note):
            details = dump(dict(event.details))
            text = to_text(event.text)
            db.execute(_INSERT_NOTE, (session, event.at_s, event.level, text, details))

    def _write_outcome(self, db: sqlite3.Connection, outcome: Outcome) -> None:
        values = (
            outcome.kind.value,
            outcome.score,
            to_text(outcome.reason),
            dump_evidence(outcome.evidence),
            outcome.ended_s,
            outcome.lane,
            outcome.reused_from,
            dump_artifact(outcome.artifact),
            outcome.copy_of,
            self._session,
            outcome.test_id,
        )
        db.execute(_END_TEST, values)
        if outcome.reused_from is not None or outcome.copy_of is not None:
            self._copy_runs(db, outcome)

    def _revise(self, db: sqlite3.Connection, outcome: Outcome) -> None:
        reason = to_text(outcome.reason)
        found = (outcome.kind.value, outcome.score, reason, self._session, outcome.test_id)
        db.execute(_REVISE_TEST, found)
        if outcome.copy_of is not None:
            self._copy_runs(db, outcome)

    def _copy_runs(self, db: sqlite3.Connection, outcome: Outcome) -> None:
        for run in outcome.runs:
            db.execute(_INSERT_RUN, (self._session, *run_values(outcome.test_id, run, {})))

    def end(self, state: str, ended_s: float, summary: Mapping[str, Any]) -> None:
        """Note how the session ended (`complete`, `interrupted` or `failed`), and let go of it."""
        with self._transaction("cannot end the session") as db:
            db.execute("UPDATE sessions SET state = ? WHERE id = ?", (state, self._session))
            # What was complete, and only looked at since, keeps what it said then.
            if self._written or not (self._was_complete and state == "complete"):
                query = "UPDATE sessions SET ended_s = ?, summary = ? WHERE id = ?"
                db.execute(query, (ended_s, dump(dict(summary)), self._session))
        self._claim.release()


def open_journal(path: Path, *, create: bool = True) -> SqliteJournal:
    """The journal at `path`.

    Raises:
        StoreError: it cannot be opened, or (without `create`) is not there.
    """
    return SqliteJournal(path, connect(path, create=create))


def _as_recorded(outcome: Outcome, session: int) -> Outcome:
    """The outcome, marked as taken from `session`."""
    return replace(outcome, reused_from=session)
