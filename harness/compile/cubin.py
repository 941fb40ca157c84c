"""What a cubin says about its kernels: resources, and a digest of their machine code. Pure.

A cubin is an ELF file. NVIDIA does not document its own sections; what is used here agrees with
what `ptxas -v` and `cuobjdump --dump-resource-usage` print, which tests check where they are there:

- `.nv.info`, `.nv.info.KERNEL`: attributes, each a format, a number and a value, of the module or
  of one kernel;
- `.text.KERNEL`, `.nv.shared.KERNEL`, `.nv.constant0.KERNEL`: its code, static shared memory and
  arguments; `.nv.constant3` holds the module's `__constant__` variables.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import replace

from harness.compile.elf import Cubin, ElfError, Section
from harness.model import Resources

# Attributes: those of `_OF_SYMBOL` begin with the symbol that they are about.
_FRAME_SIZE, _MIN_STACK_SIZE, _MAX_STACK_SIZE, _REGISTERS = 0x11, 0x12, 0x23, 0x2F
_OF_SYMBOL = frozenset({_FRAME_SIZE, _MIN_STACK_SIZE, _MAX_STACK_SIZE, _REGISTERS})
_ARGUMENTS = 0x0A  # begins with a symbol, too, but only to say where the arguments are
_MAX_THREADS, _REQUIRED_THREADS = 0x05, 0x10
_PARAMETER, _PARAMETER_BYTES = 0x17, 0x19
_FORMAT_SIZED = 0x04

_OF_FUNCTION = re.compile(
    r"(\.(?:rela?\.)?(?:text|nv\.info|nv\.shared|nv\.local|nv\.constant\d+)\.)(.+)"
)
RESERVED_SHARED_BYTES = 1024
"""What the system takes of every block's shared memory; counted in from compute capability 9."""
_RESERVED_SECTION = ".nv.shared.reserved.0"
_SPECIAL = 0xFF00
"""From here on, a symbol's section is no section, but a remark."""

# Neither loaded nor about machine code: names, debugging, which tool wrote it, and the forms from
# which a driver could make code for other devices of the family.
_NOT_CODE = (
    *(".shstrtab", ".strtab", ".symtab", ".debug", ".rela.debug", ".nv_debug", ".line"),
    *(".note.", ".nv.callgraph", ".nv.merc", ".nv.capmerc"),
)


def read_resources(cubin: Cubin, function: str) -> Resources:
    """What the kernel `function` takes; what only the compiler's log tells is left None.

    Raises:
        ElfError: there is no such kernel.
    """
    if function not in cubin.entries:
        raise ElfError(f"no kernel {function!r} among {', '.join(cubin.entries) or 'none'}")
    of_module = {
        kind: max(number, 0)
        for kind, name, number in _numbers_of_symbols(cubin)
        if name == function
    }
    max_threads = 0
    for kind, value in _attributes(cubin.find(f".nv.info.{function}")):
        if kind in (_MAX_THREADS, _REQUIRED_THREADS) and len(value) == 12:
            x, y, z = struct.unpack("<III", value)
            max_threads = x * y * z
    shared_bytes = cubin.size_of(f".nv.shared.{function}")
    if cubin.find(_RESERVED_SECTION) is not None:
        shared_bytes = max(0, shared_bytes - RESERVED_SHARED_BYTES)
    banks = re.compile(rf"\.nv\.constant\d+(\.{re.escape(function)})?")
    return Resources(
        registers=of_module.get(_REGISTERS, 0),
        shared_bytes=shared_bytes,
        constant_bytes=sum(s.size for s in cubin.sections if banks.fullmatch(s.name)),
        local_bytes=max(of_module.get(_FRAME_SIZE, 0), of_module.get(_MIN_STACK_SIZE, 0)),
        max_threads=max_threads,
        parameter_bytes=_list_parameters(cubin, function),
    )


def _list_parameters(cubin: Cubin, function: str) -> tuple[int, ...] | None:
    """Bytes of each parameter; None if they are not those that the kernel takes in total."""
    found = {}
    for kind, value in _attributes(cubin.find(f".nv.info.{function}")):
        if kind == _PARAMETER and len(value) == 12:
            _, ordinal, offset, size = struct.unpack("<IHHI", value)
            found[ordinal] = offset, size >> 18
    if sorted(found) != list(range(len(found))):
        return None
    end = sum(found[len(found) - 1]) if found else 0
    if end != read_parameter_bytes(cubin, function):
        return None
    return tuple(found[ordinal][1] for ordinal in range(len(found)))


