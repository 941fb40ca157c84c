"""The files that tests are made from, and the compilers that make them."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from harness.procs.version import read_version

COMPILERS = re.compile(
    r"nvcc|cc|c\+\+|c89|c99|(?:.*-)?(?:gcc|g\+\+|clang|clang\+\+|gfortran)(?:-[\d.]+)?"
    r"|hipcc|icx|icpx|ifx|nvc|nvc\+\+|nvfortran|rustc|tcc"
)
"""Programs whose version is part of what a test is."""

_MOST_SOURCES = 10_000
_INCLUDING = {".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh", ".h", ".hh", ".hpp", ".hxx", ".inl"}
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)
_FOLDER_OPTIONS = ("-I", "-isystem", "-iquote", "--include-path", "--include-directory")


def find_sources(
    command_lines: Iterable[str],
    patterns: Iterable[str],
    directory: Path,
    results: Iterable[Path] = (),
) -> dict[str, str]:
    """The content of the files that tests are made from, as hashes by relative path.

    These are the files that match `patterns`, and those that the command lines name: any word that
    is a regular file in `directory`, unless the commands write or remove it: what follows `-o`,
    `--output` or `>`, and what `rm` is given, is a result, which an earlier session may have left.
    What C, C++ and CUDA sources include is found as the compiler would, from the including file's
    folder and the folders given by `-I`, whatever `#if` may hide; system headers are not looked
    for. A file whose name has a placeholder in it, or is put together by a macro, is found by a
    pattern only.

    Args:
        command_lines: with their placeholders, as the config has them.
        directory: where the commands run.
        results: files that come of tuning, such as the header with the best values: sources may
            include them, but are tested with the values of each test.
    """
    lines = [_split(line) for line in command_lines]
    made = {path for words in lines for path in _files(_written(words), directory)}
    for path in results:
        made |= {Path(os.path.normpath(path)), path.resolve()}  # `directory` may be either
    found = {path for words in lines for path in _files(words, directory)} - made
    for pattern in patterns:
        given = Path(pattern)
        root, relative = (
            (Path(given.anchor), str(given.relative_to(given.anchor)))
            if given.is_absolute()
            else (directory, pattern)
        )
        found.update(path for path in root.glob(relative) if path.is_file())
    folders = [directory / name for words in lines for name in _include_folders(words)]
    found = _with_includes(found, folders, made)
    chosen = sorted(found)[:_MOST_SOURCES]
    return {_relative(path, directory): hash_file(path) for path in chosen}


class SourceWatch:
    """Notices that sources change while a session tests what is made of them.

    Args:
        find: `find_sources` with its arguments.
        directory: what the paths in its answer start from.
    """

    def __init__(self, find: Callable[[], dict[str, str]], directory: Path) -> None:
        self._find = find
        self._directory = directory
        self.sources = find()
        self._states = self._look()

    def _look(self) -> dict[str, tuple[int, int]]:
        states = {}
        for name in self.sources:
            with suppress(OSError):
                found = (self._directory / name).stat()
                states[name] = (found.st_mtime_ns, found.st_size)
        return states

    def refresh(self) -> list[str]:
        """The files whose content changed since the last look; a look costs a stat of each."""
        if self._look() == self._states:
            return []
        before, self.sources = self.sources, self._find()
        self._states = self._look()
        names = before.keys() | self.sources.keys()
        return sorted(name for name in names if before.get(name) != self.sources.get(name))


def find_compilers(command_lines: Iterable[str]) -> dict[str, str]:
    """The compilers that the command lines name and PATH has, with what each says of itself."""
    words = {word for line in command_lines for word in _split(line)}
    named = sorted(word for word in words if COMPILERS.fullmatch(Path(word).name))
    return {word: read_version(path) for word in named if (path := shutil.which(word))}


def _include_folders(words: Sequence[str]) -> Iterator[str]:
    for before, word in zip(("", *words), words, strict=False):
        if "%" in word:
            continue
        if before in _FOLDER_OPTIONS:
            yield word
        for option in _FOLDER_OPTIONS:
            folder = word.removeprefix(option).removeprefix("=")
            if word.startswith(option) and folder:
                yield folder


def _with_includes(
    sources: Iterable[Path], folders: Sequence[Path], made: Collection[Path]
) -> set[Path]:
    """The same with all that they include, directly or not, but for what was made."""
    found = {path for path in sources if path not in made}
    unread = list(found)
    while unread and len(found) < _MOST_SOURCES:
        path = unread.pop()
        if path.suffix.lower() not in _INCLUDING:
            continue
        for included in _read_includes(path, folders):
            if included not in found and included not in made:
                found.add(included)
                unread.append(included)
    return found


def _read_includes(path: Path, folders: Sequence[Path]) -> Iterator[Path]:
    try:
        text = path.read_bytes()
    except OSError:
        return
    for mark, name in _INCLUDE.findall(text):
        near = [path.parent] if mark == b'"' else []
        for folder in (*near, *folders):
            candidate = Path(os.path.normpath(folder / os.fsdecode(name)))
            if candidate.is_file():
                yield candidate
                break


def _split(line: str) -> list[str]:
    """The words of a command line, operators of the shell apart from them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # shell syntax that shlex cannot read: at worst a file is missed
        return line.split()


def _written(words: Sequence[str]) -> Iterator[str]:
    """The words that name what a command writes or removes."""
    removing = False
    for before, word in zip(("", *words), words, strict=False):
        if set(word) <= set("();<>|&"):
            removing = False
        elif word in ("rm", "/bin/rm"):
            removing = True
        elif removing or before in ("-o", "--output", ">", ">>", ">|", "&>", "&>>"):
            yield word
        elif word.startswith(("-o", "--output=")):
            yield word.removeprefix("--output=").removeprefix("-o")


def _files(words: Iterable[str], directory: Path) -> Iterator[Path]:
    """Those that name a file: `app.c`, `--input=data.txt`, but not `-Iinclude`."""
    for word in words:
        for part in (word, word.partition("=")[2]):
            # An absolute path, such as /usr/bin/gcc, is a program and not a source.
            if part and "%" not in part and "\0" not in part and not Path(part).is_absolute():
                path = directory / os.path.normpath(part)
                with suppress(OSError):  # a word may be too long for a name
                    if path.is_file():
                        yield path


def _relative(path: Path, directory: Path) -> str:
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)


def hash_file(path: Path) -> str:
    """The content of a file, as a hash."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return "unreadable"
    return digest.hexdigest()
