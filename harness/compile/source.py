"""What a kernel compiler is given: everything that decides about the binary, as frozen data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.measurement import item_bytes, numba_words

_WORD = re.compile(r"\b[A-Za-z_]\w*")
_NUMBER = re.compile(r"\d+")
_OPTION = re.compile(r"-D([A-Za-z_]\w*)=(\d+)")
_UNROLL = re.compile(r"^([ \t]*#[ \t]*pragma[ \t]+unroll\b)(.*)", re.MULTILINE)

Language = Literal["cuda", "numba", "cupy"]
"""What a source is: CUDA C++, or Python whose factory makes a kernel of Numba or of CuPy."""


@dataclass(frozen=True, slots=True)
class KernelSource:
    """One kernel of a source, for one architecture.

    Attributes:
        text: the source itself.
        function: the kernel as C++ names it: `saxpy`, `ns::saxpy`, or an instance of a template,
            `matmul<float, 16>`. Templates that nothing else uses are instantiated by it. In Python,
            the factory's name.
        architecture: `sm_90`.
        path: where the text is from: for messages, and its folder is where includes in quotes are
            looked for first; may be empty.
        macros: name and value of each macro to define; an empty value defines it as nothing. Of a
            factory, its arguments, each written as Python writes the value.
        options: passed to the compiler as they are; paths in them must be absolute.
        include_directories: where includes, or modules, are looked for, in this order, after the
            folder of `path`; absolute.
        signature: of a Numba kernel: the type of each argument, an array's with its dimensions,
            `float32[2]`.
    """

    text: str
    function: str
    architecture: str
    path: str = ""
    macros: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    include_directories: tuple[str, ...] = ()
    language: Language = "cuda"
    signature: tuple[str, ...] = ()

    @property
    def search_directories(self) -> tuple[str, ...]:
        """Where the text's includes are looked for before the compiler's own folders."""
        home = (str(Path(self.path).resolve().parent),) if self.path else ()
        return tuple(dict.fromkeys((*home, *self.include_directories)))

    @property
    def name(self) -> str:
        """What the compiler's messages call it."""
        return self.path or "kernel.cu"


def define_macros(source: KernelSource) -> str:
    """The text after the definitions of its macros, numbered as if they were not there.

    So values may hold commas, quotes and spaces, which nvcc would take apart in its command line,
    and names cannot change the meaning of the headers that a compiler includes by itself.
    """
    definitions = "".join(f"#define {name} {value}\n" for name, value in source.macros)
    name = source.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'{definitions}#line 1 "{name}"\n{_expand_unrolls(source)}\n'


def _expand_unrolls(source: KernelSource) -> str:
    """The text with numbers for macros in `#pragma unroll`, where nvcc expands none."""
    options = map(_OPTION.fullmatch, source.options)
    numbers = {found[1]: found[2] for found in options if found is not None}
    numbers |= {name: value for name, value in source.macros if _NUMBER.fullmatch(value)}

    def expand(line: re.Match[str]) -> str:
        return line[1] + _WORD.sub(lambda word: numbers.get(word[0], word[0]), line[2])

    return _UNROLL.sub(expand, source.text) if numbers else source.text


def count_parameter_bytes(signature: Sequence[str]) -> int:
    """How many bytes a Numba kernel's parameters take, each aligned to its own size."""
    total = 0
    for name in signature:
        scalar, _, dimensions = name.rstrip("]").partition("[")
        size, count = item_bytes(scalar), 1
        if dimensions:
            size, count = 8, len(numba_words(0, (1,) * int(dimensions), 1))
        total += -total % size + size * count
    return total
