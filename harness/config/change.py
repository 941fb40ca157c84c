"""A Spec with some keys changed, checked as a file would be."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec

from harness.config.checks import find_problems
from harness.config.problems import format_value_of, raise_problems, suggest
from harness.config.spec import Spec, SpecFile
from harness.errors import ConfigError


def change_spec(spec: Spec, source: str, /, **changes: Any) -> Spec:
    """`spec` with other values for keys of its top level.

    Args:
        source: who wants it, for messages: `command line`.
        **changes: values as a config has them, or tables that were made from them.

    Raises:
        ConfigError: an unknown key, or what a value makes wrong.
    """
    types = get_type_hints(SpecFile, include_extras=True)
    problems = []
    for key, value in changes.items():
        if key not in types:
            problems.append(f"{source}: {key}: unknown; {suggest(key, types, 'keys')}")
            continue
        try:
            changes[key] = msgspec.convert(value, types[key])
        except msgspec.ValidationError as error:
            problems.append(f"{source}: {key} = {format_value_of(value)}: {str(error).lower()}")
    if problems:
        raise ConfigError(problems)
    changed = msgspec.structs.replace(spec, **changes)
    raise_problems(find_problems(changed), source, {})
    return changed
