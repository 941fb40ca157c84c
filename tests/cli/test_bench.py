"""`harness bench` and `harness history`, with programs that print what they are told to."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .helpers import VIRTUAL, Cli

CONFIG = """\
name = "printer"
backend = "none"
parallel = 2

[parameters]
A = [1, 2, 3]
B = ["x", "y z"]

[space]
constraints = ["A < 3 or B == 'x'"]

[command]
test = "cat factor.txt; test '%B%' = x && echo %A% || echo 9"

[scoring]
optimal = "min"
unit = "points"

[output]
log = "log.csv"

[search]
max_tests = 5
"""
FEW = ("--repeat", "5", "--progress", "none")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config whose best is A=1 B=x, tuned once."""
    (tmp_path / ".harness").mkdir()
    (tmp_path / "factor.txt").write_text("")
    path = tmp_path / "printer.toml"
    path.write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def tuned(cli: Cli, config: Path) -> Path:
    assert cli("tune", config, "--progress", "none").code == 0
    return config


def slow_down(config: Path) -> None:
    """From now on every score is 50 more."""
    config.write_text(CONFIG.replace("echo %A%", "echo 5%A%"))


def results(cli: Cli, *arguments: str | Path) -> list[tuple[str, int, str]]:
    found = cli("bench", *arguments, *FEW, "--json").json
    return [(r["lane"], r["parameters"]["A"], r["parameters"]["B"]) for r in found["results"]]


def test_the_best_is_measured_on_every_lane(cli: Cli, tuned: Path) -> None:
    ended = cli("bench", tuned, "--progress", "none")
    assert ended.code == 0, ended.err
    assert "bench of printer: session 2, complete" in ended.out
    assert [line.split()[0] for line in ended.out.splitlines() if "points" in line] == ["0", "1"]
    assert "1 points ± 0.0 % (n=20)" in ended.out
    assert "measured: the best of session 1; journal: " in ended.out
    shown = cli("show", "--json").json
    assert shown["session"] == 2
    assert "no finals" not in cli("show").out
    assert "no finals" in cli("show", "1").out
    assert {len(top["samples"]) for top in shown["top"]} == {20}
    assert [row["kind"] for row in cli("sessions", "--json").json] == ["bench", "tune"]


def test_each_bench_measures_anew_and_leaves_the_rest_alone(cli: Cli, tuned: Path) -> None:
    log = (tuned.parent / "log.csv").read_text()
    for _ in range(2):
        found = cli("bench", tuned, *FEW, "--json").json
        assert all(len(result["samples"]) == 5 for result in found["results"])
    assert [row["tests"] for row in cli("sessions", "--json").json] == [2, 2, 5]
    assert (tuned.parent / "log.csv").read_text() == log
    again = cli("tune", tuned, "--progress", "none", "--json").json
    assert (again["session"], again["measured"]) == (1, 0), "the search goes on where it was"


def test_a_bench_makes_nothing_stale(cli: Cli, tuned: Path) -> None:
    assert cli("bench", tuned, *FEW).code == 0
    ended = cli("tune", tuned, "--if-stale")
    assert "up to date: session 1" in ended.out


def test_given_values_are_measured(cli: Cli, config: Path) -> None:
    values = ("--values", "A=2 B='y z'", "--values", "B=x A=3")
    assert "measured: what was given; journal: " in cli("bench", config, *values, *FEW).out
    found = results(cli, config, *values)
    assert sorted(found) == [("0", 2, "y z"), ("0", 3, "x"), ("1", 2, "y z"), ("1", 3, "x")]


def test_the_best_few_of_a_session_or_a_file(cli: Cli, tuned: Path) -> None:
    expected = [("0", 1, "x"), ("0", 2, "x"), ("1", 1, "x"), ("1", 2, "x")]
    assert sorted(results(cli, tuned, "--top", "2")) == expected
    for form in ("json", "t4", "csv"):
        path = tuned.parent / f"printer_{form}{'.csv' if form == 'csv' else '.json'}"
        cli("export", "1", "--format", form, "-o", path)
        assert sorted(results(cli, tuned, "--from", path, "--top", "2")) == expected, form


def test_lanes_that_had_other_names_are_no_devices_of_their_own(cli: Cli, config: Path) -> None:
    cli("tune", config, "--parallel", "a,b", "--budget", "3", "--progress", "none")
    config.write_text(CONFIG.replace("max_tests", "seed = 7\nmax_tests"))
    assert cli("tune", config, "--parallel", "1", "--json").json["reused"] == 3
    assert results(cli, config, "--parallel", "1") == [("0", 1, "x")]
    assert len(cli("compare", "1", "2", "--json").json["shared"]) == 3
    ended = cli("history", config)
    assert "not judged" in cli("compare", "1", "2").out
    assert "session 2 is left out: it has its best from session 1" in ended.out


def test_the_first_bench_has_nothing_to_be_compared_with(cli: Cli, config: Path) -> None:
    command = ("bench", config, "--values", "A=1 B=x", "--against", "last", *FEW)
    first = cli(*command)
    assert first.code == 0, first.err
    assert "nothing to compare with yet: this is the first bench" in first.out
    again = cli(*command, "--json")
    assert again.json["comparison"]["first"] == "session 1 (printer)"


