"""The sides of a comparison, by what users call them: sessions, and files of many formats."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from harness.config.targets import CONFIG_ENDINGS
from harness.errors import ConfigError
from harness.replay.exported import load_exported
from harness.replay.load import (
    KNOWN,
    describe_content,
    find_format,
    load_recording,
    split_source,
)
from harness.replay.nvbench import NvbenchFile
from harness.replay.read import read_content
from harness.replay.session import make_session
from harness.report.sides import Side
from harness.store.sessions import load_session, names_session

_FILES = (".json", ".gz", ".csv", ".sqlite")
"""What ends so is a file, whether it is there or not."""


def load_side(which: str, journal: Path) -> Side:
    """What `which` names: a session, or a file of any format but NVBench's.

    Args:
        which: a session's number, a config's name or file, `last`; a path; or `JOURNAL:SESSION`.
            What names a session is one; a file of that name is `./NAME`.
        journal: where sessions are.

    Raises:
        ConfigError, StoreError: there is no such session or file, or it holds something else.
    """
    found = _load(which, journal)
    if isinstance(found, NvbenchFile):
        return _choose_benchmark(which, found, None, hot=False)
    return found


def load_sides(
    first: str, second: str, journal: Path, *, benchmark: str | None = None, hot: bool = False
) -> tuple[Side, Side]:
    """Two sides to compare; of two NVBench files all benchmarks.

    Args:
        benchmark: of NVBench files, only this one.
        hot: of NVBench files, what was measured in batches.

    Raises:
        ConfigError, StoreError: as `load_side`; or an option for NVBench without such a file.
    """
    loaded = [(which, _load(which, journal)) for which in (first, second)]
    files = [found for _, found in loaded if isinstance(found, NvbenchFile)]
    if not files and (benchmark is not None or hot):
        raise ConfigError(
            f"{first} and {second}: neither is NVBench's JSON, which alone has benchmarks and "
            "--hot; leave these options out"
        )
    sides: list[Side] = []
    for which, found in loaded:
        if not isinstance(found, NvbenchFile):
            sides.append(found)
        elif len(files) == 2 and benchmark is None:
            sides.append(_read_nvbench(which, found, None, hot=hot))
        else:
            sides.append(_choose_benchmark(which, found, benchmark, hot=hot))
    before, after = sides
    if _locate(first, before) == _locate(second, after):
        doubt = f"{before.name} is compared with itself: both sides are the same results"
        after = replace(after, warnings=(doubt, *after.warnings))
    return before, after


def _locate(which: str, side: Side) -> tuple[Path, int]:
    """Where results are: a journal or a file, and the session in it."""
    return Path(side.info.journal or which).resolve(), side.info.id


def _load(which: str, journal: Path) -> Side | NvbenchFile:
    path, session = split_source(which)
    # A program is mostly built under the name of its config: the session is meant.
    is_config = path.suffix in CONFIG_ENDINGS  # which stands for its latest session
    named = is_config or (os.sep not in which and names_session(journal, which))
    is_file = path.is_file() and not named
    if not session and path.suffix not in _FILES and not is_file:
        return _load_session(journal, which)
    content = read_content(path)
    form = find_format(content)
    if form == "journal":
        return _load_session(path, session or "last", f" of {path}")
    if form == "nvbench":
        return NvbenchFile(path, content)
    if form == "export":
        found = load_exported(path, content)
        return Side(which, found.info, found.outcomes, winners=found.winners)
    if form is not None:
        recording = load_recording(which)
        info, outcomes = make_session(recording)
        return Side(which, info, outcomes, warnings=tuple(recording.left_out))
    raise ConfigError(
        f"{path}: {describe_content(content)}; give {KNOWN}, NVBench's JSON, or a journal"
    )


def _load_session(journal: Path, which: str, where: str = "") -> Side:
    stored = load_session(journal, which)
    name = f"session {stored.info.id}{where} ({stored.info.name})"
    problem = None if stored.info.imported else stored.spec.get("problem", {})
    unfinished = [] if stored.state == "complete" else [f"{name} is {stored.state}, not complete"]
    return Side(
        name,
        stored.info,
        stored.outcomes,
        warnings=tuple(unfinished),
        winners=stored.winners,
        problem=problem,
    )


def _choose_benchmark(which: str, file: NvbenchFile, benchmark: str | None, *, hot: bool) -> Side:
    """One benchmark, whose axes are parameters."""
    names = file.benchmarks
    if benchmark is None and len(names) != 1:
        raise ConfigError(
            f"{which}: this holds {len(names)} benchmarks; say which with --benchmark: "
            f"{', '.join(names)}"
        )
    return _read_nvbench(which, file, benchmark or names[0], hot=hot)


def _read_nvbench(which: str, file: NvbenchFile, benchmark: str | None, *, hot: bool) -> Side:
    found = file.read(benchmark, hot=hot)
    return Side(which, found.info, found.outcomes, found.moments, found.mode)
