from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.helpers import write_kernel_tuner, write_t4

from .helpers import Cli


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".harness").mkdir()


def test_imports_and_says_so_once(cli: Cli, tmp_path: Path) -> None:
    files = (write_t4(tmp_path / "a.t4.json"), write_kernel_tuner(tmp_path / "b.json"))
    first = cli("import", *files)
    assert first.code == 0
    assert "session 1: a, 6 tests, 2 failed, imported from a.t4.json (T4)" in first.out
    assert "on a device that the file does not name" in first.out
    assert "on Model X; best: 2.00 ms" in first.out
    again = cli("import", *files, "--json")
    assert [found["known"] for found in again.json] == [True, True]
    assert [found["session"] for found in again.json] == [1, 2]
    listed = cli("sessions", "--json").json
    assert {row["kind"] for row in listed} == {"import"}


def test_everything_that_reads_sessions_says_where_it_is_from(cli: Cli, tmp_path: Path) -> None:
    cli("import", write_t4(tmp_path / "a.t4.json"), "--device", "A100", "--name", "mine")
    assert "session 1: mine, complete, imported from" in cli("show").out
    assert cli("show", "--json").json["imported"] is True
    assert cli("export", "--format", "json").json["imported"] is True
    assert "imported from" in cli("export", "--format", "script").out
    assert cli("show", "--importance").code == 0
    assert cli("plot", "--format", "gnuplot").code == 0
    assert cli("export", "--format", "header").code == 0


def test_options_that_make_no_sense_are_refused(cli: Cli, tmp_path: Path) -> None:
    path = write_t4(tmp_path / "a.t4.json")
    assert cli("import", path, "--unit", "GB/s").code == 2
    assert cli("import", path, "--optimal", "max").code == 2
    assert cli("import", tmp_path / "gone.json").code == 2
    assert cli("import").code == 2
