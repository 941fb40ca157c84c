"""The tables of the journal, and opening its file.

    sessions  one tuning of one config; `reuse_from` is the least id of a session whose results it
              may reuse; `spec`, `parameters`, `environment` and `summary` are JSON, and so are
              `premises` (what its results rest on) and `outputs` (the files written at its end)
    lanes     a lane of a session; `device` and `environment` are JSON, and what a test's
              CUDA_VISIBLE_DEVICES was is in the latter
    tests     a test; `outcome` is null until it has one, `score` is in the session's unit;
              `compile_started_s` is null where it was not compiled, as when it was reused;
              `cleaned_s` is null until its clean command ended; `artifact` is JSON: the binary of a
              kernel; `copy_of` the test of the same session whose measurement it shares
    runs      one timed execution; `sample` is in the session's unit; `environment` is empty where
              it is that of the lane; `measurement` is JSON: what was measured of a kernel, with
              every sample in order
    notes     something the user should know

Times are seconds, instants Unix time (or virtual time from 0), memory is bytes.
`PRAGMA user_version` holds the version of this schema. Journals of an older version are brought up
to date when they are opened; what they lack is null.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StoreError
from harness.mounts import UNRELIABLE, find_file_system, find_shared
from harness.store.claims import making

SCHEMA_VERSION = 3

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, config_path TEXT NOT NULL, spec_key TEXT NOT NULL,
    spec TEXT NOT NULL, goal TEXT NOT NULL, unit TEXT NOT NULL, repeat INTEGER NOT NULL,
    aggregate TEXT NOT NULL, parameters TEXT NOT NULL, simulated INTEGER NOT NULL,
    harness_version TEXT NOT NULL, environment TEXT NOT NULL, distribution TEXT NOT NULL,
    strategy TEXT NOT NULL, started_s REAL NOT NULL, ended_s REAL, state TEXT NOT NULL,
    invocations INTEGER NOT NULL DEFAULT 1, reuse_from INTEGER NOT NULL DEFAULT 0, summary TEXT,
    premises TEXT, outputs TEXT);
CREATE INDEX IF NOT EXISTS sessions_by_key ON sessions (spec_key);
CREATE TABLE IF NOT EXISTS lanes (
    session INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, device TEXT NOT NULL,
    environment TEXT NOT NULL, PRIMARY KEY (session, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tests (
    session INTEGER NOT NULL, id INTEGER NOT NULL, key TEXT NOT NULL, configuration TEXT NOT NULL,
    lane TEXT NOT NULL, created_s REAL NOT NULL, compile_s REAL, compile_seat TEXT,
    outcome TEXT, score REAL, reason TEXT, evidence TEXT, ended_s REAL, reused_from INTEGER,
    cleaned_s REAL, artifact TEXT, copy_of INTEGER, compile_started_s REAL,
    PRIMARY KEY (session, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tests_by_key ON tests (key) WHERE outcome IS NOT NULL;
CREATE TABLE IF NOT EXISTS runs (
    session INTEGER NOT NULL, test INTEGER NOT NULL, run INTEGER NOT NULL, kind TEXT NOT NULL,
    sample REAL, lane TEXT NOT NULL, device_uuid TEXT NOT NULL, started_s REAL NOT NULL,
    elapsed_s REAL NOT NULL, user_s REAL NOT NULL, system_s REAL NOT NULL,
    max_rss_bytes INTEGER NOT NULL, involuntary_switches INTEGER NOT NULL, exit_code INTEGER,
    signal INTEGER, reason TEXT NOT NULL, stdout TEXT NOT NULL, stderr TEXT NOT NULL,
    environment TEXT NOT NULL, evidence TEXT, measurement TEXT,
    PRIMARY KEY (session, test, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (
    session INTEGER NOT NULL, at_s REAL NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL,
    details TEXT NOT NULL);
"""

_ADDED = {
    1: (
        ("tests", "cleaned_s", "REAL"),
        ("tests", "artifact", "TEXT"),
        ("tests", "copy_of", "INTEGER"),
        ("runs", "measurement", "TEXT"),
    ),
    2: (
        ("sessions", "premises", "TEXT"),
        ("sessions", "outputs", "TEXT"),
        ("tests", "compile_started_s", "REAL"),
    ),
}
"""Columns that a journal of a version lacks of the next: table, name, type."""


