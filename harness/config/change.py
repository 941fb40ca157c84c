"""A Spec with some keys changed, checked as a file would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import msgspec

from harness.config.checks import find_problems
from harness.config.problems import Key, Problem, format_key, raise_problems, suggest
from harness.config.spec import Spec, SpecFile
from harness.config.walk import Walker

SHORT = {
    "repeat": "scoring",
    "emulate": "mock",
    "journal": "output",
    **dict.fromkeys(
        ("strategy", "seed", "max_tests", "max_time_s", "target", "patience"), "search"
    ),
}
"""Keys that can be changed without naming their table, with the table."""


COMMAND_LINE = {"budget": "max_tests", "time": "max_time_s", "size": "problem"}
"""What the command line calls keys that have another name."""


def change_spec(
    spec: Spec,
    source: str,
    format_place: Callable[[Key], str] = format_key,
    /,
    **changes: Any,
) -> Spec:
    """`spec` with other values for keys of its top level, or for those of `SHORT`.

    Args:
        source: who wants it, for messages: `command line`.
        format_place: how messages call a key; of those of `SHORT` without their table.
        **changes: values as a config has them, or tables that were made from them.

    Raises:
        ConfigError: an unknown key, or what a value makes wrong.
    """
    types = get_type_hints(SpecFile, include_extras=True)
    walker = Walker()
    problems = []
    read: dict[str, Any] = {}
    for key, value in _unfold(spec, changes).items():
        if key in types:
            read[key] = walker.read_value(types[key], value, (key,))
        else:
            known = [*types, *SHORT]
            meant = COMMAND_LINE.get(key, key)
            problems.append(Problem((key,), f"unknown; {suggest(meant, known, 'keys')}"))
    changed = msgspec.structs.replace(spec, **read)
    problems += walker.problems
    broken = frozenset(problem.key for problem in problems)

    def format_given(key: Key) -> str:
        is_short = len(key) > 1 and key[1] in changes and SHORT.get(str(key[1])) == key[0]
        return format_place(key[1:] if is_short else key)

    raise_problems([*problems, *find_problems(changed, broken)], source, {}, format_given)
    return changed


def _unfold(spec: Spec, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with those of `SHORT` put into the tables that they are keys of."""
    unfolded = {key: value for key, value in changes.items() if key not in SHORT}
    for key, value in changes.items():
        if key in SHORT:
            table = unfolded.get(SHORT[key], getattr(spec, SHORT[key]))
            whole = msgspec.structs.asdict(table) if isinstance(table, msgspec.Struct) else table
            unfolded[SHORT[key]] = {**whole, key: value}
    return unfolded
