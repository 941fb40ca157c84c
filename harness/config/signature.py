"""What a CUDA C++ text says that its kernels take, as far as that can be told without a compiler.

Pure. Types that C++ and CUDA name are known, and nothing else: of a `typedef`, a template's `T` or
a macro nothing is said. So what is found is certain, and what is not found may still be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\\n])*")', re.DOTALL)
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(|[;{}]")
_ATTRIBUTE = re.compile(r"__\w+__|alignas|decltype|noexcept")
_BRACKETS = {"(": 1, "[": 1, "{": 1, "<": 1, ")": -1, "]": -1, "}": -1, ">": -1}
_MARKS = frozenset(
    [
        "const",
        "volatile",
        "__restrict__",
        "__restrict",
        "restrict",
        "__grid_constant__",
        "std",
        "::",
    ]
)

_TYPES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "__half": "float16",
    "__nv_bfloat16": "bfloat16",
    "nv_bfloat16": "bfloat16",
    "size_t": "uint64",
    "ptrdiff_t": "int64",
    "bool": "uint8",
    **{f"{sign}int{bits}_t": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
_WORDS = frozenset(("signed", "unsigned", "char", "short", "int", "long"))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a kernel.

    Attributes:
        text: as the source writes it.
        is_pointer: whether it is a pointer; None: its type has a name that says nothing.
        dtype: the type, or what it points to, as NumPy names it; empty: not known.
        is_const: of a pointer: whether what it points to cannot be written.
    """

    text: str
    is_pointer: bool | None
    dtype: str = ""
    is_const: bool = False


def find_kernels(text: str) -> dict[str, tuple[Parameter, ...] | None]:
    """The kernels that a text declares, by their names without namespaces.

    None for the parameters of one that is declared in several ways.
    """
    found: dict[str, tuple[Parameter, ...] | None] = {}
    text = _COMMENT_OR_TEXT.sub(lambda match: '""' if match[1] else " ", text)
    for start in re.finditer(r"\b__global__\b", text):
        named = _find_name(text, start.end())
        if named is None:
            continue
        name, inside = named
        parameters = _parse_parameters(inside)
        if name in found and _types(found[name]) != _types(parameters):
            parameters = None
        found[name] = parameters
    return found


def _types(parameters: Sequence[Parameter] | None) -> list[tuple[bool | None, str, bool]] | None:
    if parameters is None:
        return None
    return [(one.is_pointer, one.dtype, one.is_const) for one in parameters]


def _find_name(text: str, start: int) -> tuple[str, str] | None:
    """The name that is declared from `start` on, and what is between its parentheses."""
    while True:
        match = _CALLED.search(text, start)
        if match is None or match[1] is None:
            return None
        end = _find_end(text, match.end())
        if end is None:
            return None
        if not _ATTRIBUTE.fullmatch(match[1]):
            return match[1], text[match.end() : end]
        start = end + 1


def _find_end(text: str, start: int) -> int | None:
    """Where the parenthesis closes that opened before `start`."""
    depth = 1
    for match in re.compile(r"[()]").finditer(text, start):
        depth += _BRACKETS[match[0]]
        if depth == 0:
            return match.start()
    return None


def _parse_parameters(text: str) -> tuple[Parameter, ...] | None:
    """None if a preprocessor has its say among them, or something else is not understood."""
    if "#" in text or "..." in text:
        return None
    parts = [" ".join(part.split()) for part in _split(text)]
    if parts in ([""], ["void"]):
        return ()
    if "" in parts or any(re.fullmatch(r"\w+", part) and not _type_of([part]) for part in parts):
        return None  # a macro stands for what cannot be seen
    return tuple(map(_parse_parameter, parts))


def _split(text: str) -> Iterator[str]:
    """What commas separate, those between brackets left alone."""
    depth, begin = 0, 0
    for place, character in enumerate(text):
        depth += _BRACKETS.get(character, 0)
        if character == "," and depth == 0:
            yield text[begin:place]
            begin = place + 1
    yield text[begin:]


def _parse_parameter(text: str) -> Parameter:
    declared = text.partition("=")[0].strip()
    before, star, after = declared.partition("*")
    is_array = declared.endswith("]") and not star
    if is_array:
        before = declared.partition("[")[0]
    words = re.findall(r"\w+|::|[^\w\s]", before)
    is_const = "const" in words
    words = [word for word in words if word not in _MARKS]
    if star:
        dtype = "" if "*" in after else _type_of(words)
        return Parameter(text, is_pointer=True, dtype=dtype, is_const=is_const and "*" not in after)
    dtype = _type_of(words) or _type_of(words[:-1])  # the last word may be the name
    if is_array:
        return Parameter(text, is_pointer=True, dtype=dtype, is_const=is_const)
    return Parameter(text, is_pointer=False if dtype else None, dtype=dtype)


def _type_of(words: Sequence[str]) -> str:
    """The type that words name in C++, as NumPy names it; empty if not known."""
    if len(words) == 1 and words[0] in _TYPES:
        return _TYPES[words[0]]
    if not words or not _WORDS.issuperset(words):
        return ""
    bits = 32
    if "char" in words:
        bits = 8
    elif "short" in words:
        bits = 16
    elif "long" in words:
        bits = 64
    return f"{'u' if 'unsigned' in words else ''}int{bits}"
