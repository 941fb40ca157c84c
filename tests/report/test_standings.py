from __future__ import annotations

from pathlib import Path

import pytest

from harness.report.standings import format_standings, plot_curves

STANDING = {
    "strategy": "tree",
    "lanes": 8,
    "score": 0.71234,
    "error": 0.0123,
    "score_by_time": 0.5,
    "by_budget": {"25": 0.5, "100": 0.9},
    "ratio": {"25": 1.5, "100": 1.025},
    "speedup": None,
    "thinking_ms": 0.123456,
}
RESULT = {
    "fields": {"gemm": {"optimum": 1.0}, "rates": {"optimum": -100.0}},
    "curves": [
        {
            "strategy": "tree",
            "lanes": 1,
            "field": field,
            "tests": [1, 2],
            "by_tests": [None, loss],
            "low": [loss, loss],
            "high": [None, None],
            "times_s": [0.5, 1.0],
            "by_time": [None, loss],
        }
        for field, loss in (("gemm", 1.5), ("rates", -80.0))
    ],
}


def test_a_table_of_standings() -> None:
    header, row = format_standings([STANDING])
    names = ["STRATEGY", "LANES", "S", "+-", "S@25", "S@100", "S", "TIME"]
    assert header.split() == [*names, "BEST/OPT@100", "SPEED-UP", "MS/TEST"]
    scores = ["0.712", "0.012", "0.50", "0.90", "0.500"]
    assert row.split() == ["tree", "8", *scores, "1.025", "-", "0.123"]
    assert format_standings([]) == []


def test_a_picture_of_the_curves(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "new" / "curves.png"
    plot_curves(RESULT, path, "png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(path.parent.iterdir()) == [path]
