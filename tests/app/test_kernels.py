"""Sessions of kernel tests on simulated GPUs, from config to outcomes."""

from __future__ import annotations

import copy
import importlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.app.identity import Identity
from harness.app.kernel_warnings import kernel_warnings
from harness.app.setup import prepare
from harness.app.suspects import setup_warnings
from harness.app.toolchain import describe_toolchain
from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.export.json import format_json
from harness.model import OutcomeKind, Test
from harness.replay.exported import load_exported
from harness.store.sessions import load_session
from tests.app import invented

SOURCE = """\
#include "scale.h"
extern "C" __global__ void scale(const float *x, float *y, int n)
{
    int i = (blockIdx.x * blockDim.x + threadIdx.x) * ITEMS;
    for (int j = 0; j < ITEMS && i + j < n; ++j)
        y[i + j] = FACTOR * x[i + j];
}
"""
DATA: dict[str, Any] = {
    "name": "scale",
    "backend": "mock",
    "parallel": 2,
    "problem": {"N": 1 << 20},
    "parameters": {"BLOCK": [64, 128, 256], "ITEMS": [1, 2, 4]},
    "kernel": {
        "source": "scale.cu",
        "function": "scale",
        "grid": ["(N + BLOCK * ITEMS - 1) // (BLOCK * ITEMS)"],
        "block": "BLOCK",
        "arguments": [
            {"name": "x", "shape": ["N"]},
            {"name": "y", "shape": ["N"], "role": "out"},
            {"name": "n", "dtype": "int32", "value": "N"},
        ],
        "reference": {"function": "scale_reference:scale"},
        "metrics": {"gbps": "8 * N / time_s / 1e9"},
    },
    "mock": {"time": "virtual"},
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "scale.cu").write_text(SOURCE)
    (tmp_path / "scale.h").write_text("#define FACTOR 2\n")
    (tmp_path / "scale_reference.py").write_text("def scale(x, y, n):\n    return 2 * x\n")
    (tmp_path / ".harness").mkdir()
    return tmp_path


def changed(**tables: dict[str, Any]) -> dict[str, Any]:
    """The data with some keys of its tables replaced."""
    data = copy.deepcopy(DATA)
    for name, table in tables.items():
        data[name] = {**data.get(name, {}), **table}
    return data


def tune(base: Path, data: dict[str, Any] = DATA, **changes: Any) -> harness.Result:
    return harness.tune(harness.make_spec(data, base=base), **changes)


def kinds(result: harness.Result) -> Counter[str]:
    return Counter(outcome.kind.value for outcome in result.outcomes)


def test_the_best_configuration_with_metrics_launch_and_resources(base: Path) -> None:
    result = tune(base)
    assert result.complete
    assert kinds(result) == {"ok": 9}
    best = result.best
    assert best is not None
    (first, *finals) = best.runs
    measured = first.measurement
    assert measured is not None
    assert measured.launch.block == (best.configuration["BLOCK"], 1, 1)
    assert dict(measured.metrics)["gbps"] == pytest.approx(8e-9 * (1 << 20) / (best.score or 0))
    assert (measured.mode, measured.stop, measured.verified) == ("cold", "precision", False)
    assert finals == []  # those of the finals are in the journal
    lines = "\n".join(result.summary.to_lines())
    assert "simulated" in lines
    assert "% of peak)" in lines
    assert "launch: grid" in lines
    assert "result: not verified" in lines


def test_a_cooperative_grid_is_what_the_device_holds_at_once(base: Path) -> None:
    kernel = {"cooperative": True, "grid": "device.sm_count * BLOCK * ITEMS // 64"}
    result = tune(base, changed(kernel=kernel, parameters={"ITEMS": [1, 64]}))
    assert kinds(result) == {"ok": 3, "invalid": 3}
    invalid = [o for o in result.outcomes if o.kind is OutcomeKind.INVALID]
    assert {outcome.configuration["ITEMS"] for outcome in invalid} == {64}
    assert all("of them at once" in outcome.reason for outcome in invalid)
    assert "all blocks at once" in "\n".join(result.summary.to_lines())
    assert result.summary.to_object()["best"]["cooperative"] is True


