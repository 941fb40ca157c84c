"""A parameter: a name and the values it can be set to."""

from __future__ import annotations

from dataclasses import dataclass

from harness.configuration import Value
from harness.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is tuned.

    Attributes:
        name: as it is written in constraints and placeholders.
        values: at least one, all different (1, 1.0 and True are the same value), in the order
            they are tried.

    Raises:
        ConfigError: no values, one twice, or NaN.
    """

    name: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigError(
                f"parameter {self.name}: no values; list at least one, or remove the parameter"
            )
        if any(value != value for value in self.values):  # noqa: PLR0124 - only NaN is not itself
            raise ConfigError(f"parameter {self.name}: NaN is no value; remove it")
        if len(set(self.values)) != len(self.values):
            twice = next(value for value in self.values if self.values.count(value) > 1)
            raise ConfigError(
                f"parameter {self.name}: the value {twice!r} is listed twice; list it once"
            )
