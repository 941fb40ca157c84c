"""Reads a recording of any format: what is in the file decides which."""

from __future__ import annotations

import re
from pathlib import Path

from harness.config.t1 import load_t1
from harness.errors import ConfigError
from harness.replay.csv import MAGIC as CSV
from harness.replay.csv import load_csv
from harness.replay.journal import MAGIC, load_journal
from harness.replay.kernel_tuner import load_kernel_tuner
from harness.replay.read import read_content
from harness.replay.recording import Recording
from harness.replay.t4 import load_t4
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space

_HEAD_BYTES = 1 << 16
_SIGNS = {
    "csv": CSV.match,
    "t4": re.compile(rb'"results"\s*:\s*\[').search,
    "kernel-tuner": re.compile(rb'"cache"\s*:\s*\{').search,
}
_LOADERS = {"csv": load_csv, "t4": load_t4, "kernel-tuner": load_kernel_tuner}


def load_recording(
    source: str | Path, *, definition: Path | None = None, space: Space | None = None
) -> Recording:
    """The recording in a file: T4, a Kernel Tuner cache, a log in CSV, or a journal.

    All but the journal may be gzipped.

    Args:
        source: its path; of a journal, `path` (its last session) or `path:session`.
        definition: a T1 file that says what was tuned.
        space: the same as a space; None, without a definition too: what is in the file.

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
        raise ConfigError(f"{path}: not a journal, so {session!r} after the colon has no meaning")
    if form is not None:
        return _LOADERS[form](path, content, space)
    raise ConfigError(
        f"{path}: neither T4 (`results`), a Kernel Tuner cache (`cache`), a log in CSV "
        "(`TestNo,…`) nor a journal; give one of these, or an export of them"
    )


def find_format(content: bytes) -> str | None:
    """What a file is, by how it begins: `journal`, or a key of the loaders; None: none of these."""
    head = content[:_HEAD_BYTES]
    if content.startswith(MAGIC):
        return "journal"
    return next((form for form, sign in _SIGNS.items() if sign(head)), None)


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