def test_the_finals_are_recorded_and_not_held_again(base: Path) -> None:
    result = tune(base)
    (final,) = result.summary.to_object()["finals"]
    assert len(final["standings"]) == 5
    assert result.best is not None
    assert final["winner"] == result.best.test_id
    journal = base / ".harness" / "journal.sqlite"
    stored = load_session(journal)
    winner = next(o for o in stored.outcomes if o.test_id == final["winner"])
    assert [run.index for run in winner.runs] == [0, 1, 2, 3, 4, 5]
    assert winner.samples == result.best.samples
    again = tune(base)
    assert again.summary.to_object()["finals"] == [final]
    assert len([n for n in load_session(journal).notes if "finals" in n.text]) == 1


def test_the_energy_of_the_finalists_is_told_where_it_is_asked_for(base: Path) -> None:
    result = tune(base, changed(kernel={"measure": {"energy": True}}))
    (final,) = result.summary.to_object()["finals"]
    winner = result.best
    assert winner is not None
    for standing in final["standings"]:  # a simulated device takes 150 W
        assert standing["energy_j"] == pytest.approx(150 * standing["median_s"], rel=0.3)
    assert f"energy per launch: test {winner.test_id} " in "\n".join(result.summary.to_lines())


def test_an_objective_may_be_a_metric(base: Path) -> None:
    result = tune(base, changed(scoring={"optimal": "max", "metric": "gbps"}))
    assert result.info.unit == "GB/s"
    assert result.info.goal == "max"
    scores = [outcome.score or 0.0 for outcome in result.outcomes]
    assert result.best is not None
    assert result.best.score == pytest.approx(max(scores), rel=0.01)
    assert min(scores) > 1.0
    for outcome in result.outcomes:  # samples are in the unit of scores
        assert outcome.score == max(outcome.samples)
        measured = outcome.runs[0].measurement
        assert measured is not None
        assert max(measured.samples_s) < 1.0


def test_what_cannot_be_launched_is_invalid_and_not_compiled(base: Path) -> None:
    data = changed(
        parameters={"BLOCK": [512, 2048], "ITEMS": [1]},
        kernel={"shared_bytes": "BLOCK * 100"},
    )
    result = tune(base, data)
    assert kinds(result) == {"ok": 1, "invalid": 1}
    (invalid,) = (o for o in result.outcomes if o.kind is OutcomeKind.INVALID)
    assert invalid.reason == "block.x = 2048: the device allows 1024"
    assert invalid.artifact is None
    assert "1 invalid" in "\n".join(result.summary.to_lines())
    assert result.summary.progress.failed == 0


def test_a_race_gives_up_what_cannot_win(base: Path) -> None:
    data = changed(
        parameters={"BLOCK": [2**k for k in range(1, 11)], "ITEMS": [1, 2, 4, 8, 16]},
        kernel={"measure": {"stop": "race"}},
    )
    result = tune(base, data)
    counts = kinds(result)
    assert counts["censored"] > 20
    assert counts["ok"] + counts["censored"] + counts["invalid"] == 50
    lost = next(o for o in result.outcomes if o.kind is OutcomeKind.CENSORED)
    assert lost.score is None
    assert len(lost.samples) >= 2
    assert "the best after" in lost.reason
    assert "given up in the race" in "\n".join(result.summary.to_lines())


@pytest.mark.parametrize(
    ("metric", "optimal", "races"),
    [("1e9 / time_s", "max", True), ("1e9 / time_s", "min", False), ("time_s ** 2", "min", False)],
)
def test_only_rates_can_be_raced_by(base: Path, metric: str, optimal: str, races: bool) -> None:
    data = changed(
        parameters={"BLOCK": [2**k for k in range(1, 11)], "ITEMS": [1, 2, 4, 8, 16]},
        kernel={"measure": {"stop": "race"}, "metrics": {"m": metric}},
        scoring={"optimal": optimal, "metric": "m"},
    )
    assert (kinds(tune(base, data))["censored"] > 0) == races


def test_equal_binaries_and_launches_are_measured_once(base: Path) -> None:
    """With a parameter that changes neither, by what the config says."""
    data = changed(kernel={"parameters": "none", "function": "scale"})
    data["kernel"]["grid"] = [64]
    data["kernel"]["block"] = 64
    result = tune(base, data)
    copies = [outcome for outcome in result.outcomes if outcome.copy_of is not None]
    assert len(copies) == 8
    assert len({outcome.score for outcome in result.outcomes}) == 1
    assert "8 the same as others" in "\n".join(result.summary.to_lines())


