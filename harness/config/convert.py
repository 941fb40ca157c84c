"""Writes a Spec as TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import msgspec
import tomli_w
from msgspec import NODEFAULT, Struct

from harness.config.spec import Spec, SpecFile

MAX_WIDTH = 100


def to_toml(spec: Spec) -> str:
    """The TOML file that says the same as `spec`; what is at its default is left out.

    Reading it gives an equal Spec, but for the path, and for the name if that is the file's.
    """
    data = {"schema": spec.schema, **_changed(spec, SpecFile)}
    if spec.name == spec.path.stem:
        data.pop("name", None)
    return "\n".join(_format_table(data, ())).lstrip("\n") + "\n"


def _changed(table: Struct, cls: type[Struct]) -> dict[str, object]:
    """The keys of a table that are not at their default, as plain data."""
    changed: dict[str, object] = {}
    for field in msgspec.structs.fields(cls):
        value = getattr(table, field.name)
        default = field.default
        if default is NODEFAULT and field.default_factory is not NODEFAULT:
            default = field.default_factory()
        if value == default and not field.required:
            continue
        changed[field.name] = _plain(value)
    return changed


def _plain(value: object) -> object:
    """Tables as mappings, and lists of them as lists."""
    if isinstance(value, Struct):
        return _changed(value, type(value))
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        return [_plain(item) for item in value]
    return value


def _format_table(table: Mapping[str, object], path: tuple[str, ...]) -> list[str]:
    """The lines of a table: its own keys first, then the tables in it."""
    inner = {key: item for key, item in table.items() if isinstance(item, Mapping)}
    lists = {key: item for key, item in table.items() if _is_list_of_tables(item)}
    own = {key: item for key, item in table.items() if key not in {**inner, **lists}}
    lines = []
    if path and (own or not (inner or lists)):
        lines += ["", f"[{'.'.join(_format_key(part) for part in path)}]"]
    lines += [format_item(key, item) for key, item in own.items()]
    for key, item in inner.items():
        lines += _format_table(item, (*path, key))
    for key, items in lists.items():
        name = ".".join(_format_key(part) for part in (*path, key))
        for item in items:
            own_lines = [format_item(inner_key, value) for inner_key, value in item.items()]
            lines += ["", f"[[{name}]]", *own_lines]
    return lines


def _is_list_of_tables(value: object) -> TypeGuard[Sequence[Mapping[str, object]]]:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def format_item(key: str, value: object) -> str:
    """`key = value`, on one line if it fits."""
    if isinstance(value, (list, tuple)):
        line = f"{_format_key(key)} = [{', '.join(_format_scalar(item) for item in value)}]"
        if len(line) <= MAX_WIDTH and "\n" not in line:
            return line
    return tomli_w.dumps({key: value}, multiline_strings=True).rstrip("\n")


def _format_scalar(value: object) -> str:
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def _format_key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")