@contextmanager
def translated(path: Path, doing: str) -> Iterator[None]:
    """Turn what SQLite raises into a StoreError that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {doing}: {error}; {_remedy(str(error))}") from error


def _remedy(text: str) -> str:
    if "locked" in text or "busy" in text:
        return "another process holds the journal for long; see who has it open, and try again"
    if "full" in text:
        return "make room on the disk; what was recorded before is safe"
    if "readonly" in text or "unable to open" in text:
        return "check that the file and its folder can be written, or set output.journal"
    if "not a database" in text or "malformed" in text:
        return "move the file away and start a new journal, or set output.journal to another file"
    return "see whether the disk is sound; what was recorded before is safe"


def has_journal(path: Path) -> bool:
    """Whether there is a journal to read; an empty file is left as it is."""
    return path.is_file() and path.stat().st_size > 0


def connect(path: Path, *, create: bool = True, mounts: Path | None = None) -> sqlite3.Connection:
    """Open the journal at `path`, making it if need be.

    It has a write-ahead log, except on file systems that machines may share.

    Raises:
        StoreError: it is where locks cannot be relied on, is no journal, or is of a newer version.
    """
    if not create and not has_journal(path):
        what = "an empty file is no journal" if path.is_file() else "there is no journal"
        raise StoreError(
            f"{path}: {what}; run this in the project's folder, or name it with --journal"
        )
    kind, shared = find_file_system(path, mounts), find_shared(path, mounts)
    if kind in UNRELIABLE:
        raise StoreError(
            f"{path}: this is on a {kind} file system, where SQLite's locks cannot be relied on; "
            "set output.journal to a file on a local disk"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path.parent}: cannot make this folder: {error.strerror}; let it be made, or set "
            "output.journal to a file in another one"
        ) from error
    with translated(path, "cannot open the journal"):
        # Autocommit: every transaction is begun and committed by name. The engine's thread is the
        # only one that uses the connection, but it may not be the one that opened it.
        db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            if shared and _has_log(path):
                with making(path):
                    _end_log(db, path)
            if _check(db, path) < SCHEMA_VERSION:
                with making(path):  # SQLite does not wait where two turn to WAL at once
                    if not shared:
                        db.execute("PRAGMA journal_mode = WAL")
                    version = _check(db, path)
                    if version == 0:
                        _make_tables(db)
                    else:
                        _upgrade(db, version)
            # Without a log, a commit is the end of a file, of which the folder must know as well.
            db.execute(f"PRAGMA synchronous = {'EXTRA' if shared else 'FULL'}")
        except BaseException:
            db.close()
            raise
    return db


def _has_log(path: Path) -> bool:
    """Whether it has a write-ahead log, which is told before SQLite looks for it."""
    try:
        with path.open("rb") as file:
            return file.read(20)[18:] == b"\x02\x02"
    except OSError:
        return False


def _end_log(db: sqlite3.Connection, path: Path) -> None:
    """Go on without the write-ahead log: alone, so without the memory that it would share."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    _check(db, path)
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("PRAGMA locking_mode = NORMAL")
    db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()  # lets go of the lock


def _check(db: sqlite3.Connection, path: Path) -> int:
    """The schema's version; 0 if the file is empty. Refuses what this harness must not touch."""
    db.execute("BEGIN")  # version and tables of one moment: another process may be making them
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    db.execute("COMMIT")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: written by a newer harness (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade gpu-harness, or set output.journal to another file"
        )
    if version == 0 and tables:
        raise StoreError(
            f"{path}: this is no journal but a database of another program (it has a table "
            f"{tables[0]}); set output.journal to another file"
        )
    return version


def _make_tables(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in _TABLES.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    db.execute("COMMIT")


def _upgrade(db: sqlite3.Connection, version: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    for old in range(version, SCHEMA_VERSION):
        for table, name, kind in _ADDED[old]:
            known = {column[1] for column in db.execute(f"PRAGMA table_info({table})")}
            if name not in known:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    db.execute("COMMIT")