def test_repeat_means_exactly_so_many_samples(base: Path) -> None:
    result = tune(base, changed(scoring={"repeat": 7, "aggregate": "med"}))
    assert {len(outcome.samples) for outcome in result.outcomes} == {7}


def test_verification_finds_wrong_results(base: Path) -> None:
    data = changed(mock={"verify": True, "wrong_results": 0.5}, problem={"N": 1000})
    result = tune(base, data)
    counts = kinds(result)
    assert counts["wrong_result"] > 0
    assert counts["ok"] > 0
    assert counts.total() == 9
    wrong = next(o for o in result.outcomes if o.kind is OutcomeKind.WRONG_RESULT)
    assert "1000 of 1000 values are wrong" in wrong.reason
    assert "result: equal to the reference" in "\n".join(result.summary.to_lines())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"grid": ["N / BLOCK"]}, r'grid\.x = "N / BLOCK" for BLOCK=96 N=1048576: it is 10922\.6'),
        ({"block": [32, "BLOCK / 64"]}, r'block\.y = "BLOCK / 64" for BLOCK=96: it is 1\.5; give'),
        ({"shared_bytes": "BLOCK / 64"}, r'shared_bytes = "BLOCK / 64" for BLOCK=96: it is 1\.5'),
        ({"size": "N / BLOCK"}, r'argument y: shape = "N / BLOCK" for BLOCK=96 N=1048576: it is'),
        ({"value": "N / BLOCK"}, r'argument n: value = "N / BLOCK" for BLOCK=96 N=1048576: it is'),
    ],
)
def test_what_cannot_be_launched_says_which_expression(
    base: Path, table: dict[str, Any], said: str
) -> None:
    data = changed(parameters={"BLOCK": [96], "ITEMS": [1]})
    data["kernel"]["arguments"][1]["shape"] = table.pop("size", "N")
    data["kernel"]["arguments"][2]["value"] = table.pop("value", "N")
    data["kernel"].update(table)
    (outcome,) = tune(base, data).outcomes
    assert outcome.kind is OutcomeKind.INVALID
    assert re.match(said, outcome.reason)


@pytest.mark.parametrize(
    ("dtype", "size", "said"),
    [
        ("int8", 200, "it is 200; int8 holds -128 to 127"),
        ("int32", 1 << 31, "int32 holds -2147483648 to 2147483647"),
        ("uint16", -1, "uint16 holds 0 to 65535"),
        ("float16", 70000, "float16 holds -65504.0 to 65504.0; take a wider dtype"),
        ("int64", 1 << 31, ""),
    ],
)
def test_a_scalar_that_its_type_cannot_hold(base: Path, dtype: str, size: int, said: str) -> None:
    data = changed(problem={"BIG": size})
    data["kernel"]["arguments"][2] = {"name": "n", "dtype": dtype, "value": "BIG"}
    (base / "scale.cu").write_text(SOURCE.replace("int n", "size_type n"))
    (outcome, *_) = tune(base, data).outcomes
    assert (outcome.kind is OutcomeKind.INVALID) == bool(said)
    assert said in outcome.reason


def test_a_text_in_a_computation_is_named(base: Path) -> None:
    outcomes = tune(base, changed(parameters={"BLOCK": ["64"], "ITEMS": [1]})).outcomes
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.INVALID]
    assert outcomes[0].reason.endswith("; BLOCK is a text: write numbers without quotes")


def test_what_looks_odd_is_warned_of(base: Path) -> None:
    data = changed(parameters={"BLOCK": [64], "ITEMS": [1, 2], "WARPS": [1, 2]})
    data["kernel"]["arguments"][0]["dtype"] = "int64"
    expected = [
        "parameter WARPS is used nowhere, neither in the source nor in the launch: its values make "
        "no difference",
        "argument x has elements of int64, but scale takes const float *x there: is "
        'dtype = "float32" meant?',
    ]
    setup = prepare(harness.make_spec(data, base=base))
    assert setup.kernel is not None
    assert kernel_warnings(setup.kernel) == expected
    assert set(expected) <= set(setup_warnings(setup))
    (base / "scale.h").write_text("#define FACTOR (2 * WARPS)\n")
    assert kernel_warnings(setup.kernel) == expected[1:]
    setup = prepare(harness.make_spec(DATA, base=base))
    assert setup.kernel is not None
    assert kernel_warnings(setup.kernel) == []


