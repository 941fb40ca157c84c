"""Files for compilers to read."""

from __future__ import annotations

from pathlib import Path

from harness.compile.inputs import file_clock_ns


def write_settled(path: Path, text: str) -> None:
    """Write a file, and let the clock that stamps files tick once.

    A compile that begins in the same tick would take it for changed meanwhile. A tick is at most
    ten milliseconds.
    """
    path.write_text(text)
    while file_clock_ns() <= path.stat().st_ctime_ns:
        pass
