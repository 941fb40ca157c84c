"""Sessions of kernel tests on GPUs, all of it but the GPUs: NVML and the driver are stand-ins.

Kernels are compiled by nvcc, and each lane's worker is a process that loads the library in C in
place of the driver's, which executes them (tests/timing/fake_libcuda.c says how).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pynvml
import pytest

import harness
from harness.app.suspects import find_suspects
from harness.device.nvml import CudaBackend
from harness.errors import DeviceError, HarnessError
from harness.model import Outcome
from harness.store.sessions import load_session
from harness.testing.nvml import FakeGpu, FakeNvml, no_library
from tests.timing.kernels import build_library

pytestmark = [
    pytest.mark.nvcc,
    pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc"),
]

SOURCE = """\
extern "C" __global__ void twice(const float *x, float *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = 2 * x[i];
}
"""
CONFIG = """\
backend = "cuda"
[parameters]
BLOCK = [64, 96, 128, 160, 256]
[problem]
N = 1000
[kernel]
source = "twice.cu"
function = "twice"
compiler = "nvcc"
grid = "(N + BLOCK - 1) // BLOCK"
block = "BLOCK"
arguments = [
  { name = "x", shape = ["N"] },
  { name = "y", shape = ["N"], role = "out" },
  { name = "n", dtype = "int32", value = "N" },
]
reference = { function = "twice_reference:twice" }
metrics = { gbps = "8 * N / time_s / 1e9" }
"""
GPUS = tuple(
    FakeGpu(f"GPU-{byte * 4}-{byte * 2}-{byte * 2}-{byte * 2}-{byte * 6}", f"00000000:{bus}:00.0")
    for byte, bus in (("ab", "01"), ("cd", "02"))
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library that is found in place of the driver's."""
    made = Path(build_library(tmp_path_factory.mktemp("driver")))
    made.rename(made.with_name("libcuda.so.1"))
    return made.parent


@pytest.fixture
def base(driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(GPUS))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "twice.cu").write_text(SOURCE)
    (tmp_path / "twice_reference.py").write_text("def twice(x, y, n):\n    return 2 * x\n")
    (tmp_path / "tune.toml").write_text(CONFIG)
    (tmp_path / ".harness").mkdir()
    return tmp_path


def tune(base: Path, **changes: Any) -> harness.Result:
    return harness.tune(harness.load_config(base / "tune.toml"), **changes)


def block_of(outcome: Outcome) -> object:
    return outcome.configuration["BLOCK"]


@pytest.mark.parametrize("size", [1000, 1_000_003])
def test_each_lane_measures_on_its_gpu_and_survives_what_faults(base: Path, size: int) -> None:
    """Also with results so large that the device knows them by their fingerprints."""
    (base / "tune.toml").write_text(CONFIG.replace("N = 1000", f"N = {size}"))
    result = tune(base)
    assert result.complete
    assert {block_of(outcome): outcome.kind.value for outcome in result.outcomes} == {
        64: "ok",
        96: "run_failed",
        128: "ok",
        160: "wrong_result",
        256: "ok",
    }
    assert result.best is not None
    assert block_of(result.best) == 128
    uuids = {lane.name: lane.device.uuid for lane in result.info.lanes}
    assert list(uuids.values()) == [gpu.uuid for gpu in GPUS]
    for outcome in result.outcomes:
        for run in outcome.runs:
            assert run.device_uuid == uuids[run.lane]
            assert dict(run.environment)["CUDA_VISIBLE_DEVICES"] == run.device_uuid
    (run, *_) = result.best.runs
    assert run.measurement is not None
    assert run.measurement.samples_s == pytest.approx([50e-6] * len(run.measurement.samples_s))
    assert run.measurement.verified
    assert run.measurement.error == 0.0
    assert run.measurement.before is not None
    assert run.measurement.before.sm_mhz == 1410


