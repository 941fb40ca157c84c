"""Numbers on the command line: in the digits of ASCII, and no greater than is of use."""

from __future__ import annotations

import math
import re
from typing import Any

import click

MOST = 1_000_000_000
"""Counts above this are slips of a finger."""


class WholeNumber(click.ParamType):  # type: ignore[type-arg] # only newer versions are generic
    """A whole number within bounds; Python alone also reads other scripts' digits, and 1_000."""

    name = "integer"

    def __init__(self, least: int = -(10**18), most: int = MOST) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """What `value` says; `ctx.fail` where that is none."""
        text = str(value).strip()
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            self.fail(f"{value!r} is not a whole number of at most 18 digits", param, ctx)
        if not self._least <= int(text) <= self._most:
            self.fail(f"{text} is not in the range {self._least} to {self._most}", param, ctx)
        return int(text)


class WholeNumbers(WholeNumber):
    """Whole numbers within bounds, separated by commas: each once, in ascending order."""

    name = "integers"

    def convert(  # type: ignore[override] # several of them
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """What `value` says; `ctx.fail` where part of it is no such number."""
        if isinstance(value, tuple):
            return value
        try:
            parts = [
                super(WholeNumbers, self).convert(part, param, ctx) for part in value.split(",")
            ]
        except click.BadParameter as error:
            self.fail(f"{error.message}; give numbers such as 25,50", param, ctx)
        return tuple(sorted(set(parts)))


class Number(click.ParamType):  # type: ignore[type-arg] # only newer versions are generic
    """A number above a bound; Python alone also reads other scripts' digits, and 1_000."""

    name = "float"

    def __init__(self, above: float = -math.inf) -> None:
        self._above = above

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """What `value` says; `ctx.fail` where that is none."""
        text = str(value).strip()
        try:
            number = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number such as 12, 0.5 or 1e-3", param, ctx)
        if number <= self._above:
            self.fail(f"{text} is not above {self._above:g}", param, ctx)
        return number
