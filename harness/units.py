"""Durations, instants, sizes, counts, paths and foreign text as people read them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_ENERGY_UNITS = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"))
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")

_REAL_S = 1e9, 2.5e11
"""Instants of Unix time are from 2001 to before the year 10000; others are virtual time."""

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
"""A whole number as users may write it: other scripts' digits are text."""

NO_WHOLE_NUMBER = "not a whole number; write one such as 4, `auto`, or names such as left,right"


def format_significant(number: float, digits: int = 3) -> str:
    """`number` with `digits` significant digits and no exponent below a million."""
    if not math.isfinite(number):
        return str(number)
    if number == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(number)))
    if magnitude >= 6 or magnitude < -6:
        return f"{number:.{digits - 1}e}"
    decimals = max(0, digits - 1 - magnitude)
    rounded = round(number, decimals)
    if rounded != 0 and math.floor(math.log10(abs(rounded))) > magnitude:
        decimals = max(0, decimals - 1)  # 9.999 -> 10.0, not 10.00
    return f"{rounded:.{decimals}f}"


def format_seconds(duration_s: float) -> str:
    """A measured time: `1.23 ms`, `45.6 µs`, `12.3 s`."""
    for scale, unit in TIME_UNITS:
        if abs(duration_s) >= scale:
            return f"{format_significant(duration_s / scale)} {unit}"
    return "0 s" if duration_s == 0 else f"{format_significant(duration_s / 1e-9)} ns"


def format_joules(energy_j: float) -> str:
    """A measured energy: `1.23 J`, `45.6 mJ`, `789 µJ`."""
    for scale, unit in _ENERGY_UNITS:
        if abs(energy_j) >= scale:
            return f"{format_significant(energy_j / scale)} {unit}"
    return "0 J" if energy_j == 0 else f"{format_significant(energy_j / 1e-6)} µJ"


def format_duration(duration_s: float) -> str:
    """A waiting time: `42 s`, `3 min 5 s`, `2 h 14 min`; beyond all patience, `1.00e+06 s`."""
    if not duration_s < 1e6:
        return f"{format_significant(duration_s)} s"
    if duration_s < 10:
        return f"{duration_s:.1f} s"
    seconds = round(duration_s)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def is_real(at_s: float) -> bool:
    """Whether an instant is one of Unix time, and has a date; else it is virtual time, from 0."""
    return _REAL_S[0] <= at_s < _REAL_S[1]


def format_instant(at_s: float, zone: str = " UTC") -> str:
    """A moment of Unix time, to the minute, in UTC; virtual time has no date.

    Args:
        zone: what stands behind it; empty in a column whose heading says it.
    """
    if not is_real(at_s):
        return "virtual time"
    return datetime.fromtimestamp(at_s, timezone.utc).strftime("%Y-%m-%d %H:%M") + zone


def format_bytes(size_bytes: float) -> str:
    """`512 B`, `1.5 GiB`."""
    size = float(size_bytes)
    for unit in _BYTE_UNITS[:-1]:
        if abs(size) < 1024:
            return f"{format_significant(size)} {unit}" if unit != "B" else f"{size:.0f} B"
        size /= 1024
    return f"{format_significant(size)} {_BYTE_UNITS[-1]}"


def format_path(path: str | Path) -> str:
    """`path` from the current folder if it is in there, else whole."""
    whole = Path(path)
    try:
        return str(whole.relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere; or the current folder is gone
        return str(whole)


def format_score(score: float, unit: str) -> str:
    """A score in its unit: seconds and joules are scaled, anything else keeps its unit."""
    if unit == "s":
        return format_seconds(score)
    if unit == "J":
        return format_joules(score)
    whole = math.isfinite(score) and score == int(score) and abs(score) < 1e6
    text = f"{score:.0f}" if whole else format_significant(score)
    return f"{text} {unit}".rstrip()


def format_text(text: str) -> str:
    r"""`text` on one line, with all that a terminal would obey instead of showing escaped.

    Line ends, ESC and other control characters, marks that turn the direction of writing, and
    bytes that were no text: `a\nb` becomes `a\\nb`.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def format_word(text: str) -> str:
    """`text` as one word of a line: in quotes where its ends could not be seen without."""
    plain = text and not any(c in " \"'" for c in text)
    return format_text(text) if plain else f'"{format_text(text)}"'


def format_count(count: int, noun: str) -> str:
    """`1 lane`, `3 lanes`: the plural is the noun with an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shorten(text: str, most: int) -> str:
    """`text` cut to `most` characters, with a mark where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def distinct(texts: Iterable[str], most: int = 0) -> list[str]:
    """The texts, cut to `most` characters (0: whole); those that look the same are numbered."""
    seen: Counter[str] = Counter()
    made = []
    for text in texts:
        shown = shorten(text, most) if most else text
        seen[shown] += 1
        made.append(shown if seen[shown] == 1 else f"{shown} ({seen[shown]})")
    return made


def is_number_like(word: str) -> bool:
    """Whether `word` was probably meant as a number or a truth: `1.5`, `1e3`, `0x2`, `true`."""
    if word.lower() in ("true", "false"):
        return True
    for read in (float, lambda text: int(text, 0)):
        try:
            read(word)
        except ValueError:
            continue
        return True
    return False


def excerpt(text: str, at: int, most: int) -> str:
    """Up to `most` characters of `text` around place `at`, with marks where some are missing."""
    if len(text) <= most:
        return text
    begin = max(0, min(at - most // 2, len(text) - most))
    end = begin + most
    return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")
