from __future__ import annotations

from harness.device.nvml import CudaBackend
from harness.device.telemetry import NvmlTelemetry
from harness.lane import DeviceInfo
from harness.testing.nvml import FakeNvml, mig, no_library, old_driver, one_gpu


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
    }  # the last counter is not supported
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
    assert (state.sm_mhz, state.energy_j, state.held_ns, state.processes) == (1410, None, (), None)


def test_without_a_driver_only_the_time_is_known() -> None:
    device = DeviceInfo("cuda", 0, "GPU-1", "gone")
    telemetry = NvmlTelemetry(device, lambda: 3.0, no_library())
    assert telemetry.read() == type(telemetry.read())(3.0)
    telemetry.close()
