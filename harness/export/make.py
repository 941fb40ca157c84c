"""Tuned values as a Makefile fragment: `TUNED_BLOCK_X := 64`, for `include tuned.mk`.

With several devices, `TUNED_DEVICE` (`make TUNED_DEVICE=NVIDIA_A100`) chooses; any other device
gets the values that are best everywhere. A value set on make's command line wins.
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
        return "\n".join([*lines, *_assign(tuned.devices[0].configuration, prefix)]) + "\n"
    word = ""
    for best in tuned.devices:
        lines.append(f"{word}ifeq ($(TUNED_DEVICE),{best.word})")
        lines += _assign(best.configuration, prefix)
        word = "else "
    return "\n".join([*lines, "else", *_assign(tuned.everywhere, prefix), "endif"]) + "\n"


def _assign(configuration: Configuration, prefix: str) -> list[str]:
    return [
        f"{prefix}{name} := {_escape(format_value(v))}".rstrip()
        for name, v in configuration.items()
    ]


def _escape(text: str) -> str:
    """The value as make reads it back.

    Line ends become blanks. `$()`, which is nothing, keeps blanks at either end, and keeps a
    backslash at the end from joining the next line.
    """
    text = " ".join(text.splitlines()).replace("$", "$$")
    text = re.sub(r"(\\*)#", lambda found: f"{found[1]}{found[1]}\\#", text)
    begin = "$()" if text[:1].isspace() else ""
    end = "$()" if text[-1:].isspace() or text.endswith("\\") else ""
    return f"{begin}{text}{end}"
