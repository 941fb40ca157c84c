from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness._version import __version__
from harness.cli.tables import format_table
from harness.store.journal import open_journal

from .helpers import SLEEPERS, VIRTUAL, Cli


@pytest.fixture
def journal(cli: Cli, config: Path) -> Path:
    config.write_text(SLEEPERS)
    assert cli("tune", config).code == 0
    return config.parent / ".harness" / "journal.sqlite"


def test_help_and_version(cli: Cli) -> None:
    assert "Commands:" in cli("--help").out
    assert cli("--version").out == f"harness, version {__version__}\n"


@pytest.mark.parametrize(
    "command",
    [
        *("tune", "check", "space", "devices", "sessions", "show"),
        *("report", "plot", "export", "convert", "schema"),
    ],
)
def test_every_command_has_help(cli: Cli, command: str) -> None:
    ended = cli(command, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: harness {command}")


def test_sessions(cli: Cli, journal: Path) -> None:
    ended = cli("sessions", "--journal", journal)
    assert ended.out.splitlines()[1].split()[:4] == ["1", "sleepers", "tune", "complete"]
    (row,) = cli("sessions", "--journal", journal, "--json").json
    assert (row["tests"], row["failed"], row["best"]) == (6, 2, 2.0)


def test_output_that_many_failures_share_is_shown_once(cli: Cli, config: Path) -> None:
    test = "echo %B%; echo error: no >&2; echo more of it >&2; exit 1"
    config.write_text(
        f'backend = "none"\nparallel = 1\n[parameters]\nA = [1, 2, 3]\nB = ["x"]\n'
        f'[command]\ntest = "{test}; %A%"\n'
    )
    assert cli("tune", config).code == 1
    shown = cli("show", "last", "--failures", "--journal", config.parent / ".harness").out
    assert shown.count("  | more of it\n") == 1
    assert shown.count("  | the same output as of test 1\n") == 2
    assert shown.count("exit 1; ") == 3  # the commands are not the same


def test_show_the_best_and_the_failures(cli: Cli, journal: Path) -> None:
    shown = cli("show", "--journal", journal, "--top", "2").out
    assert shown.startswith("session 1: sleepers, complete")
    assert "SCORE" in shown
    assert "2 failed" in shown
    failures = cli("show", "sleepers", "--failures", "--journal", journal).out
    assert failures.count("run_failed: exit status 1") == 2
    made = cli("show", "1", "--journal", journal, "--json").json
    assert [entry["score"] for entry in made["top"]] == [2.0, 2.0, 1.0, 1.0]
    assert made["environment"]["harness"] == __version__


def test_show_the_importance_of_parameters(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL)
    assert cli("tune", config).code == 0
    journal = config.parent / ".harness" / "journal.sqlite"
    shown = cli("show", "--importance", "--journal", journal).out
    assert shown.startswith("session 1: virtual (simulated)")
    assert "A with B, beyond each" in shown
    (found,) = (
        cli("show", "--importance", "--json", "--journal", journal).json["importance"].values()
    )
    shares = found["parameters"]
    assert set(shares) == {"A", "B"}
    assert 0.9 < sum(shares.values()) + found["pairs"][0]["share"] <= 1.001


def test_show_says_when_nothing_is_important(cli: Cli, journal: Path) -> None:
    ended = cli("show", "--importance", "--journal", journal)
    assert ended.code == 0
    assert "too few tests succeeded" in ended.out
    made = cli("show", "--importance", "--json", "--journal", journal).json
    assert list(made["importance"].values()) == [None]


def test_tables_are_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    table = [("NAME", "VALUE"), ("[bold]", "1")]
    assert format_table(table) == ["NAME    VALUE", "[bold]  1"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    drawn = "\n".join(format_table(table))
    assert "[bold]" in drawn  # a name is no markup
    assert "─" in drawn


def test_export_to_a_file(cli: Cli, journal: Path, tmp_path: Path) -> None:
    ended = cli("export", "last", "-o", tmp_path / "log.csv", "--journal", journal)
    assert ended.code == 0
    assert (tmp_path / "log.csv").read_text().startswith("TestNo,A,B,Score_1,Score_2,Score_Overall")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("log.CSV", "TestNo,"),
        ("all.json", "{"),
        ("tuned.hpp", "/*\n * Made by"),
        ("tuned.mk", "# Made by"),
        ("tuned.cmake", "# Made by"),
        ("tuned.py", "# Made by"),
    ],
)
def test_the_ending_says_the_format(
    cli: Cli, journal: Path, tmp_path: Path, name: str, begins: str
) -> None:
    assert cli("export", "-o", tmp_path / name, "--journal", journal).code == 0
    assert (tmp_path / name).read_text().startswith(begins)


