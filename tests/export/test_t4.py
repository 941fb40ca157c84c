"""What is exported for other tuners has what their formats need, and is read back the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import harness
from harness.app.names import EXPORTS, load
from harness.errors import HarnessError
from harness.model import OutcomeKind
from harness.replay.load import load_recording

FAILURES = ("timeout", "compile", "runtime", "correctness", "constraints")
RESULTS_SCHEMA = {
    "type": "object",
    "required": ["schema_version", "results"],
    "properties": {
        "schema_version": {"const": "1.0.0"},
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["configuration", "times", "invalidity", "correctness"],
                "properties": {
                    "timestamp": {"type": "string"},
                    "configuration": {"type": "object"},
                    "objectives": {"type": "array"},
                    "times": {
                        "type": "object",
                        "properties": {"runtimes": {"type": "array"}},
                        "additionalProperties": {"type": ["number", "array"]},
                    },
                    "invalidity": {
                        "enum": [
                            "timeout",
                            "compile",
                            "runtime",
                            "correctness",
                            "constraints",
                            "correct",
                        ]
                    },
                    "correctness": {"type": "number"},
                    "measurements": {
                        "type": "array",
                        "items": {
                            "properties": {
                                "name": {"type": "string"},
                                "value": {"type": ["number", "string", "array"]},
                                "unit": {"type": "string"},
                            }
                        },
                    },
                },
            },
        },
    },
}
"""What version 1.0 asks for, in our words."""


def tune(folder: Path, **changes: Any) -> harness.Result:
    data = {
        "name": "exported",
        "backend": "mock",
        "parameters": {"BLOCK": [32, 64, 128, 256], "MODE": ["row", "col"], "FLAG": [False, True]},
        "command": {"compile": "true", "test": "true %BLOCK% %MODE% %FLAG%"},
        "scoring": {"repeat": 3, "aggregate": "med"},
        "mock": {"time": "virtual", "compile_failures": 0.2, "run_failures": 0.3, "hangs": 0.1},
    }
    return harness.tune(harness.make_spec({**data, **changes}, base=folder))


@pytest.fixture
def result(tmp_path: Path) -> harness.Result:
    made = tune(tmp_path)
    kinds = {outcome.kind for outcome in made.outcomes}
    assert {OutcomeKind.OK, OutcomeKind.COMPILE_FAILED, OutcomeKind.RUN_FAILED} <= kinds
    assert OutcomeKind.TIMEOUT in kinds
    return made


def export(result: harness.Result, form: str) -> str:
    text: str = load(EXPORTS[form])(result.info, result.outcomes)
    return text


def test_t4_has_what_version_1_asks_for(result: harness.Result) -> None:
    content = json.loads(export(result, "t4"))
    jsonschema.validate(content, RESULTS_SCHEMA)
    assert content["metadata"]["simulated"] is True
    assert content["metadata"]["timeunit"] == "milliseconds"
    assert len(content["results"]) == len(result.outcomes)
    assert result.best is not None
    assert result.best.score is not None
    best = min(
        (entry for entry in content["results"] if entry["correctness"]),
        key=lambda entry: entry["measurements"][0]["value"],
    )
    assert best["configuration"] == dict(result.best.configuration)
    assert best["times"]["compilation"] == pytest.approx(result.best.compile_s * 1000)
    assert best["times"]["runtimes"] == pytest.approx([1000 * s for s in result.best.samples])
    assert best["measurements"][0]["unit"] == "ms"
    failed = next(entry for entry in content["results"] if not entry["correctness"])
    assert failed["invalidity"] in ("compile", "runtime", "timeout")


@pytest.mark.parametrize("form", ["t4", "kernel-tuner"])
def test_what_was_exported_is_read_back(tmp_path: Path, result: harness.Result, form: str) -> None:
    path = tmp_path / "exported.json"
    path.write_text(export(result, form))
    recording = load_recording(path)
    assert recording.space.size == len(result.outcomes)
    assert (recording.goal, recording.unit, recording.device) == ("min", "s", "RTX A4000")
    for outcome in result.outcomes:
        found = recording.measurement(outcome.configuration)
        if outcome.score is None:
            assert found.score is None
            is_compiled = outcome.kind is not OutcomeKind.COMPILE_FAILED
            assert (found.kind is not OutcomeKind.COMPILE_FAILED) == is_compiled
        else:
            assert found.score == pytest.approx(outcome.score)
            assert found.samples == pytest.approx(outcome.samples)
        assert found.compile_s == pytest.approx(outcome.compile_s)
        total_s = sum(run.elapsed_s for run in outcome.runs)
        assert found.run_s == pytest.approx(total_s)


@pytest.mark.parametrize("form", ["t4", "kernel-tuner"])
def test_every_test_that_ended_is_in_the_file(
    tmp_path: Path, result: harness.Result, form: str
) -> None:
    """Also what could not be launched; not what a lost device or an interrupt took."""
    left_out = (OutcomeKind.INTERRUPTED, OutcomeKind.DEVICE_LOST)
    kinds = [kind for kind in OutcomeKind if kind is not OutcomeKind.OK]
    best = next(outcome for outcome in result.outcomes if outcome.kind is OutcomeKind.OK)
    failed = [outcome for outcome in result.outcomes if outcome is not best][: len(kinds)]
    outcomes = [replace(o, kind=k, score=None) for o, k in zip(failed, kinds, strict=True)]
    path = tmp_path / "exported.json"
    path.write_text(load(EXPORTS[form])(result.info, [best, *outcomes]))
    found = load_recording(path).measurements
    assert len(found) == 1 + len(kinds) - len(left_out)
    for outcome in outcomes:
        assert (outcome.configuration in found) == (outcome.kind not in left_out)
        if outcome.kind in (OutcomeKind.INVALID, OutcomeKind.COMPILE_FAILED):
            assert found[outcome.configuration].kind is outcome.kind


@pytest.mark.parametrize("unit", ["GFLOP/s", "points", ""])
@pytest.mark.parametrize("form", ["t4", "kernel-tuner"])
def test_figures_of_merit_keep_their_unit_and_goal(tmp_path: Path, form: str, unit: str) -> None:
    rates = tune(tmp_path, scoring={"optimal": "max", "unit": unit})
    assert rates.best is not None
    path = tmp_path / "exported.json"
    path.write_text(export(rates, form))
    recording = load_recording(path)
    assert (recording.goal, recording.unit) == ("max", unit or "score")
    assert recording.best[0] == rates.best.configuration
    assert recording.best[1].score == rates.best.score


def test_a_cache_keeps_configurations_whose_names_look_the_same(tmp_path: Path) -> None:
    values = {"A": ["x,y", "x"], "B": ["z", "y,z"]}
    command = {"compile": "true", "test": "true %A% %B%"}
    result = tune(tmp_path, parameters=values, command=command, mock={"time": "virtual"})
    path = tmp_path / "cache.json"
    path.write_text(export(result, "kernel-tuner"))
    assert set(json.loads(path.read_text())["cache"]) == {"x,y,z", "x,y,z (2)", "x,y,y,z", "x,z"}
    assert len(load_recording(path).measurements) == 4


def test_a_cache_file_ends_as_kernel_tuner_expects(result: harness.Result) -> None:
    text = export(result, "kernel-tuner")
    content = json.loads(text)
    assert text.endswith("}\n}")
    keys = content["tune_params_keys"]
    assert keys == list(content["tune_params"]) == ["BLOCK", "MODE", "FLAG"]
    for key, entry in content["cache"].items():
        assert key == ",".join(str(entry[name]) for name in keys)
        assert isinstance(entry["time"], float) == ("times" in entry)


def test_a_session_where_nothing_succeeded_is_no_recording(tmp_path: Path) -> None:
    broken = tune(tmp_path, mock={"time": "virtual", "compile_failures": 1.0})
    path = tmp_path / "exported.json"
    path.write_text(export(broken, "t4"))
    with pytest.raises(HarnessError, match="has a score"):
        load_recording(path)
