"""Reading ELF files, as far as cubins need it: sections, symbols, relocations. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_MACHINE_CUDA = 190
_TYPE_NOBITS = 8
_SYMBOL_FUNCTION = 2
_ENTRY_FLAG = 0x10  # of a symbol's `other`: a kernel, not a function that kernels call


class ElfError(ValueError):
    """The bytes are no whole cubin; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the file.

    Attributes:
        size: in memory; `data` is empty for sections that are only reserved.
        info: the section that relocations apply to; the symbol that code belongs to.
    """

    name: str
    kind: int
    flags: int
    size: int
    info: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name, and what it stands for.

    Attributes:
        section: index of the section it is in; 0: none.
        is_entry: whether it is a kernel, which the host can launch.
    """

    name: str
    section: int
    value: int
    size: int
    is_function: bool
    is_entry: bool


@dataclass(frozen=True, slots=True)
class Relocation:
    """A place in a section that depends on a symbol's address."""

    offset: int
    kind: int
    symbol: int
    addend: int


class Cubin:
    """The content of a CUDA binary for one architecture.

    Attributes:
        flags: what the header says of the architecture.

    Raises:
        ElfError: it is cut short, or something else.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self.sections = tuple(_read_sections(data))
            self.flags: int = _HEADER.unpack_from(data)[7]
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ElfError(f"not a whole ELF file of {len(data)} bytes: {error}") from error

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, in the order that relocations count them."""
        table, names = self.find(".symtab"), self.find(".strtab")
        if table is None or names is None:
            return ()
        return tuple(
            Symbol(
                name=_read_text(names.data, name),
                section=section,
                value=value,
                size=size,
                is_function=info & 0xF == _SYMBOL_FUNCTION,
                is_entry=info & 0xF == _SYMBOL_FUNCTION and bool(other & _ENTRY_FLAG),
            )
            for name, info, other, section, value, size in _SYMBOL.iter_unpack(table.data)
        )

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the kernels that can be launched."""
        return tuple(symbol.name for symbol in self.symbols if symbol.is_entry)

    def find(self, name: str) -> Section | None:
        """The section of that name, if there is one."""
        return next((section for section in self.sections if section.name == name), None)

    def size_of(self, name: str) -> int:
        """Bytes of the section of that name; 0 if there is none."""
        section = self.find(name)
        return section.size if section else 0

    def relocations(self, section: Section) -> Iterator[Relocation]:
        """What a `.rela` section holds."""
        for offset, info, addend in _RELOCATION.iter_unpack(section.data):
            yield Relocation(offset, info & 0xFFFFFFFF, info >> 32, addend)


def _read_sections(data: bytes) -> Iterator[Section]:
    header = _HEADER.unpack_from(data)
    magic, machine, start = header[0], header[2], header[6]
    size, count, names_index = header[11], header[12], header[13]
    if magic[:6] != b"\x7fELF\x02\x01" or machine != _MACHINE_CUDA:
        raise ElfError(f"not a CUDA binary: it starts with {data[:6]!r}, machine {machine}")
    raw = [_SECTION.unpack_from(data, start + index * size) for index in range(count)]
    names = _slice(data, raw[names_index][4], raw[names_index][5])
    for name, kind, flags, _, offset, length, _, info, _, _ in raw:
        content = b"" if kind == _TYPE_NOBITS else _slice(data, offset, length)
        yield Section(_read_text(names, name), kind, flags, length, info, content)


def _slice(data: bytes, offset: int, length: int) -> bytes:
    if offset + length > len(data):
        raise ElfError(f"cut short: {len(data)} bytes, of at least {offset + length}")
    return data[offset : offset + length]


def _read_text(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode()
