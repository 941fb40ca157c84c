"""What commands print: nothing that a terminal obeys, nothing that a table breaks at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.output import write_lines
from harness.cli.tables import format_table

from .helpers import SLEEPERS, VIRTUAL, Cli

HOSTILE = (
    SLEEPERS.replace("sleepers", "evil\\n\\u001b[31mname")
    .replace('"x", "y"', '"x", "\\u001b[2Jy"')
    .replace("points", "po\\u001bints")
)


def is_harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.splitlines())


def test_control_characters_are_escaped_everywhere(cli: Cli, config: Path) -> None:
    config.write_text(HOSTILE)
    journal = ("--journal", config.parent / ".harness/journal.sqlite")
    for arguments in (
        ("check", config),
        ("tune", config),
        ("space", config, "--list"),
        ("sessions", *journal),
        ("show", *journal),
        ("show", "--failures", *journal),
        ("compare", "1", "1", *journal),
        ("show", "\x1b[31m", *journal),
    ):
        ended = cli(*arguments)
        assert is_harmless(ended.out + ended.err), arguments
        assert "Traceback" not in ended.err
    assert r"evil\n\x1b[31mname" in cli("sessions", *journal).out


def test_programs_get_names_and_values_exactly(cli: Cli, config: Path) -> None:
    config.write_text(HOSTILE)
    cli("tune", config)
    journal = config.parent / ".harness/journal.sqlite"
    exported = json.loads(cli("export", "--format", "json", "--journal", journal).out)
    assert exported["name"] == "evil\n\x1b[31mname"
    assert {test["parameters"]["B"] for test in exported["tests"]} == {"x", "\x1b[2Jy"}


def test_check_quotes_values_with_blanks_and_shortens_long_lists(cli: Cli, config: Path) -> None:
    values = ", ".join(map(str, range(5000)))
    text = SLEEPERS.replace("[1, 2, 3]", f"[{values}]").replace('"x"', '"-O3 -g"')
    config.write_text(text)
    shown = cli("check", config).out
    assert '  B = "-O3 -g" y\n' in shown
    assert "  A = 0 1 2 3 4 5 6 7 8 9 … 4980 more … 4990" in shown
    assert max(map(len, shown.splitlines())) < 200


KERNEL = """
backend = "mock"
[parameters]
B = [32]
[kernel]
arguments = [{ name = "n", dtype = "int32", value = 1 }]
code = "__global__ void k(int n) {}"
function = "k"
grid = 1
block = "B"
"""


def test_check_says_what_compiles_kernels_or_why_nothing_does(cli: Cli, config: Path) -> None:
    config.write_text(f'{KERNEL}nvcc = "/no/nvcc"\n')
    problem = "no nvcc at '/no/nvcc', which kernel.nvcc names; correct or remove it"
    checked = cli("check", config)
    assert checked.code == 0  # what is wrong is this machine, not the config
    assert f"warning: {problem}\n" in checked.out
    assert "compiler:" not in checked.out
    as_json = cli("check", config, "--json").json
    assert (as_json["compiler"], as_json["warnings"][0]) == (None, problem)
    config.write_text(f'{KERNEL}[mock]\ntime = "virtual"\n')
    assert "\ncompiler: simulated\n" in cli("check", config).out


def test_many_lanes_are_told_together(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL)
    few = cli("tune", config, "--parallel", "8").out
    assert "lanes busy: 0: " in few
    many = cli("tune", config, "--parallel", "9", "--fresh").out
    (line,) = [line for line in many.splitlines() if line.startswith("lanes busy")]
    assert " of 9 lanes" in line
    assert "median" in line


def test_show_says_how_many_it_does_not_show(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL)
    cli("tune", config)
    journal = ("--journal", config.parent / ".harness/journal.sqlite")
    assert "… the best 10 of 32; --top N shows more" in cli("show", *journal).out
    assert "…" not in cli("show", "--top", "32", *journal).out


def test_tables_on_a_terminal_escape_their_cells(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = format_table([("NAME", "BEST"), ("\x1b[2Jevil", "1\n2")])
    write_lines(["plain \x1b[2J", *lines])
    shown = capsys.readouterr().out
    assert r"\x1b[2Jevil" in shown
    assert r"1\n2" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b[1m" in shown, "our own styles reach the terminal"


def test_a_long_value_is_cut_on_a_terminal_and_whole_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = [("SCORE", "FLAGS"), ("1", "x" * 3000)]
    assert "x" * 3000 in format_table(table)[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    drawn = "".join(format_table(table))
    assert drawn.count("x") == 199
    assert "…" in drawn
