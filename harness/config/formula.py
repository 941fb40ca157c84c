"""Numbers that are computed from a configuration: extents of grids and arrays, metrics."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from harness.configuration import Value, show_value
from harness.errors import ConfigError
from harness.space.constraints import EVALUATION_ERRORS
from harness.space.expression import Scalar, compile_scalar, names_in, parse_expression


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A checked expression.

    Attributes:
        text: as the user wrote it.
        names: what it depends on.
    """

    text: str
    names: frozenset[str]
    _evaluate: Scalar = field(repr=False)

    @classmethod
    def parse(cls, text: str | float, names: Collection[str]) -> Formula:
        """The formula that a number, or a text in the language of constraints, says.

        Args:
            names: parameters, problem sizes and whatever else it may name.

        Raises:
            ConfigError: it is none; says where and what to do.
        """
        try:
            node = parse_expression(str(text), names)
        except ConfigError as error:
            raise ConfigError(p.removeprefix("constraint ") for p in error.problems) from None
        return cls(str(text), frozenset(names_in(node)), compile_scalar(node, {}))

    def number(self, values: Mapping[str, Value]) -> float:
        """Its value.

        Raises:
            ConfigError: it cannot be computed for these values, or is no finite number.
        """
        try:
            found = self._evaluate(values)
        except KeyError as error:
            name = error.args[0]
            raise self.refuse(
                values, f"{name} is not known of this device", "write the number, or use a GPU"
            ) from None
        except EVALUATION_ERRORS as error:
            texts = [name for name in sorted(self.names) if isinstance(values.get(name), str)]
            if isinstance(error, TypeError) and texts:
                remedy = f"{texts[0]} is a text: write numbers without quotes"
                raise self.refuse(values, str(error), remedy) from error
            raise self.refuse(values, str(error), "exclude these values") from error
        if isinstance(found, (int, float)) and math.isfinite(found):
            return found
        raise self.refuse(values, f"it is {found!r}", "give a finite number")

    def whole(self, values: Mapping[str, Value]) -> int:
        """The same, where only a whole number makes sense.

        Raises:
            ConfigError: it is none.
        """
        found = self.number(values)
        if found != int(found):
            raise self.refuse(values, f"it is {found}", "give a whole number; // divides so")
        return int(found)

    def refuse(self, values: Mapping[str, Value], reason: str, remedy: str) -> ConfigError:
        """The error that its value for these is of no use."""
        used = " ".join(
            f"{name}={show_value(values[name])}" for name in sorted(self.names) if name in values
        )
        where = f" for {used}" if used else ""
        return ConfigError(f'"{self.text}"{where}: {reason}; {remedy}')
