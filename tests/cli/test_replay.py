"""`harness tune --replay`, limits on the command line, and `harness simulate`."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from tests.replay.helpers import TABLE, t1_object, write_json, write_kernel_tuner, write_t4

from .helpers import VIRTUAL, Cli

CONFIG = """\
[parameters]
BLOCK = [32, 64, 128]
MODE = ["row", "col"]

[command]
test = "false %BLOCK% %MODE%"
"""


def test_replay_without_a_config(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_t4(tmp_path / "gemm_A100.t4.json.gz")
    ended = cli("tune", "--replay", path, "--progress", "plain")
    assert ended.code == 0
    assert ended.out.startswith("simulated: these results were recorded before, in ")
    assert "best: 2.00 ms (n=1) (simulated)" in ended.out
    assert f"{len(TABLE)} tests, 2 failed" in ended.out
    assert f"1 lane: 0=gemm_A100 (simulated from {path})" in ended.err
    shown = cli("show", "last")
    assert f", complete, simulated from {path}" in shown.out
    assert cli("show", "last", "--json").json["recording"] == str(path)
    assert f"(simulated from {path})" in cli("export", "last", "--format", "script").out
    assert cli("export", "last", "--format", "json").json["recording"] == str(path)
    definition = write_json(tmp_path / "t1.json", t1_object())
    made = cli("tune", "--replay", path, "--definition", definition, "--json").json
    assert (made["tests"], made["simulated"]) == (6, True)
    assert made["recording"] == str(path)
    assert "answered from gemm_A100" in cli("tune", "--replay", path, "--dry-run").out


def test_replay_of_a_config(cli: Cli, config: Path) -> None:
    config.write_text(CONFIG)
    path = write_kernel_tuner(config.parent / "cache.json")
    made = cli("tune", config, "--replay", path, "--parallel", "2", "--json").json
    assert made["tests"] == 6
    assert [lane["device"] for lane in made["lanes"]] == ["Model X", "Model X"]
    assert made["best"]["parameters"] == {"BLOCK": 64, "MODE": "row"}


def test_limits_on_the_command_line(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL)
    few = cli("tune", config, "--budget", "5", "--strategy", "exhaustive", "--json").json
    assert (few["tests"], few["ended_by"]) == (5, "max_tests")
    lazy = cli("tune", config, "--patience", "3", "--fresh", "--json").json
    assert lazy["ended_by"] == "patience"
    quick = cli("tune", config, "--time", "2", "--fresh", "--json").json
    assert quick["ended_by"] == "max_time_s"
    assert quick["tests"] < 32
    easy = cli("tune", config, "--target", "1000", "--fresh", "--seed", "3", "--json").json
    assert easy["ended_by"] == "target"
    row = cli("sessions", "--json", "--journal", easy["journal"]).json[0]
    assert row["tests"] == easy["tests"]
    warm = cli("tune", config, "--warm-start", str(easy["session"]), "--json").json
    assert warm["session"] != easy["session"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--replay", "none.json"], "none.json: No such file"),
        (["--replay", "x", "--backend", "mock"], "--replay and --backend mock: give one of them"),
        (["--definition", "x"], "--definition goes with --replay"),
        (["CONFIG", "--strategy", "exhaustiv"], "exhaustiv"),
        (["CONFIG", "--budget", "0"], "--budget = 0: must be a whole number >= 1"),
        (["CONFIG", "--warm-start", "99"], "there is no"),
    ],
)
def test_what_is_wrong_is_said(cli: Cli, config: Path, arguments: list[str], message: str) -> None:
    config.write_text(VIRTUAL)
    ended = cli("tune", *[str(config) if word == "CONFIG" else word for word in arguments])
    assert ended.code in (1, 2)
    assert message in ended.err


def test_simulate_compares_strategies(cli: Cli, tmp_path: Path) -> None:
    table = {(block, "row"): float(block) for block in range(1, 31)}
    path = write_t4(tmp_path / "ramp.json", table)
    output = tmp_path / "curves.json"
    options = ["--strategies", "exhaustive", "--budgets", "2,4", "--seeds", "2", "--lanes", "1,2"]
    ended = cli("simulate", path, *options, "--jobs", "1", "-o", output)
    assert ended.code == 0
    first, header, one, two = ended.out.splitlines()
    assert first.startswith("simulated")
    assert header.split()[:6] == ["STRATEGY", "LANES", "S", "+-", "S@2", "S@4"]
    assert one.split()[:4] == ["exhaustive", "1", "1.000", "0.000"]
    assert two.split()[1] == "2"
    written = json.loads(output.read_text())
    assert written["simulated"] is True
    assert len(written["curves"]) == 2
    made = cli("simulate", path, *options, "--jobs", "1", "--json").json
    assert made["standings"][0]["by_budget"] == {"2": 1.0, "4": 1.0}
    assert made["fields"]["ramp"]["configurations"] == 30


def test_what_simulate_cannot_write_is_told_before_the_searches(cli: Cli, tmp_path: Path) -> None:
    path = write_t4(tmp_path / "model.json")
    options = ("simulate", str(path), "--strategies", "random, tree", "--seeds", "1", "--jobs", "1")
    ended = cli(*options, "--budgets", "2", "--plot", tmp_path / "curves.txt")
    assert ended.code == 2
    assert ended.err.endswith("curves.txt: its ending says no format; use .png, .svg or .pdf\n")
    assert [row["strategy"] for row in cli(*options, "--json").json["standings"]] == [
        "random",
        "tree",
    ]
    for word in ("1_0", "\u0663", "0", "9" * 20, "2000000", "", "3,x"):
        refused = cli(*options, "--budgets", word)
        assert (refused.code, refused.out) == (2, ""), word
        assert "Invalid value for '--budgets'" in refused.err
    assert "Invalid value for '--lanes'" in cli(*options, "--lanes", "1,0").err


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is not None, reason="matplotlib is installed"
)
def test_a_plot_without_matplotlib_says_what_to_install(cli: Cli, tmp_path: Path) -> None:
    path = write_t4(tmp_path / "model.json")
    plot = tmp_path / "curves.png"
    ended = cli(
        "simulate", path, "--strategies", "tree", "--seeds", "1", "--jobs", "1", "--plot", plot
    )
    assert ended.code == 2
    assert "gpu-harness[plot]" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategies", "best"], "strategy 'best': unknown"),
        (["--strategies", "tree", "--budgets", "none"], "give numbers such as 25,50"),
        (["--strategies", "tree", "--lanes", "0"], "not in the range 1 to 1000000; give numbers"),
    ],
)
def test_bad_simulations(cli: Cli, tmp_path: Path, arguments: list[str], message: str) -> None:
    ended = cli("simulate", write_t4(tmp_path / "model.json"), *arguments)
    assert ended.code == 2
    assert message in ended.err
