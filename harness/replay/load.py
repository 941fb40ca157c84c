"""Reads a recording of any format: what is in the file decides which."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from harness.config.t1 import load_t1
from harness.errors import ConfigError
from harness.replay.csv import MAGIC as CSV
from harness.replay.csv import load_csv
from harness.replay.exported import SIGN as EXPORT
from harness.replay.exported import load_export
from harness.replay.journal import MAGIC, load_journal
from harness.replay.kernel_tuner import load_kernel_tuner
from harness.replay.nvbench import SIGN as NVBENCH
from harness.replay.read import read_content
from harness.replay.recording import Recording, Scale
from harness.replay.t4 import load_t4
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.units import shorten

_HEAD_BYTES = 1 << 16
_SIGNS = {
    "export": EXPORT.match,
    "csv": CSV.match,
    "t4": re.compile(rb'"results"\s*:\s*\[').search,
    "kernel-tuner": re.compile(rb'"cache"\s*:\s*\{').search,
    "nvbench": NVBENCH.search,
}
_KEYS = {"tests": "export", "results": "t4", "cache": "kernel-tuner", "benchmarks": "nvbench"}
"""What a file of JSON is, by the keys of the whole: for those that no sign tells."""

_LOADERS = {
    "export": load_export,
    "t4": load_t4,
    "kernel-tuner": load_kernel_tuner,
}

KNOWN = (
    "T4, a Kernel Tuner cache, a log in CSV (TestNo is its first column), an export of a session "
    "as JSON"
)
"""The files that are read, for messages."""

_OTHERS = {
    "everywhere": "values for builds, without the samples behind them",
    "ConfigurationSpace": "a T1 file, which says what is tuned and holds no results",
}
"""Files that are taken for results, by one of their keys."""

_SHOWN = 40


def load_recording(
    source: str | Path,
    *,
    definition: Path | None = None,
    space: Space | None = None,
    scale: Scale | None = None,
) -> Recording:
    """The recording in a file: T4, a Kernel Tuner cache, an export, a log in CSV, or a journal.

    All but the journal may be gzipped.

    Args:
        source: its path; of a journal, `path` (its last session) or `path:session`.
        definition: a T1 file that says what was tuned.
        space: the same as a space; None, without a definition too: what is in the file.
        scale: what the scores are of a log in CSV that does not say.

    Raises:
        ConfigError: no such file, not one of these formats, or wrong inside.
        StoreError: no such session in the journal.
    """
    if definition is not None:
        space = _read_space(definition)
    path, session = split_source(str(source))
    content = read_content(path)
    form = find_format(content)
    if form == "journal":
        return load_journal(path, session or "last", space)
    if session:
        raise ConfigError(
            f"{path}: no journal, so it has no session {session!r}; leave out :{session}"
        )
    if form == "csv":
        return load_csv(path, content, space, scale)
    if form in _LOADERS:
        return _LOADERS[form](path, content, space)
    if form == "nvbench":
        raise ConfigError(
            f"{path}: NVBench's JSON, which only `harness compare` reads; give {KNOWN}, or a "
            "journal"
        )
    raise ConfigError(f"{path}: {describe_content(content)}; give {KNOWN}, or a journal")


def find_format(content: bytes) -> str | None:
    """What a file is: `journal`, `nvbench`, or a key of the loaders; None: none of these.

    What tells is how it begins, or, of JSON that is wrong inside, its keys: then the format's
    reader says what is wrong.
    """
    if content.startswith(MAGIC):
        return "journal"
    head = content[:_HEAD_BYTES]
    found = next((form for form, sign in _SIGNS.items() if sign(head)), None)
    if found is not None:
        return found
    data = _read_json(content)
    keys = data if isinstance(data, dict) else {}
    return next((form for key, form in _KEYS.items() if key in keys), None)


def describe_content(content: bytes) -> str:
    """What a file of no known format looks like, in a few words."""
    if not content.strip():
        return "an empty file"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return "a binary file of no known format"
    data = _read_json(content)
    if isinstance(data, dict):
        return _describe_object(data)
    if data is not None or text.strip() == "null":
        return "JSON, but no object"
    begins = shorten(text.strip().splitlines()[0], _SHOWN)
    return f"text of no known format, which begins with {begins!r}"


def _describe_object(data: Mapping[str, object]) -> str:
    known = next((what for key, what in _OTHERS.items() if key in data), None)
    keys = shorten(", ".join(data), 2 * _SHOWN) or "none"
    return known or f"JSON of no known format, with the keys {keys}"


def _read_json(content: bytes) -> object:
    """What JSON stands for; None if it is none."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found


def split_source(source: str) -> tuple[Path, str]:
    """Path and session; a file whose name has a colon is a file."""
    path = Path(source)
    before, colon, after = source.rpartition(":")
    if not path.exists() and colon and Path(before).is_file():
        return Path(before), after
    return path, ""


def _read_space(definition: Path) -> Space:
    """The space of a T1 file."""
    spec = load_t1(definition)
    names = tuple(spec.parameters)
    return make_space(
        [Parameter(name, values) for name, values in spec.parameters.items()],
        [parse_constraint(text, names, spec.problem) for text in spec.space.constraints],
    )
