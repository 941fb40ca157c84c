"""Tuned values as a Python module.

Each parameter by its own name, for `from tuned import BLOCK`; the same as a dictionary,
`EVERYWHERE`; and `BY_DEVICE`, by the devices' names.
"""

from __future__ import annotations

import keyword
import re

from harness.configuration import Configuration
from harness.export.tuned import Tuned

COMMENT = re.compile("# ")
"""What lines begin with that say where values come from."""


_TABLES = ("EVERYWHERE", "BY_DEVICE")


def format_tuned(tuned: Tuned, *, prefix: str = "", stem: str = "tuned") -> str:
    """The module; `stem` has no part in it.

    Args:
        prefix: of the names.
    """
    lines = [f"# {line}" for line in tuned.provenance()]
    names = {f"{prefix}{name}": value for name, value in tuned.everywhere.items()}
    lines += [f"{name} = {value!r}" for name, value in names.items() if _is_free(name)]
    lines += [f"EVERYWHERE = {_literal(tuned.everywhere, prefix)}", "BY_DEVICE = {"]
    lines += [
        f"    {best.device.name!r}: {_literal(best.configuration, prefix)},"
        for best in tuned.devices
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _is_free(name: str) -> bool:
    """Whether a module can have a variable of this name; in the dictionaries each has its place."""
    is_magic = name.startswith("__") and name.endswith("__")  # __all__ = 4 breaks an import
    return not (keyword.iskeyword(name) or is_magic or name in _TABLES)


def _literal(configuration: Configuration, prefix: str) -> str:
    return repr({f"{prefix}{name}": value for name, value in configuration.items()})
