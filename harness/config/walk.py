"""The generic reader: plain data to a Struct, with every problem noted instead of the first raised.

What cannot be read is replaced by a stand-in, so that the rest can still be checked; the problems
say which keys are stand-ins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from harness.config.problems import Key, Problem, find_nearest, format_value_of, suggest
from harness.config.words import describe_type, is_table, members_of, split_annotated
from harness.units import is_number_like

S = TypeVar("S", bound=Struct)


class Walker:
    """Reads data as Structs.

    Attributes:
        problems: what was wrong so far.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read_table(self, table: type[S], data: Mapping[str, object], key: Key = ()) -> S:
        """`data` as `table`, with stand-ins for what is wrong or missing."""
        return table(**self.read_fields(table, data, key))

    def read_fields(
        self, table: type[Struct], data: Mapping[str, object], key: Key = ()
    ) -> dict[str, Any]:
        """The fields of `table` that `data` sets, and stand-ins for those that are missing."""
        hints = get_type_hints(table, include_extras=True)
        fields = {field.name: field for field in msgspec.structs.fields(table)}
        self._check_known(data, list(fields), key)
        read: dict[str, Any] = {}
        for name, field in fields.items():
            if name in data:
                read[name] = self.read_value(hints[name], data[name], (*key, name))
            elif field.required:
                self.problems.append(Problem((*key, name), _say_missing(name, hints[name])))
                read[name] = _make_stand_in(hints[name])
        return read

    def _check_known(self, data: Mapping[str, object], known: list[str], key: Key) -> None:
        for name in data:
            if name not in known:
                remedy = suggest(str(name), known, "known keys")
                self.problems.append(Problem((*key, str(name)), f"unknown key; {remedy}"))

    def read_value(self, tp: object, value: object, key: Key) -> object:
        """`value` as the type of a field, with a stand-in for what is wrong."""
        is_scalar = not isinstance(value, Mapping) and not _is_list(value)
        for member in () if is_scalar else members_of(tp):
            plain, _ = split_annotated(member)
            args = get_args(plain)
            if is_table(plain) and isinstance(value, Mapping):
                assert isinstance(plain, type)
                return self.read_table(plain, value, key)
            if get_origin(plain) is dict and isinstance(value, Mapping):
                return {
                    str(name): self.read_value(args[1], item, (*key, str(name)))
                    for name, item in value.items()
                }
            if get_origin(plain) in (tuple, list) and _is_list(value):
                assert isinstance(value, Sequence)
                items = [self.read_value(args[0], item, (*key, i)) for i, item in enumerate(value)]
                return items if get_origin(plain) is list else tuple(items)
        return self._convert(tp, value, key)

    def _convert(self, tp: object, value: object, key: Key) -> object:
        try:
            converted: object = msgspec.convert(value, tp)
        except msgspec.ValidationError:
            text = f"must be {describe_type(_narrow(tp, value))}{_remedy(tp, value)}"
            self.problems.append(Problem(key, text, format_value_of(value)))
            return _make_stand_in(tp)
        if isinstance(converted, float) and not math.isfinite(converted):
            self.problems.append(Problem(key, "must be a finite number", format_value_of(value)))
            return _make_stand_in(tp)
        if isinstance(converted, str) and "\0" in converted:
            text = "holds a NUL character, which no command, name or file can; remove it"
            self.problems.append(Problem(key, text, format_value_of(value)))
        return converted


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def _narrow(tp: object, value: object) -> object:
    """What was probably meant: of a union with numbers, those, if the value is a number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for member in members_of(tp):
            if split_annotated(member)[0] in (int, float):
                return member
    return tp


def _say_missing(name: str, tp: object) -> str:
    _, metas = split_annotated(tp)
    description = next((meta.description for meta in metas if meta.description), "")
    example = next((meta.examples[0] for meta in metas if meta.examples), None)
    if isinstance(example, Mapping):
        lines = ", ".join(f"{key} = {format_value_of(item)}" for key, item in example.items())
        remedy = f"a table [{name}] such as {lines}"
    else:
        remedy = f"{name} = {format_value_of(example)}" if example else describe_type(tp)
    return f"missing; add {remedy} ({description.rstrip('.')})"


def _remedy(tp: object, value: object) -> str:
    """What to do about a value of the wrong type, where that can be guessed."""
    plain = [split_annotated(member)[0] for member in members_of(tp)]
    if isinstance(value, str) and (remedy := _remedy_of_text(tp, value)):
        return remedy
    tables = [member for member in plain if is_table(member)]
    for table in tables:
        assert isinstance(table, type)
        if name := _find_key(table, value):
            return f" such as {{ {name} = {format_value_of(value)} }}"
    lists = [member for member in plain if get_origin(member) in (tuple, list)]
    if any(_converts(value, get_args(member)[0]) for member in lists):
        return f"; write [{format_value_of(value)}]"
    if str in plain and int not in plain and isinstance(value, (int, float)):
        shown = format_value_of(value)
        return f'; write "{shown}"'
    return ""


def _remedy_of_text(tp: object, value: str) -> str:
    """What to write in place of a text."""
    plain = [split_annotated(member)[0] for member in members_of(tp)]
    origins = [get_origin(member) for member in plain]
    literals = [arg for member in plain for arg in get_args(member) if isinstance(arg, str)]
    if Literal in origins and (near := find_nearest(value, literals)):
        return f'; did you mean "{near}"?'
    if _converts(value, tp, strict=False):
        return f"; write {value} without quotes"
    number = re.sub(r"\s*[a-zA-Zµ%]+$", "", value)
    if number != value and _converts(number, tp, strict=False):
        return f"; write {number} without quotes, in the unit of the key"
    if "," in value and (tuple in origins or list in origins):
        words = [word.strip() for word in value.strip("[](){}").split(",")]
        shown = [word if is_number_like(word) else format_value_of(word) for word in words]
        return f"; write [{', '.join(shown)}]"
    return ""


def _find_key(table: type, value: object) -> str | None:
    """The first key of a table that the value would do for; None: it would for none."""
    hints = get_type_hints(table, include_extras=True)
    return next((name for name, tp in hints.items() if _converts(value, tp)), None)


def _converts(value: object, tp: object, *, strict: bool = True) -> bool:
    try:
        msgspec.convert(value, tp, strict=strict)
    except msgspec.ValidationError:
        return False
    return True


def _make_stand_in(tp: object) -> object:
    """Something of the type, for checks of other keys to work with."""
    plain, metas = split_annotated(members_of(tp)[0])
    origin = get_origin(plain)
    if origin is Literal:
        return get_args(plain)[0]
    if origin is not None:
        assert callable(origin)
        return origin()
    if is_table(plain):
        assert isinstance(plain, type)
        return Walker().read_table(plain, {})
    assert isinstance(plain, type)
    return plain(1) if metas else plain()
