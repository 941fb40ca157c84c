"""Devices that CUDA itself tells of, by a library in C that has its functions and no GPU."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest

from harness.device.cuda_devices import find_cuda_devices, find_unseen
from harness.device.lanes import make_lanes
from harness.device.nvml import CudaBackend
from harness.errors import DeviceError
from harness.lane import DeviceInfo
from harness.testing import nvml as machines
from harness.testing.nvml import FakeGpu, FakeNvml

SOURCE = Path(__file__).with_name("fake_libcuda.c")
ORIN = DeviceInfo(
    "cuda", 0, "GPU-1", "Orin", compute_capability=(8, 7), cuda_name="0", locks=(("GPU-1", True),)
)


def build(folder: Path, *options: str) -> str:
    library = str(folder / "libfake.so")
    subprocess.run(["gcc", "-shared", "-fPIC", *options, "-o", library, str(SOURCE)], check=True)
    return library


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_devices_of_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")  # is heeded elsewhere
    card, chip = find_cuda_devices(build(tmp_path))
    assert card == DeviceInfo(
        kind="cuda",
        index=0,
        uuid="GPU-00010203-0405-0607-0809-0a0b0c0d0e0f",
        name="NVIDIA RTX A4000",
        pci_bus_id="0000:c1:00.0",
        memory_bytes=8 * 2**30,
        compute_capability=(8, 7),
        driver="CUDA 12.6",
        locks=(("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f", True),),
        compute_mode="exclusive_process",
        sm_count=8,
        peak_gflops=2048.0,
        peak_gbps=96.0,
        cuda_name="0",
    )
    assert (chip.name, chip.pci_bus_id, chip.cuda_name) == ("Orin", "", "1")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_cuda_that_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="cuInit fails with error 100"):
        find_cuda_devices(build(tmp_path, "-DNO_DEVICE"))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_what_a_lane_sees(tmp_path: Path) -> None:
    library = build(tmp_path)
    (lane,) = make_lanes("auto", [replace(ORIN, cuda_name="")])
    assert find_unseen(lane, library) == ""
    (other,) = make_lanes("auto", [replace(ORIN, uuid="GPU-2", cuda_name="")])
    assert find_unseen(other, library) == "CUDA shows no device any more"
    blind = build(tmp_path, "-DNO_DEVICE")
    assert "error 100 (it shows no device)" in find_unseen(lane, blind)
    assert find_unseen(lane, str(tmp_path / "libnone.so")) == ""  # which proves nothing


def test_no_cuda(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"CUDA does not tell its devices: .*libnone"):
        find_cuda_devices(str(tmp_path / "libnone.so"))


@pytest.mark.parametrize("file", ["nvgpu", "nvhost-gpu", "nvidia0"])
def test_cuda_is_asked_where_nvml_is_missing(tmp_path: Path, file: str) -> None:
    (tmp_path / file).touch()
    backend = CudaBackend(machines.no_library(), {}, tmp_path, lambda: [ORIN])
    assert backend.discover() == [ORIN]
    (remark,) = backend.remarks
    assert "NVML Shared Library Not Found" in remark
    assert "clocks, energy and users are not known" in remark
    (lane,) = make_lanes("auto", backend.discover())
    assert dict(lane.environment)["CUDA_VISIBLE_DEVICES"] == "0"
    assert backend.processes(ORIN) == []


def test_cuda_is_asked_for_what_nvml_hardly_knows() -> None:
    """A board with a card: the card is as NVML tells it."""
    card = FakeGpu("GPU-card", "00000000:01:00.0")
    nvml = FakeNvml([*machines.jetson().gpus, card])
    told = [ORIN, replace(ORIN, uuid="GPU-card", pci_bus_id="0000:01:00.0", cuda_name="1")]
    found = CudaBackend(nvml, {}, Path("/nonexistent"), lambda: told).discover()
    assert [(device.name, device.index, device.cuda_name) for device in found] == [
        ("NVIDIA RTX A4000", 0, ""),
        ("Orin", 1, "0"),
    ]


def test_neither_nvml_nor_cuda(tmp_path: Path) -> None:
    def fail() -> list[DeviceInfo]:
        raise DeviceError("CUDA does not tell its devices: libcuda.so.1: cannot open")

    (tmp_path / "nvidia0").touch()
    with pytest.raises(
        DeviceError, match=r"^CUDA does not tell.*; cannot ask .*`utility`.*backend = .cpu.$"
    ):
        CudaBackend(machines.no_library(), {}, tmp_path, fail).discover()
    mismatch = FakeNvml(init_error=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)
    with pytest.raises(DeviceError, match="reboot"):  # CUDA would say the same
        CudaBackend(mismatch, {}, tmp_path, lambda: [ORIN]).discover()
