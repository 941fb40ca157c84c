"""NumPy's operators and functions, each with bounds of its result and where Python would raise."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from harness.space.arrays import Array, Bools, Columns
from harness.space.programs import (
    EXACT_FLOAT,
    Kind,
    NotVectorisable,
    Program,
    Result,
    Width,
    choose,
    join_errors,
    truth_of,
)

Operation = Callable[[Array, Array], Array]
Bounds = tuple[int, int]

_BITWISE: dict[str, Operation] = {
    "BitAnd": np.bitwise_and,
    "BitOr": np.bitwise_or,
    "BitXor": np.bitwise_xor,
}
_PLAIN: dict[str, Operation] = {"Add": np.add, "Sub": np.subtract, "Mult": np.multiply}
_SHIFT: dict[str, Operation] = {"LShift": np.left_shift, "RShift": np.right_shift}


def _apply(
    kind: Kind,
    bounds: Bounds,
    operation: Operation,
    left: Program,
    right: Program,
    *,
    divides: bool = False,
) -> Program:
    """The operation on two programs; with `divides`, a right-hand 0 is where Python raises."""
    check_zero = divides and (right.kind == "float" or right.low <= 0 <= right.high)

    def run(columns: Columns) -> Result:
        left_data, left_error = left.run(columns)
        right_data, right_error = right.run(columns)
        zero: Bools | None = None
        if check_zero:
            zero = right_data == 0
            zero = zero if zero.any() else None
        return operation(left_data, right_data), join_errors(left_error, right_error, zero)

    return Program(kind, *bounds, run)


def compile_binary(  # noqa: PLR0911 - one return per group of operators
    width: Width, operator: str, left: Program, right: Program
) -> Program:
    """`left operator right`, the operator by the name of its node."""
    if operator in _BITWISE and left.kind == right.kind == "bool":
        return _apply("bool", (0, 1), _BITWISE[operator], left, right)
    kind, (left, right) = width.numbers([left, right])
    if operator in _PLAIN:
        bounds = _bounds_of_plain(operator, left, right) if kind == "int" else (0, 0)
        width.check(*bounds)
        return _apply(kind, bounds, _PLAIN[operator], left, right)
    width.warns |= operator in ("Div", "FloorDiv", "Mod")
    if operator == "Div":
        if max(-left.low, left.high, -right.low, right.high) > EXACT_FLOAT:
            raise NotVectorisable
        return _apply("float", (0, 0), np.true_divide, left, right, divides=True)
    if operator in ("FloorDiv", "Mod"):
        return _compile_division(operator, kind, left, right)
    if kind == "float":
        raise NotVectorisable  # powers differ in the last bit, and bits of floats raise
    if operator == "Pow":
        bounds = _bounds_of_power(left, right)
        width.check(*bounds)
        return _apply("int", bounds, np.power, left, right)
    if operator in _SHIFT:
        bounds = _bounds_of_shift(operator, left, right, width.limit.bit_length())
        width.check(*bounds)
        return _apply("int", bounds, _SHIFT[operator], left, right)
    bits = max(bound.bit_length() for bound in (left.low, left.high, right.low, right.high))
    negative = left.low < 0 or right.low < 0
    bounds = (-(2**bits) if negative else 0, 2**bits - 1)
    width.check(*bounds)
    return _apply("int", bounds, _BITWISE[operator], left, right)


def _bounds_of_plain(operator: str, left: Program, right: Program) -> Bounds:
    if operator == "Add":
        return left.low + right.low, left.high + right.high
    if operator == "Sub":
        return left.low - right.high, left.high - right.low
    corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return min(corners), max(corners)


def _compile_division(operator: str, kind: Kind, left: Program, right: Program) -> Program:
    if kind == "float":
        operation: Operation = np.floor_divide if operator == "FloorDiv" else np.remainder
        return _apply("float", (0, 0), operation, left, right, divides=True)
    if operator == "FloorDiv":
        most = max(abs(left.low), abs(left.high))
        bounds = (0 if left.low >= 0 and right.low >= 0 else -most, most)
        return _apply("int", bounds, np.floor_divide, left, right, divides=True)
    low, high = min(0, right.low + 1), max(0, right.high - 1)
    # For natural numbers C's remainder is Python's, and cheaper.
    operation = np.fmod if left.low >= 0 and right.low >= 0 else np.remainder
    return _apply("int", (low, high), operation, left, right, divides=True)


def _bounds_of_power(base: Program, exponent: Program) -> Bounds:
    if exponent.low < 0 or exponent.high > 64:
        raise NotVectorisable
    most = max(abs(base.low), abs(base.high), 1) ** exponent.high
    return (0 if base.low >= 0 else -most), most


def _bounds_of_shift(operator: str, left: Program, right: Program, bits: int) -> Bounds:
    if right.low < 0 or right.high >= bits:
        raise NotVectorisable  # Python raises, or C leaves it undefined
    if operator == "RShift":
        return min(left.low, 0), max(left.high, 0)
    return min(left.low << right.high, 0), max(left.high << right.high, 0)


def compile_sign(width: Width, operator: str, part: Program) -> Program:
    """`-part`, `+part` or `~part`."""
    part = part if part.kind == "float" else width.integers(part)
    if operator == "UAdd":
        return part
    if operator == "USub":
        return _map(part, np.negative, part.kind, (-part.high, -part.low))
    bounds = (~part.high, ~part.low)
    width.check(*bounds)
    return _map(width.integers(part), np.invert, "int", bounds)


def _map(part: Program, operation: Callable[[Array], Array], kind: Kind, bounds: Bounds) -> Program:
    def run(columns: Columns) -> Result:
        data, error = part.run(columns)
        return operation(data), error

    return Program(kind, *bounds, run)


def compile_call(width: Width, name: str, parts: list[Program]) -> Program:
    """A call of one of the functions of the language."""
    if name in ("min", "max"):
        parts = width.same_kind(parts)
        return reduce(lambda best, part: _extreme(name, best, part), parts)
    if name == "bool":
        return truth_of(parts[0])
    if name in _TO_INTEGER and len(parts) == 1:
        return _to_integer(width, _TO_INTEGER[name], parts[0])
    if name in _ONE:
        return _ONE[name](width, parts[0])
    if name in ("gcd", "lcm"):
        return reduce(
            lambda left, right: _common(width, name, left, right),
            [width.integers(part) for part in parts],
        )
    raise NotVectorisable  # log2, and round to digits: NumPy's may differ in the last bit


def _extreme(name: str, best: Program, part: Program) -> Program:
    """Python keeps the first of equals, and the first where an operand is not a number."""
    operation = np.less if name == "min" else np.greater
    better = _apply("bool", (0, 1), operation, part, best)
    chosen = choose(better, part, best)
    pick = min if name == "min" else max
    return Program(
        chosen.kind, pick(best.low, part.low), pick(best.high, part.high), chosen.run
    )  # fmt: skip


_TO_INTEGER: dict[str, Callable[[Array], Array]] = {
    "ceil": np.ceil,
    "floor": np.floor,
    "int": np.trunc,
    "round": np.rint,
}


def _to_integer(width: Width, operation: Callable[[Array], Array], part: Program) -> Program:
    if part.kind != "float":
        return width.integers(part)
    limit = min(EXACT_FLOAT, width.limit)

    def run(columns: Columns) -> Result:
        data, error = part.run(columns)
        rounded = operation(data)
        if error is not None:
            rounded = np.where(error, 0.0, rounded)
        if not bool((np.abs(rounded) <= limit).all()):
            raise NotVectorisable
        return rounded.astype(width.integer), error

    return Program("int", -limit, limit, run)


def _absolute(width: Width, part: Program) -> Program:
    part = part if part.kind == "float" else width.integers(part)
    bounds = (0, max(abs(part.low), abs(part.high)))
    return _map(part, np.abs, part.kind, bounds)


def _to_float(width: Width, part: Program) -> Program:
    if part.kind == "float":
        return part
    return _map(width.integers(part), lambda data: data.astype(float), "float", (0, 0))


def _square_root(width: Width, part: Program) -> Program:
    number = _to_float(width, part)
    width.warns = True

    def run(columns: Columns) -> Result:
        data, error = number.run(columns)
        return np.sqrt(data), join_errors(error, data < 0)

    return Program("float", 0, 0, run)


def _is_power_of_two(width: Width, part: Program) -> Program:
    number = width.integers(part)
    return _map(number, lambda data: (data > 0) & (data & (data - 1) == 0), "bool", (0, 1))


_ONE: dict[str, Callable[[Width, Program], Program]] = {
    "abs": _absolute,
    "float": _to_float,
    "is_pow2": _is_power_of_two,
    "sqrt": _square_root,
}


def _common(width: Width, name: str, left: Program, right: Program) -> Program:
    left_most = max(abs(left.low), abs(left.high))
    right_most = max(abs(right.low), abs(right.high))
    if name == "gcd":
        return _apply("int", (0, max(left_most, right_most)), np.gcd, left, right)
    bounds = (0, left_most * right_most)
    width.check(*bounds)
    return _apply("int", bounds, np.lcm, left, right)
