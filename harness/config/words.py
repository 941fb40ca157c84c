"""Types of the Spec in words, for messages and for the reference."""

from __future__ import annotations

import types
from typing import Annotated, Literal, Union, get_args, get_origin

from msgspec import Meta, Struct

_SCALARS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
_PLURALS = {str: "texts", bool: "booleans", int: "whole numbers", float: "numbers"}


def split_annotated(tp: object) -> tuple[object, list[Meta]]:
    """A type without its annotations, and those, outermost last."""
    metas: list[Meta] = []
    while get_origin(tp) is Annotated:
        tp, *extra = get_args(tp)
        metas += [meta for meta in extra if isinstance(meta, Meta)]
    return tp, metas


_ORDER = (bool, int, float, str, list, tuple, dict)


def members_of(tp: object) -> list[object]:
    """The members of a union, without None; any other type alone. Annotations are kept.

    Scalars first, then lists, then tables: Python takes `int | str` and `str | int` for the same
    and, depending on what was looked at before, answers with either.
    """
    plain, _ = split_annotated(tp)
    if get_origin(plain) in (Union, types.UnionType):
        members = [member for member in get_args(plain) if member is not type(None)]
        return sorted(members, key=_place_of)
    return [tp]


def _place_of(member: object) -> int:
    plain, _ = split_annotated(member)
    kind = get_origin(plain) or plain
    return next((place for place, known in enumerate(_ORDER) if kind is known), len(_ORDER))


def is_table(tp: object) -> bool:
    """Whether the type is one of the Spec's tables."""
    plain, _ = split_annotated(tp)
    return isinstance(plain, type) and issubclass(plain, Struct)


def table_of(tp: object) -> tuple[type[Struct] | None, bool]:
    """The table that a key holds, if it holds one (that may be missing), or a list of them.

    Returns:
        The table, or None; whether it is a list.
    """
    plain, _ = split_annotated(members_of(tp)[0])
    several = get_origin(plain) is tuple
    if several:
        plain, _ = split_annotated(get_args(plain)[0])
    if isinstance(plain, type) and issubclass(plain, Struct):
        return plain, several
    return None, False


def describe_type(tp: object) -> str:
    """`a whole number >= 1`, `"min" or "max"`, `text or a list of texts`."""
    return join_or(_flatten(tp))


def join_or(words: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _flatten(tp: object) -> list[str]:
    members = members_of(tp)
    if len(members) > 1:
        plain = {split_annotated(member)[0] for member in members}
        if {int, float} <= plain:  # every whole number is a number
            members = [member for member in members if split_annotated(member)[0] is not int]
        return [word for member in members for word in _flatten(member)]
    plain_type, metas = split_annotated(members[0])
    _, outer = split_annotated(tp)
    origin, args = get_origin(plain_type), get_args(plain_type)
    if origin is Literal:
        return [f'"{arg}"' if isinstance(arg, str) else str(arg) for arg in args]
    if origin in (tuple, list):
        return [f"a list of {_plural(args[0])}"]
    if origin is dict:
        return [f"a table of {_plural(args[1])}"]
    if is_table(plain_type):
        return ["a table"]
    assert isinstance(plain_type, type), plain_type
    return [_SCALARS[plain_type] + _bounds([*outer, *metas])]


def _plural(tp: object) -> str:
    members = members_of(tp)
    if len(members) > 1:
        plain = {split_annotated(member)[0] for member in members}
        if plain == {bool, int, float, str}:
            return "values (numbers, texts, true or false)"
        return join_or([_plural(member) for member in members])
    plain_type, _ = split_annotated(members[0])
    if is_table(plain_type):
        return "tables"
    if get_origin(plain_type) in (tuple, list):
        return f"lists of {_plural(get_args(plain_type)[0])}"
    assert isinstance(plain_type, type), plain_type
    return _PLURALS[plain_type]


def _bounds(metas: list[Meta]) -> str:
    low = next((meta.ge for meta in metas if meta.ge is not None), None)
    high = next((meta.le for meta in metas if meta.le is not None), None)
    above = next((meta.gt for meta in metas if meta.gt is not None), None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" >= {low:g}"
    return f" > {above:g}" if above is not None else ""
