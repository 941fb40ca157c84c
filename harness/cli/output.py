"""What commands write to standard output: lines for people, or objects for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from harness.units import format_text


class Drawn(str):
    """A line that is to reach the terminal as it is: with our own styles, all else escaped."""

    __slots__ = ()


def write_lines(lines: Iterable[str]) -> None:
    """Lines for people; what a terminal would obey in names and values is escaped."""
    shown = (line if isinstance(line, Drawn) else format_text(line) for line in lines)
    click.echo("\n".join(shown))


def write_json(value: Any) -> None:
    """One object for programs, exact."""
    click.echo(json.dumps(value, indent=2))
