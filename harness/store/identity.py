"""What makes two tests the same, and two invocations one session: decided here and nowhere else.

A test's key covers its parameters and whatever could change what it measures and is known before
it runs: its command lines with the parameters filled in (`%%ID%%` and the like left as they are,
since they only keep tests apart), the environment that the config adds, the working directory
relative to the config, the content of its source files, the models of the devices, how often it is
run and what a run is measured by, and, for simulated devices, the settings of the simulation. It
does not cover the aggregate, which is computed from stored samples, nor the number and names of
lanes.

A session's key covers the same for the whole config, and what decides which tests are made:
parameters, constraints, tree, strategy, goal and distribution's effect (whether each lane searches
for itself).
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

IDENTITY_VERSION = 1
"""Part of every key; it changes when keys come to mean something else: old results stay apart."""

_MOST_SOURCES = 10_000


def make_key(parts: Mapping[str, object]) -> str:
    """A key of named parts: equal if and only if all parts are.

    Args:
        parts: what JSON can hold; the order of mappings does not matter.
    """
    text = json.dumps({"identity": IDENTITY_VERSION, **parts}, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def find_sources(
    command_lines: Iterable[str], patterns: Iterable[str], directory: Path
) -> dict[str, str]:
    """The content of the files that tests are made from, as hashes by relative path.

    These are the files that match `patterns`, and those that the command lines name: any word that
    is a regular file in `directory`, unless the commands write or remove it: what follows `-o`,
    `--output` or `>`, and what `rm` is given, is a result, which an earlier session may have left.
    A file whose name has a placeholder in it is found by a pattern only.

    Args:
        command_lines: with their placeholders, as the config has them.
        directory: where the commands run.
    """
    lines = [_split(line) for line in command_lines]
    results = {path for words in lines for path in _files(_written(words), directory)}
    found = {path for words in lines for path in _files(words, directory)} - results
    for pattern in patterns:
        given = Path(pattern)
        root, relative = (
            (Path(given.anchor), str(given.relative_to(given.anchor)))
            if given.is_absolute()
            else (directory, pattern)
        )
        found.update(path for path in root.glob(relative) if path.is_file())
    chosen = sorted(found)[:_MOST_SOURCES]
    return {_relative(path, directory): _hash_file(path) for path in chosen}


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
                if path.is_file():
                    yield path


def _relative(path: Path, directory: Path) -> str:
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)


def _hash_file(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return "unreadable"
    return digest.hexdigest()
