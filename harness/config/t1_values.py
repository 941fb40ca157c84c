"""The values of a T1 file's parameters: a Python list in a string, read without executing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from harness.configuration import Value
from harness.errors import ConfigError
from harness.space.constraints import EVALUATION_ERRORS
from harness.space.expression import compile_scalar, parse_expression

MAX_VALUES = 100_000


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
