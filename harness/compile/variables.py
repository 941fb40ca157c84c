"""The variables of a binary that are filled by name: `__constant__` and `__device__` ones."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from harness.compile.elf import Cubin
from harness.errors import CompileError


class AmbiguityError(CompileError):
    """Two variables have the same name; the message says which."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One of them.

    Attributes:
        symbol: what the driver finds it by.
    """

    symbol: str
    size_bytes: int


def find_variables(cubin: Cubin, names: Collection[str]) -> dict[str, Variable]:
    """Those of `names` that there are, in whatever namespace, by their names in the source.

    Of several with one name it is the one outside of all namespaces.

    Raises:
        AmbiguityError: none of them is.
    """
    found: dict[str, Variable] = {}
    for symbol in cubin.symbols:
        name = _unmangle(symbol.name)
        if not symbol.size or symbol.is_function or name not in names:
            continue
        other = found.get(name)
        if other is not None and name not in (symbol.name, other.symbol):
            text = (
                f"argument {name} may be either of the variables {other.symbol} and {symbol.name}"
            )
            raise AmbiguityError(text)
        if other is None or symbol.name == name:
            found[name] = Variable(symbol.name, symbol.size)
    return found


def read_variables(path: str, names: Collection[str]) -> dict[str, Variable]:
    """The same of a file.

    Raises:
        AmbiguityError: as of `find_variables`.
        ElfError: it is damaged.
        OSError: it cannot be read.
    """
    return find_variables(Cubin(Path(path).read_bytes()), names)


def _unmangle(symbol: str) -> str:
    """The last part of a name: `_ZN2ns5tableE` and `_ZL5table` are `table`.

    Source: Itanium C++ ABI, section 5.1: lengths go before names, `L` marks internal linkage.
    """
    name, rest = symbol, symbol.removeprefix("_Z").removeprefix("N")
    if rest == symbol:
        return symbol
    while part := re.match(r"L?(\d+)", rest):
        end = part.end() + int(part[1])
        name, rest = rest[part.end() : end], rest[end:]
    return name
