"""Running the command line inside the test's own process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """Runs commands and collects their output."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ended:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, captured.out, captured.err)


SLEEPERS = """\
name = "sleepers"
backend = "none"
parallel = 2

[parameters]
A = [1, 2, 3]
B = ["x", "y"]

[command]
compile = "echo %A% > made_%%ID%%"
test = "test %A% != 3 && cat made_%%ID%%"
clean = "rm made_%%ID%%"

[scoring]
optimal = "max"
unit = "points"
repeat = 2
"""

VIRTUAL = """\
name = "virtual"
backend = "mock"
parallel = 3

[parameters]
A = [1, 2, 3, 4, 5, 6, 7, 8]
B = [1, 2, 3, 4]

[command]
compile = "false"
test = "false %A% %B%"

[scoring]
repeat = 3

[mock]
time = "virtual"
"""
