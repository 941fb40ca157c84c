"""Constraints evaluated for whole arrays of configurations, with Python's results.

An expression is compiled once, for the values that its parameters have. Every part that depends on
a single parameter is evaluated by Python for each of its values and becomes a table, so strings,
mixed types and functions cost nothing later. Parts over several parameters become NumPy operations
on booleans, integers or floats. Interval arithmetic over the values proves that no integer
overflows; where it cannot, or where NumPy's result could differ from Python's by as much as a bit,
the expression is refused (`NotVectorisable`) and evaluated row by row instead.

Evaluation never raises for a configuration: it returns, beside the truth, where Python would have
raised. `a or b` ignores what happens in b where a is true, as Python does.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from harness.configuration import Value
from harness.space.arrays import Array, Bools, Columns
from harness.space.expression import compile_scalar, name_of, operands
from harness.space.functions import Operand
from harness.space.operations import compile_binary, compile_call, compile_sign
from harness.space.programs import (
    Kind,
    NotVectorisable,
    Program,
    Result,
    Width,
    choose,
    connect,
    join_errors,
    negate,
    truth_of,
)


def compile_vector(
    node: ast.expr, values: Mapping[str, tuple[Value, ...]], constants: Mapping[str, Value]
) -> Callable[[Columns], tuple[Bools, Bools | None]]:
    """A function that tells for whole columns where the expression is true.

    Args:
        values: of each parameter in it.

    Raises:
        NotVectorisable: NumPy cannot promise Python's results; here or when it is run.
    """
    width = Width(np.dtype(np.int32))
    try:
        program = _Compiler(values, constants, width).truth(node)
    except NotVectorisable:
        width = Width(np.dtype(np.int64))
        program = _Compiler(values, constants, width).truth(node)
    if not width.warns:
        return program.run

    def run(columns: Columns) -> tuple[Bools, Bools | None]:
        with np.errstate(all="ignore"):
            return program.run(columns)

    return run


_NONE: frozenset[str] = frozenset()


class _Compiler:
    def __init__(
        self,
        values: Mapping[str, tuple[Value, ...]],
        constants: Mapping[str, Value],
        width: Width,
    ) -> None:
        self._values = values
        self._constants = constants
        self._width = width
        self._known: dict[int, frozenset[str]] = {}  # by the identity of nodes, which stay

    def _names(self, node: ast.expr) -> frozenset[str]:
        """The parameters in an expression."""
        if isinstance(node, ast.Constant):
            return _NONE
        name = name_of(node)
        if name is not None:
            return _NONE if name in self._constants else frozenset((name,))
        names = self._known.get(id(node))
        if names is None:
            names = self._known[id(node)] = _NONE.union(*map(self._names, operands(node)))
        return names

    def value(self, node: ast.expr) -> Program:  # noqa: PLR0911 - one per kind of node
        """What the expression yields."""
        names = self._names(node)
        if len(names) <= 1:
            return self._table(node, list(names), is_truth=False)
        if isinstance(node, ast.BinOp):
            left, right = self.value(node.left), self.value(node.right)
            return compile_binary(self._width, type(node.op).__name__, left, right)
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.Not):
                return self.truth(node)
            return compile_sign(self._width, type(node.op).__name__, self.value(node.operand))
        if isinstance(node, ast.BoolOp):
            return self._bool_value(node)
        if isinstance(node, ast.IfExp):
            body, other = self._width.same_kind([self.value(node.body), self.value(node.orelse)])
            return choose(self.truth(node.test), body, other)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        return compile_call(
            self._width, node.func.id, [self.value(argument) for argument in node.args]
        )

    def truth(self, node: ast.expr) -> Program:
        """Whether the expression is true."""
        names = self._names(node)
        if len(names) <= 1:
            return self._table(node, list(names), is_truth=True)
        if isinstance(node, ast.BoolOp):
            result = self.truth(node.values[0])
            for part in node.values[1:]:
                result = connect(isinstance(node.op, ast.And), result, self.truth(part))
            return result
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return negate(self.truth(node.operand))
        if isinstance(node, ast.IfExp):
            return choose(self.truth(node.test), self.truth(node.body), self.truth(node.orelse))
        return truth_of(self.value(node))

    def _table(self, node: ast.expr, names: list[str], *, is_truth: bool) -> Program:
        """An expression of one parameter or none: what Python says for each value."""
        found, errors = self._tabulate(node, names, is_truth=is_truth)
        kind, low, high = self._classify(found)
        types: dict[Kind, object] = {"bool": bool, "int": self._width.integer, "float": float}
        error: Bools | None = None
        if errors:
            found = [0 if at in errors else result for at, result in enumerate(found)]
            error = np.array([at in errors for at in range(len(found))])
        data = np.array(found, dtype=types[kind])  # type: ignore[call-overload] # dtype-like
        if not names:
            return Program(kind, low, high, lambda _: (data, error))
        name = names[0]

        def run(columns: Columns) -> Result:
            positions = columns[name]
            return data.take(positions), None if error is None else error.take(positions)

        return Program(kind, low, high, run)

    def _tabulate(
        self, node: ast.expr, names: list[str], *, is_truth: bool
    ) -> tuple[Sequence[Operand], set[int]]:
        """What the expression yields for each value, and where it raises (None stands there)."""
        if not is_truth and isinstance(node, ast.Name) and names:
            return self._values[names[0]], set()
        if not is_truth and isinstance(node, ast.Constant):
            return [node.value], set()
        scalar = compile_scalar(node, self._constants)
        found: list[Operand] = []
        errors: set[int] = set()
        for at, value in enumerate(self._values[names[0]] if names else (0,)):
            try:
                result = scalar({names[0]: value} if names else {})
                found.append(bool(result) if is_truth else result)
            except (ArithmeticError, TypeError, ValueError):
                found.append(None)
                errors.add(at)
        return found, errors

    def _classify(self, found: Sequence[Operand]) -> tuple[Kind, int, int]:
        types = set(map(type, found))
        types.discard(type(None))
        if types <= {bool}:
            return "bool", 0, 1
        if types <= {bool, int}:
            numbers = [result for result in found if result is not None]
            low, high = int(min(numbers)), int(max(numbers))
            self._width.check(low, high)
            return "int", low, high
        if types == {float}:
            self._width.warns = True
            return "float", 0, 0
        raise NotVectorisable

    def _bool_value(self, node: ast.BoolOp) -> Program:
        """`a or b` where what it yields matters, not just whether that is true."""
        parts = self._width.same_kind([self.value(part) for part in node.values])
        result = parts[-1]
        for part in reversed(parts[:-1]):
            if isinstance(node.op, ast.And):
                result = choose(truth_of(part), result, part)
            else:
                result = choose(truth_of(part), part, result)
        return result

    def _compare(self, node: ast.Compare) -> Program:
        left = self.value(node.left)
        result: Program | None = None
        for compared, comparator in zip(node.ops, node.comparators, strict=True):
            if isinstance(compared, (ast.In, ast.NotIn)):
                collection = isinstance(comparator, (ast.Tuple, ast.List, ast.Set))
                if not collection or len(node.ops) > 1:
                    raise NotVectorisable
                items = comparator.elts  # type: ignore[attr-defined] # one of the three above
                return self._membership(left, items, isinstance(compared, ast.NotIn))
            right = self.value(comparator)
            link = self._link(type(compared).__name__, left, right)
            result = link if result is None else connect(True, result, link)
            left = right
        assert result is not None
        return result

    def _link(self, operator: str, left: Program, right: Program) -> Program:
        _, (first, second) = self._width.numbers([left, right])
        operation = _COMPARE[operator]

        def run(columns: Columns) -> Result:
            first_data, first_error = first.run(columns)
            second_data, second_error = second.run(columns)
            return operation(first_data, second_data), join_errors(first_error, second_error)

        return Program("bool", 0, 1, run)

    def _membership(self, left: Program, items: list[ast.expr], is_negated: bool) -> Program:
        links = [self._link("Eq", left, self.value(item)) for item in items]

        def run(columns: Columns) -> Result:
            found: Array
            found, error = left.run(columns)
            found = np.zeros(found.shape, dtype=bool)
            for link in links:
                data, link_error = link.run(columns)
                found = found | data
                error = join_errors(error, link_error)
            return ~found if is_negated else found, error

        return Program("bool", 0, 1, run)


_COMPARE: dict[str, Callable[[Array, Array], Bools]] = {
    "Eq": np.equal,
    "NotEq": np.not_equal,
    "Lt": np.less,
    "LtE": np.less_equal,
    "Gt": np.greater,
    "GtE": np.greater_equal,
}
