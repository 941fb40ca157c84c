"""Writes docs/configuration.md: the reference of the config file, made from the Spec's fields.

python -m harness.config.reference docs/configuration.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

from harness.config.convert import format_item
from harness.config.reference_text import CONF, INTRODUCTION
from harness.config.spec import SpecFile
from harness.config.words import describe_type, split_annotated, table_of


def make_reference() -> str:
    """The page, in Markdown."""
    parts = [INTRODUCTION, "## Keys\n", *_format_table(SpecFile, ()), CONF]
    return "\n".join(parts)


def _format_table(
    table: type[Struct], path: tuple[str, ...], *, several: bool = False
) -> list[str]:
    """The section of a table, and those of the tables in it."""
    hints = get_type_hints(table, include_extras=True)
    fields = msgspec.structs.fields(table)
    inner = {field.name: table_of(hints[field.name]) for field in fields}
    name = f"[[{'.'.join(path)}]]" if several else f"[{'.'.join(path)}]"
    parts = [f"### `{name}`\n" if path else "### At the top of the file\n"]
    if path:
        parts.append(f"{inspect.cleandoc(table.__doc__ or '')}\n")
    for field in fields:
        one, many = inner[field.name]
        if one is None or many:
            parts.append(_format_field(field, hints[field.name], path))
    for field in fields:
        one, many = inner[field.name]
        if one is not None:
            parts += _format_table(one, (*path, field.name), several=many)
    return parts


def _format_field(field: msgspec.structs.FieldInfo, tp: object, path: tuple[str, ...]) -> str:
    _, metas = split_annotated(tp)
    description = " ".join(meta.description for meta in metas if meta.description)
    examples = [example for meta in metas for example in meta.examples or ()]
    facts = f"{describe_type(tp)}; {_format_default(field)}"
    lines = [f"#### `{'.'.join((*path, field.name))}`", "", f"*{facts}*", "", description]
    if examples:
        shown = "\n# or\n".join(_format_example(field.name, example) for example in examples)
        lines += ["", f"```toml\n{shown}\n```"]
    return "\n".join(lines) + "\n"


def _format_default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default
    if default is NODEFAULT:
        assert field.default_factory is not NODEFAULT
        default = field.default_factory()
    if default is None:
        return "not set by default"
    if default in ((), {}):
        return "empty by default"
    return f"default: `{format_item(field.name, default).split(' = ', 1)[1]}`"


def _format_example(name: str, example: object) -> str:
    if isinstance(example, Mapping):
        items = [format_item(key, item) for key, item in example.items()]
        return f"{name} = {{ {', '.join(items)} }}"
    return format_item(name, example)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(make_reference(), encoding="utf-8")