def test_a_file_named_like_its_session_is_not_meant(cli: Cli, tuned: Path) -> None:
    assert cli("bench", tuned, *FEW).code == 0
    (tuned.parent / "printer").write_bytes(b"\x7fELF\xff\0")
    assert cli("compare", "printer", "last").code == 0
    assert "printer: best" in cli("history", "printer", "--least", "1").out
    assert "a binary file" in cli("compare", "./printer", "last").err


def test_emitted_values_are_measured(cli: Cli, tuned: Path) -> None:
    path = tuned.parent / "tuned.json"
    cli("export", "--format", "values", "-o", path)
    assert results(cli, tuned, "--from", path, "--parallel", "1") == [("0", 1, "x")]
    path.write_text(json.dumps({"everywhere": {"TUNED_A": 1}, "devices": []}))
    ended = cli("bench", tuned, "--from", path)
    assert ended.code == 2
    assert "TUNED_A; expected those of the config: A, B" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--values", "A=7 B=x"), "A = 7: not a value of the config; use one of 1, 2, 3"),
        (("--values", "A=1"), "B missing; give a value of each parameter: A, B"),
        (("--values", "A=1 B=x C=2"), "C is no parameter"),
        (("--values", "A=1 B"), "'B': write NAME=VALUE"),
        (("--values", "A=1 B='x"), "close the quotes"),
        (("--values", "A=3 B='y z'"), "a constraint does not hold"),
        (("--values", "A=1 B=x", "--from", "1"), "--values and --from"),
        ((), "nothing was tuned on real devices yet"),
        (("--from", "gone.json"), "gone.json"),
    ],
)
def test_what_cannot_be_measured_is_said_before(
    cli: Cli, config: Path, arguments: tuple[str, ...], message: str
) -> None:
    ended = cli("bench", config, *arguments, "--progress", "none")
    assert ended.code == 2, ended.err
    assert message in ended.err


def test_files_for_builds_are_those_of_a_search(cli: Cli, tuned: Path) -> None:
    assert cli("bench", tuned, "--values", "A=3 B=x", *FEW).code == 0
    assert "A 1" in cli("export", "--format", "header").out
    assert "A 3" in cli("export", "last", "--format", "header").out


def test_a_simulated_search_says_nothing_of_real_devices(cli: Cli, tuned: Path) -> None:
    mock = ("--backend", "mock", "--progress", "none")
    cli("tune", tuned, *mock)
    assert "the best of session 1;" in cli("bench", tuned, *FEW).out
    assert "the best of session 2;" in cli("bench", tuned, *mock).out


def test_a_regression_exits_with_4(cli: Cli, tuned: Path) -> None:
    cli("bench", tuned, *FEW)
    same = cli("bench", tuned, *FEW, "--against", "last")
    assert same.code == 0
    assert "SAME" in same.out
    slow_down(tuned)
    values = ("--values", "A=1 B=x")
    ended = cli("bench", tuned, *values, *FEW, "--against", "last", "--json")
    assert ended.code == 4
    (compared,) = ended.json["comparison"]["configurations"]
    assert (compared["verdict"], compared["parameters"]) == ("SLOWER", {"A": 1, "B": "x"})
    assert cli("bench", tuned, *values, *FEW, "--against", "2").code == 4
    assert cli("bench", tuned, *values, *FEW, "--against", "last").code == 0


def test_another_configuration_is_no_regression(cli: Cli, tuned: Path) -> None:
    first = ("--values", "A=1 B=x", "--values", "A=2 B=x")
    cli("bench", tuned, *first, *FEW)
    slower = ("--values", "A=2 B=x", "--values", "A=3 B=x")
    ended = cli("bench", tuned, *slower, *FEW, "--against", "last")
    assert ended.code == 0, ended.err
    assert "1 configuration in both: 1 SAME" in ended.out
    assert "  SAME     1.000 x [1.000, 1.000]  A=2 B=x  (n=10, 10)\n" in ended.out
    assert "only in session 2 (printer): A=1 B=x\n" in ended.out
    assert "only in session 3: A=3 B=x\n" in ended.out
    assert cli("compare", "2", "3").code == 0
    found = cli("compare", "2", "3", "--json").json
    assert found["only_in_first"] == [{"parameters": {"A": 1, "B": "x"}}]
    assert found["only_in_second"] == [{"parameters": {"A": 3, "B": "x"}}]
    assert found["bests"] == []


