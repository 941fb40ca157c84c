"""Packages that only some commands need: they come with an extra, and load when used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from harness.errors import ConfigError


def load_extra(module: str, extra: str, purpose: str) -> Any:
    """The module, which the extra `extra` brings.

    Args:
        purpose: what needs it, as the message says it.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ConfigError(
            f"{purpose} needs {package}, which is not installed: pip install 'gpu-harness[{extra}]'"
        ) from error
