"""What can be told of a factory from its text, before anything is imported. Pure, but for files."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.compile.source import KernelSource


@dataclass(frozen=True, slots=True)
class Factory:
    """A function at the top level of a Python source.

    Attributes:
        names: of its arguments, except those that only have a place.
        needed: those of them without a default.
        takes_all: whether it takes any name (`**names`).
        places: its arguments that have no name for callers (`def make(a, /)`).
    """

    names: tuple[str, ...]
    needed: tuple[str, ...]
    takes_all: bool = False
    places: tuple[str, ...] = ()


def find_factory(text: str, name: str) -> Factory | None:
    """The function `name` of a Python source; None if there is no such `def` at its top level.

    Raises:
        SyntaxError: the text is no Python.
    """
    found = None
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            found = _describe(node.args)  # the last one counts
    return found


def _describe(arguments: ast.arguments) -> Factory:
    plain = [argument.arg for argument in arguments.args]
    keywords = [argument.arg for argument in arguments.kwonlyargs]
    positions = [*arguments.posonlyargs, *arguments.args]
    bare = {a.arg for a in positions[: len(positions) - len(arguments.defaults)]}
    pairs = zip(keywords, arguments.kw_defaults, strict=True)
    bare |= {keyword for keyword, default in pairs if default is None}
    names = (*plain, *keywords)
    return Factory(
        names=names,
        needed=tuple(name for name in names if name in bare),
        takes_all=arguments.kwarg is not None,
        places=tuple(argument.arg for argument in arguments.posonlyargs),
    )


def describe_call(source: KernelSource) -> str:
    """The call of the factory, as Python writes it."""
    arguments = ", ".join(f"{name}={text}" for name, text in source.macros)
    return f"{source.function}({arguments})"


def find_imports(text: str, path: Path, folders: Sequence[Path]) -> set[Path]:
    """The files that a Python source imports, and what these import, as far as they are in folders.

    Every import counts, wherever it stands; what is not in one of the folders is installed, and
    left out. A text that is no Python imports nothing.

    Args:
        path: where the text is from, for relative imports.
        folders: where modules are looked for, in this order.
    """
    found: set[Path] = set()
    waiting = [(text, path)]
    while waiting:
        source, place = waiting.pop()
        for parts in _list_imports(source, place, folders):
            for file in _resolve(parts, folders) - found:
                found.add(file)
                waiting.append((_read(file), file))
    return found - {path.resolve()}


def _list_imports(text: str, path: Path, folders: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """Each module that is named, and each name that may be one, by its parts."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    package = _name_package(path, folders)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            yield base
            yield from ((*base, alias.name) for alias in node.names)


def _name_package(path: Path, folders: Sequence[Path]) -> tuple[str, ...]:
    for folder in folders:
        if path.resolve().is_relative_to(folder):
            return path.resolve().relative_to(folder).parent.parts
    return ()


def _resolve(parts: tuple[str, ...], folders: Sequence[Path]) -> set[Path]:
    """The files of a module and of the packages around it, in the first folder that has any."""
    for folder in folders:
        files = set()
        for depth in range(1, len(parts) + 1):
            place = folder.joinpath(*parts[:depth])
            files |= {place / "__init__.py", place.with_suffix(".py")}
        there = {file.resolve() for file in files if file.is_file()}
        if there:
            return there
    return set()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
