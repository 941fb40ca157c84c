from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.units import (
    format_bytes,
    format_count,
    format_duration,
    format_instant,
    format_path,
    format_score,
    format_seconds,
    format_significant,
    format_text,
    format_word,
    is_real,
    shorten,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1, "1.00"),
        (9.999, "10.0"),
        (99.96, "100"),
        (123.456, "123"),
        (123456, "123456"),
        (0.00123, "0.00123"),
        (-2.5, "-2.50"),
        (1e7, "1.00e+07"),
        (math.inf, "inf"),
    ],
)
def test_significant(number: float, text: str) -> None:
    assert format_significant(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1.234, "1.23 s"),
        (0.00123, "1.23 ms"),
        (4.56e-5, "45.6 µs"),
        (5e-9, "5.00 ns"),
        (5e-11, "0.0500 ns"),
        (75, "75.0 s"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42, "42 s"),
        (185, "3 min 5 s"),
        (8040, "2 h 14 min"),
        (1e300, "1.00e+300 s"),
        (math.inf, "inf s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(512, "512 B"), (1536, "1.50 KiB"), (80 * 2**30, "80.0 GiB")]
)
def test_bytes(size: int, text: str) -> None:
    assert format_bytes(size) == text


def test_scores_keep_their_unit() -> None:
    assert format_score(0.00123, "s") == "1.23 ms"
    assert format_score(812.3, "GFLOP/s") == "812 GFLOP/s"
    assert format_score(9.0, "") == "9"
    assert format_score(16384, "bytes") == "16384 bytes"
    assert format_score(math.inf, "points") == "inf points"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 5 µs", "Größe 5 µs"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("abc\u202edef", r"abc\u202edef"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert format_text(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("-O3", "-O3"), ("-O3 -g", '"-O3 -g"'), ("", '""'), ("a\n", r"a\n")]
)
def test_words_with_blanks_are_quoted(text: str, shown: str) -> None:
    assert format_word(text) == shown


def test_one_is_no_plural() -> None:
    assert [format_count(n, "lane") for n in (0, 1, 2)] == ["0 lanes", "1 lane", "2 lanes"]


def test_what_is_cut_says_so() -> None:
    assert (shorten("abcdef", 6), shorten("abcdef", 4)) == ("abcdef", "abc…")


def test_paths_below_the_current_folder_are_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert format_path(tmp_path / "configs" / "a.toml") == "configs/a.toml"
    assert format_path("/elsewhere/a.toml") == "/elsewhere/a.toml"


@pytest.mark.parametrize("at_s", [-1.0, 0.0, 1e8, 3e11, 1e20, math.inf, math.nan])
def test_virtual_time_has_no_date(at_s: float) -> None:
    """However long a simulated session takes."""
    assert not is_real(at_s)
    assert format_instant(at_s) == "virtual time"