@pytest.mark.parametrize(("amiss", "flags"), [("slow", ()), ("late", ("late",))])
def test_a_host_that_is_too_slow_for_its_device_is_told(
    base: Path, monkeypatch: pytest.MonkeyPatch, amiss: str, flags: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FAKE_CUDA", amiss)
    result = tune(base)
    assert result.best is not None
    (run, *_) = result.best.runs
    assert run.measurement is not None
    assert run.measurement.flags == flags
    warnings = find_suspects(result.outcomes, result.info.lanes)
    assert any("too slow to queue" in text for text in warnings) == bool(flags)


def test_a_kernel_that_never_ends_is_killed_and_the_lane_goes_on(base: Path) -> None:
    text = CONFIG.replace("[64, 96, 128, 160, 256]", "[64, 224, 128]")
    (base / "tune.toml").write_text(
        f"parallel = 1\n{text}".replace("block =", "timeout_s = 0.5\nblock =")
    )
    result = tune(base)
    kinds = {block_of(outcome): outcome.kind.value for outcome in result.outcomes}
    assert kinds == {64: "ok", 224: "timeout", 128: "ok"}


WEIGHTED = """\
namespace filter { __constant__ float weights[16]; }
extern "C" __global__ void weighted(const float *x, float *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = filter::weights[i % 16] * x[i];
}
"""


def test_variables_of_the_source_are_filled(base: Path) -> None:
    (base / "twice.cu").write_text(WEIGHTED)
    reference = "import numpy\ndef twice(x, y, n, w):\n    return numpy.resize(w, n) * x\n"
    (base / "twice_reference.py").write_text(reference)
    text = CONFIG.replace('"twice"', '"weighted"').replace(
        "\n]\nreference", '\n  { name = "weights", shape = [16], role = "constant" },\n]\nreference'
    )
    (base / "tune.toml").write_text(text)
    result = tune(base)
    assert {outcome.kind.value for outcome in result.outcomes} == {"ok"}
    (run, *_) = result.outcomes[0].runs
    assert run.measurement is not None
    assert run.measurement.verified


def test_what_a_lost_gpu_leaves_another_does(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CUDA", "lost")
    text = CONFIG.replace("[64, 96, 128, 160, 256]", "[32, 64, 128, 192, 256, 320]")
    (base / "tune.toml").write_text(text)
    result = tune(base)
    assert result.complete
    assert {outcome.kind.value for outcome in result.outcomes} == {"ok"}
    survivor = GPUS[1].uuid
    assert {run.device_uuid for outcome in result.outcomes for run in outcome.runs} == {survivor}


def test_a_gpu_on_which_nothing_runs_leaves_all_to_the_other(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CUDA", "image of one")
    text = CONFIG.replace("[64, 96, 128, 160, 256]", "[32, 64, 128, 192, 256, 320]")
    (base / "tune.toml").write_text(text)
    result = tune(base)
    assert {outcome.kind.value for outcome in result.outcomes} == {"ok"}
    survivor = GPUS[1].uuid
    assert {run.device_uuid for outcome in result.outcomes for run in outcome.runs} == {survivor}


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_driver_that_loads_no_binary_ends_the_session_with_the_remedy(
    base: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    monkeypatch.setenv("FAKE_CUDA", "image")
    with pytest.raises(HarnessError, match=r"cannot measure: .*INVALID_IMAGE.*upgrade the driver"):
        tune(base, parallel=lanes)


def test_a_device_that_cuda_does_not_show_ends_the_session(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FakeGpu("GPU-01010101-0101-0101-0101-010101010101", "00000000:01:00.0")
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([other]))
    with pytest.raises(HarnessError, match=r"CUDA shows 0 devices .* but the lane's is GPU-0101"):
        tune(base)


def test_a_kernel_that_faults_on_a_gpu_that_is_gone_takes_the_lane_with_it(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"nvmlDeviceGetTemperature": pynvml.NVML_ERROR_GPU_IS_LOST}
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(GPUS, errors=gone))
    with pytest.raises(DeviceError, match="every lane lost its device"):
        tune(base)
    stored = load_session(base / ".harness" / "journal.sqlite")
    notes = [note.text for note in stored.notes if "its device was lost" in note.text]
    assert len(notes) == len(GPUS)
    assert all("the GPU has fallen off the bus" in text for text in notes)
    assert all(outcome.kind.value != "run_failed" for outcome in stored.outcomes)


def test_where_nvml_is_missing_lanes_are_those_that_cuda_tells_of(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Jetson board, or in a container without the driver's utilities."""
    monkeypatch.setitem(sys.modules, "pynvml", no_library())
    monkeypatch.setattr(CudaBackend, "_has_gpus", lambda self: True)
    result = tune(base)
    assert result.complete
    kinds = {block_of(outcome): outcome.kind.value for outcome in result.outcomes}
    assert kinds == {64: "ok", 96: "run_failed", 128: "ok", 160: "wrong_result", 256: "ok"}
    visible = {dict(lane.environment)["CUDA_VISIBLE_DEVICES"] for lane in result.info.lanes}
    assert visible == {"0", "1"}
    uuids = {gpu.uuid for gpu in GPUS}
    assert {run.device_uuid for outcome in result.outcomes for run in outcome.runs} <= uuids
    notes = [note.text for note in result.summary.progress.notes]
    assert any("CUDA itself told of its devices" in text for text in notes)
