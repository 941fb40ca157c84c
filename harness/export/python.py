"""Tuned values as a Python module: `EVERYWHERE`, and `BY_DEVICE` by the devices' names."""

from __future__ import annotations

import re

from harness.configuration import Configuration
from harness.export.tuned import Tuned

COMMENT = re.compile("# ")
"""What lines begin with that say where values come from."""


def format_tuned(tuned: Tuned, *, prefix: str = "", stem: str = "tuned") -> str:
    """The module; `stem` has no part in it.

    Args:
        prefix: of the keys.
    """
    lines = [f"# {line}" for line in tuned.provenance()]
    lines += [f"EVERYWHERE = {_literal(tuned.everywhere, prefix)}", "BY_DEVICE = {"]
    lines += [
        f"    {best.device.name!r}: {_literal(best.configuration, prefix)},"
        for best in tuned.devices
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _literal(configuration: Configuration, prefix: str) -> str:
    return repr({f"{prefix}{name}": value for name, value in configuration.items()})
