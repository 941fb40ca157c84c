"""`harness tune --if-stale`: tunes what is out of date, and says why; else does next to nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.sessions import list_sessions

from .helpers import SLEEPERS, VIRTUAL, Cli

OUTPUT = """
[output]
log = "log.csv"
script = "script.txt"
importance = "importance.csv"
emit = [{ format = "header", path = "tuned.h" }, { format = "values", path = "tuned.json" }]
"""
FILES = ("log.csv", "script.txt", "importance.csv", "tuned.h", "tuned.json")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "virtual.toml"
    path.write_text(VIRTUAL + OUTPUT)
    return path


def count_sessions(config: Path) -> int:
    return len(list_sessions(config.parent / ".harness" / "journal.sqlite"))


def test_it_tunes_once_and_says_why(cli: Cli, config: Path) -> None:
    first = cli("tune", config, "--if-stale")
    assert first.code == 0
    assert "stale: there is no session of this config yet\n" in first.err
    assert "best: " in first.out
    second = cli("tune", config, "--if-stale")
    assert (second.code, second.err) == (0, "")
    assert second.out.startswith("up to date: session 1, best ")
    assert second.out.endswith(" (simulated)\n")
    assert count_sessions(config) == 1


def test_a_change_is_named_and_tuned(cli: Cli, config: Path) -> None:
    cli("tune", config)
    config.write_text(config.read_text().replace("repeat = 3", "repeat = 4"))
    ended = cli("tune", config, "--if-stale", "--progress", "none")
    assert ended.err == "stale: scoring.repeat: 3 -> 4\n"
    assert "32 tests" in ended.out
    assert count_sessions(config) == 2


def test_files_are_written_again_as_they_were(cli: Cli, config: Path) -> None:
    cli("tune", config)
    folder = config.parent
    before = {name: (folder / name).read_text() for name in FILES}
    for name in FILES:
        (folder / name).unlink()
    ended = cli("tune", config, "--if-stale")
    assert ended.code == 0
    assert sorted(ended.err.splitlines()) == sorted(f"stale: {name} is not there" for name in FILES)
    assert ended.out.startswith("nothing to test; written again from session 1, best ")
    assert {name: (folder / name).read_text() for name in FILES} == before
    (folder / "tuned.h").write_text("#define A 77\n")
    assert "tuned.h is not as session 1 left it" in cli("tune", config, "--if-stale").err
    assert (folder / "tuned.h").read_text() == before["tuned.h"]
    assert cli("tune", config, "--if-stale").out.startswith("up to date")
    assert count_sessions(config) == 1


def test_what_another_session_emitted_is_put_right(cli: Cli, config: Path) -> None:
    """A header of simulated values, made in between, does not stay in the build."""
    cli("tune", config)
    before = (config.parent / "tuned.json").read_text()
    cli("tune", config, "--repeat", "1", "--strategy", "random", "--budget", "1")
    assert (config.parent / "tuned.json").read_text() != before
    ended = cli("tune", config, "--if-stale")
    assert "tuned.json is not as session 1 left it" in ended.err
    assert (config.parent / "tuned.json").read_text() == before


def test_a_smaller_budget_leaves_the_better_header(cli: Cli, config: Path) -> None:
    options = ("--strategy", "random", "--progress", "none")
    cli("tune", config, *options, "--budget", "20")
    before = (config.parent / "tuned.json").read_text()
    ended = cli("tune", config, *options, "--if-stale", "--budget", "1")
    assert ended.out.startswith("up to date: session 1, best ")
    assert (config.parent / "tuned.json").read_text() == before
    assert cli("check", config, "--json").code == 0
    wider = cli("tune", config, *options, "--if-stale", "--budget", "22")
    assert wider.err == "stale: search.max_tests: 20 -> 22\n"


def test_a_bench_is_no_search(cli: Cli, config: Path) -> None:
    """It has the same config, and measured only what it was told to."""
    tuned = cli("tune", config, "--json", "--progress", "none").json
    assert cli("bench", config, "--progress", "none").code == 0
    assert count_sessions(config) == 2
    ended = cli("tune", config, "--if-stale", "--json").json
    assert (ended["up_to_date"], ended["session"]) == (True, 1)
    assert ended["best"] == tuned["best"]
    config.write_text(config.read_text().replace("repeat = 3", "repeat = 5"))
    assert cli("check", config, "--json").json["stale"] == ["scoring.repeat: 3 -> 5"]


def test_json_says_whether_anything_was_done(cli: Cli, config: Path) -> None:
    tuned = cli("tune", config, "--if-stale", "--json", "--progress", "none").json
    assert tuned["up_to_date"] is False
    assert tuned["changes"] == ["there is no session of this config yet"]
    known = cli("tune", config, "--if-stale", "--json").json
    assert (known["up_to_date"], known["changes"]) == (True, [])
    assert known["best"] == tuned["best"]
    assert known["session"] == tuned["session"]
    assert "up_to_date" not in cli("tune", config, "--json", "--progress", "none").json


def test_dry_run_writes_nothing(cli: Cli, config: Path) -> None:
    assert "first test" in cli("tune", config, "--if-stale", "--dry-run").out
    cli("tune", config)
    (config.parent / "tuned.h").unlink()
    ended = cli("tune", config, "--if-stale", "--dry-run")
    assert (ended.code, ended.err) == (0, "stale: tuned.h is not there\n")
    assert not (config.parent / "tuned.h").exists()


def test_check_says_how_the_config_stands(cli: Cli, config: Path) -> None:
    assert "stale" not in cli("check", config).out
    assert cli("check", config, "--json").json["stale"] == [
        "there is no session of this config yet"
    ]
    cli("tune", config)
    assert cli("check", config).out.splitlines()[-1].startswith("up to date: session 1, best ")
    (config.parent / "log.csv").unlink()
    assert cli("check", config).out.splitlines()[-1] == "stale: log.csv is not there"
    assert cli("check", config, "--json").json["stale"] == ["log.csv is not there"]


def test_no_success_is_no_result(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "sleepers.toml"
    config.write_text(SLEEPERS.replace("test %A% != 3 && cat made_%%ID%%", "false"))
    assert cli("tune", config, "--if-stale").code == 1
    again = cli("tune", config, "--if-stale")
    assert again.code == 1
    assert "stale: no test succeeded in session 1\n" in again.err


@pytest.mark.parametrize("option", ["--fresh", "--retry"])
def test_contradictions_are_refused(cli: Cli, config: Path, option: str) -> None:
    ended = cli("tune", config, "--if-stale", option)
    assert ended.code == 2
    assert f"--if-stale and {option}" in ended.err


def test_a_file_that_cannot_be_written_fails(cli: Cli, config: Path) -> None:
    cli("tune", config)
    header = config.parent / "tuned.h"
    header.unlink()
    header.mkdir()
    ended = cli("tune", config, "--if-stale")
    assert ended.code == 1
    assert "cannot write this file" in ended.err
