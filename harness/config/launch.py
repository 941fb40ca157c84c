"""How a kernel is launched, as expressions; resolved for one configuration on one device."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.config.formula import Formula
from harness.config.kernel_tables import ArgumentTable
from harness.config.tables import Expression
from harness.configuration import Value
from harness.errors import ConfigError
from harness.measurement import Argument, Extent, Launch, Role

_GREATEST = {"float16": 65504.0, "bfloat16": 3.38e38, "float32": 3.4e38, "float64": math.inf}


def _range(dtype: str) -> tuple[float, float]:
    """The least and the greatest number that a scalar can be."""
    if dtype in _GREATEST:
        return -_GREATEST[dtype], _GREATEST[dtype]
    bits = int(dtype.lstrip("uint"))
    if dtype.startswith("u"):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def as_list(expressions: Expression | Sequence[Expression]) -> list[Expression]:
    """One expression, or several, as a list."""
    return [expressions] if isinstance(expressions, (int, str)) else list(expressions)


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """The shape of a launch."""

    grid: tuple[Formula, ...]
    block: tuple[Formula, ...]
    shared_bytes: Formula
    cooperative: bool = False

    @classmethod
    def parse(
        cls,
        grid: Expression | Sequence[Expression],
        block: Expression | Sequence[Expression],
        shared_bytes: Expression,
        names: Collection[str],
        *,
        cooperative: bool = False,
    ) -> LaunchTemplate:
        """The template that these expressions say.

        Raises:
            ConfigError: one is wrong.
        """
        return cls(
            tuple(Formula.parse(text, names) for text in as_list(grid)),
            tuple(Formula.parse(text, names) for text in as_list(block)),
            Formula.parse(shared_bytes, names),
            cooperative,
        )

    def expand(self, values: Mapping[str, Value]) -> Launch:
        """The launch for these values; it need not be one that a device can do.

        Raises:
            ConfigError: an extent cannot be computed, or is no whole number.
        """
        with _named("shared_bytes"):
            shared_bytes = self.shared_bytes.whole(values)
        return Launch(
            _extent("grid", self.grid, values),
            _extent("block", self.block, values),
            shared_bytes,
            self.cooperative,
        )


def _extent(what: str, formulas: Sequence[Formula], values: Mapping[str, Value]) -> Extent:
    numbers = []
    for axis, formula in zip("xyz", formulas, strict=False):
        with _named(f"{what}.{axis}"):
            numbers.append(formula.whole(values))
    x, y, z = (*numbers, 1, 1)[:3]
    return x, y, z


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Messages about an expression begin with what it is of."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{what} = {problem}" for problem in error.problems) from None


@dataclass(frozen=True, slots=True)
class ArgumentTemplate:
    """An argument.

    Attributes:
        shape: of an array; None: a scalar.
    """

    table: ArgumentTable
    shape: tuple[Formula, ...] | None
    value: Formula | None

    @classmethod
    def parse(cls, table: ArgumentTable, names: Collection[str]) -> ArgumentTemplate:
        """The template that the table says.

        Raises:
            ConfigError: an expression is wrong.
        """
        shape = None
        if table.shape is not None:
            shape = tuple(Formula.parse(text, names) for text in as_list(table.shape))
        value = None if table.value is None else Formula.parse(table.value, names)
        return cls(table, shape, value)

    def expand(self, values: Mapping[str, Value]) -> Argument:
        """The argument for these values.

        Raises:
            ConfigError: an extent or the value cannot be computed, or is no whole number.
        """
        table = self.table
        integers = table.dtype.startswith(("int", "uint"))
        if self.shape is None:
            assert self.value is not None
            with _named(f"argument {table.name}: value"):
                value = self.value.whole(values) if integers else self.value.number(values)
                least, greatest = _range(table.dtype)
                if not least <= value <= greatest:
                    reason = f"it is {value}; {table.dtype} holds {least} to {greatest}"
                    remedy = "take a wider dtype, in the kernel, too"
                    raise self.value.refuse(values, reason, remedy)
            role: Role = "constant" if table.role == "constant" else "in"
            return Argument(table.name, role, table.dtype, None, value)
        with _named(f"argument {table.name}: shape"):
            shape = tuple(formula.whole(values) for formula in self.shape)
        high = table.high if table.high is not None else 100.0 if integers else 1.0
        return Argument(
            table.name,
            table.role,
            table.dtype,
            shape,
            fill=table.fill,
            seed=table.seed,
            low=table.low,
            high=high,
        )
