"""What the same command measures again: what could end otherwise, and nothing else."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.config.spec import default_journal
from harness.device.locks import hold_devices

from .helpers import SLEEPERS, VIRTUAL, Cli

ONE = 'backend = "none"\n[parameters]\nA = [1]\n[scoring]\noptimal = "min"\n[command]\n'

LARGE = """
backend = "mock"
mock = { time = "virtual", run_s = 1.0 }
[parameters]
A = [1, 2, 3, 4, 5, 6, 7, 8]
B = [1, 2, 3, 4, 5, 6, 7, 8]
[command]
test = "run %A% %B%"
"""


def test_a_longer_limit_is_another_chance(cli: Cli, config: Path) -> None:
    config.write_text(ONE + 'test = "sleep 0.3; echo %A%"\ntimeout_s = { test = 0.1 }\n')
    assert cli("tune", config, "--json").json["outcomes"] == {"timeout": 1}
    config.write_text(config.read_text().replace("test = 0.1", "test = 60"))
    assert cli("tune", config, "--json").json["outcomes"] == {"ok": 1}


def test_looking_again_at_a_complete_session_changes_nothing(cli: Cli, config: Path) -> None:
    output = (
        '[output]\nlog = "out/log.csv"\nscript = "out/log.txt"\nimportance = "out/around.csv"\n'
    )
    config.write_text(ONE.replace("[1]", "[1, 2]") + 'test = "echo %A%"\n' + output)
    cli("tune", config)
    files = sorted((config.parent / "out").iterdir())
    for path in files:
        os.utime(path, (1, 1))
    first = _ended(config)
    assert cli("tune", config, "--json").json["measured"] == 0
    assert [path.stat().st_mtime for path in files] == [1, 1, 1]
    assert _ended(config) == first
    files[0].write_text("edited")
    cli("tune", config)
    assert files[0].read_text() != "edited"


def test_a_session_that_went_on_says_how_it_ended_then(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(ONE + 'test = "[ \\"$LUCKY\\" ] && echo %A%"\n')
    cli("tune", config)
    first_s, said = _ended(config)
    assert said["outcomes"] == {"run_failed": 1}
    monkeypatch.setenv("LUCKY", "yes")
    cli("tune", config, "--retry")
    second_s, said = _ended(config)
    assert second_s > first_s
    assert (said["outcomes"], said["measured"]) == ({"ok": 1}, 1)


def _ended(config: Path) -> tuple[float, dict[str, Any]]:
    """When the first session ended, and what it said then."""
    with closing(sqlite3.connect(default_journal(config.parent))) as db:
        ended_s, summary = db.execute("SELECT ended_s, summary FROM sessions").fetchone()
    return ended_s, json.loads(summary)


def test_a_program_that_was_missing_is_tried_again(cli: Cli, config: Path) -> None:
    config.write_text(ONE + 'test = ["./late", "%A%"]\ncompile = "./late %A%"\n')
    assert cli("tune", config, "--json").json["outcomes"] == {"compile_failed": 1}
    program = config.parent / "late"
    program.write_text("#!/bin/sh\necho $1\n")
    program.chmod(0o755)
    made = cli("tune", config, "--json").json
    assert (made["outcomes"], made["tests"]) == ({"ok": 1}, 1)


@pytest.mark.parametrize("compile_line", ['compile = "true"\n', ""])
def test_retry_measures_what_failed(cli: Cli, config: Path, compile_line: str) -> None:
    test = "test = \"[ %A% = 1 ] || [ '$LUCKY' ] || exit 3; echo %A%\"\n"
    config.write_text(ONE.replace("[1]", "[1, 2]") + compile_line + test.replace("'", '\\"'))
    assert cli("tune", config, "--json").json["outcomes"] == {"ok": 1, "run_failed": 1}
    assert cli("tune", config, "--json").json["measured"] == 0
    assert "not measured again: 1 test that failed before; --retry" in cli("tune", config).out
    os.environ["LUCKY"] = "yes"
    try:
        ended = cli("tune", config, "--retry", "--json")
    finally:
        del os.environ["LUCKY"]
    assert "is complete, testing 1 test again: " in ended.err
    made = ended.json
    assert (made["session"], made["tests"], made["measured"]) == (1, 2, 1)
    assert made["outcomes"] == {"ok": 2}


def test_two_sessions_never_share_a_folder_whose_files_are_numbered(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    with hold_devices([], config.parent):
        refused = cli("tune", config)
        assert refused.code == 3
        assert "%%ID%%" in refused.err
        config.write_text(ONE + 'test = "echo %A%"\n')
        assert cli("tune", config).code == 0, "tests without numbers disturb nobody"


def test_output_files_are_neither_the_config_nor_the_journal(cli: Cli, config: Path) -> None:
    for name, what in (("tune.toml", "config"), (".harness/journal.sqlite", "journal")):
        text = SLEEPERS + f'[output]\nlog = "{name}"\n'
        config.write_text(text)
        ended = cli("tune", config)
        assert ended.code == 2
        assert f"this is the {what}" in ended.err
        assert config.read_text() == text


def test_a_file_that_cannot_be_written_hides_no_result(cli: Cli, config: Path) -> None:
    (config.parent / "taken").write_text("")
    config.write_text(SLEEPERS + '[output]\nlog = "taken/log.csv"\n')
    ended = cli("tune", config)
    assert ended.code == 1
    assert "best: 2 points" in ended.out
    assert "cannot write" in ended.out


def test_a_lane_that_was_lost_leaves_a_replicated_session_unfinished(
    cli: Cli, config: Path
) -> None:
    config.write_text(VIRTUAL + 'lost = ["1"]\n')
    ended = cli("tune", config, "--distribution", "replicate")
    assert ended.code == 3
    assert "lane 1 lost its device before its search ended" in ended.out
    assert "variable tree" not in ended.out
    journal = config.parent / ".harness/journal.sqlite"
    assert cli("sessions", "--json", "--journal", journal).json[0]["state"] == "failed"


@pytest.mark.parametrize("strategy", ["genetic", "model", "exhaustive"])
def test_a_complete_search_on_several_lanes_is_only_shown_again(
    cli: Cli, config: Path, strategy: str
) -> None:
    config.write_text(LARGE)
    options = ("--strategy", strategy, "--parallel", "4", "--json")
    first = cli("tune", config, *options, "--budget", "30").json
    again = cli("tune", config, *options, "--budget", "30").json
    assert (first["measured"], again["measured"]) == (30, 0)
    same = ("session", "tests", "outcomes", "best")
    assert [again[name] for name in same] == [first[name] for name in same]
    wider = cli("tune", config, *options, "--budget", "50").json
    assert wider["session"] == first["session"]
    assert (wider["measured"], wider["reused"], wider["tests"]) == (20, 30, 50)
    narrower = cli("tune", config, *options, "--budget", "10").json
    assert (narrower["measured"], narrower["tests"]) == (0, 50)
    assert narrower["best"] == wider["best"]
    shown = cli("tune", config, *options[:-1], "--budget", "10").out
    assert "ended at once: 50 tests are known, and search.max_tests = 10\n" in shown


@pytest.mark.parametrize("strategy", ["genetic", "model", "random"])
@pytest.mark.parametrize("beside", ["importance", "check"])
def test_what_is_tested_beside_the_search_does_not_count(
    cli: Cli, config: Path, strategy: str, beside: str
) -> None:
    """Neither as tests of the budget, nor, once it is wider, as tests of before."""
    text = LARGE.replace("[command]", "C = [1, 2, 3, 4, 5, 6, 7, 8]\n[command]")
    text = text.replace("%B%", "%B% %C%")
    check = beside == "check"
    text += '[space]\ntree = "{A, {B}, {C}}"\n' if check else '[output]\nimportance = "i.csv"\n'
    config.write_text(text)
    options = ("--strategy", strategy, "--parallel", "4", "--json", *["--check-tree"] * check)
    of_search, all_beside = 0, set[int]()
    for budget in (30, 50, 70):
        made = cli("tune", config, *options, "--budget", str(budget)).json
        new = set(made["beside"]) - all_beside
        # what the search asks for is of the search from then on
        of_search += made["measured"] - len(new)
        all_beside |= new
        assert made["tests"] == of_search + len(all_beside)
        assert made["tests"] - len(made["beside"]) == budget
        again = cli("tune", config, *options, "--budget", str(budget)).json
        assert (again["tests"], again["measured"]) == (made["tests"], 0)


SIZED = """
backend = "mock"
mock = { time = "virtual", run_s = 1.0 }
problem = { N = 4096, KIND = "row", SCALE = 0.5 }
[parameters]
A = [1, 2, 3]
[command]
test = "run %A% %N% %KIND% %SCALE%"
"""


def test_each_size_of_the_problem_is_a_session(cli: Cli, config: Path) -> None:
    config.write_text(SIZED)
    sizes = ("--size", "N=8192", "--size", "KIND=col")
    first = cli("tune", config, "--json").json
    other = cli("tune", config, *sizes, "--json").json
    assert (other["session"], other["measured"]) == (2, 3)
    assert cli("tune", config, "--json", "--if-stale").json["session"] == first["session"]
    assert cli("tune", config, *sizes, "--json", "--if-stale").json["up_to_date"]
    shown = cli("show", "2", "--journal", other["journal"])
    assert "\nproblem: N = 8192, KIND = col, SCALE = 0.5\n" in shown.out
    assert cli("check", config, *sizes).out.count("N = 8192 (problem)") == 1
    ended = cli("compare", "1", "2", "--journal", other["journal"])
    assert ended.code == 2
    assert "their problems differ: N=4096 KIND=row SCALE=0.5; and N=8192 KIND=col" in ended.err
    benched = cli("bench", config, *sizes, "--values", "A=1", "--json").json
    assert "8192" in cli("show", benched["session"], "--journal", other["journal"]).out


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("M=3", "--size M=3: expected NAME=VALUE, of N, KIND, SCALE"),
        ("N", "--size N: expected NAME=VALUE"),
        ("N=64K", "--size N=64K: '64K' is no number; write one as in N=4096"),
        ("SCALE=inf", "--size = inf: must be a finite number"),
    ],
)
def test_sizes_that_are_none(cli: Cli, config: Path, size: str, said: str) -> None:
    config.write_text(SIZED)
    ended = cli("tune", config, "--size", size)
    assert ended.code == 2
    assert said in ended.err