def test_nothing_in_common_is_said_after_what_was_measured(cli: Cli, tuned: Path) -> None:
    cli("bench", tuned, "--values", "A=1 B=x", *FEW)
    other = ("bench", tuned, "--values", "A=2 B=x", *FEW, "--against", "last")
    ended = cli(*other)
    assert ended.code == 2
    assert "2 points" in ended.out
    assert "nothing to compare: no configuration" in ended.err
    assert "session 2 (printer) has A=1 B=x; session 3 has A=2 B=x; `harness bench`" in ended.err
    # It was recorded: from now on there is something to compare with.
    assert cli(*other).code == 0
    assert cli("compare", "2", "3").code == 2
    # Programs get one object, which has both.
    told = cli("bench", tuned, "--values", "A=3 B=x", *FEW, "--against", "last", "--json")
    assert (told.code, told.json["comparison"]) == (2, None)
    assert told.json["refused"].startswith("nothing to compare: no configuration")
    assert {result["score"] for result in told.json["results"]} == {3.0}
    # Searches are compared by the best that each found, whatever they share.
    assert cli("compare", "1", "1").code == 0


def test_what_fails_exits_with_1(cli: Cli, tuned: Path) -> None:
    tuned.write_text(CONFIG.replace("cat factor", "exit 3; cat factor"))
    ended = cli("bench", tuned, "--values", "A=1 B=x", *FEW)
    assert ended.code == 1
    assert "run_failed" in ended.out


@pytest.mark.parametrize(("scoring", "samples"), [("", 20), ('optimal = "min_energy"', 1)])
def test_kernels_take_exactly_their_samples(
    cli: Cli, tmp_path: Path, scoring: str, samples: int
) -> None:
    source = Path(__file__).parents[2] / "configs" / "saxpy.toml"
    text = source.read_text().replace("../kernels", str(source.parents[1] / "kernels"))
    path = tmp_path / "saxpy.toml"
    if scoring:
        text = f"{text[: text.index('[scoring]')]}[scoring]\n{scoring}\n"
    path.write_text(text + '\n[mock]\ntime = "virtual"\n')
    (tmp_path / ".harness").mkdir()
    tuned = cli(
        "tune", path, "--backend", "mock", "--parallel", "2", "--budget", "4", "--progress", "none"
    )
    assert tuned.code == 0, tuned.err
    ended = cli(
        "bench", path, "--backend", "mock", "--parallel", "2", "--progress", "none", "--json"
    )
    assert ended.code == 0, ended.err
    assert ended.json["simulated"] is True
    assert {len(result["samples"]) for result in ended.json["results"]} == {samples}


class TestHistory:
    def test_benches_over_commits(self, cli: Cli, config: Path) -> None:
        git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(config.parent))
        subprocess.run([*git, "init", "--quiet"], check=True)
        values = ("--values", "A=1 B=x", "--parallel", "1", "--progress", "none", "--repeat", "1")
        commits = []
        for number in range(11):
            if number == 6:
                slow_down(config)
            subprocess.run([*git, "add", "printer.toml"], check=True)
            message = ("commit", "--quiet", "--allow-empty", "-m", str(number))
            subprocess.run([*git, *message], check=True)
            found = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True)
            commits.append(found.stdout.decode().strip())
            assert cli("bench", config, *values).code == 0
        ended = cli("history", config)
        assert ended.code == 0, ended.err
        assert "printer: A=1 B=x" in ended.out
        assert "SLOWER: 51.00 x" in ended.out
        assert f"(commit {commits[5][:10]}) to session 7 (commit {commits[6][:10]})" in ended.out
        (series,) = cli("history", "printer", "--format", "json").json
        assert [point["commit"] for point in series["points"]] == commits
        assert {point["changed"] for point in series["points"]} == {False}
        assert cli("history", config, "--fail").code == 4
        assert cli("history", config, "--fail", "--threshold", "6000").code == 0

    def test_searches_by_their_best(self, cli: Cli, tuned: Path) -> None:
        cli("tune", tuned, "--fresh", "--progress", "none")
        ended = cli("history")
        assert "printer: best" in ended.out
        assert "fewer than" in ended.out
        assert len(cli("history", "--json").json[0]["points"]) == 2

    def test_what_was_measured_once_is_counted(self, cli: Cli, tuned: Path) -> None:
        assert (
            "not shown: 1 series of fewer than 2 sessions; --least 1" in cli("history", tuned).out
        )
        assert "printer: best" in cli("history", tuned, "--least", "1").out

    def test_simulated_scores_say_so(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / ".harness").mkdir()
        path = tmp_path / "virtual.toml"
        path.write_text(VIRTUAL)
        journal = ("--journal", str(tmp_path / ".harness" / "journal.sqlite"))
        for _ in range(2):
            cli("bench", path, "--values", "A=1 B=1", "--parallel", "1", *FEW)
        ended = cli("history", path, *journal)
        assert "(simulated)" in ended.out
        assert "virtual time" in ended.out

    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (("gone.toml",), 2, "there is no session of"),
            (("gone",), 2, "it holds printer"),
            (("-o", "plot.txt"), 2, "use .png, .svg or .pdf"),
            (("--risk", "80"), 2, "must be at most 50 percent"),
        ],
    )
    def test_what_cannot_be_shown(
        self, cli: Cli, tuned: Path, arguments: tuple[str, ...], code: int, message: str
    ) -> None:
        ended = cli("history", *arguments)
        assert ended.code == code
        assert message in ended.err