@pytest.mark.parametrize(
    ("given", "name", "said"),
    [
        (("--format", "csv"), "tuned.h", "its ending says header, but --format csv is asked for"),
        (("--format", "values"), "tuned.mk", "its ending says make"),
        (("--format", "parquet"), "runs.json", "its ending says json"),
        ((), "results.dat", "its ending says no format; use --format, or one of .csv"),
        ((), "results", "its ending says no format"),
    ],
)
def test_an_ending_that_contradicts_or_is_unknown_is_refused(
    cli: Cli, journal: Path, tmp_path: Path, given: tuple[str, ...], name: str, said: str
) -> None:
    ended = cli("export", *given, "-o", tmp_path / name, "--journal", journal)
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("form", "name"), [("t4", "r.json"), ("values", "r.json"), ("csv", "r.dat"), ("header", "r.in")]
)
def test_a_format_may_have_an_ending_that_says_nothing_else(
    cli: Cli, journal: Path, tmp_path: Path, form: str, name: str
) -> None:
    assert cli("export", "--format", form, "-o", tmp_path / name, "--journal", journal).code == 0


def test_parquet_is_a_row_per_run(cli: Cli, journal: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    path = tmp_path / "runs.parquet"
    assert cli("export", "--format", "parquet", "-o", path, "--journal", journal).code == 0
    rows = parquet.read_table(path).to_pylist()
    assert len(rows) == 10  # of 4 tests 2 runs, of 2 the one that failed
    assert {row["test"] for row in rows} == set(range(1, 7))
    assert rows[0]["unit"] == "points"
    assert (rows[0]["A"], rows[0]["B"]) == (1, "x")
    nameless = cli("export", "--format", "parquet", "--journal", journal)
    assert nameless.code == 2
    assert "-o" in nameless.err


def test_a_report_of_no_session_says_so_before_plotly_is_missed(
    cli: Cli, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.report.html.library.find_spec", lambda _: None)
    ended = cli("report", "nope", "--journal", journal)
    assert ended.code == 2
    assert "there is no session 'nope'" in ended.err
    assert "gpu-harness[report]" in cli("report", "--journal", journal).err


def test_report_is_a_page(cli: Cli, journal: Path, tmp_path: Path) -> None:
    if find_spec("plotly") is None:
        ended = cli("report", "--journal", journal)
        assert ended.code == 2
        assert "gpu-harness[report]" in ended.err
        return
    path = tmp_path / "report.html"
    ended = cli("report", "last", "-o", path, "--journal", journal)
    assert ended.code == 0
    assert ended.err.startswith(f"wrote {path} (")
    assert "<title>sleepers: tuning report</title>" in path.read_text()


def test_plot_chooses_the_format_by_the_file(cli: Cli, journal: Path, tmp_path: Path) -> None:
    ended = cli("plot", "--kind", "scores", "-o", tmp_path / "scores.gp", "--journal", journal)
    assert ended.code == 0
    assert "yerrorbars" in (tmp_path / "scores.gp").read_text()
    printed = cli("plot", "--kind", "scores", "--format", "gnuplot", "--journal", journal)
    assert printed.out == (tmp_path / "scores.gp").read_text()
    for arguments in ([], ["-o", "plot.bmp"], ["--format", "png"]):
        refused = cli("plot", *arguments, "--journal", journal)
        assert refused.code == 2
        assert "-o" in refused.err or ".png" in refused.err
    told = cli("plot", "--format", "png", "-o", tmp_path / "plot.gp", "--journal", journal)
    assert told.code == 2
    assert "its ending says gnuplot, but --format png is asked for" in told.err


def test_what_is_not_there_is_said(cli: Cli, journal: Path, tmp_path: Path) -> None:
    missing = cli("show", "7", "--journal", journal)
    assert missing.code == 2
    assert "harness sessions" in missing.err
    nowhere = cli("sessions", "--journal", tmp_path / "none.sqlite")
    assert nowhere.code == 1
    assert "--journal" in nowhere.err


def test_the_journal_of_the_project_is_found_from_below(
    cli: Cli, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = journal.parents[1] / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert cli("sessions").code == 0


def test_check_counts_and_shows(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS + '[space]\ntree = "{{A}, {B}}"\nconstraints = ["A < 4"]\n')
    ended = cli("check", config)
    assert ended.code == 0
    assert "4 by strategy tree instead of 6" in ended.out
    made = cli("check", config, "--json").json
    assert (made["tests"], made["configurations"], made["backend"]) == (4, 6, "none")
    assert made["first_test"]["compile"] == "echo 1 > made_1"


def test_check_says_how_nodes_share_the_tests(cli: Cli, config: Path) -> None:
    search = '[search]\nstrategy = "tree/local"\nmax_tests = 5\n'
    config.write_text(SLEEPERS + '[space]\ntree = "{{A}, {B}}"\n' + search)
    ended = cli("check", config)
    assert "first round, node by node: 3 of 3 for A; 2 of 2 for B" in ended.out
    made = cli("check", config, "--json").json
    assert [node["parameters"] for node in made["first_round"]] == [["A"], ["B"]]
    absent, flat = SLEEPERS + search, f'{SLEEPERS}[space]\ntree = "{{A, B}}"\n{search}'
    for text, message in (
        (absent, 'there is no tree; add space.tree, such as "{A, B, {C}, {D}}", or write "local"'),
        (flat, 'write space.tree, such as "{A, {B}, {C}}", or use strategy "local"'),
    ):
        config.write_text(text)
        refused = cli("check", config)
        assert refused.code == 2
        assert 'search.strategy = "tree/local": ' in refused.err
        assert message in refused.err


def test_devices(cli: Cli) -> None:
    made = cli("devices", "--backend", "mock", "--parallel", "a,b", "--json").json
    assert [lane["name"] for lane in made["lanes"]] == ["a", "b"]
    assert all(device["simulated"] for device in made["devices"])
    assert made["devices"][0]["limits"]["max_threads_per_block"] == 1024
    shown = cli("devices", "--backend", "mock", "--parallel", "2", "--pin", "ordinal").out
    assert "2 lanes:" in shown
    assert "simulated" in shown
    real = cli("devices", "--backend", "cpu")
    assert real.code == 0
    assert "cores" in real.out


def test_convert_makes_a_config_that_reads_back(cli: Cli, tmp_path: Path) -> None:
    conf = tmp_path / "old.conf"
    conf.write_text(
        "[variables]\nvariables = {N, {M}}\n[values]\nN = 1, 2\nM = 3, 4\n"
        "[testing]\ntest = true %N% %M%\n[scoring]\nrepeat = 2, med\n[output]\n"
    )
    ended = cli("convert", conf, "-o", tmp_path / "new.toml")
    assert ended.code == 0
    assert cli("check", tmp_path / "new.toml").code == 0
    assert cli("convert", conf).out == (tmp_path / "new.toml").read_text()


def test_schema_is_json(cli: Cli) -> None:
    assert "properties" in str(cli("schema").json)


def test_a_regression_has_an_exit_code_of_its_own(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL.replace("repeat = 3", "repeat = 12"))
    cli("tune", config)
    config.write_text(config.read_text() + "run_s = 0.03\n")
    cli("tune", config)
    journal = ("--journal", config.parent / ".harness/journal.sqlite")
    same = cli("compare", "1", "1", *journal)
    assert same.code == 0
    assert "both sessions are simulated" in same.out
    slower = cli("compare", "1", "2", *journal, "--json")
    assert slower.code == 4
    assert slower.json["best"]["verdict"] == "SLOWER"
    assert slower.json["verdicts"] == {"SLOWER": 32}
    exported = config.parent / "first.json"
    cli("export", "1", "--format", "json", "-o", exported, *journal)
    assert cli("compare", exported, "2", *journal).code == 4


def test_convert_destroys_nothing(cli: Cli, config: Path, tmp_path: Path) -> None:
    config.write_text(SLEEPERS)
    for force in ((), ("--force",)):
        ended = cli("convert", config, "-o", config, *force)
        assert ended.code == 2
        assert "this is CONFIG itself" in ended.err
    other = config.with_name("other.toml")
    other.write_text("mine")
    refused = cli("convert", config, "-o", other)
    assert refused.code == 2
    assert "--force" in refused.err
    assert (config.read_text(), other.read_text()) == (SLEEPERS, "mine")
    assert cli("convert", config, "-o", other, "--force").code == 0
    assert "warning" not in cli("convert", config, "-o", config.with_name("third.toml")).err
    nowhere = cli("convert", config, "-o", other / "x.toml")
    assert nowhere.code == 1
    assert "cannot write this file: " in nowhere.err
    assert nowhere.err.endswith("; name another file\n")
    assert "this is a folder" in cli("convert", config, "-o", tmp_path, "--force").err


def test_convert_to_another_folder_says_what_that_changes(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    below = config.parent / "below"
    below.mkdir()
    ended = cli("convert", config, "-o", below / "new.toml")
    assert 'set command.directory = "..", and see to other paths, as in [output]' in ended.err


def test_a_prefix_is_for_builds(cli: Cli, journal: Path) -> None:
    ended = cli("export", "--prefix", "MY_", "--journal", journal)
    assert ended.code == 2
    assert "--prefix MY_: csv has the parameters' own names" in ended.err
    assert "MY_A" in cli("export", "--prefix", "MY_", "--format", "make", "--journal", journal).out


def test_export_never_writes_over_the_journal(cli: Cli, journal: Path) -> None:
    before = journal.read_bytes()
    ended = cli("export", "-o", journal, "--journal", journal)
    assert ended.code == 2
    assert "this is the journal" in ended.err
    assert journal.read_bytes() == before


WRITERS = [
    ("export",),
    ("export", "--format", "json"),
    ("export", "--format", "header"),
    ("report",),
    ("plot", "--format", "gnuplot"),
]


@pytest.mark.parametrize("command", WRITERS, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("tune.toml", b"", "a config"),
        ("kernel.cu", b"__global__ void k();", "a source"),
        ("Makefile", b"all:", "a source"),
        ("other.sqlite", b"SQLite format 3\0", "a journal"),
    ],
)
def test_nothing_is_written_over_what_is_plainly_something_else(
    cli: Cli, journal: Path, command: tuple[str, ...], name: str, content: bytes, what: str
) -> None:
    path = journal.with_name(name)
    path.write_bytes(content)
    ended = cli(*command, "-o", path, "--journal", journal)
    assert ended.code == 2
    assert f"{name}: this is {what}" in ended.err
    assert path.read_bytes() == content


def test_a_history_is_not_drawn_over_the_journal(cli: Cli, journal: Path) -> None:
    picture = journal.rename(journal.with_suffix(".png"))
    ended = cli("history", "-o", picture, "--journal", picture)
    assert ended.code == 2
    assert "this is the journal" in ended.err


def test_a_config_of_any_name_is_known_by_its_sessions(
    cli: Cli, config: Path, journal: Path
) -> None:
    with closing(sqlite3.connect(journal)) as db:
        db.execute("UPDATE sessions SET config_path = ?", (str(config.with_suffix(".json")),))
        db.commit()
    definition = config.rename(config.with_suffix(".json"))
    ended = cli("export", "--format", "json", "-o", definition, "--journal", journal)
    assert "this is a config" in ended.err


def test_what_was_written_is_written_again(cli: Cli, journal: Path) -> None:
    header = journal.with_name("tuned.h")
    for _ in range(2):
        ended = cli("export", "--format", "header", "-o", header, "--journal", journal)
        assert ended.code == 0
    source = journal.with_name("app.c")
    source.write_text("int main(void) { return 0; }\n")
    ended = cli("export", "--format", "csv", "-o", source, "--journal", journal)
    assert "this is a source" in ended.err


@pytest.mark.parametrize("prefix", ["A B", "1", '"', "a-b"])
def test_a_prefix_begins_a_name(cli: Cli, journal: Path, prefix: str) -> None:
    ended = cli("export", "--format", "make", "--prefix", prefix, "--journal", journal)
    assert ended.code == 2
    assert "cannot begin a name" in ended.err
    assert cli("export", "--format", "make", "--prefix", "", "--journal", journal).code == 0


def test_a_constraint_that_fails_says_where_it_stands(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS + '[space]\nconstraints = ["A > 0", "6 % (A - 2) == 0"]\n')
    ended = cli("check", config)
    assert ended.code == 2
    place = re.escape(f"error: {config}: space.constraints[1]: constraint ")
    assert re.match(place + r'"6 % \(A - 2\) == 0" for A=2: ZeroDivisionError', ended.err)


def test_nothing_to_test_is_an_error_but_can_be_looked_at(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS + '[space]\nconstraints = ["A > 2", "A < 3"]\n')
    for command in ("check", "tune"):
        ended = cli(command, config)
        assert ended.code == 2
        assert "no configuration satisfies all of them; `harness space` shows" in ended.err
    assert "valid: 0" in cli("space", config).out


def test_a_journal_without_sessions_says_so(cli: Cli, tmp_path: Path) -> None:
    with open_journal(tmp_path / "new.sqlite"):
        pass
    ended = cli("show", "--journal", tmp_path / "new.sqlite")
    assert ended.code == 1
    assert "this journal holds no session yet" in ended.err


def test_a_complete_session_is_not_said_to_be_resumed(cli: Cli, config: Path) -> None:
    config.write_text(SLEEPERS)
    assert "session 1 of sleepers begins: " in cli("tune", config).err
    assert "sleepers is complete, testing only what is new: " in cli("tune", config).err


def test_a_session_is_named_by_its_config_and_a_journal_by_its_folder(
    cli: Cli, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(SLEEPERS)
    cli("tune", config)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".harness").mkdir()
    monkeypatch.chdir(elsewhere)
    assert cli("show").code == 1
    assert cli("show", config, "--json").json["session"] == 1
    assert cli("compare", config, config).code == 0
    assert cli("export", config, "--format", "csv").out.startswith("TestNo")
    for folder in (config.parent, config.parent / ".harness"):
        assert cli("show", "last", "--journal", folder, "--json").json["session"] == 1
