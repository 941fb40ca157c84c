"""`--journal`: every command that reads or writes sessions takes it, and finds the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness

from .helpers import VIRTUAL, Cli

SMALL = ("--budget", "2", "--progress", "none")


@pytest.fixture(autouse=True)
def _config(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(VIRTUAL)
    monkeypatch.chdir(config.parent)


def test_sessions_are_kept_where_the_command_line_says(cli: Cli, tmp_path: Path) -> None:
    there = ("--journal", "new/mine.sqlite")
    made = cli("tune", "tune.toml", *SMALL, *there, "--json").json
    assert made["journal"] == str(tmp_path / "new" / "mine.sqlite")
    assert not (tmp_path / ".harness").exists()
    assert "stale: search.max_tests: 2 is gone" in cli("check", "tune.toml", *there).out
    assert "stale" not in cli("check", "tune.toml").out
    benched = cli("bench", "tune.toml", *there, "--repeat", "2", "--progress", "none", "--json")
    assert benched.json["session"] == 2
    assert [row["id"] for row in cli("sessions", *there, "--json").json] == [2, 1]


def test_a_folder_is_its_journal(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for _ in range(2):
        made = cli("tune", "tune.toml", *SMALL, "--journal", "results", "--json").json
        assert (made["session"], made["journal"]) == (1, str(folder / "journal.sqlite"))
    assert cli("show", "--journal", "results", "--json").json["session"] == 1
    project = tmp_path / "project"
    (project / ".harness").mkdir(parents=True)
    made = cli("tune", "tune.toml", *SMALL, "--journal", "project", "--json").json
    assert made["journal"] == str(project / ".harness" / "journal.sqlite")
    assert cli("show", "--journal", "project", "--json").json["session"] == 1


def test_a_config_that_is_read_says_where_its_sessions_are(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + '[output]\njournal = "mine/sessions.sqlite"\n')
    cli("tune", config, *SMALL)
    shown = cli("show", "tune.toml", "--json")
    assert shown.json["session"] == 1
    assert cli("export", "tune.toml").out.startswith("TestNo,")
    assert cli("history", "tune.toml", "--least", "1", "--json").json[0]["name"] == "virtual"
    other = cli("tune", config, *SMALL, "--journal", "other.sqlite", "--json").json
    assert other["journal"] == str(config.parent / "other.sqlite")
    config.write_text("this is no TOML")
    assert "there is no journal" in cli("show", "tune.toml").err


def test_a_journal_that_is_something_else_is_refused(cli: Cli) -> None:
    ended = cli("tune", "tune.toml", "--journal", "tune.toml")
    assert ended.code == 2
    assert '--journal = "' in ended.err
    assert "this is the config itself; name another" in ended.err
    Path("log.csv").write_text("TestNo,A\n" * 100)
    assert "file is not a database" in cli("tune", "tune.toml", "--journal", "log.csv").err
    assert Path("log.csv").read_text() == "TestNo,A\n" * 100


def test_python_programs_name_it_too(config: Path) -> None:
    result = harness.tune(config, journal="mine.sqlite", max_tests=2)
    assert result.info.journal == str(config.parent / "mine.sqlite")
