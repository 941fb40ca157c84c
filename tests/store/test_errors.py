"""Every way in which the file can refuse, as a StoreError that says what to do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.mounts import SHARED, UNRELIABLE, find_file_system
from harness.store.journal import open_journal
from harness.store.schema import SCHEMA_VERSION, connect, translated
from harness.store.sessions import list_sessions, load_session
from tests.store.helpers import make_start, make_test, whole_test


def test_no_journal_to_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no journal"):
        open_journal(tmp_path / "journal.sqlite", create=False)
    assert list(tmp_path.iterdir()) == []


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"TestNo,N,Score_1\n" * 100)
    with pytest.raises(StoreError, match=r"not a database.*move the file away"):
        open_journal(path)


def test_the_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url)")
        db.commit()
    with pytest.raises(StoreError, match=r"no journal.*bookmarks.*output\.journal"):
        open_journal(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_damaged_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.begin(make_start(), fresh=False)
        for number in range(1, 200):
            journal.record(whole_test(make_test(number)))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"malformed.*move the file away"):
        load_session(path)


def test_a_newer_schema(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    open_journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError) as caught:
        open_journal(path)
    message = str(caught.value)
    assert f"schema {SCHEMA_VERSION + 1}" in message
    assert f"knows {SCHEMA_VERSION}" in message
    assert "upgrade" in message


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"unable to open.*output\.journal"):
        open_journal(tmp_path)


def test_a_file_where_its_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make this folder: .*set output\.journal"):
        open_journal(tmp_path / "file" / "journal.sqlite")


def test_a_full_disk_loses_nothing_and_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.begin(make_start(), fresh=False)
        journal.record(whole_test(make_test(1)))
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        events = [event for number in range(2, 500) for event in whole_test(make_test(number))]
        with pytest.raises(StoreError, match=r"full.*make room"):
            journal.record(events)
        journal._db.execute(f"PRAGMA max_page_count = {pages + 10_000}")
        journal.record(whole_test(make_test(500)))
    assert [outcome.test_id for outcome in load_session(path).outcomes] == [1, 500]


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.sqlite") as journal:
        journal._db.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match=r"readonly.*can be written"):
            journal.begin(make_start(), fresh=False)


def test_a_journal_that_another_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal, closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal._db.execute("PRAGMA busy_timeout = 1")
        with pytest.raises(StoreError, match=r"locked.*another process"):
            journal.begin(make_start(), fresh=False)
        other.execute("ROLLBACK")
        journal.begin(make_start(), fresh=False)


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.DatabaseError("file is encrypted"),
        sqlite3.IntegrityError("NOT NULL constraint failed: runs.kind"),
        sqlite3.ProgrammingError("Cannot operate on a closed database."),
        sqlite3.InterfaceError("bad parameter or other API misuse"),
    ],
)
def test_whatever_sqlite_raises_is_a_store_error(error: sqlite3.Error) -> None:
    with (
        pytest.raises(StoreError, match="cannot record") as caught,
        translated(Path("journal.sqlite"), "cannot record"),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_no_such_session(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    open_journal(path).close()
    assert list_sessions(path) == []
    for which in ("last", "7", "matrix"):
        with pytest.raises(StoreError, match="holds no session yet"):
            load_session(path, which)
    with open_journal(path) as journal:
        journal.begin(make_start(), fresh=False)
    for which in ("7", "1" * 30, "none"):
        with pytest.raises(StoreError, match=f"no session '{which}'"):
            load_session(path, which)


MOUNTS = """\
proc /proc proc rw 0 0
/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/ada/local xfs rw 0 0
//nas/my\\040share /mnt/my\\040share cifs rw 0 0
tmpfs /homely tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/project/journal.sqlite", "ext4"),
        ("/home/ada/project/journal.sqlite", "nfs4"),
        ("/home/ada/local/journal.sqlite", "xfs"),
        ("/mnt/my share/journal.sqlite", "cifs"),
        ("/homely/journal.sqlite", "tmpfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(
    tmp_path: Path, path: str, expected: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert find_file_system(Path(path), mounts) == expected


def test_a_file_system_that_cannot_be_told_is_no_obstacle(tmp_path: Path) -> None:
    assert find_file_system(tmp_path / "journal.sqlite", tmp_path / "no mounts") == ""
    connect(tmp_path / "journal.sqlite", mounts=tmp_path / "no mounts").close()


def mount(tmp_path: Path, kind: str) -> Path:
    """A table of mounts by which everything is on one file system."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/home / {kind} rw 0 0\n")
    return mounts


@pytest.mark.parametrize("kind", sorted(UNRELIABLE))
def test_file_systems_without_reliable_locks_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(StoreError, match=rf"{kind} file system.*local disk"):
        connect(tmp_path / "project" / "journal.sqlite", mounts=mount(tmp_path, kind))
    assert not (tmp_path / "project").exists()


def ask(db: sqlite3.Connection, pragma: str) -> Any:
    return db.execute(f"PRAGMA {pragma}").fetchone()[0]


@pytest.mark.parametrize("kind", [*sorted(SHARED), "fuse", "fuse.gcsfuse"])
def test_where_machines_share_a_file_system_there_is_no_write_ahead_log(
    tmp_path: Path, kind: str
) -> None:
    path, mounts = tmp_path / "project" / "journal.sqlite", mount(tmp_path, kind)
    with closing(connect(path, mounts=mounts)) as db, closing(connect(path, mounts=mounts)) as two:
        assert (ask(db, "journal_mode"), ask(db, "synchronous")) == ("delete", 3)
        db.execute("INSERT INTO notes VALUES (1, 0.0, 'info', 'one', '')")
        two.execute("INSERT INTO notes VALUES (1, 0.0, 'info', 'two', '')")
        assert db.execute("SELECT COUNT(*) FROM notes").fetchone() == (2,)
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "journal.sqlite",
        "journal.sqlite-claims",
    ]


@pytest.mark.parametrize("kind", ["ext4", "fuseblk", "fuse.overlayfs", "virtiofs", "tmpfs"])
def test_disks_of_one_machine_have_a_write_ahead_log(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(connect(path, mounts=mount(tmp_path, kind))) as db:
        assert (ask(db, "journal_mode"), ask(db, "synchronous")) == ("wal", 2)


def test_a_journal_that_is_moved_there_goes_on_without_its_log(tmp_path: Path) -> None:
    path, mounts = tmp_path / "journal.sqlite", mount(tmp_path, "nfs4")
    with closing(connect(path)) as db:
        assert (ask(db, "journal_mode"), ask(db, "synchronous")) == ("wal", 2)
        db.execute("INSERT INTO notes VALUES (1, 0.0, 'info', 'kept', '')")
        for name in ("journal.sqlite", "journal.sqlite-wal"):  # as it is, its last words in the log
            (tmp_path / "moved").mkdir(exist_ok=True)
            (tmp_path / "moved" / name).write_bytes((tmp_path / name).read_bytes())
    moved = tmp_path / "moved" / "journal.sqlite"
    with (
        closing(connect(moved, mounts=mounts)) as db,
        closing(connect(moved, mounts=mounts)) as two,
    ):
        assert (ask(db, "journal_mode"), ask(two, "journal_mode")) == ("delete", "delete")
        assert two.execute("SELECT text FROM notes").fetchall() == [("kept",)]
        two.execute("INSERT INTO notes VALUES (1, 0.0, 'info', 'more', '')")
        assert db.execute("SELECT COUNT(*) FROM notes").fetchone() == (2,)
