"""What the journal keeps of kernel tests, and journals from before there were any."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harness.events import BuildEnded, TestEnded
from harness.measurement import DeviceState, Launch, Measurement
from harness.model import Artifact, Build, OutcomeKind, Phase, Resources
from harness.store.journal import open_journal
from harness.store.sessions import load_overview, load_session
from tests.store.helpers import make_outcome, make_run, make_start, make_test, whole_test

ARTIFACT = Artifact(
    "/cache/x.cubin", "abc", "k", Resources(32, 1024, 380, 0, 8, 16, 256), "nvcc 13.0", "sm_90"
)
MEASUREMENT = Measurement(
    launch=Launch((4, 2, 1), (64, 1, 1), 2048),
    mode="cold",
    samples_s=(1e-3, 1.1e-3),
    starts_s=(0.0, 0.002),
    stop="precision",
    verified=True,
    error=1e-7,
    metrics=(("gbps", 812.5),),
    before=DeviceState(1.0, sm_mhz=1500, held_ns=(("power_cap", 7),)),
    after=DeviceState(2.0, reasons=4),
    sentinel_s=2e-4,
    flags=("power_capped",),
)


def test_measurements_and_binaries_come_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    run = make_run(0, 1e-3, measurement=MEASUREMENT)
    with open_journal(path) as journal:
        journal.begin(make_start(), fresh=False)
        test = make_test(1)
        build = Build(Phase.COMPILE, OutcomeKind.OK, "compile-1", 1.0, 0.5, artifact=ARTIFACT)
        journal.record([*whole_test(test, run, artifact=ARTIFACT)[:2], BuildEnded(test, build)])
        journal.record([TestEnded(make_outcome(test, run, artifact=ARTIFACT))])
        twin = make_outcome(make_test(2), run, artifact=ARTIFACT, copy_of=1)
        journal.record([whole_test(make_test(2))[0], TestEnded(twin)])
    first, second = load_session(path).outcomes
    assert first.artifact == ARTIFACT
    assert first.runs[0].measurement == MEASUREMENT
    assert first.samples == MEASUREMENT.samples_s
    assert first.copy_of is None
    assert second.copy_of == 1
    assert second.runs == first.runs


def test_an_error_that_is_no_number_does_not_break_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    wrong = Measurement(Launch((1, 1, 1), (1, 1, 1)), "cold", verified=True, error=float("inf"))
    run = make_run(0, None, kind=OutcomeKind.WRONG_RESULT, measurement=wrong)
    with open_journal(path) as journal:
        journal.begin(make_start(), fresh=False)
        journal.record(whole_test(make_test(1), run))
    (outcome,) = load_session(path).outcomes
    assert outcome.runs[0].measurement is not None


def test_invalid_and_censored_tests_are_no_failures(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.begin(make_start(), fresh=False)
        for number, kind in enumerate(
            (OutcomeKind.INVALID, OutcomeKind.CENSORED, OutcomeKind.RUN_FAILED), 1
        ):
            test = make_test(number)
            journal.record(whole_test(test, make_run(0, None), kind=kind, score=None))
    overview = load_overview(path)
    assert [outcome.test_id for outcome in overview.failures] == [3]
    assert [outcome.test_id for outcome in overview.invalid] == [1]
    assert overview.kinds == {"censored": 1, "invalid": 1, "run_failed": 1}
    assert overview.tests == 3


ADDED = {
    1: [("tests", "artifact"), ("tests", "copy_of"), ("runs", "measurement")],
    2: [("sessions", "premises"), ("sessions", "outputs"), ("tests", "compile_started_s")],
}
"""What journals of each version lack of the next."""


@pytest.mark.parametrize("version", [1, 2])
def test_a_journal_of_an_older_schema_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.begin(make_start(), fresh=False)
        journal.record(whole_test(make_test(1)))
        before = load_session(path).outcomes
    with closing(sqlite3.connect(path)) as db:
        for table, column in (pair for old in range(version, 3) for pair in ADDED[old]):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute(f"PRAGMA user_version = {version}")
        db.commit()
    assert load_session(path).outcomes == before
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
    with open_journal(path) as journal:
        begun = journal.begin(make_start(), fresh=False)
        assert [outcome.test_id for outcome in begun.outcomes] == [1]