def test_a_simple_kernel_is_a_reference(base: Path) -> None:
    data = changed(mock={"verify": True}, problem={"N": 1024})
    data["kernel"]["reference"] = {"kernel": "simple", "grid": ["N // 256"], "block": [256]}
    result = tune(base, data)
    assert kinds(result) == {"ok": 9}
    assert all(o.runs[0].measurement.verified for o in result.outcomes if o.runs[0].measurement)


def test_every_configuration_has_one_outcome_whatever_fails(base: Path) -> None:
    """The survivors take over the lost lane's work, and the session ends by itself."""
    data = changed(
        parameters={"BLOCK": [32, 64, 128, 256], "ITEMS": list(range(1, 101))},
        mock={"run_failures": 0.05, "hangs": 0.01, "lost": ["1"], "compile_s": 0.01},
        kernel={"measure": {"stop": "race"}},
    )
    result = tune(base, data, parallel=4)
    assert result.complete
    assert len({o.configuration for o in result.outcomes}) == len(result.outcomes) == 400
    counts = kinds(result)
    assert counts["run_failed"] > 5
    assert counts["timeout"] > 0
    assert "device_lost" not in counts
    tests = Counter(outcome.lane for outcome in result.outcomes)
    assert tests["1"] <= 8
    assert all(tests[lane] > 90 for lane in ("0", "2", "3"))


def test_the_same_seed_gives_the_same_session(base: Path, tmp_path_factory: Any) -> None:
    first = tune(base)
    other = tmp_path_factory.mktemp("other")
    for path in base.glob("scale*"):
        shutil.copy(path, other)
    second = tune(other)
    assert [o.score for o in first.outcomes] == [o.score for o in second.outcomes]


@pytest.mark.parametrize(
    "edit",
    [
        lambda base: (base / "scale.cu").write_text(SOURCE + "// another\n"),
        lambda base: (base / "scale.h").write_text("#define FACTOR 3\n"),
        lambda base: (base / "scale_reference.py").write_text("def scale(x, y, n):\n    pass\n"),
    ],
    ids=["source", "header", "reference"],
)
def test_a_changed_file_is_another_test(base: Path, edit: Callable[[Path], object]) -> None:
    before = key_of(base)
    assert key_of(base) == before
    edit(base)
    assert key_of(base) != before


def key_of(base: Path, data: dict[str, Any] = DATA) -> str:
    setup = prepare(harness.make_spec(data, base=base))
    made = Identity(setup, describe_toolchain(setup.spec, None))
    return made.test_key(next(iter(setup.space)), setup.lanes[0])


def test_what_the_reference_imports_makes_a_test_what_it_is(base: Path) -> None:
    (base / "helpers").mkdir()
    (base / "helpers" / "__init__.py").touch()
    (base / "helpers" / "double.py").write_text("from . import factors\n")
    (base / "helpers" / "factors.py").write_text("FACTOR = 2\n")
    (base / "helpers" / "unused.py").write_text("")
    reference = base / "scale_reference.py"
    alone = key_of(base)
    reference.write_text("import numpy\n" + reference.read_text())
    installed = key_of(base)
    reference.write_text("import helpers.double\n" + reference.read_text())
    keys = [alone, installed, key_of(base)]
    for name, text in (("__init__", "A = 1\n"), ("double", "from . import factors as f\n")):
        (base / "helpers" / f"{name}.py").write_text(text)
        keys.append(key_of(base))
    (base / "helpers" / "factors.py").write_text("FACTOR = 3\n")
    keys.append(key_of(base))
    assert len(set(keys)) == len(keys)
    (base / "helpers" / "unused.py").write_text("A = 1\n")
    assert key_of(base) == keys[-1]


def test_what_fills_an_argument_may_be_a_package(base: Path) -> None:
    filled = copy.deepcopy(DATA)
    filled["kernel"]["arguments"][0]["fill"] = "filling:ramp"
    (base / "filling").mkdir()
    (base / "filling" / "__init__.py").write_text("from filling.ramps import ramp\n")
    (base / "filling" / "ramps.py").write_text("def ramp(shape, seed): ...\n")
    before = key_of(base, filled)
    (base / "filling" / "ramps.py").write_text("def ramp(shape, seed): return 1\n")
    assert key_of(base, filled) != before


