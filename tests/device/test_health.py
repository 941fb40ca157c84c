from __future__ import annotations

from dataclasses import replace

import pynvml
import pytest

from harness.device.health import find_loss
from harness.device.nvml import CudaBackend
from harness.testing import nvml as machines
from harness.testing.nvml import ERRORS, FakeGpu, FakeNvml


def test_a_gpu_that_is_there_is_not_lost() -> None:
    for nvml in (machines.one_gpu(), machines.mig(), machines.old_driver(), machines.geforce()):
        for device in CudaBackend(nvml, {}).discover():
            assert find_loss(device, nvml) == ""
        assert nvml.initialised == 0


def test_a_gpu_that_fell_off_the_bus_is_lost_and_the_others_are_not() -> None:
    nvml = machines.eight_alike()
    devices = CudaBackend(nvml, {}).discover()
    nvml.lose(3, pynvml.NVML_ERROR_GPU_IS_LOST)
    found = [find_loss(device, nvml) for device in devices]
    assert found == [*[""] * 3, "the GPU has fallen off the bus", *[""] * 4]


def test_a_slice_is_lost_with_its_gpu_and_when_it_was_removed() -> None:
    nvml = machines.mig()
    first, second = CudaBackend(nvml, {}).discover()[:2]
    gpu = nvml.gpus[0]
    nvml.gpus = (replace(gpu, slices=gpu.slices[1:]),)
    assert find_loss(first, nvml) == "the driver does not know the device any more"
    assert find_loss(second, nvml) == ""
    nvml.lose(0, pynvml.NVML_ERROR_RESET_REQUIRED)
    assert "reset" in find_loss(second, nvml)


def test_a_gpu_that_the_driver_cannot_find_any_more_is_lost() -> None:
    nvml = machines.one_gpu()
    (device,) = CudaBackend(nvml, {}).discover()
    unknown = pynvml.NVML_ERROR_UNKNOWN
    blind = FakeNvml(nvml.gpus, errors={"nvmlDeviceGetHandleByUUID": unknown})
    assert find_loss(device, blind) == "the driver cannot find the GPU"
    mute = FakeNvml(nvml.gpus, errors={"nvmlDeviceGetTemperature": unknown})
    assert find_loss(device, mute) == ""


@pytest.mark.parametrize("code", ERRORS)
def test_a_driver_that_is_silent_proves_nothing(code: int) -> None:
    nvml = machines.one_gpu()
    (device,) = CudaBackend(nvml, {}).discover()
    assert find_loss(device, FakeNvml(init_error=code)) == ""
    silent = FakeNvml(nvml.gpus, errors={"nvmlDeviceGetTemperature": code})
    gone = (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED)
    assert bool(find_loss(device, silent)) == (code in gone or code == pynvml.NVML_ERROR_NOT_FOUND)


def test_what_nvml_does_not_know_by_its_uuid_it_is_not_asked_for() -> None:
    nvml = machines.one_gpu()
    (device,) = CudaBackend(nvml, {}).discover()
    unknown = replace(device, uuid="GPU-other")
    assert find_loss(unknown, nvml) == "the driver does not know the device any more"
    assert find_loss(replace(unknown, cuda_name="0"), nvml) == ""


@pytest.mark.parametrize(
    ("gpu", "said"),
    [
        (FakeGpu("GPU-1", "0:01:00.0", recovery=1), "it needs a reset"),
        (FakeGpu("GPU-1", "0:01:00.0", recovery=2), "must be rebooted"),
        (FakeGpu("GPU-1", "0:01:00.0", recovery=99), ""),
        (FakeGpu("GPU-1", "0:01:00.0", remapped=(1, 2, 1, 0)), "wait for a reset"),
        (FakeGpu("GPU-1", "0:01:00.0", remapped=(1, 2, 0, 1)), "have it repaired"),
        (FakeGpu("GPU-1", "0:01:00.0", remapped=(1, 2, 0, 0)), ""),
        (FakeGpu("GPU-1", "0:01:00.0", virtual=2), "is a part of one that other machines may use"),
        (FakeGpu("GPU-1", "0:01:00.0", virtual=1), ""),  # passed through as a whole
    ],
)
def test_damage_is_told_and_the_gpu_is_used(gpu: FakeGpu, said: str) -> None:
    backend = CudaBackend(FakeNvml([gpu]), {})
    assert [device.uuid for device in backend.discover()] == ["GPU-1"]
    assert len(backend.remarks) == bool(said)
    assert said in "".join(backend.remarks)
