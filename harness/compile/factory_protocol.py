"""What a compile thread and its factory worker say to each other, one JSON object per line.

The worker begins with `ready`, or with `failed` if what it needs is not installed. To each `ask` it
answers once: `compiled` (Numba), `written` (CuPy) or `failed`.
"""

from __future__ import annotations

import msgspec


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Make a kernel.

    Attributes:
        text, path: of the Python source; the path is for messages, and what it is near to.
        module: the name to give it, with its package: `kernels.saxpy`.
        factory: the function that makes the kernel.
        arguments: what it is called with: names, and values as Python writes them.
        folders: where modules are looked for first.
        signature, architecture, options: as of `KernelSource`.
    """

    text: str
    path: str
    module: str
    factory: str
    arguments: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    signature: tuple[str, ...]
    architecture: str
    options: tuple[str, ...]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker can make kernels.

    Attributes:
        versions: of everything that decides what it makes.
        architectures: what it can compile for, `sm_80` …; empty: it does not compile, or does not
            know.
    """

    versions: dict[str, str]
    architectures: tuple[str, ...] = ()


class Compiled(msgspec.Struct, frozen=True, tag="compiled"):
    """A binary.

    Attributes:
        binary: the cubin.
        log: what the linker said, ptxas's statistics among it.
        files: what it depends on besides the text: modules that were imported, files that were
            opened, except what is installed.
    """

    binary: bytes
    log: str
    files: tuple[str, ...]


class Written(msgspec.Struct, frozen=True, tag="written"):
    """A CUDA C++ source.

    Attributes:
        function: the kernel's name in it.
        options: for its compiler.
        include_directories: where its headers are.
        files: as of `Compiled`.
    """

    text: str
    function: str
    options: tuple[str, ...]
    include_directories: tuple[str, ...]
    files: tuple[str, ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """There is no kernel.

    Attributes:
        reason: in one line.
        log: all that is known.
        fatal: no configuration can be made: the session cannot go on.
    """

    reason: str
    log: str = ""
    fatal: bool = False


Reply = Ready | Compiled | Written | Failed

encode = msgspec.json.Encoder().encode
_decode_reply = msgspec.json.Decoder(Reply).decode
_decode_ask = msgspec.json.Decoder(Ask).decode


def decode_reply(line: bytes) -> Reply:
    """A line of the worker's.

    Raises:
        msgspec.DecodeError: it is none.
    """
    reply: Reply = _decode_reply(line)
    return reply


def decode_ask(line: bytes) -> Ask:
    """A line of the harness's.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _decode_ask(line)