def test_what_the_reference_includes_makes_a_test_what_it_is(base: Path) -> None:
    data = copy.deepcopy(DATA)
    data["kernel"]["include_directories"] = ["include"]
    data["kernel"]["reference"] = {
        "kernel": "simple",
        "source": "simple/simple.cu",
        "grid": ["N // 256"],
        "block": [256],
    }
    (base / "simple").mkdir()
    (base / "include").mkdir()
    (base / "simple" / "simple.cu").write_text('#include "factor.h"\n#include <term.h>\n')
    for header in (base / "simple" / "factor.h", base / "include" / "term.h"):
        header.write_text("#define FACTOR 2\n")
        before = key_of(base, data)
        header.write_text("#define FACTOR 3\n")
        assert key_of(base, data) != before


def test_kernels_need_gpus(base: Path) -> None:
    with pytest.raises(ConfigError, match="is no GPU; leave the backend out, or backend"):
        tune(base, DATA, backend="cpu", parallel=1)


def test_that_no_gpu_was_found_is_told(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match=r"^kernel: no GPU was found; .*--backend mock, sim"):
        tune(base, DATA, backend="auto", parallel=1)


def test_architectures_must_fit_the_lanes(base: Path) -> None:
    with pytest.raises(ConfigError, match=r"none runs on RTX A4000 .* add sm_86"):
        tune(base, changed(kernel={"architectures": ["sm_90", "sm_75"]}))
    setup = prepare(
        harness.make_spec(changed(kernel={"architectures": ["sm_80", "sm_90"]}), base=base)
    )
    assert setup.kernel is not None
    assert setup.kernel.architecture_of(setup.lanes[0].device) == "sm_80"


VARIABLE = """\
#if ITEMS > 1
__constant__ float weights[8 / ITEMS];
#endif
extern "C" __global__ void scale(const float *x, float *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
#if ITEMS > 1
    y[i] = weights[i % ITEMS] * x[i];
#endif
}
"""


@pytest.mark.nvcc
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc")
def test_a_variable_holds_what_is_given_or_the_configuration_is_invalid(base: Path) -> None:
    """A configuration may do without it; its size may depend on parameters."""
    (base / "scale.cu").write_text(VARIABLE)
    weights = {"name": "weights", "shape": [4], "role": "constant"}
    arguments = [*DATA["kernel"]["arguments"], weights]
    data = changed(
        kernel={"arguments": arguments, "compiler": "nvcc"},
        parameters={"BLOCK": [64], "ITEMS": [1, 2, 4]},
        mock={"time": "real", "run_s": 1e-5},
    )
    result = tune(base, data)
    kinds = {o.configuration["ITEMS"]: o.kind.value for o in result.outcomes}
    assert kinds == {1: "ok", 2: "ok", 4: "invalid"}
    (failure,) = result.failures
    assert failure.reason == "argument weights has 16 bytes: the variable in the source has 8"


@pytest.mark.parametrize(
    ("architectures", "capability", "chosen"),
    [
        (["sm_90", "sm_90a"], (9, 0), "sm_90a"),
        (["sm_100a", "sm_100", "sm_120"], (10, 3), "sm_100"),
        (["sm_100f"], (10, 3), "sm_100f"),
        (["sm_100a", "sm_120a"], (10, 3), None),
    ],
)
def test_what_only_one_device_has_runs_on_just_that(
    base: Path, architectures: list[str], capability: tuple[int, int], chosen: str | None
) -> None:
    setup = prepare(
        harness.make_spec(changed(kernel={"architectures": [*architectures, "sm_86"]}), base=base)
    )
    device = replace(setup.lanes[0].device, compute_capability=capability)
    assert setup.kernel is not None
    if chosen is None:
        with pytest.raises(ConfigError, match="none runs on"):
            setup.kernel.architecture_of(device)
    else:
        assert setup.kernel.architecture_of(device) == chosen


