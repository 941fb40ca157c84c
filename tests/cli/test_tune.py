from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from .helpers import SLEEPERS, VIRTUAL, Cli


def test_tune_finds_the_best_and_cleans_up(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    ended = cli("tune", config)
    assert ended.code == 0
    assert "best: 2 points (n=2)" in ended.out
    assert "6 tests, 2 failed" in ended.out
    assert "run_failed: exit status 1" in ended.err
    assert not list(config.parent.glob("made_*"))


def test_json_has_the_keys_that_programs_rely_on(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    made = cli("tune", config, "--json").json
    assert {"session", "best", "tests", "failed", "lanes", "simulated", "elapsed_s"} <= set(made)
    assert made["best"]["parameters"]["A"] == 2
    assert (made["best"]["score"], made["best"]["unit"]) == (2.0, "points")
    assert (made["tests"], made["failed"], made["simulated"]) == (6, 2, False)
    assert [lane["name"] for lane in made["lanes"]] == ["0", "1"]


def test_the_same_command_again_measures_nothing(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    first = cli("tune", config, "--json").json
    again = cli("tune", config, "--json").json
    assert again["session"] == first["session"]
    assert (again["tests"], again["measured"], again["reused"]) == (6, 0, 6)
    assert again["best"]["score"] == first["best"]["score"]


def test_fresh_starts_over_and_nothing_older_is_reused_later(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    cli("tune", config)
    ended = cli("tune", config, "--fresh", "--json")
    assert "info: --fresh: the results of 6 tests of earlier sessions are put aside" in ended.err
    fresh = ended.json
    assert (fresh["session"], fresh["measured"]) == (2, 6)
    later = cli("tune", config, "--json").json
    assert (later["session"], later["measured"]) == (2, 0)


def test_a_new_value_tests_only_what_is_new(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    cli("tune", config)
    config.write_text(SLEEPERS.replace("A = [1, 2, 3]", "A = [1, 2, 3, 4]"))
    more = cli("tune", config, "--json").json
    assert (more["session"], more["tests"], more["measured"], more["reused"]) == (2, 8, 2, 6)


def test_a_changed_source_is_measured_again(cli: Cli, config: Path) -> None:
    (config.parent / "score.txt").write_text("7\n")
    config.write_text(
        'backend = "none"\n[parameters]\nA = [1]\n[command]\ntest = "cat score.txt; : %A%"\n'
        '[scoring]\noptimal = "min"\n'
    )
    assert cli("tune", config, "--json").json["best"]["score"] == 7
    (config.parent / "score.txt").write_text("5\n")
    again = cli("tune", config, "--json").json
    assert (again["measured"], again["best"]["score"]) == (1, 5)


def test_files_that_the_config_asks_for(cli: Cli, config: Path) -> None:
    config.write_text(
        SLEEPERS + '[output]\nlog = "out/log.csv"\nscript = "out/script.txt"\n'
        'importance = "out/importance.csv"\n'
    )
    cli("tune", config)
    rows = list(csv.reader((config.parent / "out/log.csv").read_text().splitlines()))
    scale = ["Optimal", "Unit"]
    assert rows[0] == ["TestNo", "A", "B", "Score_1", "Score_2", "Score_Overall", *scale]
    assert rows[1] == ["1", "1", "x", "1.0", "1.0", "1.0", "max", "points"]
    assert rows[5] == ["5", "3", "x", "", "", "", "max", "points"]
    assert "run_failed" in (config.parent / "out/script.txt").read_text()
    table = list(csv.DictReader((config.parent / "out/importance.csv").read_text().splitlines()))
    assert [row["Parameter"] for row in table] == ["A", "A", "A", "B", "B"]
    assert [row["Is_best"] for row in table].count("1") == 2


def test_virtual_time_is_quick_and_says_simulated_everywhere(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + '[output]\nlog = "log.csv"\n')
    ended = cli("tune", config)
    assert ended.code == 0
    assert "simulated: these results come from mock devices" in ended.out
    assert "(simulated)" in ended.err
    assert all("simulated" in line for line in ended.err.splitlines() if line.startswith("test"))
    rows = list(csv.DictReader((config.parent / "log.csv").read_text().splitlines()))
    assert len(rows) == 32
    assert {row["Simulated"] for row in rows} == {"1"}
    assert cli("tune", config, "--json").json["simulated"] is True
    assert (
        "simulated" in cli("sessions", "--journal", config.parent / ".harness/journal.sqlite").out
    )


def test_virtual_results_repeat_exactly(cli: Cli, config: Path, tmp_path: Path) -> None:
    bests = []
    for folder in ("one", "two"):
        config = tmp_path / folder / "tune.toml"
        config.parent.mkdir()
        config.write_text(VIRTUAL)
        bests.append(cli("tune", config, "--json").json["best"])
    assert bests[0] == bests[1]


def test_a_lost_device_is_survived(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + 'lost = ["1"]\n')
    made = cli("tune", config, "--json").json
    assert made["tests"] == 32
    assert any("lane 1: its device was lost" in text for text in made["warnings"])


def test_scripted_failures_are_outcomes(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + "compile_failures = 0.2\nrun_failures = 0.2\nhangs = 0.1\n")
    made = cli("tune", config, "--json").json
    assert made["tests"] == 32
    assert {"compile_failed", "run_failed", "timeout"} & set(made["outcomes"])


def test_replicate_gives_a_best_for_each_lane(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL)
    made = cli("tune", config, "--distribution", "replicate", "--json").json
    assert made["tests"] == 96
    assert set(made["best_by_lane"]) == {"0", "1", "2"}


def test_unlike_devices_are_never_ranked_in_silence(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + 'devices = ["A100", "H100", "T4"]\n')
    made = cli("tune", config, "--json").json
    assert any("unlike" in text for text in made["warnings"])
    replicated = cli("tune", config, "--distribution", "replicate", "--json").json
    assert replicated["warnings"] == []


def test_booleans_have_one_spelling_for_people(cli: Cli, config: Path) -> None:
    """As the config has it; commands get 1 and 0."""
    config.write_text(SLEEPERS.replace('B = ["x", "y"]', "B = [true, false]"))
    shown = [cli("check", config), cli("tune", config, "--progress", "plain")]
    journal = ("--journal", config.parent / ".harness" / "journal.sqlite")
    shown += [cli("show", *journal), cli("space", config, "--list", "--fix", "B=true")]
    assert [ended.code for ended in shown] == [0, 0, 0, 0]
    text = "\n".join(ended.out + ended.err for ended in shown)
    assert "B = true false" in text
    assert "B = true\n" in text
    assert "A=1 B=false" in text
    assert "True" not in text
    assert "B=1" not in text
    for spelling in ("true", "1", "True"):
        assert cli("bench", config, "--values", f"A=1 B={spelling}").code == 0


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_tree_that_is_not_there_is_not_checked(
    cli: Cli, config: Path, more: tuple[str, ...]
) -> None:
    config.write_text(SLEEPERS)
    ended = cli("tune", config, "--check-tree", *more)
    assert ended.code == 2
    assert "(--check-tree): there is no variable tree to check" in ended.err


def test_check_tree_reports_a_wrong_tree(cli: Cli, config: Path) -> None:
    config.write_text(
        'backend = "none"\n[parameters]\nA = [1, 2, 3, 4]\nB = [1, 2, 3, 4]\n'
        '[space]\ntree = "{{A}, {B}}"\n[scoring]\noptimal = "min"\n'
        '[command]\ntest = "echo $(( (%A% - %B% - 2) * (%A% - %B% - 2) + %A% + %B% ))"\n'
    )
    made = cli("tune", config, "--check-tree", "--json").json
    assert made["warnings"], "A and B depend on each other"
    right = config.with_name("right.toml")
    right.write_text(
        config.read_text().replace("(%A% - %B% - 2) * (%A% - %B% - 2) + %A% + %B%", "%A% + %B%")
    )
    assert cli("tune", right, "--check-tree", "--json").json["warnings"] == []


def test_quiet_timing_gets_everything_done(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS + "[compile]\nquiet_timing = true\nworkers = 2\n")
    assert cli("tune", config, "--json").json["tests"] == 6


@pytest.mark.parametrize("distribution", ["pipelined", "pooled", "per-test", "replicate"])
def test_every_distribution_runs_real_commands(cli: Cli, config: Path, distribution: str) -> None:
    config.write_text(SLEEPERS)
    made = cli("tune", config, "--distribution", distribution, "--json").json
    assert made["tests"] == (12 if distribution == "replicate" else 6)
    assert made["best"]["score"] == 2
    assert not list(config.parent.glob("made_*"))


def test_lanes_are_told_apart_in_every_command(cli: Cli, config: Path) -> None:
    config.write_text(
        'backend = "mock"\nparallel = ["left", "right"]\n'
        "[parameters]\nA = [1, 2, 3, 4]\n[command]\n"
        'compile = "echo %%PARALLEL%% %%UUID%% %%DEVICE%% $HARNESS_PARALLEL '
        '$CUDA_VISIBLE_DEVICES > c_%%ID%%"\ntest = "true %A%"\n[mock]\nrun_s = 0.001\n'
    )
    assert cli("tune", config).code == 0
    for path in config.parent.glob("c_*"):
        name, uuid, device, variable, visible = path.read_text().split()
        assert name == variable
        assert uuid == visible
        assert uuid.startswith("MOCK-")
        assert device == {"left": "0", "right": "1"}[name]


def test_nothing_that_succeeds_is_a_failure(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS.replace("test %A% != 3", "false"))
    ended = cli("tune", config)
    assert ended.code == 1
    assert "no test succeeded: 6 run_failed" in ended.out


def test_dry_run_for_programs_says_what_check_says(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    plan = cli("tune", config, "--dry-run", "--json").json
    checked = cli("check", config, "--json").json
    assert {**plan, "stale": checked["stale"]} == checked
    assert cli("tune", config, "--dry-run", "--json", "--budget", "2").json["tests"] == 2


def test_dry_run_does_nothing(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    ended = cli("tune", config, "--dry-run")
    assert ended.code == 0
    assert "first test" in ended.out
    assert [path.name for path in config.parent.iterdir()] == ["tune.toml"]


def test_ten_mistakes_give_ten_messages(cli: Cli) -> None:
    bad = Path(__file__).parents[1] / "config" / "bad" / "ten_mistakes.toml"
    ended = cli("tune", bad)
    assert ended.code == 2
    assert len([line for line in ended.err.splitlines() if line.startswith("error: ")]) == 10
    assert "Traceback" not in ended.err


def test_command_line_values_are_checked_like_the_file(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    assert cli("tune", config, "--parallel", "0").code == 2
    ended = cli("tune", config, "--backend", "cpu", "--parallel", "999")
    assert ended.code == 3
    assert "oversubscribe" in ended.err


def test_missing_files_and_commands_have_hints(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    ended = cli("tune", config.with_name("tun.toml"))
    assert ended.code == 2
    assert "tune.toml" in ended.err
    wrong = cli("tnue", config)
    assert wrong.code == 2
    assert "did you mean `harness tune`?" in wrong.err


def test_the_transcript_of_events_is_json(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    cli("tune", config)
    journal = config.parent / ".harness/journal.sqlite"
    made = json.loads(cli("export", "--format", "json", "--journal", journal).out)
    assert len(made["tests"]) == 6
    assert all(len(test["runs"]) == 2 for test in made["tests"] if test["outcome"] == "ok")
    evidence = next(test for test in made["tests"] if test["outcome"] == "run_failed")["evidence"]
    assert evidence["exit_code"] == 1
    assert "test 3 != 3" in evidence["command"]


def test_values_for_builds_are_written_when_the_session_is_complete(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS + '[[output.emit]]\nformat = "header"\npath = "out/tuned.h"\n')
    made = cli("tune", config, "--json").json
    header = config.parent / "out" / "tuned.h"
    assert made["files"]["header"] == str(header)
    assert "#define A 2" in header.read_text()
    assert cli("tune", config, "--json").json["files"] == made["files"]
    assert f"header (unchanged): {header}" in cli("tune", config).out


def test_sessions_are_exported_for_builds(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + 'devices = ["A100", "H100", "T4"]\n')
    cli("tune", config, "--distribution", "replicate")
    journal = config.parent / ".harness/journal.sqlite"
    made = cli("export", "--format", "values", "--journal", journal).json
    assert [device["architecture"] for device in made["devices"]] == [80, 90, 75]
    assert made["simulated"] is True
    ended = cli("export", "1", "1", "--format", "csv", "--journal", journal)
    assert ended.code == 2
    assert "one by one" in ended.err
