"""Tuned values as a CMake fragment: `set(TUNED_BLOCK_X "64")`, for `include(tuned.cmake)`.

With several devices, `TUNED_DEVICE` (`cmake -DTUNED_DEVICE=NVIDIA_A100`) chooses; any other device
gets the values that are best everywhere.
"""

from __future__ import annotations

import re

from harness.configuration import Configuration, format_value
from harness.export.tuned import Tuned

COMMENT = re.compile("# ")
"""What lines begin with that say where values come from."""


def format_tuned(tuned: Tuned, *, prefix: str = "TUNED_", stem: str = "tuned") -> str:
    """The fragment; `stem` has no part in it."""
    lines = [f"# {line}" for line in tuned.provenance()]
    if len(tuned.devices) == 1:
        return "\n".join([*lines, *_set(tuned.devices[0].configuration, prefix)]) + "\n"
    word = "if"
    for best in tuned.devices:
        lines.append(f'{word}("${{TUNED_DEVICE}}" STREQUAL "{best.word}")')
        lines += [f"  {line}" for line in _set(best.configuration, prefix)]
        word = "elseif"
    lines += ["else()", *(f"  {line}" for line in _set(tuned.everywhere, prefix)), "endif()"]
    return "\n".join(lines) + "\n"


def _set(configuration: Configuration, prefix: str) -> list[str]:
    return [
        f'set({prefix}{name} "{_escape(format_value(v))}")' for name, v in configuration.items()
    ]


def _escape(text: str) -> str:
    for character in ("\\", '"', "$", ";"):
        text = text.replace(character, f"\\{character}")
    return text
