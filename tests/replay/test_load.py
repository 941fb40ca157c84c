"""Every format yields the same recording, and says what is wrong with a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.configuration import Configuration, Value
from harness.errors import ConfigError, StoreError
from harness.model import OutcomeKind
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from tests.replay.helpers import (
    TABLE,
    change,
    kernel_tuner_object,
    t1_object,
    t4_object,
    write_json,
    write_kernel_tuner,
    write_t4,
)


def at(recording: Recording, block: int, mode: str) -> Configuration:
    values: dict[str, Value] = {"BLOCK": block, "MODE": mode}
    return Configuration.from_mapping({name: values[name] for name in recording.space.names})


@pytest.mark.parametrize("write", [write_t4, write_kernel_tuner])
@pytest.mark.parametrize("name", ["model.json", "model.json.gz"])
def test_a_recording_has_what_was_measured(
    tmp_path: Path, write: Callable[[Path], Path], name: str
) -> None:
    recording = load_recording(write(tmp_path / name))
    assert recording.space.size == len(TABLE)
    assert [p.values for p in recording.space.parameters] == [(16, 32, 64, 128), ("row", "col")]
    assert (recording.goal, recording.unit) == ("min", "s")
    found = recording.measurement(at(recording, 32, "col"))
    assert found.score == pytest.approx(0.003)
    assert found.samples == pytest.approx((0.0035, 0.003, 0.0025))
    assert found.compile_s == pytest.approx(0.1)
    assert found.run_s == pytest.approx(0.009)
    assert found.overhead_s == pytest.approx(0.01)
    assert found.duration_s == pytest.approx(0.109)
    assert recording.best[0] == at(recording, 64, "row")
    failed = recording.measurement(at(recording, 64, "col"))
    assert (failed.kind, failed.score) == (OutcomeKind.RUN_FAILED, None)
    assert failed.compile_s == pytest.approx(0.1)
    broken = recording.measurement(at(recording, 16, "row"))
    assert broken.kind is OutcomeKind.COMPILE_FAILED


def test_a_device_is_named_by_the_file_or_its_name(tmp_path: Path) -> None:
    unsaid = load_recording(write_t4(tmp_path / "gemm_A100.t4.json"))
    assert (unsaid.device, unsaid.device_name) == ("", "gemm_A100")
    assert load_recording(write_kernel_tuner(tmp_path / "cache.json")).device == "Model X"


@pytest.mark.parametrize("write", [write_t4, write_kernel_tuner])
def test_a_definition_says_what_is_valid(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    definition = write_json(tmp_path / "t1.json", t1_object())
    recording = load_recording(write(tmp_path / "model.json"), definition=definition)
    assert recording.space.names == ("MODE", "BLOCK")
    assert recording.space.size == 6
    assert recording.outside == 1  # BLOCK=16 is not valid
    assert recording.measurement(at(recording, 32, "col")).score == pytest.approx(0.003)
    missing = recording.outcome(at(recording, 128, "col"))
    assert missing.kind is OutcomeKind.RUN_FAILED
    assert missing.compile_s == pytest.approx(0.1)


def test_a_parameter_with_one_value_need_not_be_recorded(tmp_path: Path) -> None:
    content = t1_object()
    content["ConfigurationSpace"]["TuningParameters"].append(
        {"Name": "FIXED", "Type": "int", "Values": "[7]"}
    )
    definition = write_json(tmp_path / "t1.json", content)
    recording = load_recording(write_t4(tmp_path / "model.json"), definition=definition)
    assert recording.best[0]["FIXED"] == 7


def test_other_parameters_are_an_error(tmp_path: Path) -> None:
    content = t1_object()
    content["ConfigurationSpace"]["TuningParameters"][0]["Name"] = "LAYOUT"
    definition = write_json(tmp_path / "t1.json", content)
    with pytest.raises(ConfigError, match="LAYOUT, MODE is a parameter of only one"):
        load_recording(write_t4(tmp_path / "model.json"), definition=definition)


def test_a_cache_that_was_left_open_is_read(tmp_path: Path) -> None:
    path = tmp_path / "open.json"
    path.write_text(json.dumps(kernel_tuner_object(), indent=1).rstrip().rstrip("}\n ") + "},\n")
    assert load_recording(path).space.size == len(TABLE)


def test_other_objectives_and_units(tmp_path: Path) -> None:
    content = t4_object({(32, "row"): 4.0, (64, "row"): 2.0})
    for result, rate in zip(content["results"], (100.0, 70.0), strict=True):
        result["objectives"] = ["GFLOP/s"]
        result["measurements"].append({"name": "GFLOP/s", "value": rate, "unit": "GFLOP/s"})
    recording = load_recording(write_json(tmp_path / "rates.json", content))
    assert (recording.goal, recording.unit) == ("max", "GFLOP/s")
    assert recording.best[1].score == 100.0
    seconds = t4_object({(32, "row"): 4.0})
    seconds["metadata"] = {"timeunit": "s"}
    recording = load_recording(write_json(tmp_path / "seconds.json", seconds))
    assert recording.best[1].score == 4.0
    assert recording.best[1].run_s == 12.0


def test_numbers_that_are_none_are_failures(tmp_path: Path) -> None:
    content = kernel_tuner_object({(32, "row"): 4.0, (64, "row"): 2.0, (64, "col"): 3.0})
    content["cache"]["64,row"]["time"] = 1e20
    content["cache"]["64,col"]["time"] = float("nan")
    recording = load_recording(write_json(tmp_path / "nan.json", content))
    assert recording.best[1].score == pytest.approx(0.004)
    kinds = {found.kind for found in recording.measurements.values()}
    assert kinds == {OutcomeKind.OK, OutcomeKind.RUN_FAILED, OutcomeKind.NO_SCORE}


def test_a_session_of_our_own_journal(tmp_path: Path) -> None:
    spec = harness.make_spec(
        {
            "name": "own",
            "backend": "mock",
            "parallel": 2,
            "parameters": {"BLOCK": [32, 64, 128], "MODE": ["row", "col"]},
            "command": {"compile": "true", "test": "true %BLOCK% %MODE%"},
            "scoring": {"repeat": 2},
            "mock": {"time": "virtual", "run_failures": 0.3, "seed": 3},
        },
        base=tmp_path,
    )
    result = harness.tune(spec)
    assert result.best is not None
    assert result.failures
    journal = tmp_path / ".harness" / "journal.sqlite"
    for source in (f"{journal}", f"{journal}:1", f"{journal}:own"):
        recording = load_recording(source)
        assert recording.space.size == 6
        assert recording.best[0] == result.best.configuration
        assert recording.best[1].samples == result.best.samples
        assert recording.best[1].compile_s == result.best.compile_s
        failed = result.failures[0]
        assert recording.measurement(failed.configuration).kind is failed.kind
    with pytest.raises(StoreError, match="no session '7'"):
        load_recording(f"{journal}:7")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file; give T4"),
        (b"\n\n", "an empty file"),
        (b"a,b,c\n1,2,3\n", "text of no known format, which begins with 'a,b,c'; give"),
        (b"\x00\xff\xfe", "a binary file of no known format"),
        (b"[1, 2]", "JSON, but no object"),
        (b'{"a": 1}', "JSON of no known format, with the keys a; give"),
        (b'{"everywhere": {}, "devices": []}', "values for builds, without the samples"),
        (b'{"ConfigurationSpace": {}}', "a T1 file, which says what is tuned"),
        (b'{"benchmarks": []}', "NVBench's JSON, which only `harness compare` reads"),
        (b'{"cache": 3}', "cache: expected `object`, got `int`"),
        (b'{"results": 3}', "results: expected `array`, got `int`"),
        (b'{"cache": {}}', "tune_params_keys: missing"),
        (b'{"results": [{"x": "\\ud800"}], "y": NaN}', "surrogates not allowed"),
        (b'TestNo,A,Score_Overall\n1,"' + b"x" * 200_000 + b'",1\n', "line 2: field larger"),
        (b'{"results": [', "no JSON"),
        (b"\x1f\x8b\x08broken", "model.json: .*gzip"),
        (change(t4_object(), "results", []), "results: empty"),
        (change(t4_object(), "schema_version", "9.0"), "schema_version = '9.0': an unknown vers"),
        (change(t4_object(), "results/0/configuration/BLOCK", float("nan")), "BLOCK: NaN is no"),
        (change(t4_object(), "results/2/invalidity", "odd"), r"results\[2\]: invalidity = 'odd'"),
        (change(t4_object(), "results/1/configuration", {"A": 1}), r"results\[1\]: configuration"),
        (change(t4_object(), "results/0/times/runtimes", "x"), r"results\[0\].times.runtimes"),
        (change(t4_object(), "metadata", {"timeunit": "hours"}), "'hours' is no unit of time"),
        (
            change(t4_object(), "results/1/times/runtimes/2", -1),
            r"results\[1\].times.runtimes\[2\] = -1: a time must be above 0; correct the file",
        ),
        (change(t4_object(), "results/0/times/compilation", -3), "compilation = -3: .* 0 or above"),
        (change(t4_object(), "results/0/measurements/0/value", 0), "measurements: time = 0: a ti"),
        (change(t4_object(), "results/0/times/runtimes/0", float("nan")), r"\[0\] = nan: a time"),
        (t4_object({(1, "row"): "runtime"}), "none of 1 recorded configurations has a score"),
        (change(kernel_tuner_object(), "cache/32,row/BLOCK", None), "cache.32,row: BLOCK = None"),
        (change(kernel_tuner_object(), "cache/32,row/compile_time", "x"), "compile_time = 'x'"),
        (change(kernel_tuner_object(), "cache/32,row/times", [None]), "expected a list of milli"),
        (change(kernel_tuner_object(), "cache/32,row/times", [0]), r"times\[0\] = 0: a time must"),
        (change(kernel_tuner_object(), "cache/32,row/time", -2), r"32,row.time = -2: a time must"),
        (change(kernel_tuner_object(), "cache/32,row/framework_time", -2), "framework_time = -2"),
        (change(kernel_tuner_object(), "tune_params_keys", 3), "tune_params_keys: expected"),
        (change(kernel_tuner_object(), "tune_params_keys", []), "its parameters are none"),
        (change(kernel_tuner_object(), "tune_params_keys", ["BLOCK"] * 2), "are BLOCK, BLOCK"),
        (change(kernel_tuner_object(), "cache", {}), "cache: empty"),
        (change(kernel_tuner_object(), "schema_version", 2), "schema_version = '2'"),
    ],
)
def test_a_bad_file_is_named_with_place_and_remedy(
    tmp_path: Path, content: bytes | dict[str, Any], message: str
) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ConfigError, match=message) as error:
        load_recording(path)
    assert str(path) in str(error.value)


def test_a_missing_file_and_a_needless_session(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_recording(tmp_path / "none.json")
    path = write_t4(tmp_path / "model.json")
    with pytest.raises(ConfigError, match="no journal, so it has no session '3'; leave out :3"):
        load_recording(f"{path}:3")


def test_of_results_that_are_there_twice_the_last_counts_and_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("TestNo,A,Score_1,Score_Overall\n1,1,5,5\n2,2,3,3\n3,1,4,4\n4,1,2,2\n")
    recording = load_recording(log)
    assert [m.score for m in recording.measurements.values()] == [2.0, 3.0]
    assert recording.repeated == 2
    (told,) = recording.left_out
    assert told.startswith(f"2 results of {log} left out: of a configuration that is in the file")
    content = t4_object()
    content["results"].append(content["results"][0])
    assert load_recording(write_json(tmp_path / "t4.json", content)).repeated == 1
    assert load_recording(write_t4(tmp_path / "once.json")).left_out == []
