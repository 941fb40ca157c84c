"""Reads T1 files, the auto-tuning community's JSON definition of a tuning problem.

A T1 file lists `ConfigurationSpace.TuningParameters`, whose `Values` is a string that holds a
Python list (`[1, 2]`, `list(range(1, 9))`, `[2**i for i in range(5)]`, sums of these), and
`Conditions`, whose `Expression` is Python over the parameters. Nothing of it is ever executed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.model import Value
from harness.space.constraints import EVALUATION_ERRORS, Constraint, parse_constraint
from harness.space.expression import compile_scalar, parse_expression
from harness.space.parameters import Parameter

MAX_VALUES = 100_000

_TYPES: dict[str, type[float] | type[str]] = {"float": float, "string": str, "str": str}
"""Types that say more than the values; the others are what the values already are."""


def read_t1(source: str | Path | Mapping[str, Any]) -> tuple[list[Parameter], list[Constraint]]:
    """The parameters and constraints of a T1 file.

    Args:
        source: its path, or its content as `json.load` returns it.

    Raises:
        ConfigError: unreadable, or not T1; every problem that was found.
    """
    if isinstance(source, Mapping):
        place, content = "T1", source
    else:
        place, content = str(source), _load(Path(source))
    space = content.get("ConfigurationSpace")
    if not isinstance(space, Mapping):
        raise ConfigError(f"{place}: no ConfigurationSpace; expected a T1 file")
    problems: list[str] = []
    parameters: list[Parameter] = []
    for at, entry in enumerate(_list(space, "TuningParameters", place, problems)):
        _collect(problems, parameters, f"{place}: TuningParameters[{at}]", _parameter, entry)
    names = [parameter.name for parameter in parameters]
    constraints: list[Constraint] = []
    if not problems:  # else every constraint on a parameter that failed would be a problem, too
        for at, entry in enumerate(_list(space, "Conditions", place, problems)):
            _collect(
                problems,
                constraints,
                f"{place}: Conditions[{at}]",
                lambda item: _condition(item, names),
                entry,
            )
    if problems:
        raise ConfigError(problems)
    return parameters, constraints


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a T1 file") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}; expected JSON") from error
    return content if isinstance(content, Mapping) else {}


def _list(space: Mapping[str, Any], key: str, place: str, problems: list[str]) -> list[Any]:
    entries = space.get(key, [])
    if isinstance(entries, list):
        return entries
    problems.append(f"{place}: {key} = {entries!r}; expected a list")
    return []


def _collect(problems: list[str], found: list[Any], place: str, read: Any, entry: Any) -> None:
    try:
        found.append(read(entry))
    except ConfigError as error:
        problems.extend(f"{place}: {problem}" for problem in error.problems)


def _parameter(entry: Any) -> Parameter:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("Name"), str):
        raise ConfigError("no Name; expected an object with Name, Type and Values")
    name, kind, text = entry["Name"], entry.get("Type", ""), entry.get("Values")
    if isinstance(text, list):
        values = [_check_value(name, value) for value in text]
    elif isinstance(text, str):
        values = parse_values(text)
    else:
        raise ConfigError(f"{name}: Values = {text!r}; expected a list, or a string holding one")
    expected = _TYPES.get(kind)
    if expected is not None:
        try:
            values = [expected(value) for value in values]
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"{name}: Type {kind}: {error}; correct Values") from error
    return Parameter(name, tuple(values))


def _check_value(name: str, value: Any) -> Value:
    if not isinstance(value, (bool, int, float, str)):
        raise ConfigError(f"{name}: the value {value!r}; expected a number, string or boolean")
    return value


def _condition(entry: Any, names: list[str]) -> Constraint:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("Expression"), str):
        raise ConfigError("no Expression; expected an object with Expression and Parameters")
    return parse_constraint(entry["Expression"], names)


def parse_values(text: str) -> list[Value]:
    """The values that a string such as `[1, 2] + list(range(4, 9))` lists.

    Raises:
        ConfigError: anything but lists of numbers and strings, `range`, `list`, `tuple`,
            comprehensions over one of them, and sums of all that.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
        values = list(_walk(node))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ConfigError(f"Values {text[:100]!r}: {error}; write a list such as [1, 2]") from None
    if not values:
        raise ConfigError(f"Values {text[:100]!r}: empty; list at least one value")
    return values


def _walk(node: ast.expr) -> Iterator[Value]:
    """The values that an expression for a list yields, at most `MAX_VALUES`."""
    if isinstance(node, (ast.List, ast.Tuple)):
        for item in node.elts:
            yield _scalar(item, {})
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _walk(node.left)
        yield from _walk(node.right)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id in ("list", "tuple") and len(node.args) == 1:
            yield from _walk(node.args[0])
        elif node.func.id == "range" and 1 <= len(node.args) <= 3:
            yield from _range(node.args)
        else:
            raise ValueError(f"{node.func.id} is not one of list, tuple, range")
    elif isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        yield from _comprehension(node)
    else:
        raise ValueError(f"{type(node).__name__} is no list")


def _range(arguments: list[ast.expr]) -> range:
    numbers = [_scalar(argument, {}) for argument in arguments]
    if not all(isinstance(number, int) for number in numbers):
        raise ValueError(f"range of {numbers}; expected integers")
    found = range(*[int(number) for number in numbers])
    if len(found) > MAX_VALUES:
        raise ValueError(f"{len(found)} values; {MAX_VALUES} are allowed")
    return found


def _comprehension(node: ast.ListComp | ast.GeneratorExp) -> Iterator[Value]:
    (loop,) = node.generators if len(node.generators) == 1 else (None,)
    if loop is None or loop.is_async or not isinstance(loop.target, ast.Name):
        raise ValueError("only comprehensions with one `for` and one name are read")
    for value in _walk(loop.iter):
        bound = {loop.target.id: value}
        if all(_scalar(condition, bound) for condition in loop.ifs):
            yield _scalar(node.elt, bound)


def _scalar(node: ast.expr, bound: Mapping[str, Value]) -> Value:
    """One value, computed in the language of constraints."""
    checked = parse_expression(ast.unparse(node), bound)
    try:
        value = compile_scalar(checked, {})(bound)
    except EVALUATION_ERRORS as error:
        raise ValueError(f"{ast.unparse(node)}: {error}") from error
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"{ast.unparse(node)} is no value")
    return value
