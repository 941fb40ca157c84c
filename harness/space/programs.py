"""Compiled expressions and what they are made of: data, bounds, and where Python would raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from harness.space.arrays import Array, Bools, Columns

Kind = Literal["bool", "int", "float"]
Result = tuple[Array, "Bools | None"]

EXACT_FLOAT = 2**53
"""Integers up to this are exact as floats."""


class NotVectorisable(Exception):  # noqa: N818 - a verdict, not an error
    """The expression must be evaluated row by row."""


class Program(NamedTuple):  # many are made, and a tuple is made quickly
    """A compiled expression.

    Attributes:
        kind: of what it yields.
        low, high: bounds of what it yields, for bool and int.
        run: data and, where Python would raise, True (None: nowhere); both broadcast.
    """

    kind: Kind
    low: int
    high: int
    run: Callable[[Columns], Result]


class Width:
    """The integer type of a compilation, and the proof that integers fit.

    Attributes:
        warns: whether NumPy may warn: something is divided, or is no integer.
    """

    def __init__(self, integer: np.dtype[np.int32] | np.dtype[np.int64]) -> None:
        self.integer = integer
        # The most negative integer is left out: its negative does not fit.
        self.limit = 2 ** (8 * integer.itemsize - 1) - 1
        self.warns = False

    def check(self, low: int, high: int) -> None:
        """Refuse integers that may not fit."""
        if low < -self.limit or high > self.limit:
            raise NotVectorisable

    def integers(self, program: Program) -> Program:
        """The program with booleans as 0 and 1."""
        if program.kind == "float":
            raise NotVectorisable
        if program.kind == "int":
            return program

        def run(columns: Columns) -> Result:
            data, error = program.run(columns)
            return data.astype(self.integer), error

        return Program("int", program.low, program.high, run)

    def numbers(self, parts: list[Program]) -> tuple[Kind, list[Program]]:
        """The programs made fit for arithmetic with each other, and the kind that results."""
        if all(part.kind != "float" for part in parts):
            return "int", [self.integers(part) for part in parts]
        numbers = [part if part.kind == "float" else self.integers(part) for part in parts]
        if any(max(-number.low, number.high) > EXACT_FLOAT for number in numbers):
            raise NotVectorisable
        return "float", numbers

    def same_kind(self, parts: list[Program]) -> list[Program]:
        """The programs with one kind in common: booleans become integers, floats stay apart."""
        if len({part.kind for part in parts}) == 1:
            return parts
        return [self.integers(part) for part in parts]


def join_errors(*errors: Bools | None) -> Bools | None:
    """Where any of them is True."""
    joined: Bools | None = None
    for error in errors:
        if error is not None:
            joined = error if joined is None else joined | error
    return joined


def truth_of(program: Program) -> Program:
    """Whether what the program yields is true."""
    if program.kind == "bool":
        return program

    def run(columns: Columns) -> Result:
        data, error = program.run(columns)
        return data != 0, error

    return Program("bool", 0, 1, run)


def negate(program: Program) -> Program:
    """`not program`, of a truth."""

    def run(columns: Columns) -> Result:
        data, error = program.run(columns)
        return ~data, error

    return Program("bool", 0, 1, run)


def connect(is_and: bool, left: Program, right: Program) -> Program:
    """`left and right`, or `left or right`, of truths."""

    def run(columns: Columns) -> Result:
        data, error = left.run(columns)
        right_data, right_error = right.run(columns)
        if right_error is not None:
            error = join_errors(error, (data if is_and else ~data) & right_error)
        return (data & right_data if is_and else data | right_data), error

    return Program("bool", 0, 1, run)


def choose(test: Program, body: Program, other: Program) -> Program:
    """`body if test else other`; both have the same kind."""

    def run(columns: Columns) -> Result:
        chosen, error = test.run(columns)
        body_data, body_error = body.run(columns)
        other_data, other_error = other.run(columns)
        if body_error is not None:
            error = join_errors(error, chosen & body_error)
        if other_error is not None:
            error = join_errors(error, ~chosen & other_error)
        return np.where(chosen, body_data, other_data), error

    return Program(body.kind, min(body.low, other.low), max(body.high, other.high), run)
