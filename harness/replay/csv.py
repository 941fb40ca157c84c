"""Reads Spencer's logs: `TestNo, <parameter> …, Score_1 … Score_n, Score_Overall` and more.

His tuner and `harness export --format csv` write them. A log does not say where it was measured,
nor, without the columns `Optimal` and `Unit` of our export, what its scores are: then they are
taken as seconds, of which the least is best. `Simulated` marks what our export calls so, and of a
`Lane` only the first is read, since each searched for itself; other columns behind the overall
score, such as metrics, are left out.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.configuration import Configuration, Goal, Value
from harness.errors import ConfigError
from harness.model import OutcomeKind
from harness.replay.read import CORRECT, FAILED_SCORE, check_time, digest_of
from harness.replay.recording import (
    SECONDS,
    Measurement,
    Recording,
    Scale,
    find_parameters,
    make_recording,
)
from harness.space.space import Space

MAGIC = re.compile(rb'(\xef\xbb\xbf)?\s*"?TestNo"?\s*,')
"""How a log begins."""

_SAMPLE = re.compile(r"Score_\d+")
_OVERALL = "Score_Overall"
_SIMULATED = "Simulated"
_LANE = "Lane"
_SCALE = ["Optimal", "Unit"]
_NO_TIMES = (
    "correct the file, or, if its scores are no times, say what they are: `harness import` with "
    "--optimal and --unit"
)
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.?[0-9]+)([eE][+-]?[0-9]+)?")


def load_csv(
    path: Path, content: bytes, space: Space | None = None, scale: Scale | None = None
) -> Recording:
    """The recording in a log.

    Args:
        content: of the file, decompressed.
        space: that was tuned; None: the configurations in the file.
        scale: what its scores are if it does not say; None: seconds.

    Raises:
        ConfigError: it is no log, or says nothing that could be replayed.
    """
    header, rows = _read_rows(path, content)
    parameters = _find_parameters(path, header)
    said = _find_scale(header, rows[0])
    goal, unit = said or scale or SECONDS
    measurements: dict[Configuration, Measurement] = {}
    lane = _find_column(header, _LANE)
    elsewhere = 0 if lane is None else sum(row[lane] != rows[0][lane] for row in rows)
    for number, row in enumerate(rows, 2):
        if lane is not None and row[lane] != rows[0][lane]:
            continue
        if unit == "s":
            remedy = CORRECT if said or scale else _NO_TIMES
            _check_times(header, row, f"{path}: row {number}", remedy)
        values = tuple(map(_read_value, row[1 : 1 + len(parameters)]))
        measurements[Configuration(parameters, values)] = _measure(header, row)
    marked = _find_column(header, _SIMULATED)
    made = make_recording(
        measurements,
        find_parameters(measurements, parameters, str(path)),
        goal=goal,
        unit=unit,
        device="",
        source=str(path),
        digest=digest_of(content),
        space=space,
        simulated=marked is not None and any(row[marked] == "1" for row in rows),
        form="CSV",
        assumed=said is None and scale is None,
        repeated=len(rows) - elsewhere - len(measurements),
    )
    return replace(made, elsewhere=elsewhere)


def _read_rows(path: Path, content: bytes) -> tuple[list[str], list[list[str]]]:
    """The header, and at least one row, each with as many cells as it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: no UTF-8: {error.reason}; give a log as text") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header, *rows = [[cell.strip() for cell in row] for row in reader if any(row)]
    except csv.Error as error:
        raise ConfigError(
            f"{path}: line {reader.line_num}: {error}; correct the file, or give another"
        ) from None
    if not rows:
        raise ConfigError(f"{path}: no row below the header; give a log that holds tests")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ConfigError(
                f"{path}: row {number}: {len(row)} cells; expected {len(header)}, as the header has"
            )
    return header, rows


def _find_column(header: Sequence[str], name: str) -> int | None:
    """The place of a column behind the overall score; None if there is none."""
    behind = header.index(_OVERALL) + 1
    return header.index(name, behind) if name in header[behind:] else None


def _find_parameters(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """The columns between the test's number and the first score."""
    scores = [at for at, name in enumerate(header) if _SAMPLE.fullmatch(name) or name == _OVERALL]
    if not scores or scores[0] < 2 or _OVERALL not in header:
        raise ConfigError(
            f"{path}: row 1: {', '.join(header)}; expected TestNo, the parameters, Score_1, … and "
            f"{_OVERALL}"
        )
    names = [header[at] for at in scores]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(
            f"{path}: row 1: {twice} is there twice; rename the parameter that is called like a "
            "score"
        )
    found = tuple(header[1 : scores[0]])
    if len(set(found)) < len(found) or not all(found):
        raise ConfigError(
            f"{path}: row 1: parameters {', '.join(found)}; expected a different name for each"
        )
    return found


def _find_scale(header: Sequence[str], row: Sequence[str]) -> Scale | None:
    """Which score is best, and the unit of scores; None if the log does not say."""
    goals: dict[str, Goal] = {"min": "min", "max": "max"}
    if header[-2:] != _SCALE or row[-2] not in goals:
        return None
    return Scale(goals[row[-2]], row[-1])


def _check_times(header: Sequence[str], row: Sequence[str], place: str, remedy: str) -> None:
    """Refuse scores that cannot be the times that they are said or taken to be."""
    for name, cell in zip(header, row, strict=True):
        score = _read_score(cell) if _SAMPLE.fullmatch(name) or name == _OVERALL else None
        if score is not None:
            check_time(f"{place}: {name}", score, remedy=remedy)


def _measure(header: Sequence[str], row: Sequence[str]) -> Measurement:
    """What a row says; a test without an overall score failed, nobody knows how."""
    samples = [_read_score(c) for name, c in zip(header, row, strict=True) if _SAMPLE.match(name)]
    known = tuple(sample for sample in samples if sample is not None)
    score = _read_score(row[header.index(_OVERALL)])
    return Measurement(
        kind=OutcomeKind.RUN_FAILED if score is None else OutcomeKind.OK,
        score=score,
        samples=() if score is None else known or (score,),
        run_s=sum(known),
    )


def _read_score(cell: str) -> float | None:
    try:
        found = float(cell)
    except ValueError:
        return None
    return found if math.isfinite(found) and found < FAILED_SCORE else None


def _read_value(cell: str) -> Value:
    """The value that a cell stands for; what does not look the same as a number is a text."""
    if _INTEGER.fullmatch(cell):
        return int(cell)
    return float(cell) if _NUMBER.fullmatch(cell) and not cell.isdigit() else cell
