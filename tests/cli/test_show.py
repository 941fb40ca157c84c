"""`harness show` where scores of one session cannot all be ranked together."""

from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import VIRTUAL, Cli

QUIET = ("--progress", "none")


def test_the_best_of_each_model_of_a_replicate(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + 'devices = ["A100", "T4", "A100"]\n')
    cli("tune", config, *QUIET, "--distribution", "replicate")
    journal = ("--journal", config.parent)
    shown = cli("show", *journal, "--top", "2").out
    assert "\non A100 (lanes 0, 2):\n" in shown
    assert "\non T4 (lane 1):\n" in shown
    assert "… the best 2 of 64; --top N shows more" in shown
    assert "… the best 2 of 32; --top N shows more" in shown
    assert "each best was chosen as the least of its device's scores" in shown
    top = cli("show", *journal, "--top", "2", "--json").json["top"]
    assert [test["lane"] == "1" for test in top] == [False, False, True, True]
    scores = [test["score"] for test in top]
    assert scores[0] <= scores[1] < scores[2] <= scores[3]


def test_lanes_that_search_together_are_one_table(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL)
    for options in ((), ("--distribution", "replicate", "--fresh")):
        cli("tune", config, *QUIET, *options)
        shown = cli("show", "--journal", config.parent).out
        assert shown.count("SCORE (simulated)") == 1
        assert "\non " not in shown
        assert "the best was chosen as the least of" in shown


@pytest.mark.parametrize("command", ["show", "history", "compare", "report", "plot", "export"])
def test_a_name_in_bytes_that_are_no_text_is_a_name(
    cli: Cli, config: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)
    config.write_text(VIRTUAL)
    cli("tune", config, *QUIET, "--budget", "1")
    ended = cli(command, "\udcff", *(["last"] if command == "compare" else []))
    assert ended.code == 2
    assert "there is no session" in ended.err or "no file given" in ended.err


def test_importance_says_what_is_to_be_known_of_the_scores(cli: Cli, config: Path) -> None:
    config.write_text(VIRTUAL + 'devices = ["A100", "T4", "A100"]\n')
    cli("tune", config, *QUIET)
    journal = ("--journal", config.parent)
    assert "warning: the lanes' devices are unlike" in cli("show", *journal, "--importance").out
    told = cli("show", *journal, "--importance", "--json").json
    assert told["warnings"][0].startswith("the lanes' devices are unlike")
