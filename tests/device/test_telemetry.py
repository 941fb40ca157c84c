from __future__ import annotations

import dataclasses

import pynvml
import pytest

from harness.device.nvml import CudaBackend
from harness.device.telemetry import NvmlTelemetry
from harness.lane import DeviceInfo
from harness.testing.nvml import (
    ERRORS,
    FakeNvml,
    geforce,
    mig,
    no_library,
    old_driver,
    one_gpu,
    shared_by_mps,
    windows_linux,
)
from harness.timing.circumstances import find_flags


def find_device(nvml: FakeNvml, place: int = 0) -> DeviceInfo:
    return CudaBackend(nvml, {}).discover()[place]


def test_the_state_of_a_gpu() -> None:
    nvml = one_gpu()
    telemetry = NvmlTelemetry(find_device(nvml), lambda: 5.0, nvml)
    state = telemetry.read()
    assert (state.at_s, state.sm_mhz, state.memory_mhz) == (5.0, 1410, 6500)
    assert (state.temperature_c, state.power_w, state.energy_j) == (61, 140.5, 987654.321)
    assert state.reasons == 4
    assert dict(state.held_ns) == {
        "power_cap": 74_000,
        "thermal": 75_000,
        "sw_thermal": 269_000,
        "hw_thermal": 270_000,
        "power_brake": 0,  # not counted here, and not seen yet
    }
    assert state.processes == 1
    telemetry.close()
    assert nvml.initialised == 0


def test_a_slice_is_asked_by_its_parent() -> None:
    nvml = mig()
    state = NvmlTelemetry(find_device(nvml), lambda: 0.0, nvml).read()
    assert state.sm_mhz == 1410
    assert state.energy_j is None  # the parent's is not the slice's


def test_what_an_old_driver_does_not_tell_is_left_out() -> None:
    nvml = old_driver()
    state = NvmlTelemetry(find_device(nvml), lambda: 0.0, nvml).read()
    assert (state.sm_mhz, state.energy_j, state.reasons, state.processes) == (1410, None, 4, None)


def test_without_a_driver_only_the_time_is_known() -> None:
    device = DeviceInfo("cuda", 0, "GPU-1", "gone")
    telemetry = NvmlTelemetry(device, lambda: 3.0, no_library())
    assert telemetry.read() == type(telemetry.read())(3.0)
    telemetry.close()


def test_without_counters_clocks_that_are_held_back_are_seen_all_the_same() -> None:
    nvml, clock = geforce(), iter([0.0, 1.0, 2.0, 3.0])
    telemetry = NvmlTelemetry(find_device(nvml), lambda: next(clock), nvml)
    before, after = telemetry.read(), telemetry.read()  # too hot all the time
    assert before.energy_j is None
    assert dict(after.held_ns) == {
        "power_cap": 0,
        "thermal": 0,
        "sw_thermal": 1_000_000_000,
        "hw_thermal": 0,
        "power_brake": 0,
    }
    assert find_flags(before, after) == ("throttled",)
    nvml.gpus = (dataclasses.replace(nvml.gpus[0], reasons=0x1),)
    telemetry = NvmlTelemetry(find_device(nvml), lambda: next(clock), nvml)
    assert find_flags(telemetry.read(), telemetry.read()) == ()


def test_the_server_of_mps_is_no_other_process() -> None:
    nvml = shared_by_mps()
    telemetry = NvmlTelemetry(find_device(nvml), lambda: 0.0, nvml)
    assert telemetry.read().processes == 2  # its clients are
    nvml.gpus = (dataclasses.replace(nvml.gpus[0], clients=(701,)),)
    state = NvmlTelemetry(find_device(nvml), lambda: 0.0, nvml).read()
    assert state.processes == 1
    assert find_flags(state, state) == ()


def test_processes_on_other_slices_of_a_gpu_are_no_business_of_a_slice() -> None:
    nvml = mig()
    parts = [
        part and dataclasses.replace(part, processes=((800 + place, "worker", None),))
        for place, part in enumerate(nvml.gpus[0].slices)
    ]
    nvml.gpus = (dataclasses.replace(nvml.gpus[0], slices=tuple(parts)), nvml.gpus[1])
    for place in range(3):
        state = NvmlTelemetry(find_device(nvml, place), lambda: 0.0, nvml).read()
        assert state.processes == 1
        assert state.sm_mhz == 1410
        assert find_flags(state, state) == ()


def test_in_the_linux_of_windows_nobody_is_seen() -> None:
    nvml = windows_linux()
    state = NvmlTelemetry(find_device(nvml), lambda: 0.0, nvml).read()
    assert (state.sm_mhz, state.processes) == (1410, None)


@pytest.mark.parametrize("code", ERRORS)
def test_what_one_question_raises_hides_no_other_answer(code: int) -> None:
    nvml = FakeNvml(one_gpu().gpus, errors={"nvmlDeviceGetPowerUsage": code})
    state = NvmlTelemetry(find_device(nvml), lambda: 0.0, nvml).read()
    assert (state.power_w, state.sm_mhz, state.processes) == (None, 1410, 1)


def test_of_a_gpu_that_is_lost_only_the_time_is_known() -> None:
    nvml = one_gpu()
    telemetry = NvmlTelemetry(find_device(nvml), lambda: 7.0, nvml)
    nvml.lose(0, pynvml.NVML_ERROR_GPU_IS_LOST)
    assert telemetry.read() == type(telemetry.read())(7.0)
