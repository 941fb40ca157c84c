from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.helpers import write_kernel_tuner, write_t4

from .helpers import VIRTUAL, Cli


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
    assert first.out.endswith("journal: .harness/journal.sqlite\n")
    again = cli("import", *files, "--json")
    assert {found["journal"] for found in again.json} == {str(tmp_path / ".harness/journal.sqlite")}
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


def test_a_log_that_does_not_say_what_its_scores_are_is_warned_of(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("TestNo,A,Score_1,Score_Overall\n1,2,3.0,3.0\n2,4,9.0,9.0\n")
    assert "warning: the log does not say what its scores are" in cli("import", path).out
    scaled = cli("import", path, "--optimal", "max", "--unit", "GB/s").out
    assert "best: 9 GB/s (n=1) with A=4" in scaled
    assert "does not say what" not in scaled


def test_options_that_make_no_sense_are_refused(cli: Cli, tmp_path: Path) -> None:
    path = write_t4(tmp_path / "a.t4.json")
    assert cli("import", path, "--unit", "GB/s").code == 2
    assert cli("import", path, "--optimal", "max").code == 2
    assert cli("import", tmp_path / "gone.json").code == 2
    assert cli("import").code == 2


def test_an_export_of_a_session_is_imported_too(cli: Cli, tmp_path: Path) -> None:
    cli("import", write_kernel_tuner(tmp_path / "b.json"))
    cli("export", "--format", "json", "-o", tmp_path / "session.json")
    ended = cli("import", tmp_path / "session.json")
    assert ended.code == 0, ended.err
    assert "imported from session.json (JSON export)" in ended.out
    compared = cli("compare", "1", "2", "--json").json
    assert {row["ratio"] for row in compared["configurations"]} == {1.0}


def test_lanes_that_are_left_out_are_told(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "virtual.toml"
    config.write_text(VIRTUAL)
    replicate = ("--distribution", "replicate", "--budget", "2", "--strategy", "random")
    assert cli("tune", config, *replicate, "--parallel", "2", "--progress", "none").code == 0
    cli("export", "--format", "json", "-o", tmp_path / "session.json")
    ended = cli("import", tmp_path / "session.json")
    assert ", 2 tests, imported from session.json (JSON export, simulated)" in ended.out
    assert "warning: 2 results of" in ended.out
    assert "of other lanes than the first" in ended.out


def test_results_that_are_there_twice_are_warned_of(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("TestNo,A,Score_1,Score_Overall\n1,1,5,5\n2,1,4,4\n")
    assert "warning: 1 result of" in cli("import", log).out
    assert "1 result of" in cli("show").out
    assert "warning: 1 result of" in cli("compare", log, "last").out


def test_messages_name_a_file_as_it_was_given_and_the_journal_its_whole_path(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("TestNo,A,Score_1,Score_Overall\n1,1,5\n")
    wrong = "error: bad.csv: row 2: 3 cells; expected 4, as the header has\n"
    (tmp_path / "tune.toml").write_text(
        'backend = "replay"\nreplay = { file = "bad.csv" }\nparameters = { A = [1] }\n'
        'command = { test = "true %A%" }\n'
    )
    for words in (("import", "bad.csv"), ("tune", "--replay", "bad.csv"), ("tune", "tune.toml")):
        assert cli(*words).err.endswith(wrong), words
    (tmp_path / "log.csv").write_text("TestNo,A,Score_1,Score_Overall\n1,1,5,5\n2,1,4,4\n")
    assert "warning: 1 result of log.csv left out" in cli("import", "log.csv").out
    told = cli("show", "--json").json
    assert told["recording"] == told["config"] == str(tmp_path / "log.csv")


def test_files_that_hold_no_results_are_refused_alike(cli: Cli, tmp_path: Path) -> None:
    cli("import", write_t4(tmp_path / "a.t4.json"))
    for name, content in (("x.csv", b"a,b\n"), ("y.json", b""), ("z", b"\0\1"), ("w.gz", b"?")):
        path = tmp_path / name
        path.write_bytes(content)
        for command in (("import", path), ("compare", path, "1")):
            ended = cli(*command)
            assert ended.code == 2
            assert ended.err.startswith(f"error: {path}: ")
            assert "; give T4, a Kernel Tuner cache" in ended.err
    assert "which is a file: `harness import`" in cli("show", tmp_path / "x.csv").err


def test_an_empty_file_is_no_journal_and_does_not_become_one(cli: Cli, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert "an empty file is no journal" in cli("show", "--journal", empty).err
    assert empty.stat().st_size == 0
