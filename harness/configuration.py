"""Values of parameters, and one of each: what is tuned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from harness.units import format_text

Value = str | int | float | bool
"""What a parameter can be set to."""

Goal = Literal["min", "max"]
"""Whether the least or the greatest score is the best."""


def name_best(goal: Goal) -> str:
    """`least` or `greatest`, as sentences call the best score."""
    return "least" if goal == "min" else "greatest"


def format_value(value: Value) -> str:
    """`value` as it is substituted into commands: booleans are 1 and 0, as C macros want them."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def show_value(value: Value) -> str:
    """`value` as people read it, which is as a config has it: `true`, not Python's `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def list_spellings(value: Value) -> frozenset[str]:
    """How people may write `value`: as a config, a command or a constraint has it."""
    return frozenset((show_value(value), format_value(value), str(value)))


class Configuration(Mapping[str, Value]):
    """One value for each parameter; immutable, hashable, in the order of the parameters.

    Two configurations are equal when names and values are, in the same order.
    """

    __slots__ = ("_hash", "names", "values_")

    names: tuple[str, ...]
    values_: tuple[Value, ...]

    def __init__(self, names: tuple[str, ...], values: tuple[Value, ...]) -> None:
        self.names = names
        self.values_ = values
        self._hash = hash((names, values))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Value]) -> Configuration:
        """The configuration with the mapping's names and values, in its order."""
        return cls(tuple(mapping), tuple(mapping.values()))

    def __getitem__(self, name: str) -> Value:
        try:
            return self.values_[self.names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Configuration):
            return NotImplemented
        return self.names == other.names and self.values_ == other.values_

    def __repr__(self) -> str:
        return f"Configuration({self})"

    def __str__(self) -> str:
        return " ".join(f"{name}={format_text(show_value(value))}" for name, value in self.items())
