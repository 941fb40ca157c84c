"""Invented CUDA binaries, and a compiler that makes them: for tests without CUDA."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.compile.base import Translation
from harness.compile.source import KernelSource
from harness.model import Evidence, OutcomeKind

_INFO, _CODE, _RESERVED = 0x70000000, 1, 8


@dataclass(frozen=True)
class FakeKernel:
    """A kernel of an invented binary; fields as of `model.Resources`."""

    name: str
    code: bytes = b"\x00" * 16
    registers: int = 8
    shared_bytes: int = 0
    local_bytes: int = 0
    arguments_bytes: int = 16
    max_threads: int = 0
    parameter_bytes: tuple[int, ...] | None = None


def make_cubin(
    kernels: Sequence[FakeKernel],
    *,
    constants: bytes = b"",
    note: bytes = b"made by nobody",
    reserved_bytes: int = 0,
) -> bytes:
    """An ELF file laid out as ptxas does.

    Args:
        constants: content of the module's `__constant__` variables.
        note: what the compiler says about itself.
        reserved_bytes: what the system takes of each block's shared memory, counted in.
    """
    sections = list(_make_sections(kernels, constants, note, reserved_bytes))
    names = [name for name, _, _, _ in sections]
    strings, offsets = _make_strings([kernel.name for kernel in kernels])
    symbols = bytes(24) + b"".join(
        struct.pack(
            *("<IBBHQQ", offsets[kernel.name], 0x12, 0x10),  # a global function; a kernel
            *(names.index(f".text.{kernel.name}") + 1, 0, len(kernel.code)),
        )
        for kernel in kernels
    )
    sections += [(".symtab", 2, symbols, len(symbols)), (".strtab", 3, strings, len(strings))]
    return _assemble(sections)


_Section = tuple[str, int, bytes, int]  # name, type, content, size


def _make_sections(
    kernels: Sequence[FakeKernel], constants: bytes, note: bytes, reserved_bytes: int
) -> Iterator[_Section]:
    info = b""
    for index, kernel in enumerate(kernels, 1):
        for attribute, number in ((0x2F, kernel.registers), (0x11, kernel.local_bytes)):
            info += struct.pack("<BBHIi", 4, attribute, 8, index, number)
    yield ".note.nv.tkinfo", 7, note, len(note)
    yield ".nv.info", _INFO, info, len(info)
    if constants:
        yield ".nv.constant3", _CODE, constants, len(constants)
    if reserved_bytes:
        yield ".nv.shared.reserved.0", _RESERVED, b"", 0
    for index, kernel in enumerate(kernels, 1):
        own = struct.pack("<BBHII", 4, 0x0A, 8, index, kernel.arguments_bytes << 16)
        if kernel.max_threads:
            own += struct.pack("<BBHIII", 4, 0x05, 12, kernel.max_threads, 1, 1)
        own += struct.pack("<BBH", 3, 0x19, kernel.arguments_bytes)
        offset = 0
        for ordinal, size in enumerate(kernel.parameter_bytes or ()):
            offset += -offset % size
            own += struct.pack("<BBHIHHI", 4, 0x17, 12, 0, ordinal, offset, size << 18 | 0xF000)
            offset += size
        yield f".nv.info.{kernel.name}", _INFO, own, len(own)
        yield f".text.{kernel.name}", _CODE, kernel.code, len(kernel.code)
        yield f".nv.constant0.{kernel.name}", _RESERVED, b"", kernel.arguments_bytes
        if kernel.shared_bytes or reserved_bytes:
            shared = kernel.shared_bytes + reserved_bytes
            yield f".nv.shared.{kernel.name}", _RESERVED, b"", shared


def _assemble(sections: Sequence[_Section]) -> bytes:
    names, offsets = _make_strings([name for name, _, _, _ in sections] + [".shstrtab"])
    all_sections = [*sections, (".shstrtab", 3, names, len(names))]
    body, table = b"", bytes(64)
    for name, kind, content, size in all_sections:
        table += struct.pack(
            "<IIQQQQIIQQ", offsets[name], kind, 0, 0, 64 + len(body), size, 0, 0, 1, 0
        )
        body += content
    count = len(all_sections) + 1
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack(
        *("<16sHHIQQQIHHHHHH", identity, 2, 190, 1, 0, 0, 64 + len(body), 0),
        *(64, 0, 0, 64, count, count - 1),
    )
    return header + body + table


def _make_strings(names: Sequence[str]) -> tuple[bytes, Mapping[str, int]]:
    table, offsets = b"\0", {}
    for name in names:
        offsets[name] = len(table)
        table += name.encode() + b"\0"
    return table, offsets


def _compile_nothing(source: KernelSource) -> bytes:
    code = repr((source.text, source.macros, source.options)).encode()
    return make_cubin([FakeKernel(source.function, code)])


@dataclass
class FakeTranslator:
    """A `compile.base.Translator` that counts; sources that say `#error` do not compile.

    Attributes:
        make: the binary of a source.
        inputs: what it says it has read.
        asked: the sources it was given, in order.
        closed: whether `close` was called.
    """

    make: Callable[[KernelSource], bytes] = _compile_nothing
    inputs: tuple[str, ...] | None = ()
    identity: str = "fake 1.0"
    fingerprint: str = "fake 1.0"
    asked: list[KernelSource] = field(default_factory=list)
    paused: bool = False
    cancels: int = 0
    closed: bool = False

    def translate(self, source: KernelSource) -> Translation:
        """See `compile.base.Translator`."""
        self.asked.append(source)
        if "#error" in source.text:
            reason = f"{source.name}(1): error: #error directive"
            evidence = Evidence(f"fake {source.name}", "", 1, None, reason)
            return Translation(
                OutcomeKind.COMPILE_FAILED, log=reason, reason=reason, evidence=evidence
            )
        binary = self.make(source)
        return Translation(OutcomeKind.OK, binary, source.function, "", self.inputs)

    def cancel(self) -> None:
        """Count it."""
        self.cancels += 1

    def pause(self) -> None:
        """Remember it."""
        self.paused = True

    def resume(self) -> None:
        """Forget it."""
        self.paused = False

    def close(self) -> None:
        """Remember it."""
        self.closed = True