def test_an_option_that_is_a_parameter_may_be_several_or_none(base: Path) -> None:
    flags = ["", "-use_fast_math", "-lineinfo '-DT=a b'"]
    data = changed(
        kernel={"options": ["-O3", "%FLAGS%", "-DF=%FLAGS%"]}, parameters={"FLAGS": flags}
    )
    setup = prepare(harness.make_spec(data, base=base))
    assert setup.kernel is not None
    lane = setup.lanes[0]
    made = [setup.kernel.make_source(harness_test(each), lane) for each in setup.space]
    found = {source.options for source in made}
    assert found == {
        ("-O3", "-DF="),
        ("-O3", "-use_fast_math", "-DF=-use_fast_math"),
        ("-O3", "-lineinfo", "-DT=a b", "-DF=-lineinfo '-DT=a b'"),
    }


def test_constants_are_declared_before_the_source(base: Path) -> None:
    data = changed(kernel={"parameters": "constants"})
    data["parameters"]["TYPE"] = ["float"]
    setup = prepare(harness.make_spec(data, base=base))
    assert setup.kernel is not None
    configuration = next(iter(setup.space))
    test = harness_test(configuration)
    source = setup.kernel.make_source(test, setup.lanes[0])
    assert source.macros == ()
    assert source.text.startswith(
        "constexpr auto BLOCK = 64;\nconstexpr auto ITEMS = 1;\n#define TYPE float\n#line 1 "
    )


def harness_test(configuration: Configuration) -> Test:
    return Test(1, configuration, "key", "0")


def test_exports_have_samples_metrics_and_binaries(base: Path) -> None:
    data = {**changed(), "output": {"log": "log.csv"}}
    result = tune(base, data)
    header, row, *_ = (base / "log.csv").read_text().splitlines()
    names = header.split(",")
    assert names[-3:] == ["Score_Overall", "gbps", "Simulated"]
    values = dict(zip(names, row.split(","), strict=True))
    first = result.outcomes[0]
    assert float(values["Score_1"]) == first.samples[0]
    assert float(values["Score_Overall"]) == first.score
    best = result.summary.to_object()["best"]
    assert set(best["metrics"]) == {"gbps"}
    json.dumps(best)
    (base / "all.json").write_text(format_json(result.info, result.outcomes))
    _, again, _ = load_exported(base / "all.json", (base / "all.json").read_bytes())
    assert [o.samples for o in again] == [o.samples for o in result.outcomes]
    assert again[0].runs[0].measurement == first.runs[0].measurement


