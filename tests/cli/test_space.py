from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from harness.space.space import make_space

from .helpers import Cli

CONFIG = """\
name = "blocks"
backend = "none"
[parameters]
X = [16, 32, 64]
Y = [1, 2, 4, 8]
FAST = [true, false]
[problem]
N = 128
[space]
constraints = ["X * Y <= N", "Y > 0"]
[command]
test = "true %X% %Y% %FAST% %N%"
"""

HUGE = """\
backend = "none"
[parameters]
{parameters}
[space]
constraints = ["{total} <= 80"]
[command]
test = "true"
"""

LIMITED = """\
backend = "mock"
[parameters]
KIB = [16, 32, 48, 64, 96, 160, 200]
T = [512, 1024]
[space]
constraints = ["KIB * 1024 <= device.max_shared_bytes_per_block_optin"]
[command]
test = "true %KIB% %T%"
[mock]
devices = ["T4", "A100", "T4", "H100"]
time = "virtual"
"""


@pytest.fixture
def huge(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A space beyond the limit, which is lowered so that it is soon reached."""
    monkeypatch.setattr("harness.app.spaces.make_space", partial(make_space, edge_limit=1000))
    names = [f"P{at}" for at in range(15)]
    lines = "\n".join(f"{name} = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]" for name in names)
    config.write_text(HUGE.format(parameters=lines, total=" + ".join(names)))
    return config


def test_counts_and_says_what_removes(cli: Cli, config: Path) -> None:
    config.write_text(CONFIG)
    ended = cli("space", config)
    assert ended.code == 0
    assert "parameters: X (3), Y (4), FAST (2)" in ended.out
    assert "combinations: 24" in ended.out
    assert "valid: 18 (75 %)" in ended.out
    assert "  25.0 %  X * Y <= N" in ended.out
    assert 'warning: constraint "Y > 0" always holds' in ended.out
    assert "lanes" not in ended.out


def test_json(cli: Cli, config: Path) -> None:
    config.write_text(CONFIG)
    made = cli("space", config, "--json").json
    assert (made["combinations"], made["valid"], made["counted"]) == (24, 18, True)
    assert made["parameters"] == {"X": 3, "Y": 4, "FAST": 2}
    assert made["constraints"][0]["removes"] == 0.25
    assert made["constraints"][0]["parameters"] == ["X", "Y"]
    assert len(made["warnings"]) == 1
    assert made["construction_s"] > 0
    listed = cli("space", config, "--list", "--json").json["configurations"]
    assert len(listed) == 18
    assert listed[0] == {"X": 16, "Y": 1, "FAST": True}


def test_lists_and_draws(cli: Cli, config: Path) -> None:
    config.write_text(CONFIG)
    lines = cli("space", config, "--list").out.splitlines()
    assert len(set(lines)) == 18
    assert lines[:2] == ["X=16 Y=1 FAST=true", "X=16 Y=1 FAST=false"]
    drawn = cli("space", config, "--sample", "5").out
    assert len(set(drawn.splitlines())) == 5
    assert set(drawn.splitlines()) <= set(lines)
    assert cli("space", config, "--sample", "5").out == drawn
    assert cli("space", config, "--sample", "5", "--seed", "2").out != drawn
    assert cli("space", config, "--sample", "5", "--list").code == 2


def test_fixes_values(cli: Cli, config: Path) -> None:
    config.write_text(CONFIG)
    lines = cli("space", config, "--list", "--fix", "X=64", "--fix", "FAST=True").out.splitlines()
    assert lines == ["X=64 Y=1 FAST=true", "X=64 Y=2 FAST=true"]
    wrong = cli("space", config, "--fix", "X=65")
    assert wrong.code == 2
    assert "expected one of 16, 32, 64" in wrong.err
    assert "expected NAME=VALUE, of X, Y, FAST" in cli("space", config, "--fix", "Z=1").err


def test_a_space_that_is_too_large_is_estimated_and_drawn_from(cli: Cli, huge: Path) -> None:
    shown = cli("space", huge)
    assert shown.code == 0
    assert "combinations: 1,000,000,000,000,000 (1e+15)" in shown.out
    assert "estimated: too many to count or list" in shown.out
    made = cli("space", huge, "--sample", "20", "--json").json
    assert (made["counted"], made["combinations"]) == (False, 10**15)
    assert made["relative_error"] < 0.1
    assert len({json.dumps(row) for row in made["configurations"]}) == 20
    assert all(sum(row.values()) <= 80 for row in made["configurations"])


def test_exhaustive_search_of_it_is_refused_before_anything_starts(cli: Cli, huge: Path) -> None:
    ended = cli("tune", huge)
    assert ended.code == 2
    assert 'search.strategy = "auto": would test every configuration' in ended.err
    assert "1,000,000,000,000,000 combinations, too many to count" in ended.err
    assert "harness space" in ended.err
    assert [path.name for path in huge.parent.iterdir()] == [huge.name]


def test_a_counted_space_can_be_too_large_to_test_all(cli: Cli, config: Path) -> None:
    values = ", ".join(map(str, range(100)))
    config.write_text(CONFIG.replace("X = [16, 32, 64]", f"X = [{values}]\nZ = [{values}]\n"
                                     f"U = [{values}]\nV = [{values}]"))  # fmt: skip
    ended = cli("tune", config)
    assert ended.code == 2
    assert (
        "of which are valid; limit it (search.max_tests), use another strategy (tree, random"
        in (ended.err)
    )


def test_a_tree_can_search_it(cli: Cli, huge: Path) -> None:
    groups = (
        "{P0, {P1}, {P2}, {P3}, {P4}, {P5}, {P6}, {P7, P8}, {P9}, {P10}, {P11}, {P12, P13, P14}}"
    )
    text = huge.read_text().replace("[space]", f'[space]\ntree = "{groups}"')
    huge.write_text(text)
    shown = cli("check", huge).out
    assert "by strategy tree (1000000000000000 combinations, too many to count" in shown
    assert "first test" in shown
    assert cli("tune", huge, "--dry-run").out == shown
    assert cli("check", huge, "--json").json["configurations"] is None


def test_a_tree_searches_it_to_its_end(cli: Cli, huge: Path) -> None:
    groups = "".join(f", {{P{at}}}" for at in range(15))
    text = huge.read_text().replace("[space]", f'[space]\ntree = "{{{groups[2:]}}}"')
    huge.write_text(text.replace('"none"', '"mock"') + '[mock]\ntime = "virtual"\n')
    made = cli("tune", huge, "--json").json
    assert made["state"] == "complete"
    assert 15 < made["tests"] <= 136


def test_limits_make_one_space_for_lanes_that_search_together(cli: Cli, config: Path) -> None:
    config.write_text(LIMITED)
    made = cli("space", config, "--json").json
    assert made["valid"] == 8  # what fits on the T4 fits on all
    assert made["devices"] == ["T4", "A100", "H100"]
    drawn = cli("space", config, "--sample", "1").out.splitlines()
    assert drawn[0] == (
        "# lanes 0, 1, 2, 3 together, what is valid on all of: T4, A100, H100 (simulated)"
    )
    assert [c["text"].partition(" (on ")[2] for c in made["constraints"]] == [
        "T4)", "A100)", "H100)",
    ]  # fmt: skip
    tuned = cli("tune", config, "--json").json
    assert tuned["tests"] == 8


def test_limits_make_a_space_per_model_where_each_lane_searches(cli: Cli, config: Path) -> None:
    config.write_text(LIMITED)
    shown = cli("space", config, "--distribution", "replicate").out
    assert "lanes 0, 2: T4 (simulated)" in shown
    assert "lane 3: H100 (simulated)" in shown
    made = [
        json.loads(line)
        for line in cli("space", config, "--distribution", "replicate", "--json").out.splitlines()
    ]
    assert [(part["lanes"], part["valid"]) for part in made] == [
        (["0", "2"], 8), (["1"], 12), (["3"], 14),
    ]  # fmt: skip
    checked = cli("check", config, "--distribution", "replicate")
    assert "tests on each lane of H100 (3): 14 by strategy exhaustive" in checked.out
    tuned = cli("tune", config, "--distribution", "replicate", "--json").json
    assert tuned["tests"] == 8 + 12 + 8 + 14


def test_a_device_without_the_limit_is_an_error_that_names_it(cli: Cli, config: Path) -> None:
    config.write_text(LIMITED)
    for command in ("space", "check"):
        ended = cli(command, config, "--backend", "none", "--parallel", "1")
        assert ended.code == 2
        assert "space.constraints[0]: device.max_shared_bytes_per_block_optin is not known" in (
            ended.err
        )
        assert "backend none" in ended.err


def test_reads_and_converts_t1(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "scale.t1.json"
    space = {
        "TuningParameters": [{"Name": "B", "Type": "int", "Values": "[2**i for i in range(11)]"}],
        "Conditions": [{"Expression": "32 <= B", "Parameters": ["B"]}],
    }
    path.write_text(json.dumps({"ConfigurationSpace": space}))
    assert cli("space", path, "--json").json["valid"] == 6
    ended = cli("convert", path, "-o", tmp_path / "scale.toml")
    assert ended.code == 0
    assert "check [command] before tuning" in ended.err
    assert cli("space", tmp_path / "scale.toml", "--list").out == cli("space", path, "--list").out
