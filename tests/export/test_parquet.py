from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.export import parquet
from harness.export.parquet import write_parquet
from harness.store import columns
from tests.report.helpers import make_info

arrow = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")

TYPES = {"test": int, "sample": float, "outcome": str, "FLAG": bool}
BATCHES: list[Mapping[str, Sequence[Any]]] = [
    {"test": [1, 1], "sample": [0.5, 0.25], "outcome": ["ok", "ok"], "FLAG": [True, True]},
    {"test": [2], "sample": [None], "outcome": ["compile_failed"], "FLAG": [False]},
]


def test_rows_come_back_with_what_the_session_is(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "runs.parquet"
    write_parquet(path, make_info(simulated=True), TYPES, BATCHES)
    rows = arrow.read_table(path).to_pylist()
    assert rows[0] == {
        "session": 3,
        "unit": "s",
        "simulated": True,
        "test": 1,
        "sample": 0.5,
        "outcome": "ok",
        "FLAG": True,
    }
    assert [row["sample"] for row in rows] == [0.5, 0.25, None]


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    path.write_text("before")
    broken: list[Mapping[str, Sequence[Any]]] = [
        *BATCHES,
        {"test": ["no number"], "sample": [0.5], "outcome": [""], "FLAG": [True]},
    ]
    with pytest.raises(ValueError, match="no number"):
        write_parquet(path, make_info(), TYPES, broken)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_every_column_is_documented() -> None:
    documented = set(re.findall(r"`(\w+)`", parquet.__doc__ or ""))
    assert {name for name, _, _ in columns._COLUMNS} <= documented
    assert {"session", "unit", "simulated"} <= documented
