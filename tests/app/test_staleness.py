"""When a config's last complete session still stands, and what is said when it does not."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app import staleness
from harness.app.changes import describe_changes
from harness.app.identity import Identity
from harness.app.lanes import find_lanes
from harness.app.premises import covers
from harness.app.setup import prepare
from harness.app.staleness import find_standing
from harness.app.toolchain import describe_toolchain, identify_toolchain, open_toolchain
from harness.config.change import change_spec
from harness.config.load import load_config
from harness.config.spec import Spec
from harness.errors import CompileError

DATA: dict[str, Any] = {
    "backend": "mock",
    "parallel": 1,
    "parameters": {"BLOCK": [1, 2], "KIND": ["a", "b"]},
    "command": {
        "compile": "cc -DBLOCK=%BLOCK% -o app_%%ID%% app.c",
        "test": "./app_%%ID%% %KIND%",
    },
    "mock": {"time": "virtual"},
}

Table = dict[str, Any]
Change = Callable[..., Spec]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Makes the Spec, with some tables replaced."""
    (tmp_path / "app.c").write_text('#include "app.h"\n')
    (tmp_path / "app.h").write_text("#define K 1\n")

    def make(**tables: Any) -> Spec:
        return harness.make_spec({**DATA, **tables}, base=tmp_path)

    return make


def told(spec: Spec) -> list[str]:
    """What is said to have changed; empty if the last session is up to date."""
    return list(find_standing(spec).changes)


def test_a_config_that_was_never_tuned(change: Change) -> None:
    standing = find_standing(change())
    assert standing.is_new
    assert standing.changes == ("there is no session of this config yet",)


def test_what_was_tuned_is_up_to_date(change: Change) -> None:
    result = harness.tune(change())
    standing = find_standing(change())
    assert standing.session is not None
    assert standing.session.id == result.info.id
    assert (standing.changes, standing.is_new) == ((), False)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (
            {"parameters": {"BLOCK": [1, 2, 4], "KIND": ["a", "b"]}},
            ["parameters.BLOCK: 1, 2 -> 1, 2, 4"],
        ),
        (
            {"parameters": {"BLOCK": [1, 2], "KIND": ["a", "b"], "M": [3]}},
            ["parameters.M: 3 is new"],
        ),
        ({"parameters": {"BLOCK": [1, 2]}}, None),
        ({"space": {"constraints": ["BLOCK > 1"]}}, ["space.constraints: nothing -> BLOCK > 1"]),
        ({"space": {"tree": "{BLOCK, {KIND}}"}}, ["space.tree: {BLOCK, {KIND}} is new"]),
        ({"scoring": {"repeat": 3}}, ["scoring.repeat: 1 -> 3"]),
        ({"scoring": {"optimal": "max_time"}}, ["scoring.optimal: min_time -> max_time"]),
        ({"search": {"seed": 3}}, ["search.seed: 0 -> 3"]),
        ({"search": {"strategy": "random"}}, ["search.strategy: auto -> random"]),
        ({"problem": {"N": 4}}, ["problem.N: 4 is new"]),
        ({"mock": {"time": "virtual", "seed": 2}}, ["mock.seed: 1 -> 2"]),
        (
            {"mock": {"time": "virtual", "devices": ["H100"]}},
            ["device mock:RTX A4000 -> mock:H100", "mock.devices"],
        ),
        ({"output": {"importance": "i.csv"}}, ["output.importance: i.csv is new"]),
        ({"lock_clocks": 1500}, ["lock_clocks: 1500 is new"]),
        ({"distribution": "replicate"}, ["distribution: pipelined -> replicate"]),
    ],
)
def test_a_change_of_the_config_is_told(
    change: Change, tables: Table, expected: list[str] | None
) -> None:
    harness.tune(change())
    changed = {**tables}
    if expected is None:  # a parameter that commands name cannot go without them
        changed["command"] = {**DATA["command"], "test": "./app_%%ID%%"}
        expected = ["command.test: ./app_%%ID%% %KIND% -> ./app_%%ID%%", "parameters.KIND"]
    lines = told(change(**changed))
    assert len(lines) == len(expected), lines
    for line, beginning in zip(sorted(lines), sorted(expected), strict=True):
        assert line.startswith(beginning)


@pytest.mark.parametrize(
    "tables",
    [
        {"parallel": 2},
        {"distribution": "pooled"},
        {"compile": {"workers": 1}},
        {"scoring": {"reference": 1.0}},
        {"pin": "none"},
    ],
)
def test_what_decides_about_no_result_changes_nothing(change: Change, tables: Table) -> None:
    harness.tune(change())
    assert told(change(**tables)) == []


