"""Which files a CUDA C++ text includes, for compilers that do not say what they read.

Every `#include` counts, whatever conditions it is under: more files than the compiler reads, never
fewer. So it cannot be told what a text includes if it leaves the name to a macro.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_DIRECTIVE = re.compile(
    r'^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>|(\S.*))'
    r'|__has_include(?:_next)?[ \t]*\([ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)',
    re.MULTILINE,
)


@dataclass
class Included:
    """What a text includes, and what its headers do.

    Attributes:
        files: paths of those that are there.
        absent: where an included file was looked for and is not.
        computed: the first include whose file only the preprocessor knows; empty if none is.
    """

    files: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    computed: str = ""


class IncludeScanner:
    """Follows includes through files, each of which it reads once as long as it does not change.

    Args:
        system_directories: the compiler's own headers, looked in last; what they leave to macros
            stays among themselves, and does not count.
    """

    def __init__(self, system_directories: Sequence[str]) -> None:
        self._system = tuple(system_directories)
        self._known: dict[str, tuple[tuple[int, int], tuple[_Name, ...]]] = {}

    def scan(self, text: str, search_directories: Sequence[str]) -> Included:
        """What `text` includes, looked for in `search_directories`, then the compiler's own."""
        found = Included()
        places = (*search_directories, *self._system)
        waiting = [(name, "") for name in _parse(text)]
        while waiting:
            name, folder = waiting.pop()
            if name.computed:
                if not folder.startswith(self._system):
                    found.computed = found.computed or name.text
                continue
            near = (folder,) if name.quoted and folder else ()
            for place in (*near, *places):
                path = os.path.join(place, name.text)  # noqa: PTH118 - thousands per text
                if path in found.files:
                    break
                if os.path.isfile(path):  # noqa: PTH113
                    found.files.add(path)
                    waiting += [(inner, str(Path(path).parent)) for inner in self._read(path)]
                    break
                found.absent.add(path)
        return found

    def _read(self, path: str) -> tuple[_Name, ...]:
        try:
            status = Path(path).stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._known.get(path)
            if known is None or known[0] != stamp:
                text = Path(path).read_text(encoding="utf-8", errors="replace")
                known = self._known[path] = (stamp, _parse(text))
        except OSError:
            return ()
        return known[1]


@dataclass(frozen=True, slots=True)
class _Name:
    """What an include says."""

    text: str
    quoted: bool = False
    computed: bool = False


def _parse(text: str) -> tuple[_Name, ...]:
    names = []
    for quoted, angled, computed, asked, asked_angled in _DIRECTIVE.findall(
        text.replace("\\\n", "")
    ):
        if computed:
            names.append(_Name(computed.strip(), computed=True))
        else:
            names.append(_Name(quoted or angled or asked or asked_angled, bool(quoted or asked)))
    return tuple(dict.fromkeys(names))
