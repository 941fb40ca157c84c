"""Many variants of a kernel in one program, so that a compiler is started once for all of them.

Each variant is the kernel's source, included in a namespace of its own, with its own macros and
under a name of its own: `variant_3::saxpy_3`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.configuration import Value


@dataclass(frozen=True)
class Variant:
    """A kernel as one configuration compiles it, and the dynamic shared memory it is given."""

    macros: Mapping[str, Value]
    shared_bytes: int = 0


def include_headers(source: str) -> list[str]:
    """The system headers that a source includes: they come first, outside of all namespaces."""
    return re.findall(r"^\s*#\s*include\s+<.*", source, re.MULTILINE)


def include_variant(source: Path, function: str, number: int, variant: Variant) -> list[str]:
    """The lines that make variant `number`; the macros that it defines are gone after them."""
    defined = re.findall(r"^\s*#\s*define\s+(\w+)", source.read_text(), re.MULTILINE)
    macros = {function: f"{function}_{number}", **variant.macros}
    return [
        f"namespace variant_{number} {{",
        *(f"#define {name} {_text(value)}" for name, value in macros.items()),
        f'#include "{source.resolve()}"',
        *(f"#undef {name}" for name in dict.fromkeys([*defined, *macros])),
        "}",
    ]


def _text(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
