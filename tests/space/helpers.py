"""Python's own answer to what a space is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from harness.configuration import Value
from harness.space.constraints import parse_constraint
from harness.space.functions import is_power_of_two
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space

NAMESPACE = {
    **{name: getattr(math, name) for name in ("ceil", "floor", "gcd", "lcm", "log2", "sqrt")},
    "is_pow2": is_power_of_two,
}

Row = tuple[Value, ...]


def parameters_of(**values: Sequence[Value]) -> list[Parameter]:
    return [Parameter(name, tuple(listed)) for name, listed in values.items()]


def space_of(texts: Sequence[str], **values: Sequence[Value]) -> Space:
    constraints = [parse_constraint(text, values) for text in texts]
    return make_space(parameters_of(**values), constraints)


def brute_force(
    parameters: Sequence[Parameter], texts: Sequence[str]
) -> tuple[list[Row], list[Row]]:
    """The valid rows, and those that nothing rejects but for which something raises."""
    codes = [compile(text, "<constraint>", "eval") for text in texts]
    names = [parameter.name for parameter in parameters]
    valid, raising = [], []
    for row in itertools.product(*[parameter.values for parameter in parameters]):
        scope = {**NAMESPACE, **dict(zip(names, row, strict=True))}
        verdicts = [_verdict(code, scope) for code in codes]
        if all(verdict is True for verdict in verdicts):
            valid.append(row)
        elif False not in verdicts:
            raising.append(row)
    return valid, raising


def _verdict(code: object, scope: dict[str, object]) -> bool | None:
    try:
        return bool(eval(code, {}, scope))  # type: ignore[arg-type] # the reference is Python itself
    except (ArithmeticError, TypeError, ValueError):
        return None
