"""What the journal knows of the sessions that a config had, read without their tests."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.store.rows import SEARCHED, to_text
from harness.store.schema import connect, has_journal, translated
from harness.store.sessions import name_state

Choose = Callable[[Mapping[int, str]], int | None]

_COLUMNS = "id, state, started_s, spec, premises, outputs, summary"


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a session wrote at its end.

    Attributes:
        what: `log`, `script`, `importance`, or the format of the values for a build.
        path: as the config names it.
        prefix: before every parameter's name, as the config says; None: it does not.
        digest: of what it says.
    """

    what: str
    path: str
    prefix: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class PastSession:
    """A session that began before.

    Attributes:
        state: as of `SessionRow`.
        spec: the config's tables when it last began.
        premises: what its results rest on; None: it is of a harness that did not record that.
        outputs: the files that it wrote when it was complete.
        summary: what it said at its end.
    """

    id: int
    state: str
    started_s: float
    spec: Mapping[str, Any]
    premises: Mapping[str, Any] | None
    outputs: tuple[Output, ...]
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Past:
    """A config's sessions, as far as they say whether there is anything to do.

    Attributes:
        same: the complete session that has done already what is asked for.
        complete: the latest complete session whose results may be used.
        latest: the latest of all.
    """

    same: PastSession | None = None
    complete: PastSession | None = None
    latest: PastSession | None = None


def find_past(path: Path, config_path: str, choose: Choose) -> Past:
    """The past of a config; empty if there is no journal at `path`.

    Args:
        choose: among the premises of complete sessions, by their ids, the latest first: which has
            done already what is asked for; None: none has.

    Raises:
        StoreError: the journal cannot be read.
    """
    if not has_journal(path):
        return Past()
    config = to_text(config_path)
    with closing(connect(path, create=False)) as db, translated(path, "cannot read sessions"):

        def find(condition: str, *values: object) -> PastSession | None:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM sessions WHERE config_path = ? AND {SEARCHED} "
                f"AND {condition} "
                "ORDER BY id DESC LIMIT 1",
                (config, *values),
            ).fetchone()
            return None if row is None else _read(path, row)

        # What --fresh put aside is not used again.
        (horizon,) = db.execute(
            "SELECT COALESCE(MAX(reuse_from), 0) FROM sessions WHERE config_path = ?", (config,)
        ).fetchone()
        usable = "state = 'complete' AND id >= ?"
        rows = db.execute(
            "SELECT id, premises FROM sessions WHERE config_path = ? AND premises IS NOT NULL "
            f"AND {SEARCHED} AND {usable} ORDER BY id DESC",
            (config, horizon),
        )
        chosen = choose(dict(rows))
        return Past(
            same=None if chosen is None else find("id = ?", chosen),
            complete=find(usable, horizon),
            latest=find("1"),
        )


def _read(path: Path, row: tuple[Any, ...]) -> PastSession:
    number, state, started_s, spec, premises, outputs, summary = row
    return PastSession(
        id=number,
        state=name_state(path, number, state),
        started_s=started_s,
        spec=json.loads(spec),
        premises=None if premises is None else json.loads(premises),
        outputs=tuple(Output(**output) for output in json.loads(outputs or "[]")),
        summary=json.loads(summary) if summary else {},
    )


def record_outputs(path: Path, session: int, outputs: Sequence[Output]) -> None:
    """Note which files a complete session has written.

    Raises:
        StoreError: the journal cannot be written.
    """
    text = to_text(json.dumps([asdict(output) for output in outputs]))
    with closing(connect(path, create=False)) as db, translated(path, "cannot record outputs"):
        db.execute("UPDATE sessions SET outputs = ? WHERE id = ?", (text, session))


def read_beside(db: sqlite3.Connection, session: int) -> frozenset[int]:
    """The tests that the session made beside its search, as far as it said so when it ended."""
    (text,) = db.execute("SELECT summary FROM sessions WHERE id = ?", (session,)).fetchone()
    return frozenset(json.loads(text or "{}").get("beside", ()))


def count_usable(db: sqlite3.Connection, config_path: str, since: int) -> int:
    """How many tests of a config's sessions, from the session `since` on, may be used again."""
    row = db.execute(
        "SELECT count(*) FROM tests JOIN sessions ON sessions.id = tests.session "
        f"WHERE config_path = ? AND {SEARCHED} AND sessions.id >= ? AND outcome IS NOT NULL "
        "AND outcome <> 'interrupted' AND reused_from IS NULL",
        (to_text(config_path), since),
    ).fetchone()
    found: int = row[0]
    return found


def list_configs(path: Path) -> set[str]:
    """The configs that the journal's sessions tuned; none if there is no journal.

    Raises:
        StoreError: the journal cannot be read.
    """
    if not has_journal(path):
        return set()
    with closing(connect(path, create=False)) as db, translated(path, "cannot read sessions"):
        return {
            config
            for (config,) in db.execute(
                f"SELECT DISTINCT config_path FROM sessions WHERE {SEARCHED}"
            )
        }
