"""Tests that are compiled into the same file are made one by one, and never measured as another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app.commands import make_commands
from harness.app.setup import prepare
from harness.app.suspects import setup_warnings
from harness.errors import ConfigError


def spec(base: Path, **command: Any) -> harness.Spec:
    environment = command.pop("environment", {})
    return harness.make_spec(
        {
            "backend": "none",
            "parallel": command.pop("parallel", "auto"),
            "parameters": {"A": list(range(1, 13)), "B": [0]},
            "command": {**command, "environment": environment},
            "scoring": {"optimal": "max"},
        },
        base=base,
    )


@pytest.mark.parametrize(
    ("command", "overwrite"),
    [
        ({"compile": "cc -DA=%A% -o app a.c", "test": "./app"}, True),
        ({"compile": "make A=%A%", "test": "./app"}, True),
        ({"compile": "cc -DA=%A% -o app a.c", "test": "./app %A%"}, True),
        ({"compile": "make A=%A% B=%B%", "test": "./app_%A%"}, True),
        ({"compile": "cc -DA=%A% -o app_%%PARALLEL%% a.c", "test": "./app_%%PARALLEL%%"}, True),
        ({"compile": "cc -DA=%A% -o app_%%ID%% a.c", "test": "./app_%%ID%%"}, False),
        ({"compile": ["cc", "-DA=%A%", "-o", "app_%A%"], "test": ["./app_%A%"]}, False),
        ({"compile": "make A=%A%", "test": "./a.sh", "environment": {"X": "app_%%ID%%"}}, False),
        ({"compile": "make A=%A%", "test": "./a.sh", "environment": {"X": "%A%"}}, False),
        ({"compile": "make", "test": "./app %A%"}, False),
        ({"compile": "cd b_%A% && cc -DA=%A% -o app ../a.c", "test": "b_%A%/app"}, False),
        ({"compile": "cd b_%A% && cc -DA=%A% -o app ../a.c", "test": "cd b_%A% && ./app"}, False),
        (
            {
                "compile": "cc -DA=%A% -o $OUT a.c",
                "test": "./$OUT",
                "environment": {"OUT": "app_%A%"},
            },
            False,
        ),
        ({"compile": "echo %A% > app", "test": "cat app"}, True),
        ({"compile": "make A=%A%", "test": ["out/app"]}, True),
        ({"compile": ["sleep", "%A%"], "test": ["sleep", "0.02"]}, False),
        ({"compile": "make A=%A% install", "test": "/opt/app"}, False),
        ({"test": "./app %A%"}, False),
    ],
)
def test_who_overwrites(tmp_path: Path, command: dict[str, Any], overwrite: bool) -> None:
    assert make_commands(spec(tmp_path, **command)).overwrite is overwrite


@pytest.mark.parametrize("distribution", ["pipelined", "pooled", "replicate"])
def test_each_score_is_that_of_its_own_program(tmp_path: Path, distribution: str) -> None:
    made = spec(tmp_path, compile="echo %A% > app", test="cat app")
    result = harness.tune(made, distribution=distribution)
    assert {o.configuration["A"]: o.score for o in result.outcomes} == {n: n for n in range(1, 13)}


def test_lanes_that_name_themselves_have_a_program_each(tmp_path: Path) -> None:
    at_once = "app_%%PARALLEL%%"
    made = spec(tmp_path, parallel=2, compile=f"echo %A% > {at_once}", test=f"cat {at_once}")
    result = harness.tune(made)
    assert {o.configuration["A"]: o.score for o in result.outcomes} == {n: n for n in range(1, 13)}
    assert {o.lane for o in result.outcomes} == {"0", "1"}


def test_what_may_overwrite_is_warned_of(tmp_path: Path) -> None:
    made = prepare(spec(tmp_path, parallel=2, compile="sleep %A%", test="sleep 0.02"))
    (warning,) = setup_warnings(made)
    assert "may run what was made for another" in warning


def test_lanes_that_were_asked_for_are_refused_what_they_would_share(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"2 lanes would overwrite each other's program.*%%ID%%"):
        prepare(spec(tmp_path, parallel=2, compile="echo %A% > app", test="cat app"))
