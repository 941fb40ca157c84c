"""The text formats, of one small session with every kind of test in it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.configuration import Configuration
from harness.errors import StoreError
from harness.export.base import write_changed, write_whole
from harness.export.csv import format_csv
from harness.export.importance import format_importance
from harness.export.json import format_json
from harness.export.script import format_script
from harness.lane import DeviceInfo, Lane
from harness.model import Evidence, Outcome, OutcomeKind, Run, SessionInfo

LANE = Lane("left", 0, DeviceInfo("none", 0, "", "CPU"), (("HARNESS_PARALLEL", "left"),))
INFO = SessionInfo(
    id=7,
    name="kernel",
    goal="min",
    unit="s",
    lanes=(LANE,),
    parameters=("N", "FAST"),
    repeat=2,
    aggregate="min",
    size=4,
    simulated=False,
    started_s=1_700_000_000.0,
    distribution="pipelined",
    strategy="exhaustive",
    journal="journal.sqlite",
)


def make(number: int, fast: bool, *samples: float | None, **changes: object) -> Outcome:
    configuration = Configuration(("N", "FAST"), (number, fast))
    runs = tuple(
        Run(
            index,
            OutcomeKind.OK if sample is not None else OutcomeKind.RUN_FAILED,
            "left",
            "",
            0.0,
            1.0,
            sample=sample,
            environment=LANE.environment,
        )
        for index, sample in enumerate(samples)
    )
    good = [sample for sample in samples if sample is not None]
    score = min(good) if len(good) == len(samples) and good else None
    kind = OutcomeKind.OK if score is not None else OutcomeKind.RUN_FAILED
    outcome = Outcome(configuration, kind, score, runs, test_id=number, lane="left")
    return replace(outcome, **changes)  # type: ignore[arg-type] # fields of an Outcome


EVIDENCE = Evidence("./app 2", "/project", exit_code=1, output="no memory")
OUTCOMES = (
    make(1, True, 0.1 + 0.2, 0.5),
    make(2, True, 0.25, None, reason="exit status 1", evidence=EVIDENCE),
    make(3, False, kind=OutcomeKind.INTERRUPTED),
    make(4, False, 0.125, 0.125, reused_from=3),
)


def test_the_log_has_every_digit_and_gaps_where_runs_failed() -> None:
    rows = list(csv.reader(format_csv(INFO, OUTCOMES).splitlines()))
    assert rows == [
        ["TestNo", "N", "FAST", "Score_1", "Score_2", "Score_Overall"],
        ["1", "1", "1", "0.30000000000000004", "0.5", "0.30000000000000004"],
        ["2", "2", "1", "0.25", "", ""],
        ["4", "4", "0", "0.125", "0.125", "0.125"],
    ]


def test_values_with_commas_and_quotes_survive_the_log() -> None:
    flags = '-O3, "fast"'
    outcome = replace(OUTCOMES[0], configuration=Configuration(("N", "FAST"), (flags, True)))
    (_, row) = csv.reader(format_csv(INFO, [outcome]).splitlines())
    assert row[1] == flags


def test_json_keeps_types_samples_and_evidence() -> None:
    made = json.loads(format_json(INFO, OUTCOMES))
    assert (made["session"], made["unit"], made["lanes"][0]["name"]) == (7, "s", "left")
    first, failed, _, reused = made["tests"]
    assert first["parameters"] == {"N": 1, "FAST": True}
    assert first["samples"] == [0.1 + 0.2, 0.5]
    assert first["runs"][0]["environment"] == {"HARNESS_PARALLEL": "left"}
    assert failed["evidence"]["output"] == "no memory"
    assert reused["reused_from"] == 3


def test_the_transcript_tells_what_happened() -> None:
    text = format_script(INFO, OUTCOMES)
    assert "test 1 on lane left: N=1 FAST=true" in text
    assert "  run 2: 500 ms" in text
    assert "  run_failed: exit status 1\n  in /project: ./app 2\n  | no memory" in text
    assert "2023-11-14T22:13:20+00:00" in text


def test_a_log_says_which_lane_tested_what_where_each_tested_everything() -> None:
    info = replace(INFO, distribution="replicate", simulated=True, goal="max", unit="points")
    rows = list(csv.DictReader(format_csv(info, OUTCOMES).splitlines()))
    assert list(rows[0])[-4:] == ["Lane", "Simulated", "Optimal", "Unit"]
    assert {row["Lane"] for row in rows} == {"left"}
    assert "Lane" not in format_csv(INFO, OUTCOMES)


def test_importance_varies_one_parameter_at_a_time() -> None:
    known = {outcome.configuration: outcome for outcome in OUTCOMES}
    values = {"N": (1, 2, 4, 8), "FAST": (True, False)}
    table = format_importance(INFO, OUTCOMES[0], values, known)
    rows = [tuple(row.values())[:5] for row in csv.DictReader(table.splitlines())]
    assert rows == [
        ("N", "1", "0.30000000000000004", "1", "1"),
        ("N", "2", "", "", "0"),
        ("FAST", "1", "0.30000000000000004", "1", "1"),
    ]


@pytest.mark.parametrize(("best", "score"), [(-8.0, -4.0), (-1.0, 3.0), (0.0, 3.0)])
def test_importance_has_no_ratio_of_scores_of_0_or_below(best: float, score: float) -> None:
    tests = [replace(OUTCOMES[0], score=best), replace(OUTCOMES[0], score=score)]
    other = Configuration(("N", "FAST"), (2, True))
    known = {tests[0].configuration: tests[0], other: tests[1]}
    table = format_importance(INFO, tests[0], {"N": (1, 2)}, known)
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["Ratio_to_best"] for row in rows] == ["", ""]
    assert [float(row["Score"]) for row in rows] == [best, score]


@pytest.mark.parametrize("format_", [format_csv, format_json, format_script])
def test_simulated_results_say_so(format_: object) -> None:
    assert callable(format_)
    assert "simulated" in format_(replace(INFO, simulated=True), OUTCOMES).lower()


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "out" / "log.csv"
    write_whole(path, "first\n")
    write_whole(path, "second\n")
    assert path.read_text() == "second\n"
    assert [file.name for file in path.parent.iterdir()] == ["log.csv"]


def test_a_file_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match=r"; name another file$"):
        write_whole(tmp_path / "taken" / "log.csv", "")
    with pytest.raises(StoreError, match="results are safe in the journal"):
        write_changed(tmp_path / "taken" / "log.csv", "")