@pytest.mark.nvcc
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc")
def test_real_compiles_and_workers_with_simulated_devices(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `harness tune --backend mock` does where there is a compiler and no GPU."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(base / "cache"))
    data = changed(
        mock={"time": "real", "run_s": 0.001, "verify": True},
        problem={"N": 4096},
        kernel={"compiler": "nvcc"},
        parameters={"BLOCK": [64, 2048], "ITEMS": [1, 2]},
    )
    result = tune(base, data)
    assert kinds(result) == {"ok": 2, "invalid": 2}
    assert result.best is not None
    artifact = result.best.artifact
    assert artifact is not None
    assert artifact.resources.registers > 0
    assert artifact.architecture == "sm_86"
    assert Path(artifact.path).is_file()
    measured = result.best.runs[0].measurement
    assert measured is not None
    assert (measured.verified, measured.error) == (True, 0.0)
    assert result.info.simulated
    assert not tune(base, data).summary.progress.tested  # all of it is recorded


@pytest.mark.nvcc
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc")
def test_arguments_that_the_binary_does_not_take_are_invalid(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU it would read beyond what it is given, and say nothing."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(base / "cache"))
    (base / "scale.h").write_text(
        "#define FACTOR 2\ntypedef struct { float a; int n[3]; } size_type;"
    )
    (base / "scale.cu").write_text(
        SOURCE.replace("int n)", "size_type n)").replace("< n", "< n.n[1]")
    )
    data = changed(
        mock={"time": "real", "run_s": 0.001},
        kernel={"compiler": "nvcc"},
        parameters={"BLOCK": [64], "ITEMS": [1]},
    )
    (outcome,) = tune(base, data).outcomes
    assert outcome.kind is OutcomeKind.INVALID
    assert "argument n: a scalar int32 has 4 bytes, the kernel takes 16 there: a struct?" in (
        outcome.reason
    )


def test_the_example_of_the_page_is_tuned_as_it_says(base: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "kernels.md").read_text()
    for name, language in (("saxpy.cu", "cuda"), ("saxpy_reference.py", "python")):
        (base / name).write_text(page.split(f"```{language}\n")[1].split("```")[0])
    (base / "saxpy.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    spec = harness.load_config(base / "saxpy.toml")
    mock = {"time": "virtual"}
    result = harness.tune(spec, backend="mock", parallel=4, mock=mock)
    assert result.best is not None
    assert result.info.unit == "GB/s"
    assert kinds(result)["ok"] + kinds(result)["censored"] == len(result.outcomes) == 20


def test_a_kernel_from_python(base: Path) -> None:
    spec = harness.kernel(
        SOURCE,
        "scale",
        parameters=DATA["parameters"],
        problem={"N": 4096},
        grid=DATA["kernel"]["grid"],
        block="BLOCK",
        arguments=[
            {"name": "x", "shape": ["N"], "fill": invented.ramp},
            *DATA["kernel"]["arguments"][1:],
        ],
        reference=invented.double,
        backend="mock",
        mock={"time": "virtual", "verify": True},
        kernel={"measure": {"mode": "hot", "finalists": False}},
        base=base,
    )
    result = harness.tune(spec, parallel=2)
    assert kinds(result) == {"ok": 9}
    assert result.best is not None
    (run,) = result.best.runs
    assert run.measurement is not None
    assert (run.measurement.mode, run.measurement.error) == ("hot", 0.0)


def test_what_python_has_of_numbers_types_and_paths(base: Path) -> None:
    spec = harness.kernel(
        Path("scale.cu"),
        "scale",
        parameters={"BLOCK": np.array([64, 128]), "ITEMS": [np.int64(1), 2]},
        problem={"N": np.int32(4096)},
        grid=("N // BLOCK",),
        block="BLOCK",
        arguments=[
            {"name": "x", "shape": ["N"], "dtype": np.float32},
            {"name": "y", "shape": (np.int64(4096),), "dtype": np.dtype("float32"), "role": "out"},
            {"name": "n", "dtype": "int32", "value": np.int16(4096)},
        ],
        reference="scale_reference:scale",
        base=base,
    )
    assert spec.parameters == {"BLOCK": (64, 128), "ITEMS": (1, 2)}
    assert type(spec.parameters["BLOCK"][0]) is int
    assert spec.problem == {"N": 4096}
    kernel = spec.kernel
    assert kernel is not None
    assert [argument.dtype for argument in kernel.arguments] == ["float32", "float32", "int32"]
    assert (kernel.source, kernel.arguments[1].shape) == ("scale.cu", (4096,))
    result = harness.tune(
        spec, backend="mock", mock={"time": "virtual", "verify": True}, max_tests=np.int64(2)
    )
    assert len(result.outcomes) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": "scale.cu"}, r"code = 'scale.cu': a file's name, not its text; give Path"),
        ({"reference": 3}, "reference is an object of type int; give a function, its name as"),
        ({"code": 3}, "type int; give the text of a source, its Path"),
    ],
)
def test_what_is_no_source_and_no_reference(change: dict[str, Any], said: str) -> None:
    given = {"code": SOURCE, "parameters": {"BLOCK": [32]}, "grid": 1, "block": 1, **change}
    with pytest.raises(ConfigError, match=said):
        harness.kernel(given.pop("code"), "scale", **given)
    with pytest.raises(ConfigError, match=r"make a Spec of them with harness\.make_spec"):
        harness.tune(given)  # type: ignore[arg-type]


def test_functions_that_no_worker_can_import_are_refused(base: Path) -> None:
    def local(shape: tuple[int, ...], seed: int) -> None:
        """Made here."""

    def make(**changes: Any) -> None:
        harness.kernel(
            SOURCE, "scale", parameters={"BLOCK": [32]}, grid=1, block="BLOCK", base=base, **changes
        )

    with pytest.raises(ConfigError, match=r"reference: .*<lambda> cannot be imported"):
        make(reference=lambda x: x)
    old = invented.double
    importlib.reload(invented)  # as in a notebook, after an edit
    with pytest.raises(ConfigError, match=r"was loaded again since double was imported; import it"):
        make(reference=old)
    with pytest.raises(ConfigError, match=r"argument x: fill: .*local cannot be imported"):
        make(arguments=[{"name": "x", "shape": [1], "fill": local}])
