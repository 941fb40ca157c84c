"""The script behind `make bench-gpu`, as far as it runs without a GPU."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import harness
from harness.errors import DeviceError
from harness.measurement import Argument, Launch
from harness.timing.cuda import open_cuda
from tests.benchmarks.gpu import __main__ as script
from tests.benchmarks.gpu import peers
from tests.benchmarks.gpu.nvbench import read_time_s
from tests.benchmarks.gpu.parts import measure_kernels
from tests.benchmarks.gpu.sessions import Bench
from tests.timing.kernels import build_library
from tests.timing.test_cuda import UUID, settings


def test_simulated_results_say_so_and_go_only_where_they_are_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "RESULTS", tmp_path / "results")
    output = tmp_path / "found.json"
    parts = ["noise", "overhead", "pipeline", "lanes"]
    options = ["--backend", "mock", "--scale", "0.02"]
    assert script.main([*parts, *options, "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("simulated: these results come from mock devices")
    data = json.loads(output.read_text())
    assert (data["simulated"], data["device"]) == (True, "RTX A4000")
    assert list(data["parts"]) == parts
    for part in parts:
        assert f"\n{part}\n" in said
        assert all("error" not in row for row in data["parts"][part])
    assert [row["mode"] for row in data["parts"]["noise"]] == ["cold", "hot"]
    assert [row["lanes"] for row in data["parts"]["lanes"]] == [1, 2, 3, 4]
    assert script.main(["noise", *options]) == 0
    assert not (tmp_path / "results").exists()


def test_every_kernel_is_measured(tmp_path: Path) -> None:
    bench = Bench(harness.devices("mock"), 0.02, {"backend": "mock",
                         "mock": {"time": "virtual"}})  # fmt: skip
    rows = list(measure_kernels(bench))
    assert {row["config"] for row in rows} >= {"matmul", "saxpy_numba", "vector_add_cupy"}
    assert all(row["share_of_peak"] > 0 for row in rows)


def test_without_a_gpu_it_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none(backend: str) -> None:
        raise DeviceError("no device was found")

    monkeypatch.setattr(harness, "devices", find_none)
    assert script.main([]) == 0
    said = capsys.readouterr().out
    assert said == "there is no GPU here, so nothing is measured: no device was found\n"


def test_a_part_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script.main(["noises"])
    assert "there is no part noises; parts: kernels, noise" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_bare_events_time_launches(tmp_path: Path) -> None:
    driver = open_cuda(settings(build_library(tmp_path), UUID))
    arguments = (
        Argument("x", "inout", "float32", (100,)),
        Argument("n", "in", "int32", None, 100),
        Argument("factor", "in", "float64", None, 2.0),
    )
    launch = Launch((1, 1, 1), (128, 1, 1))
    times_s = peers.time_bare(driver, "/x/scale", "scale", launch, arguments, 3)
    driver.close()
    assert times_s == pytest.approx([50e-6] * 3)  # as long as a launch of that library takes


def test_cupys_benchmark_is_given_the_same_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def benchmark(kernel: str, arguments: Any, n_repeat: int) -> SimpleNamespace:
        asked.extend([kernel, arguments[:2], n_repeat])
        return SimpleNamespace(gpu_times=[[1e-3, 3e-3, 2e-3]])

    cupy, cupyx, profiler = (ModuleType(name) for name in ("cupy", "cupyx", "cupyx.profiler"))
    vars(cupy).update(
        ones=lambda count, dtype: [1.0] * count,
        RawModule=lambda path: SimpleNamespace(get_function=lambda name: f"{name} of {path}"),
    )
    vars(profiler).update(benchmark=benchmark)
    for module in (cupy, cupyx, profiler):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    launch = Launch((4, 1, 1), (64, 1, 1))
    assert peers.time_by_cupy("/x.cubin", "saxpy", launch, 16, 5) == 2e-3
    assert asked == ["saxpy of /x.cubin", ((4, 1, 1), (64, 1, 1)), 5]


def test_kernel_tuner_is_given_the_same_space(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def tune_kernel(name: str, *arguments: Any, **options: Any) -> Any:
        given.update(options, name=name, space=arguments[3])
        return [{"time": 2.0}, {"time": 1.5}, {"time": "CompilationError"}], {}

    tuner = ModuleType("kernel_tuner")
    vars(tuner).update(tune_kernel=tune_kernel)
    monkeypatch.setitem(sys.modules, "kernel_tuner", tuner)
    monkeypatch.setitem(sys.modules, "cupy", ModuleType("cupy"))
    row = peers.tune_by_kernel_tuner()
    assert (row["configurations"], row["best_us"]) == (3, 1500.0)
    assert given["space"] == {**peers.SPACE, "SIZE": [peers.SIZE]}
    assert (given["block_size_names"], given["lang"]) == (["BX", "BY"], "cupy")
    monkeypatch.setitem(sys.modules, "kernel_tuner", None)
    assert "error" in peers.tune_by_kernel_tuner()


def test_what_nvbench_writes_is_read(tmp_path: Path) -> None:
    def write(tag: str) -> Path:
        data = [{"name": "value", "type": "float64", "value": "0.00125"}]
        states = [{"name": "Device=0", "summaries": [{"tag": tag, "data": data}]}]
        made = tmp_path / "nvbench.json"
        made.write_text(json.dumps({"benchmarks": [{"name": "saxpy", "states": states}]}))
        return made

    assert read_time_s(write("nv/cold/time/gpu/mean")) == 0.00125
    with pytest.raises(ValueError, match="NVBench measured nothing"):
        read_time_s(write("nv/batch/time/gpu/mean"))


def test_a_timer_that_is_not_there_is_told_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a simulated GPU: the bare events find no driver, or none for it."""
    for module in ("cupy", "cuda.bench"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(peers, "open_cuda", _find_no_driver)
    bench = Bench(harness.devices("mock"), 0.02, {"backend": "mock", "mock": {"time": "virtual"}})
    rows = list(peers.measure_events(bench))
    assert [(row["mode"], row["timer"]) for row in rows] == [
        ("hot", "harness"),
        ("hot", "events"),
        ("hot", "cupyx.profiler.benchmark"),
        ("cold", "harness"),
        ("cold", "NVBench"),
    ]
    assert rows[1]["error"] == "there is no driver"
    assert all("error" in row for row in (rows[2], rows[4]))


def _find_no_driver(settings: str) -> None:
    raise RuntimeError("there is no driver")
