"""Constraints: which combinations of values are configurations."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from harness.configuration import Value, show_value
from harness.errors import ConfigError
from harness.space.expression import (
    SHOWN_LENGTH,
    Scalar,
    compile_scalar,
    names_in,
    parse_expression,
)
from harness.units import shorten

EVALUATION_ERRORS = (ArithmeticError, TypeError, ValueError)
"""What evaluating an expression of the language can raise."""


@dataclass(frozen=True, eq=False)
class Constraint:
    """A checked expression that must be true.

    Attributes:
        text: as the user wrote it.
        names: the parameters it depends on.
        node: its syntax tree, checked.
        constants: the names in it that are no parameters, with their values.
        place: the file and key that it stands at, for messages; empty: not from a file.
    """

    text: str
    names: frozenset[str]
    node: ast.expr = field(repr=False)
    constants: Mapping[str, Value] = field(repr=False)
    place: str = ""

    @cached_property
    def evaluate(self) -> Scalar:
        """What it yields for one value of each name, as Python would evaluate it; may raise."""
        return compile_scalar(self.node, self.constants)

    def holds(self, mapping: Mapping[str, Value]) -> bool:
        """Whether it is true for these values, as Python would evaluate it.

        Raises:
            ConfigError: it cannot be evaluated (a division by zero, say) for these values.
        """
        try:
            return bool(self.evaluate(mapping))
        except EVALUATION_ERRORS as error:
            raise evaluation_problem(self, mapping, error) from error


@dataclass(frozen=True, eq=False)
class CallableConstraint:
    """A Python function that must return true; evaluated row by row, after all others.

    Attributes:
        text: what it is called in messages.
        names: the parameters it depends on, handed to it by keyword.
        function: may raise anything; the constraint then reports it.
    """

    text: str
    names: frozenset[str]
    function: Callable[..., object]

    def holds(self, mapping: Mapping[str, Value]) -> bool:
        """Whether the function returns something true for these values.

        Raises:
            ConfigError: the function raised.
        """
        try:
            return bool(self.function(**{name: mapping[name] for name in self.names}))
        except Exception as error:  # whatever a user's function raises is a fault of the config
            raise evaluation_problem(self, mapping, error) from error


AnyConstraint = Constraint | CallableConstraint


def parse_constraint(
    text: str, names: Collection[str], constants: Mapping[str, Value] | None = None
) -> Constraint:
    """The constraint that `text` says.

    The language is Python's expressions: numbers, strings, True, False, names; `+ - * / // % **
    << >> & | ^ ~`; comparisons (chained too); `and or not`; `in` and `not in` with a list of
    values; `a if b else c`; and the functions abs, bool, ceil, float, floor, gcd, int, is_pow2,
    lcm, log2, max, min, round, sqrt.

    Args:
        names: the parameters.
        constants: further names (problem sizes, device limits) with their values; a parameter of
            the same name wins.

    Raises:
        ConfigError: not an expression of that language; says where and what to do.
    """
    known = {name: value for name, value in (constants or {}).items() if name not in names}
    node = parse_expression(text, {*names, *known})
    used = names_in(node)
    constants_used = {name: value for name, value in known.items() if name in used}
    return Constraint(text.strip(), used - constants_used.keys(), node, constants_used)


def make_constraint(
    function: Callable[..., object],
    names: Collection[str],
    constants: Mapping[str, Value] | None = None,
) -> CallableConstraint:
    """The constraint that a Python function says, by the names of its arguments.

    It is called with the values of the parameters and constants that its arguments name; of
    `**others`, with all that are left. Other arguments must have defaults.

    Args:
        names, constants: as for `parse_constraint`.

    Raises:
        ConfigError: it cannot be called so.
    """
    text = getattr(function, "__name__", type(function).__name__)
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"constraint {text}: {error}; give a Python function of the parameters"
        ) from None
    known = {name: value for name, value in (constants or {}).items() if name not in names}
    asked: dict[str, None] = {}
    for argument in arguments:
        if argument.kind is argument.VAR_KEYWORD:
            asked |= dict.fromkeys([*names, *known])
        elif argument.kind in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY) and (
            argument.name in names or argument.name in known
        ):
            asked[argument.name] = None
        elif argument.default is argument.empty and argument.kind is not argument.VAR_POSITIONAL:
            raise ConfigError(
                f"constraint {text}: its argument {argument.name} is no parameter; name its "
                f"arguments as the parameters it looks at: {', '.join([*names, *known]) or 'none'}"
            )
    bound = partial(function, **{name: known[name] for name in asked if name in known})
    return CallableConstraint(text, frozenset(asked) - known.keys(), bound)


def evaluation_problem(
    constraint: AnyConstraint, mapping: Mapping[str, Value], error: Exception
) -> ConfigError:
    """The error that says which constraint failed, for which values, and why."""
    values = " ".join(
        f"{name}={show_value(value)}" for name, value in mapping.items()
        if name in constraint.names
    )  # fmt: skip
    where = f" for {shorten(values, SHOWN_LENGTH)}" if values else ""
    place = (
        f"{constraint.place}: " if isinstance(constraint, Constraint) and constraint.place else ""
    )
    return ConfigError(
        f'{place}constraint "{shorten(constraint.text, SHOWN_LENGTH)}"{where}: '
        f"{type(error).__name__}: {error}; {_remedy(constraint, error)}"
    )


def _remedy(constraint: AnyConstraint, error: Exception) -> str:
    """What to do about an expression or function that cannot be evaluated."""
    if isinstance(constraint, CallableConstraint):
        return "correct the function, or add a constraint that excludes these values"
    if isinstance(error, TypeError):
        return "texts and numbers do not mix: write numbers without quotes, and texts in quotes"
    if isinstance(error, OverflowError):
        return "use smaller numbers, or add a constraint that excludes these values"
    divides = isinstance(error, ZeroDivisionError)
    guard = "x != 0 and y % x == 0" if divides else "x > 0 and log2(x) < 8"
    return f"guard it, as in `{guard}`, or add a constraint that excludes these values"
