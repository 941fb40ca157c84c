"""Sessions that answer from recordings, and what ends sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app.options import Options
from harness.app.replay import make_replay_spec
from harness.app.session import run_session
from harness.app.setup import prepare
from harness.errors import ConfigError
from harness.model import OutcomeKind
from harness.search.exhaustive import Exhaustive
from tests.replay.helpers import TABLE, t1_object, t4_object, write_json, write_t4


def data(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": "replayed",
        "backend": "replay",
        "parameters": {"BLOCK": [16, 32, 64, 128], "MODE": ["row", "col"]},
        "command": {"compile": "false", "test": "false %BLOCK% %MODE%"},
        "replay": {"file": "model.json"},
    }
    return {**made, **changes}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_t4(tmp_path / "model.json")
    return tmp_path


def tune(folder: Path, **changes: Any) -> harness.Result:
    return harness.tune(harness.make_spec(data(**changes), base=folder))


def test_a_config_is_answered_from_a_recording(folder: Path) -> None:
    result = tune(folder)
    assert result.best is not None
    assert dict(result.best.configuration) == {"BLOCK": 64, "MODE": "row"}
    assert result.best.score == pytest.approx(0.002)
    assert result.best.compile_s == pytest.approx(0.1)
    assert result.best.runs[0].elapsed_s == pytest.approx(0.006)
    ended = {tuple(o.configuration.values()): o for o in result.outcomes}
    assert len(ended) == 8
    assert ended[16, "row"].kind is OutcomeKind.COMPILE_FAILED
    assert ended[64, "col"].kind is OutcomeKind.RUN_FAILED
    assert ended[64, "col"].reason.startswith("run_failed in ")
    assert ended[128, "col"].reason.startswith("not recorded in ")
    summary = result.summary.to_object()
    assert summary["simulated"] is True
    assert summary["recording"].endswith("model.json")
    assert "simulated: these results were recorded before" in result.summary.to_lines()[0]
    # One lane compiles ahead of itself: 8 compiles of 0.1 s, and the last run.
    assert summary["elapsed_s"] == pytest.approx(0.8, abs=0.02)


def test_what_does_not_fit_is_said(folder: Path) -> None:
    result = tune(folder, space={"constraints": ["BLOCK > 16"]})
    warnings = result.summary.to_object()["warnings"]
    assert [text.partition(" /")[0] for text in warnings] == [
        "only 5 of 6 configurations are in",
        "1 configuration of",
    ]


def test_what_was_not_recorded_can_be_left_out(folder: Path) -> None:
    result = tune(folder, replay={"file": "model.json", "unmeasured": "skip"})
    assert len(result.outcomes) == len(TABLE)


def test_a_tree_is_searched_among_what_was_recorded(folder: Path) -> None:
    result = tune(
        folder,
        replay={"file": "model.json", "unmeasured": "skip"},
        space={"tree": "{BLOCK, {MODE}}", "constraints": ["BLOCK > 16"]},
    )
    assert result.info.strategy == "tree"
    assert result.best is not None
    assert dict(result.best.configuration) == {"BLOCK": 64, "MODE": "row"}
    assert len(result.outcomes) == 5


def test_several_runs_have_the_recorded_samples(folder: Path) -> None:
    result = tune(folder, scoring={"repeat": 4, "aggregate": "max"})
    assert result.best is not None
    assert result.best.samples == pytest.approx((0.0025, 0.002, 0.0015, 0.0025))
    assert result.best.score == pytest.approx(0.0025)


def test_lanes_share_the_work(folder: Path) -> None:
    one = tune(folder)
    four = harness.tune(harness.make_spec(data(parallel=4), base=folder), fresh=True)
    assert four.summary.elapsed_s < 0.5 * one.summary.elapsed_s
    assert {outcome.lane for outcome in four.outcomes} == set("0123")


def test_a_changed_recording_is_another_session(folder: Path) -> None:
    first = tune(folder)
    assert tune(folder).info.id == first.info.id
    write_t4(folder / "model.json", {**TABLE, (32, "col"): 1.0})
    second = tune(folder)
    assert second.info.id != first.info.id
    assert second.best is not None
    assert second.best.configuration["BLOCK"] == 32


def test_another_strategy_replays_in_its_own_time(folder: Path) -> None:
    tune(folder)
    again = tune(folder, search={"strategy": "exhaustive", "seed": 1})
    assert not again.info.resumed
    assert again.summary.progress.reused == 0


def test_a_recording_alone_can_be_tuned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    spec, recording = make_replay_spec("model.json")
    result = run_session(prepare(spec, recording=recording), Options())
    assert len(result.outcomes) == len(TABLE)
    assert (folder / ".harness" / "journal.sqlite").exists()
    write_json(folder / "t1.json", t1_object())
    spec, recording = make_replay_spec("model.json", Path("t1.json"))
    result = run_session(prepare(spec, recording=recording), Options())
    assert len(result.outcomes) == 6
    assert result.info.parameters == ("MODE", "BLOCK")


def test_a_recording_of_something_else_is_refused(folder: Path) -> None:
    said = r"scoring.optimal = 'max': .* in s of which the least is best; write 'min_time'"
    with pytest.raises(ConfigError, match=said):
        tune(folder, scoring={"optimal": "max"})
    with pytest.raises(ConfigError, match="MODE is a parameter of only one"):
        tune(folder, parameters={"BLOCK": [32, 64]}, command={"test": "true %BLOCK%"})
    with pytest.raises(ConfigError, match=r"replay\.file: backend .* needs recorded results"):
        tune(folder, replay={})
    with pytest.raises(ConfigError, match="use --replay FILE"):
        harness.devices("replay")


def test_rates_are_figures_of_merit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    content = t4_object({(32, "row"): 4.0, (64, "row"): 2.0})
    for result, rate in zip(content["results"], (100.0, 70.0), strict=True):
        result["objectives"] = ["GFLOP/s"]
        result["measurements"] = [{"name": "GFLOP/s", "value": rate, "unit": "GFLOP/s"}]
    path = write_json(folder / "rates.json", content)
    spec, recording = make_replay_spec(str(path))
    found = run_session(prepare(spec, recording=recording), Options())
    assert found.best is not None
    assert (found.best.score, found.info.unit, found.info.goal) == (100.0, "GFLOP/s", "max")


@pytest.mark.parametrize(
    ("search", "tests", "reason", "line"),
    [
        ({"max_tests": 3}, 3, "max_tests", "ended after 3 tests (search.max_tests)"),
        ({"target": 0.0035}, 4, "target", "ended at the target of 3.50 ms (search.target)"),
        ({"patience": 2}, 2, "patience", "ended after 2 tests without an improvement"),
        ({"max_time_s": 0.35}, 3, "max_time_s", "(search.max_time_s)"),
        ({"max_tests": 99}, 8, None, ""),
    ],
)
def test_limits_end_a_session_as_complete(
    folder: Path, search: dict[str, Any], tests: int, reason: str | None, line: str
) -> None:
    search = {"strategy": "exhaustive", **search}
    result = tune(folder, search=search, distribution="per-test")
    summary = result.summary.to_object()
    assert result.complete
    assert summary["ended_by"] == reason
    assert summary["tests"] == tests
    assert summary["skipped"] == 0
    assert line in "\n".join(result.summary.to_lines())
    assert json.dumps(summary)


def test_a_wider_limit_goes_on_with_the_session(folder: Path) -> None:
    first = tune(folder, search={"max_tests": 3})
    more = tune(folder, search={"max_tests": 5})
    assert (more.info.id, more.info.resumed) == (first.info.id, True)
    assert (more.summary.progress.tested, more.summary.progress.reused) == (2, 3)


def test_each_lane_of_replicate_has_its_own_limit(folder: Path) -> None:
    result = tune(folder, search={"max_tests": 4}, parallel=2, distribution="replicate")
    summary = result.summary.to_object()
    assert summary["tests"] == 8
    assert summary["ended_by_lane"] == {"0": "max_tests", "1": "max_tests"}


def test_the_start_is_tested_first(folder: Path) -> None:
    result = tune(folder, search={"start": {"MODE": "row", "BLOCK": 128}, "max_tests": 2})
    assert dict(result.outcomes[0].configuration) == {"BLOCK": 128, "MODE": "row"}
    assert dict(result.outcomes[1].configuration) == {"BLOCK": 16, "MODE": "row"}


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"BLOCK": 32}, "search.start: no value of MODE"),
        ({"BLOCK": 33, "MODE": "row"}, "search.start.BLOCK = 33: not one of its values: 16, 32"),
        ({"BLOCK": 32, "MODE": "row", "MOD": 1}, "search.start.MOD: no parameter; did you mean"),
        ({"BLOCK": 128, "MODE": "row"}, "not in the space; choose values"),
    ],
)
def test_a_start_that_cannot_be(folder: Path, start: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tune(folder, search={"start": start}, space={"constraints": ["BLOCK < 128"]})


def test_a_warm_start_tells_what_other_sessions_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    priors: list[tuple[Any, ...]] = []

    class Learning(Exhaustive):
        def __init__(self, *args: Any, **others: Any) -> None:
            priors.append(tuple(others["prior"]))
            super().__init__(*args, **others)

    first = tune(folder)
    monkeypatch.setattr("harness.search.exhaustive.Exhaustive", Learning)
    write_t4(folder / "model.json", {**TABLE, (32, "col"): 1.0})
    search = {"strategy": "exhaustive", "max_tests": 2}
    spec = harness.make_spec(data(search=search), base=folder)
    warm = harness.tune(spec, warm_start=["last"])
    assert warm.info.id != first.info.id
    assert [o.configuration for o in priors[0]] == [o.configuration for o in first.outcomes]
    assert harness.tune(spec).info.id != warm.info.id
    assert priors[1] == ()
    other = data(parameters={"BLOCK": [1], "MODE": ["row"]}, backend="mock")
    spec = harness.make_spec(other, base=folder)
    with pytest.raises(
        ConfigError, match=r"warm start from session 1 \(replayed\): of its 8 tests n"
    ):
        harness.tune(spec, warm_start=["1"])
    greatest = harness.make_spec(data(backend="mock", scoring={"optimal": "max"}), base=folder)
    with pytest.raises(ConfigError, match="its best score is the least, here it is the greatest;"):
        harness.tune(greatest, warm_start=["1"])
