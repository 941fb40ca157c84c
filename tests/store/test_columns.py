"""Runs by columns are the runs that the journal hands out otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.configuration import Configuration, Value
from harness.errors import StoreError
from harness.events import Event
from harness.model import OutcomeKind, Test
from harness.store import columns
from harness.store.columns import open_columns
from harness.store.journal import open_journal
from harness.store.sessions import load_session
from tests.store.helpers import make_run, make_start, whole_test

NAMES = ("N", "FLAG", "MIXED", "NUMBER", "run")


def make_events(values: list[tuple[Value, ...]]) -> Iterator[Event]:
    for number, found in enumerate(values, 1):
        test = Test(number, Configuration(NAMES, found), f"key {number}", "0")
        yield from whole_test(test)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.begin(make_start(parameters=NAMES), fresh=False)
        values: list[tuple[Value, ...]] = [
            (1, True, 2, 1.5, "a"),
            (2, False, "x", 2, "b"),
            (3, True, False, 3, "c"),
        ]
        journal.record(list(make_events(values)))
        failed = Test(4, Configuration(NAMES, (4, False, 1, 4, "d")), "key 4", "0")
        journal.record(whole_test(failed, make_run(0, None), kind=OutcomeKind.RUN_FAILED))
        journal.end("complete", 2000.0, {})
    return path


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_every_run_is_a_row(path: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_ROWS", rows)
    found = open_columns(path)
    made: dict[str, list[object]] = {name: [] for name in found.types}
    for batch in found.batches:
        assert set(batch) == set(found.types)
        for name, values in batch.items():
            made[name] += values
    outcomes = load_session(path).outcomes
    runs = [(outcome, run) for outcome in outcomes for run in outcome.runs]
    assert made["test"] == [outcome.test_id for outcome, _ in runs]
    assert made["run"] == [run.index for _, run in runs]
    assert made["sample"] == [run.sample for _, run in runs]
    assert made["score"] == [outcome.score for outcome, _ in runs]
    assert made["N"] == [outcome.configuration["N"] for outcome, _ in runs]
    assert made["parameter_run"] == [outcome.configuration["run"] for outcome, _ in runs]


def test_values_of_a_parameter_are_of_one_type(path: Path) -> None:
    found = open_columns(path)
    assert found.types["N"] is int
    assert found.types["FLAG"] is bool
    assert found.types["MIXED"] is str
    assert found.types["NUMBER"] is float
    (batch,) = found.batches
    assert batch["MIXED"] == ("2", "2", "x", "x", "0", "0", "1")
    assert batch["NUMBER"] == (1.5, 1.5, 2.0, 2.0, 3.0, 3.0, 4.0)


def test_a_session_that_is_not_there(path: Path) -> None:
    with pytest.raises(StoreError, match="no session '7'"):
        open_columns(path, "7")


def test_a_session_without_tests_has_columns(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.sqlite") as journal:
        journal.begin(make_start(), fresh=False)
    found = open_columns(tmp_path / "journal.sqlite")
    assert found.types["N"] is str
    assert list(found.batches) == []