def test_sources_and_what_they_include(change: Change, tmp_path: Path) -> None:
    harness.tune(change())
    (tmp_path / "app.h").write_text('#define K 2\n#include "more.h"\n')
    (tmp_path / "more.h").write_text("")
    assert told(change()) == ["app.h changed", "more.h is a new source"]
    (tmp_path / "app.h").write_text("#define K 1\n")
    assert told(change()) == []  # as before: what was measured then still stands


def test_driver_and_compiler(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"cc": "cc 11.4.0\nCopyright"}
    monkeypatch.setattr(staleness, "find_compilers", lambda _: versions)
    monkeypatch.setattr("harness.app.identity.find_compilers", lambda _: versions)
    harness.tune(change())
    assert told(change()) == []
    versions = {"cc": "cc 12.1.0\nCopyright"}
    assert told(change()) == ["compiler cc: cc 11.4.0 -> cc 12.1.0"]
    versions = {}
    assert told(change()) == ["compiler cc is gone"]

    def find_updated(spec: Spec) -> Any:
        found = find_lanes(spec)
        lanes = [replace(lane, device=replace(lane.device, driver="580.2")) for lane in found.lanes]
        return replace(found, lanes=tuple(lanes))

    versions = {"cc": "cc 11.4.0\nCopyright"}
    before = find_lanes(change()).lanes[0].device.driver or "none"
    monkeypatch.setattr(staleness, "find_lanes", find_updated)
    assert told(change()) == [f"driver {before} -> 580.2"]


def test_many_values_are_told_by_what_came_and_went(change: Change) -> None:
    values = list(range(100))
    harness.tune(change(parameters={"BLOCK": values, "KIND": ["a"]}))
    changed = change(parameters={"BLOCK": [*values[1:], 200, 300], "KIND": ["a"]})
    assert told(changed) == ["parameters.BLOCK: 200, 300 added, 0 removed"]
    assert told(change(parameters={"BLOCK": values[::-1], "KIND": ["a"]})) == [
        "parameters.BLOCK: another order"
    ]


def test_an_earlier_session_of_the_same_premises_will_do(change: Change) -> None:
    first = harness.tune(change())
    harness.tune(change(scoring={"repeat": 2}))
    standing = find_standing(change())
    assert standing.session is not None
    assert standing.session.id == first.info.id