def read_parameter_bytes(cubin: Cubin, function: str) -> int:
    """How many bytes of parameters the kernel takes, from the first to the end of the last."""
    for kind, value in _attributes(cubin.find(f".nv.info.{function}")):
        if kind == _PARAMETER_BYTES:
            return int.from_bytes(value, "little")
    return 0


def add_spills(resources: Resources, log: str, function: str) -> Resources:
    """`resources` with the spills that `ptxas -v` wrote into `log`, if it did."""
    properties = re.search(
        rf"Function properties for {re.escape(function)}\n[^\n]*?"
        r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads",
        log,
    )
    if properties is None:
        return resources
    _, stores, loads = map(int, properties.groups())
    return replace(resources, spill_store_bytes=stores, spill_load_bytes=loads)


def digest_code(cubin: Cubin, function: str) -> str:
    """SHA-256 of all that is loaded of `cubin` for the kernel `function`.

    Kernels of equal digest do the same: code, arguments, memory and what they refer to are equal.
    The kernel's own name, other kernels of the module, debugging information and the compiler's
    notes about itself do not matter. Kernels that do the same may differ in digest.
    """
    others = set(cubin.entries) - {function}
    parts: list[object] = [cubin.flags]
    for section in cubin.sections:
        what, owner = _split_name(section.name)
        if not section.name.startswith(_NOT_CODE) and owner not in others:
            owner = "*" if owner == function else owner
            parts.append(
                (what, owner, section.kind, section.flags, *_content(cubin, section, function))
            )
    for symbol in cubin.symbols:
        place = cubin.sections[symbol.section].name if symbol.section < _SPECIAL else ""
        if place.startswith((".nv.global", ".nv.constant", ".nv.shared")) and symbol.size:
            name = _anonymous(symbol.name, function)
            parts.append((name, place, symbol.value, symbol.size))
    # in the order of what they say: that of the file depends on names
    return hashlib.sha256("\n".join(sorted(map(repr, parts))).encode()).hexdigest()


def _content(cubin: Cubin, section: Section, function: str) -> Iterator[object]:
    """What a section holds, with names in place of the numbers of symbols."""
    if section.name == ".nv.info":
        for kind, name, number in _numbers_of_symbols(cubin):
            if name == function or name not in cubin.entries:
                yield kind, _anonymous(name, function), number
        for kind, value in _attributes(section):
            if kind not in _OF_SYMBOL:
                yield kind, value
    elif section.name == f".nv.info.{function}":
        for kind, value in _attributes(section):
            yield kind, value[4:] if kind == _ARGUMENTS else value
    elif section.name.startswith(".rela"):
        for relocation in cubin.relocations(section):
            name = cubin.symbols[relocation.symbol].name
            yield relocation.offset, relocation.kind, _anonymous(name, function), relocation.addend
    else:
        yield section.data
        yield section.size


def _anonymous(name: str, function: str) -> str:
    """The name of a symbol without that of the kernel it belongs to."""
    what, owner = _split_name(name)  # sections have symbols, too
    if function in (name, owner):
        return f"{what if owner else ''}*"
    return name.replace(f"${function}$", "$*$")  # a function that only this kernel calls


def _split_name(section: str) -> tuple[str, str]:
    """What a section holds and the function it belongs to, empty for the whole module."""
    match = _OF_FUNCTION.fullmatch(section)
    return (match[1], match[2]) if match else (section, "")


def _numbers_of_symbols(cubin: Cubin) -> Iterator[tuple[int, str, int]]:
    """Of the module's attributes: number of the attribute, name of the function, value."""
    for kind, value in _attributes(cubin.find(".nv.info")):
        if kind in _OF_SYMBOL and len(value) == 8:
            symbol, number = struct.unpack("<Ii", value)
            yield kind, cubin.symbols[symbol].name, number


def _attributes(section: Section | None) -> Iterator[tuple[int, bytes]]:
    """Number and value of each attribute of a `.nv.info` section."""
    data = section.data if section else b""
    offset = 0
    while offset + 4 <= len(data):
        layout, kind, size = struct.unpack_from("<BBH", data, offset)
        offset += 4
        if layout == _FORMAT_SIZED:
            yield kind, data[offset : offset + size]
            offset += size
        else:
            yield kind, data[offset - 2 : offset]
