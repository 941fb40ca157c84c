"""What the formats of recordings have in common: files, compressed or not, and their JSON."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.configuration import Goal
from harness.errors import ConfigError
from harness.model import OutcomeKind
from harness.units import shorten

T = TypeVar("T")

FAILED_SCORE = 1e20
"""What some tools write as the score of a configuration that failed."""


def read_content(path: Path) -> bytes:
    """The content of a file, decompressed if it is gzip.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except OSError as error:
        reason = error.strerror or str(error)
    except (EOFError, zlib.error) as error:
        reason = f"damaged gzip: {error}"
    raise ConfigError(f"{path}: {reason}; give a file of recorded results")


def digest_of(content: bytes) -> str:
    """What tells one recording from another."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def decode(path: Path, content: bytes, kind: type[T]) -> T:
    """The JSON in `content` as `kind`; NaN and Infinity, which some tools write, are numbers.

    Raises:
        ConfigError: no JSON, or not of this kind; the message says where.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise ConfigError(_say(path, error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        data = json.loads(content)
        json.dumps(data, ensure_ascii=False).encode()  # halves of a character are no text
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as error:
        raise ConfigError(_say(path, error)) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no JSON: {error}; give a whole file") from None


def _say(path: Path, error: msgspec.ValidationError) -> str:
    reason, _, place = str(error).partition(" - at ")
    where = place.strip("`").removeprefix("$").removeprefix(".")
    if missing := _MISSING.fullmatch(reason):
        where, reason = f"{where}.{missing[1]}".removeprefix("."), "missing"
    where = where or "the whole"
    return f"{path}: {where}: {reason[:1].lower()}{reason[1:]}; correct the file, or give another"


_MISSING = re.compile(r"Object missing required field `(.*)`")


def check_version(path: Path, place: str, said: str | float | None) -> None:
    """Refuse a version of a format whose first number is another than 1, if it says any.

    Raises:
        ConfigError: it is.
    """
    version = str(said or "")
    if version and version.partition(".")[0] != "1":
        raise ConfigError(
            f"{path}: {place} = {shorten(version, 20)!r}: an unknown version of this format; give "
            "a file of version 1"
        )


def seconds_per(unit: str, place: str) -> float:
    """Seconds in one of a file's units of time; the formats' own default is the millisecond.

    Raises:
        ConfigError: an unknown unit.
    """
    found = _UNITS.get(unit.lower())
    if found is None:
        known = ", ".join(name for name in _UNITS if name)
        raise ConfigError(f"{place}: {unit!r} is no unit of time; use one of {known}")
    return found


_UNITS = {
    "": 1e-3,
    "ms": 1e-3,
    "milliseconds": 1e-3,
    "miliseconds": 1e-3,  # as many published files spell it
    "s": 1.0,
    "seconds": 1.0,
    "us": 1e-6,
    "microseconds": 1e-6,
    "ns": 1e-9,
    "nanoseconds": 1e-9,
}


_FRACTION = re.compile(r"\.\d+")


def read_instant(text: str) -> float:
    """Unix time of a timestamp, which is UTC where it names no zone; 0 if it is none."""
    try:
        # Python 3.10 reads fractions of three or of six digits only.
        text = _FRACTION.sub(lambda part: f"{part[0]:0<7}"[:7], text)
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def is_time(objective: str) -> bool:
    """Whether an objective is a time, of which the formats say no unit."""
    return objective == "time" or objective.endswith("_time")


def goal_of(objective: str) -> Goal:
    """What is best of an objective: the most of rates such as `GFLOP/s`, the least of others."""
    return "max" if "/" in objective or objective == "fitness" else "min"


CORRECT = "correct the file, or leave this result out"


def check_time(place: str, value: float, *, zero: bool = False, remedy: str = CORRECT) -> None:
    """Refuse what cannot be a time.

    Args:
        place: of it, in the file.
        zero: whether 0 is one, as of a step that was left out.

    Raises:
        ConfigError: it is negative, 0 without `zero`, or not finite.
    """
    if math.isfinite(value) and (value > 0 or (zero and value == 0)):
        return
    expected = "0 or above" if zero else "above 0"
    raise ConfigError(f"{place} = {value:g}: a time must be {expected}; {remedy}")


def judge(kind: OutcomeKind, score: object) -> tuple[OutcomeKind, float | None]:
    """How a test ended, given what is recorded as its score."""
    if kind is not OutcomeKind.OK:
        return kind, None
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        return OutcomeKind.NO_SCORE, None
    if score >= FAILED_SCORE:
        return OutcomeKind.RUN_FAILED, None
    return kind, float(score)
