"""A session's runs by columns, some rows at a time: a million of them fit in little memory."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.configuration import Value, format_value
from harness.model import SessionInfo
from harness.store.schema import connect, translated
from harness.store.sessions import find_session, read_info

_ROWS = 65_536

_COLUMNS: tuple[tuple[str, type, str], ...] = (
    ("test", int, "t.id"),
    ("lane", str, "t.lane"),
    ("outcome", str, "t.outcome"),
    ("score", float, "t.score"),
    ("reason", str, "t.reason"),
    ("compile_s", float, "t.compile_s"),
    ("compile_started_s", float, "t.compile_started_s"),
    ("compile_seat", str, "t.compile_seat"),
    ("ended_s", float, "t.ended_s"),
    ("reused_from", int, "t.reused_from"),
    ("run", int, "r.run"),
    ("run_lane", str, "r.lane"),
    ("device_uuid", str, "r.device_uuid"),
    ("kind", str, "r.kind"),
    ("sample", float, "r.sample"),
    ("started_s", float, "r.started_s"),
    ("elapsed_s", float, "r.elapsed_s"),
    ("user_s", float, "r.user_s"),
    ("system_s", float, "r.system_s"),
    ("max_rss_bytes", int, "r.max_rss_bytes"),
    ("involuntary_switches", int, "r.involuntary_switches"),
    ("exit_code", int, "r.exit_code"),
    ("signal", int, "r.signal"),
)
_QUERY = (
    f"SELECT {', '.join(expression for _, _, expression in _COLUMNS)} FROM tests t "
    "LEFT JOIN runs r ON r.session = t.session AND r.test = t.id "
    "WHERE t.session = ? AND t.outcome IS NOT NULL ORDER BY t.id, r.run"
)


@dataclass(frozen=True, slots=True)
class RunColumns:
    """A row for each run, and one for each test without runs.

    Attributes:
        types: of each column; every value is of it, or None.
        batches: the rows, by columns.
    """

    info: SessionInfo
    types: Mapping[str, type]
    batches: Iterator[Mapping[str, Sequence[Any]]]


def open_columns(path: Path, which: str = "last") -> RunColumns:
    """The runs of a session, to be read once, in order.

    Args:
        which: its id, `last`, or the name of a config (its latest session).

    Raises:
        StoreError: no such journal or session; or, while reading, the journal cannot be read.
    """
    with closing(connect(path, create=False)) as db, translated(path, "cannot read the session"):
        session = find_session(db, path, which)
        info = read_info(db, path, session)
        parameters = _read_parameters(db, session, info.parameters)
    types: dict[str, type] = {name: kind for name, kind, _ in _COLUMNS}
    names = {name: f"parameter_{name}" if name in types else name for name in info.parameters}
    for name, found in zip(info.parameters, parameters.types, strict=True):
        types[names[name]] = found
    return RunColumns(info, types, _read_batches(path, session, parameters, list(names.values())))


@dataclass(frozen=True, slots=True)
class _Parameters:
    """What each test has of each parameter, as values of one type for each."""

    types: tuple[type, ...]
    by_test: Mapping[int, tuple[Value, ...]]


def _read_parameters(db: sqlite3.Connection, session: int, names: Sequence[str]) -> _Parameters:
    query = "SELECT id, configuration FROM tests WHERE session = ? AND outcome IS NOT NULL"
    by_test: dict[int, tuple[Value, ...]] = {}
    kinds: list[set[type]] = [set() for _ in names]
    with _not_collecting():
        for number, text in db.execute(query, (session,)):
            by_test[number] = values = tuple(msgspec.json.decode(text).values())
            for seen, value in zip(kinds, values, strict=True):
                seen.add(type(value))
    types = tuple(map(_common, kinds))
    mixed = [place for place, seen in enumerate(kinds) if len(seen) > 1]
    if mixed:
        for number, values in by_test.items():
            changed = list(values)
            for place in mixed:
                value = changed[place]
                changed[place] = format_value(value) if types[place] is str else float(value)
            by_test[number] = tuple(changed)
    return _Parameters(types, by_test)


def _common(kinds: set[type]) -> type:
    """The type that holds all: their own, float for numbers, else text."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return float if kinds == {int, float} else str


def _read_batches(
    path: Path, session: int, parameters: _Parameters, names: Sequence[str]
) -> Iterator[Mapping[str, Sequence[Any]]]:
    with closing(connect(path, create=False)) as db, translated(path, "cannot read the session"):
        cursor = db.execute(_QUERY, (session,))
        while batch := _read_batch(cursor, parameters, names):
            yield batch


def _read_batch(
    cursor: sqlite3.Cursor, parameters: _Parameters, names: Sequence[str]
) -> dict[str, Sequence[Any]]:
    """The next rows by columns; empty when there are no more."""
    with _not_collecting():
        columns = list(zip(*cursor.fetchmany(_ROWS), strict=True))
        if not columns:
            return {}
        batch: dict[str, Sequence[Any]] = {
            name: column for (name, _, _), column in zip(_COLUMNS, columns, strict=True)
        }
        values = zip(*(parameters.by_test[number] for number in columns[0]), strict=True)
        batch.update(zip(names, values, strict=True))
        return batch


@contextmanager
def _not_collecting() -> Iterator[None]:
    """No search for garbage in cycles: rows have none, and it takes a quarter of their time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