def test_fresh_puts_earlier_sessions_aside(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.tune(change())
    monkeypatch.setattr(
        "harness.app.session._Session._search", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        harness.tune(change(), fresh=True)
    assert told(change()) == ["session 2 failed"]


def test_a_session_of_an_older_journal_is_gone_through_once(change: Change) -> None:
    result = harness.tune(change())
    with closing(sqlite3.connect(result.info.journal)) as db:
        db.execute("UPDATE sessions SET premises = NULL, outputs = NULL")
        db.commit()
    assert told(change()) == ["session 1 was recorded before the journal kept what results rest on"]
    again = harness.tune(change())
    assert again.info.id == result.info.id
    assert again.summary.progress.tested == 0
    assert told(change()) == []


def test_an_interrupted_session_is_named(change: Change) -> None:
    result = harness.tune(change())
    for state, how in (("interrupted", "was interrupted"), ("running", "was killed")):
        with closing(sqlite3.connect(result.info.journal)) as db:
            db.execute("UPDATE sessions SET state = ?", (state,))
            db.commit()
        assert told(change()) == [f"session 1 {how}"]


def test_a_session_without_a_success_does_not_stand(change: Change) -> None:
    failing = {"time": "virtual", "run_failures": 1.0}
    harness.tune(change(mock=failing))
    assert told(change(mock=failing)) == ["no test succeeded in session 1"]


def test_a_wider_limit_continues_and_then_stands(change: Change) -> None:
    first = harness.tune(change(search={"max_tests": 2, "strategy": "random"}))
    wider = change(search={"max_tests": 4, "strategy": "random"})
    assert told(wider) == ["search.max_tests: 2 -> 4"]
    assert harness.tune(wider).info.id == first.info.id
    assert told(wider) == []


@pytest.mark.parametrize(
    ("before", "now", "stands"),
    [
        ({}, {"max_tests": 3}, True),
        ({"max_tests": 4}, {"max_tests": 3}, True),
        ({"max_tests": 3}, {"max_tests": 4}, False),
        ({"max_tests": 3}, {}, False),
        ({"max_tests": 3}, {"max_tests": 3, "patience": 2}, True),
        ({"max_tests": 3, "patience": 2}, {"max_tests": 3}, False),
        ({"patience": 4}, {"patience": 3}, True),
        ({"max_time_s": 9.0}, {"max_time_s": 10.0}, False),
        ({"target": 1e-9}, {"target": 1.0}, True),
        ({"target": 1.0}, {"target": 1e-9}, False),
        ({"max_tests": 4, "seed": 1}, {"max_tests": 3, "seed": 2}, False),
    ],
)
def test_a_session_of_wider_limits_stands(
    change: Change, before: Table, now: Table, stands: bool
) -> None:
    first = harness.tune(change(search={"strategy": "random", **before}))
    standing = find_standing(change(search={"strategy": "random", **now}))
    assert (standing.session is not None) == stands
    if standing.session is not None:
        assert standing.session.id == first.info.id


def test_the_greater_a_target_the_farther_a_search_for_the_greatest() -> None:
    def premises(target: float) -> str:
        return json.dumps({"goal": "max", "search": {"target": target, "seed": 0}})

    assert covers(premises(2.0), premises(1.0))
    assert not covers(premises(1.0), premises(2.0))


def test_of_several_sessions_the_one_that_went_farthest_stands(change: Change) -> None:
    wide, narrow = change(), change(search={"max_tests": 2})
    first = harness.tune(wide)
    second = harness.tune(narrow)
    assert second.info.id != first.info.id  # `auto` is another strategy with a budget
    for spec in (wide, narrow):
        standing = find_standing(spec)
        assert standing.session is not None
        assert standing.session.id == first.info.id


def test_the_emitted_header_is_no_source_of_what_includes_it(
    change: Change, tmp_path: Path
) -> None:
    """Else each tuning would change what the next one is made of."""
    (tmp_path / "app.h").write_text('#include "tuned.h"\n')
    (tmp_path / "tuned.h").write_text("#define BLOCK 7\n")
    spec = change(output={"emit": [{"format": "header", "path": "tuned.h"}]})
    assert len(harness.tune(spec).outcomes) == 4
    assert "BLOCK 7" not in (tmp_path / "tuned.h").read_text()
    assert told(spec) == []
    assert all(outcome.reused_from for outcome in harness.tune(spec).outcomes)


OUTPUT: Table = {
    "log": "log.csv",
    "script": "script.txt",
    "importance": "importance.csv",
    "emit": [{"format": "header", "path": "tuned.h"}, {"format": "make", "path": "tuned.mk"}],
}


KERNEL: Table = {
    "backend": "mock",
    "parallel": 1,
    "parameters": {"BLOCK": [64, 128]},
    "problem": {"N": 1024},
    "kernel": {
        "source": "add.cu",
        "function": "add",
        "block": ["BLOCK"],
        "grid": ["N // BLOCK"],
        "arguments": [{"name": "a", "dtype": "float32", "shape": ["N"], "role": "out"}],
    },
    "mock": {"time": "virtual"},
}


@pytest.fixture
def kernel(tmp_path: Path) -> Change:
    """The same for a kernel."""
    (tmp_path / "add.cu").write_text('#include "scale.cuh"\n')
    (tmp_path / "scale.cuh").write_text("#define SCALE 1\n")

    def make(**keys: Any) -> Spec:
        return harness.make_spec({**KERNEL, "kernel": {**KERNEL["kernel"], **keys}}, base=tmp_path)

    return make


def test_a_kernel_its_table_and_its_includes(kernel: Change, tmp_path: Path) -> None:
    harness.tune(kernel())
    assert told(kernel()) == []
    (tmp_path / "scale.cuh").write_text("#define SCALE 2\n")
    assert told(kernel()) == ["scale.cuh changed"]
    assert told(kernel(options=["-O1"])) == [
        "kernel.options: nothing -> -O1",
        "scale.cuh changed",
    ]
    (tmp_path / "scale.cuh").write_text("#define SCALE 1\n")
    assert told(kernel(measure={"energy": True})) == ["kernel.measure.energy: false -> true"]


def test_the_compiler_of_kernels(kernel: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.tune(kernel())
    monkeypatch.setattr(staleness, "identify_toolchain", lambda _, virtual: "nvcc 13.0.88 b1")
    assert told(kernel()) == ["compiler simulated -> nvcc 13.0.88"]


def test_a_compiler_is_told_by_the_first_line_that_differs() -> None:
    before = {"compilers": {"nvcc": "nvcc: by its maker\nrelease 12.4, V12.4.99"}}
    now = {"compilers": {"nvcc": "nvcc: by its maker\nrelease 13.0, V13.0.88"}}
    assert describe_changes(before, now, {}, {}) == [
        "compiler nvcc: release 12.4, V12.4.99 -> release 13.0, V13.0.88"
    ]
    assert describe_changes(before, {"compilers": {"nvcc": ""}}, {}, {}) == [
        "compiler nvcc: nvcc: by its maker -> nothing"
    ]


def test_another_build_of_a_compiler() -> None:
    before, now = {"compiler": "nvcc 13.0.88 b1"}, {"compiler": "nvcc 13.0.88 b2"}
    assert describe_changes(before, now, {}, {}) == ["compiler: another build of nvcc 13.0.88"]
    before, now = ({"compiler": f"cupy 14.2; nvrtc {version} b1"} for version in ("13.0", "13.5"))
    said = "compiler cupy 14.2, nvrtc 13.0 -> cupy 14.2, nvrtc 13.5"
    assert describe_changes(before, now, {}, {}) == [said]


def test_what_no_place_of_a_config_explains_is_told_by_its_name() -> None:
    assert describe_changes({"identity": 1}, {"identity": 2}, {}, {}) == [
        "this harness tells tests apart by other things than the one that recorded them"
    ]
    assert describe_changes({"functions": ["f"]}, {"functions": []}, {}, {}) == [
        "the constraints in Python changed"
    ]


SAYS = "Cuda compilation tools, release 13.0, V13.0.88\nBuild cuda_13.0.r13.0/compiler.1"


def test_the_quick_look_at_nvcc_sees_what_the_long_one_does(kernel: Change, tmp_path: Path) -> None:
    """Else what was just tuned would be stale."""
    nvcc = tmp_path / "nvcc"
    nvcc.write_text(f"#!/bin/sh\ncase $1 in --version) echo '{SAYS}';; *) echo compute_90;; esac\n")
    nvcc.chmod(0o755)
    spec = kernel(compiler="nvcc", nvcc=str(nvcc))
    quick = identify_toolchain(spec, virtual=False)
    assert quick == "nvcc 13.0.88 cuda_13.0.r13.0/compiler.1"
    assert quick == describe_toolchain(spec, open_toolchain(spec, virtual=False))
    with pytest.raises(CompileError, match="no nvcc at"):
        identify_toolchain(kernel(compiler="nvcc", nvcc="/nowhere/nvcc"), virtual=False)
    assert identify_toolchain(spec, virtual=True) == "simulated"


CONFIGS = sorted(
    path
    for path in (Path(__file__).resolve().parents[2] / "configs").iterdir()
    if path.suffix in (".toml", ".conf")
)


@pytest.mark.parametrize("distribution", ["pipelined", "replicate"])
def test_the_quick_look_finds_what_sessions_record(distribution: str) -> None:
    """For whatever a config can hold: else it would be stale as soon as it is tuned."""
    for path in CONFIGS:
        mock = {"time": "virtual"}
        changes = {"backend": "mock", "parallel": 2, "distribution": distribution, "mock": mock}
        spec = change_spec(load_config(path), "test", **changes)
        setup = prepare(spec)
        compiler = describe_toolchain(spec, None)
        assert staleness._look(spec) == Identity(setup, compiler, prior=[3]).premises, path


def test_files_that_are_gone_or_edited(change: Change, tmp_path: Path) -> None:
    spec = change(output=OUTPUT)
    harness.tune(spec)
    (tmp_path / "tuned.h").unlink()
    (tmp_path / "log.csv").write_text("mine")
    mk = tmp_path / "tuned.mk"
    mk.write_text("# an earlier remark\n" + mk.read_text())  # a comment is no value
    standing = find_standing(spec)
    assert standing.session is not None
    assert standing.changes == ("log.csv is not as session 1 left it", "tuned.h is not there")
    emits = [{"format": "header", "path": "tuned.h", "prefix": "T_"}]
    assert told(change(output={**OUTPUT, "emit": emits, "log": None})) == ["tuned.h is not there"]


def test_the_question_loads_no_numpy(change: Change) -> None:
    """It is asked whenever somebody builds: nothing slow may be loaded for it."""
    code = (
        "import sys\nfrom harness.cli.tune import tune\nfrom harness.app import staleness\n"
        "slow = {'numpy', 'rich', 'harness.app.session', 'harness.space.space'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
