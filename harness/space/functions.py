"""What the constraint language can compute: Python's operators and a list of functions.

Operators that can take unbounded time or memory (`2 ** 10 ** 10`, `1 << 10 ** 9`, `"a" * 10 ** 9`,
`"%999999999d" % 1`) are refused beyond `MAX_BITS`, or for strings, by an exception that the
constraint reports like a division by zero.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Container
from typing import Any

MAX_BITS = 4096
"""The longest integer that an expression may compute."""

MAX_ROUND_DIGITS = 400

Operand = Any
"""A value during evaluation: what parameters hold, or what operators made of it."""


def _check_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise OverflowError(f"an integer of about {bits} bits; {MAX_BITS} are allowed")


def multiply(left: Operand, right: Operand) -> Operand:
    """`left * right` for numbers."""
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())
    elif isinstance(left, str) or isinstance(right, str):
        raise TypeError("a string cannot be multiplied")
    return left * right


def remainder(left: Operand, right: Operand) -> Operand:
    """`left % right` for numbers."""
    if isinstance(left, str):
        raise TypeError("a string has no remainder")
    return left % right


def power(left: Operand, right: Operand) -> Operand:
    """`left ** right` for numbers."""
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > 0:
        if right > MAX_BITS:
            raise OverflowError(f"the exponent {right} is above {MAX_BITS}")
        _check_bits((left.bit_length() - 1) * right)
    return left**right


def shift_left(left: Operand, right: Operand) -> Operand:
    """`left << right`."""
    if isinstance(left, int) and isinstance(right, int) and left and right > 0:
        _check_bits(left.bit_length() + right)
    return left << right


def invert(number: Operand) -> Operand:
    """`~number`; booleans count as 0 and 1, as everywhere in arithmetic."""
    return ~(int(number) if isinstance(number, bool) else number)


def contains(item: Operand, container: Container[Operand]) -> bool:
    """`item in container`."""
    return item in container


def excludes(item: Operand, container: Container[Operand]) -> bool:
    """`item not in container`."""
    return item not in container


def least_common_multiple(*numbers: int) -> int:
    """`math.lcm`, bounded."""
    result = 1
    for number in map(operator.index, numbers):
        _check_bits(result.bit_length() + number.bit_length())
        result = math.lcm(result, number)
    return result


def is_power_of_two(number: int) -> bool:
    """Whether an integer is 1, 2, 4, 8 and so on."""
    return number > 0 and number & (number - 1) == 0


def round_number(number: Operand, digits: int | None = None) -> Operand:
    """`round`, half to even; at most `MAX_ROUND_DIGITS` digits."""
    if isinstance(digits, int) and abs(digits) > MAX_ROUND_DIGITS:
        raise OverflowError(f"round to {digits} digits; {MAX_ROUND_DIGITS} are allowed")
    return round(number) if digits is None else round(number, digits)


Function = Callable[..., Operand]

FUNCTIONS: dict[str, tuple[Function, int, int | None]] = {
    "abs": (abs, 1, 1),
    "bool": (bool, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "float": (float, 1, 1),
    "floor": (math.floor, 1, 1),
    "gcd": (math.gcd, 2, None),
    "int": (int, 1, 1),
    "is_pow2": (is_power_of_two, 1, 1),
    "lcm": (least_common_multiple, 2, None),
    "log2": (math.log2, 1, 1),
    "max": (max, 2, None),
    "min": (min, 2, None),
    "round": (round_number, 1, 2),
    "sqrt": (math.sqrt, 1, 1),
}
"""Name -> function, least and greatest number of arguments (None: no limit)."""

BINARY: dict[str, Function] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": multiply,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": remainder,
    "Pow": power,
    "LShift": shift_left,
    "RShift": operator.rshift,
    "BitAnd": operator.and_,
    "BitOr": operator.or_,
    "BitXor": operator.xor,
}
"""Operators by the name of their node in Python's syntax tree."""

UNARY: dict[str, Function] = {
    "USub": operator.neg,
    "UAdd": operator.pos,
    "Invert": invert,
    "Not": operator.not_,
}

COMPARE: dict[str, Function] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": contains,
    "NotIn": excludes,
}
