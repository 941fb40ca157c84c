"""The language of constraints: Python expressions, checked, then evaluated by closures.

Python's parser reads the text; every node of the syntax tree must be on the list here, so there
are no attributes, subscripts, comprehensions, lambdas or calls except of `FUNCTIONS`. Nothing is
ever handed to `eval`. A known name may have a dot in it (`device.warp_size`) and is looked up as a
whole. Text, nesting and integers are bounded, so evaluation takes bounded time.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

from harness.configuration import Value
from harness.errors import ConfigError
from harness.space.functions import BINARY, COMPARE, FUNCTIONS, UNARY, Function, Operand
from harness.units import excerpt

MAX_LENGTH = 10_000
MAX_DEPTH = 150
SHOWN_LENGTH = 300

Scalar = Callable[[Mapping[str, Value]], Operand]
"""Evaluates an expression for one value of each name."""

_FOREIGN_OPERATORS = (
    (r"&&", "&&", "and"),
    (r"\|\|", "||", "or"),
    (r"!(?!=)", "!", "not"),
    (r"(?<![<>=!:])=(?!=)", "=", "=="),
)

_FOREIGN_NAMES = {"true": "True", "false": "False"}
"""Of TOML and C++."""

_DOUBTFUL = re.compile(r"[0-9.][A-Za-z_]|\\")
"""What Python may warn of: `1or 2` and "\\d" are Python, if barely."""


def parse_expression(text: str, names: Collection[str]) -> ast.expr:
    """The checked syntax tree of an expression over `names`.

    Raises:
        ConfigError: not an expression of the language; names text, position and remedy.
    """
    if len(text) > MAX_LENGTH:
        raise ConfigError(
            f'constraint "{text[:60]}…": {len(text)} characters, {MAX_LENGTH} are allowed; '
            "split it into several constraints"
        )
    try:
        node = _parse(_one_line(text).strip())
    except SyntaxError as error:
        # CPython says 0 where the text ends too early.
        column = (error.offset or len(text.strip()) + 1) + len(text) - len(text.lstrip())
        raise _problem(text, column, error.msg or "not an expression", _hint(text)) from None
    except (ValueError, MemoryError, RecursionError) as error:
        reason = str(error) or "nested too deeply"
        raise _problem(text, 1, reason, "split it into several constraints") from None
    _Checker(text, names).check(node, 1)
    return node


def _parse(text: str) -> ast.expr:
    if not _DOUBTFUL.search(text):
        return ast.parse(text, mode="eval").body
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode="eval").body


def _one_line(text: str) -> str:
    """Line ends as spaces, so that a long constraint may be written on several lines."""
    return text.replace("\r", " ").replace("\n", " ")


def _hint(text: str) -> str:
    for pattern, foreign, ours in _FOREIGN_OPERATORS:
        if re.search(pattern, text):
            return f"write a Python expression; for `{foreign}` write `{ours}`"
    return (
        "write a Python expression, as a number 4 * BLOCK_X, as a constraint "
        "BLOCK_X * BLOCK_Y <= 1024"
    )


def _problem(text: str, column: int, reason: str, remedy: str) -> ConfigError:
    shown = excerpt(text, column - 1, SHOWN_LENGTH)
    return ConfigError(f'constraint "{shown}", column {column}: {reason}; {remedy}')


_CEIL_DIV = re.compile(r"(?i)i?_?(ceil_?div|div_?ceil|cdiv|div_?up|div_?round_?up)")
"""What other languages call a division that rounds up."""

_SEVERAL = 'where there may be several, write a list of texts, ["A", "B"]; else one of them'


class _Checker:
    """Walks a syntax tree and refuses what is not in the language."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self._text = text
        self._names = names
        self._indent = len(text) - len(text.lstrip())

    def _refuse(self, node: ast.AST, reason: str, remedy: str) -> ConfigError:
        column = getattr(node, "col_offset", 0) + 1 + self._indent
        return _problem(self._text, column, reason, remedy)

    def check(self, node: ast.expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._refuse(
                node, f"nested more than {MAX_DEPTH} deep", "split it into several constraints"
            )
        name = name_of(node)
        if name is not None and (isinstance(node, ast.Name) or self._is_dotted(name)):
            self._check_name(node, name)
        elif isinstance(node, ast.Constant):
            if not isinstance(node.value, (bool, int, float, str)):
                raise self._refuse(
                    node, f"{node.value!r} is no value", "use numbers, strings, True and False"
                )
        elif isinstance(node, ast.Call):
            self._check_call(node)
        elif isinstance(node, ast.Compare):
            self._check_compare(node)
        elif not self._is_allowed(node):
            raise self._refuse(
                node,
                f"{_describe(node)} is not part of the language",
                _SEVERAL
                if isinstance(node, ast.Tuple | ast.List)
                else "use arithmetic, comparisons, and, or, not, in, `a if b else c` and "
                f"{', '.join(FUNCTIONS)}",
            )
        for child in operands(node):
            self.check(child, depth + 1)

    @staticmethod
    def _is_allowed(node: ast.expr) -> bool:
        if isinstance(node, ast.BinOp):
            return type(node.op).__name__ in BINARY
        return isinstance(node, (ast.BoolOp, ast.UnaryOp, ast.IfExp))

    def _is_dotted(self, name: str) -> bool:
        """Whether there are names that begin like this one, up to its dot."""
        return any(known.startswith(name.partition(".")[0] + ".") for known in self._names)

    def _check_name(self, node: ast.expr, name: str) -> None:
        if name in self._names:
            return
        if name in FUNCTIONS:
            reason, remedy = f"{name} is a function", f"call it: {name}(…)"
        else:
            start = name[: name.find(".") + 1]  # of a name without a dot, nothing
            alike = [n for n in self._names if n.startswith(start) and ("." in n) == bool(start)]
            near = difflib.get_close_matches(name, alike, n=1)
            reason = f"unknown name {name}"
            known = ", ".join(sorted(alike)) or "none"
            remedy = f"did you mean {near[0]}?" if near else f"known names: {known}"
            if name in _FOREIGN_NAMES:
                remedy = f"write {_FOREIGN_NAMES[name]}"
        raise self._refuse(node, reason, remedy)

    def _check_call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            called = node.func.id if isinstance(node.func, ast.Name) else "this"
            remedy = f"the functions are {', '.join(FUNCTIONS)}"
            if _CEIL_DIV.fullmatch(called):
                remedy = "write (a + b - 1) // b, or ceil(a / b)"
            raise self._refuse(node, f"{called} cannot be called", remedy)
        _, least, most = FUNCTIONS[node.func.id]
        count = len(node.args)
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self._refuse(
                node, f"{node.func.id} takes plain arguments only", "list them one by one"
            )
        if count < least or (most is not None and count > most):
            expected = f"{least}" if least == most else f"{least} to {most or 'any number'}"
            raise self._refuse(
                node,
                f"{node.func.id} got {count} arguments",
                f"give it {expected}" if most else f"give it at least {least}",
            )

    def _check_compare(self, node: ast.Compare) -> None:
        for compared, right in zip(node.ops, node.comparators, strict=True):
            if type(compared).__name__ not in COMPARE:
                raise self._refuse(node, "`is` compares identity", "use == or !=")
            is_collection = isinstance(right, (ast.Tuple, ast.List, ast.Set))
            if is_collection and not isinstance(compared, (ast.In, ast.NotIn)):
                raise self._refuse(right, "a list can only follow `in`", "compare single values")


def _describe(node: ast.AST) -> str:
    words = {
        ast.Attribute: "an attribute",
        ast.Subscript: "a subscript",
        ast.Lambda: "a lambda",
        ast.JoinedStr: "an f-string",
        ast.NamedExpr: "an assignment",
        ast.Tuple: "a tuple outside `in`",
        ast.List: "a list outside `in`",
        ast.Set: "a set outside `in`",
    }
    return words.get(type(node), f"{type(node).__name__}")


def name_of(node: ast.expr) -> str | None:
    """`A`, or `device.warp_size`; None for what is not a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None


def operands(node: ast.expr) -> list[ast.expr]:
    """The expressions that a checked node is made of, in the order they are evaluated."""
    find = _OPERANDS.get(type(node))
    return [] if find is None else find(node)


def _operands_of_compare(node: ast.Compare) -> list[ast.expr]:
    found = [node.left]
    for right in node.comparators:
        is_collection = isinstance(right, (ast.Tuple, ast.List, ast.Set))
        found += right.elts if is_collection else [right]  # type: ignore[attr-defined]
    return found


_OPERANDS: dict[type[ast.expr], Callable[[Any], list[ast.expr]]] = {
    ast.BoolOp: lambda node: node.values,
    ast.BinOp: lambda node: [node.left, node.right],
    ast.UnaryOp: lambda node: [node.operand],
    ast.IfExp: lambda node: [node.test, node.body, node.orelse],
    ast.Call: lambda node: node.args,
    ast.Compare: _operands_of_compare,
}


def names_in(node: ast.expr) -> frozenset[str]:
    """Every name in a checked tree."""
    name = name_of(node)
    if name is not None:
        return frozenset([name])
    return frozenset[str]().union(*map(names_in, operands(node)))


def compile_scalar(  # noqa: PLR0911 - one return per kind of node
    node: ast.expr, constants: Mapping[str, Value]
) -> Scalar:
    """A function that evaluates a checked tree as Python would.

    Args:
        constants: the names that are not looked up in what the function is handed.
    """
    if isinstance(node, ast.Constant):
        value = node.value
        return lambda _: value
    name = name_of(node)
    if name is not None:
        if name in constants:
            constant = constants[name]
            return lambda _: constant
        return lambda values: values[name]
    if isinstance(node, ast.Compare):
        return _compile_compare(node, constants)
    parts = [compile_scalar(child, constants) for child in operands(node)]
    if isinstance(node, ast.BinOp):
        operate, (left, right) = BINARY[type(node.op).__name__], parts
        return lambda values: operate(left(values), right(values))
    if isinstance(node, ast.UnaryOp):
        apply, (operand,) = UNARY[type(node.op).__name__], parts
        return lambda values: apply(operand(values))
    if isinstance(node, ast.IfExp):
        test, body, orelse = parts
        return lambda values: body(values) if test(values) else orelse(values)
    if isinstance(node, ast.BoolOp):
        return _compile_bool(isinstance(node.op, ast.And), parts)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    function = FUNCTIONS[node.func.id][0]
    return lambda values: function(*[part(values) for part in parts])


def _compile_bool(is_and: bool, parts: list[Scalar]) -> Scalar:
    def evaluate(values: Mapping[str, Value]) -> Operand:
        result: Operand = is_and
        for part in parts:
            result = part(values)
            if bool(result) is not is_and:
                break
        return result

    return evaluate


def _compile_compare(node: ast.Compare, constants: Mapping[str, Value]) -> Scalar:
    first = compile_scalar(node.left, constants)
    links: list[tuple[Function, Scalar]] = []
    for compared, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(right, (ast.Tuple, ast.List, ast.Set)):
            scalar = _compile_collection([compile_scalar(item, constants) for item in right.elts])
        else:
            scalar = compile_scalar(right, constants)
        links.append((COMPARE[type(compared).__name__], scalar))

    def evaluate(values: Mapping[str, Value]) -> Operand:
        left = first(values)
        result: Operand = True
        for compare, scalar in links:
            right = scalar(values)
            result = compare(left, right)
            if not result:
                break
            left = right
        return result

    return evaluate


def _compile_collection(items: list[Scalar]) -> Scalar:
    return lambda values: tuple(item(values) for item in items)
