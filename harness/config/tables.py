"""What the tables of a config are made of."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Value = bool | int | float | str
CommandLine = str | list[str]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
ENTRY_PATTERN = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"
"""`module:function`, or `module:Class`."""
NotNegative = Annotated[float, Meta(ge=0)]
Expression = int | str
"""A number, or an expression over parameters, problem sizes and the device's limits."""


def doc(description: str, *examples: object) -> Meta:
    """What a key means, with examples for the reference and for messages."""
    return Meta(description=description, examples=list(examples) or None)


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all tables share."""
