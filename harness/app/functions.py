"""Python functions in a Spec: by the names under which a lane's worker imports them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from harness.errors import ConfigError


def name_function(function: Callable[..., object], what: str) -> str:
    """`module:function`.

    Args:
        what: how messages call it.

    Raises:
        ConfigError: it cannot be imported by that name.
    """
    module = getattr(function, "__module__", "") or ""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if module == "__main__":
        raise ConfigError(
            f"{what}: {name} is defined in the script that runs, which a lane's worker cannot "
            "import; move it to a module beside it"
        )
    try:
        found = getattr(import_module(module), name, None) if module else None
    except ImportError:
        found = None
    if found is not function:
        raise ConfigError(
            f"{what}: {name} cannot be imported from {module or 'any module'}; define it with def "
            "at the top level of a module"
        )
    return f"{module}:{name}"


def name_fill(argument: Mapping[str, Any]) -> dict[str, Any]:
    """An argument's table with its filling by name.

    Raises:
        ConfigError: the filling is a function that cannot be imported.
    """
    made = dict(argument)
    if callable(made.get("fill")):
        made["fill"] = name_function(made["fill"], f"argument {made.get('name', '?')}: fill")
    return made
