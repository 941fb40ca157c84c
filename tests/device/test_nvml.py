from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest

from harness.device.nvml import CudaBackend
from harness.device.nvml_library import load_where_windows_puts_it
from harness.errors import DeviceError
from harness.testing import nvml as machines
from harness.testing.nvml import ERRORS, FUNCTIONS, FakeGpu, FakeNvml


def backend(
    nvml: FakeNvml, tmp_path: Path | None = None, visible: str | None = None
) -> CudaBackend:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return CudaBackend(nvml, environment, dev=tmp_path or Path("/nonexistent"))


def test_one_gpu_is_described_fully() -> None:
    (gpu,) = backend(machines.one_gpu()).discover()
    assert gpu.kind == "cuda"
    assert gpu.index == 0
    assert gpu.uuid == "GPU-00000000-0000-4000-8000-000000000000"
    assert gpu.name == "NVIDIA RTX A4000"
    assert gpu.pci_bus_id == "0000:10:00.0"
    assert gpu.compute_capability == (8, 6)
    assert gpu.memory_bytes == 16 * 2**30
    assert gpu.driver == "570.133.20"
    assert gpu.compute_mode == "default"
    assert gpu.locks == ((gpu.uuid, True),)
    assert not gpu.simulated


def test_gpus_are_in_pci_order_whatever_order_nvml_has() -> None:
    gpus = backend(machines.three_unlike()).discover()
    assert [gpu.pci_bus_id for gpu in gpus] == ["0000:0a:00.0", "0000:65:00.0", "0000:c1:00.0"]
    assert [gpu.index for gpu in gpus] == [0, 1, 2]
    assert len({gpu.model for gpu in gpus}) == 3


def test_eight_alike() -> None:
    gpus = backend(machines.eight_alike()).discover()
    assert len({gpu.uuid for gpu in gpus}) == 8
    assert len({gpu.model for gpu in gpus}) == 1


def test_a_gpu_in_mig_mode_is_found_as_its_slices_without_the_holes() -> None:
    devices = backend(machines.mig()).discover()
    assert [device.name.removeprefix("NVIDIA A100-SXM4-40GB") for device in devices] == [
        " MIG 3g.20gb",
        " MIG 1g.5gb",
        " MIG 1c.2g.10gb",  # an older driver: made from the slice's attributes
        "",
    ]
    assert [device.index for device in devices] == [0, 1, 2, 3]
    first = devices[0]
    assert first.parent_uuid == "GPU-0000aaaa-0000-4000-8000-000000000001"
    assert first.locks == ((first.uuid, True), (first.parent_uuid, False))
    assert first.memory_bytes == 19968 * 2**20


@pytest.mark.parametrize(
    "code", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED]
)
def test_no_driver_is_no_gpu(code: int, tmp_path: Path) -> None:
    fake = FakeNvml(init_error=code)
    assert backend(fake, tmp_path).discover() == []
    assert fake.initialised == 0  # a shutdown would have raised Uninitialized


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "utility"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "modprobe nvidia"),
    ],
)
def test_gpus_without_a_working_driver_are_an_error(code: int, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    with pytest.raises(DeviceError, match=remedy):
        backend(FakeNvml(init_error=code), tmp_path).discover()


def test_other_device_files_are_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "nvidiactl").touch()
    (tmp_path / "nvidia-caps").touch()
    assert backend(machines.no_library(), tmp_path).discover() == []


def test_a_dead_driver_is_an_error_with_a_remedy() -> None:
    with pytest.raises(DeviceError, match=r"version mismatch; .*reboot.*backend = \"cpu\""):
        backend(machines.dead_driver()).discover()


def test_an_old_driver_leaves_gaps() -> None:
    found = backend(machines.old_driver())
    first, second = found.discover()
    assert first.memory_bytes == 16 * 2**30  # from the first version of the question
    assert first.compute_capability is None
    assert found.processes(second) == []


def test_processes() -> None:
    found = backend(machines.eight_alike())
    device = found.discover()[3]
    (process,) = found.processes(device)
    assert (process.pid, process.name) == (903, "/usr/bin/python3")
    assert process.memory_bytes == 2**30


def test_in_a_container_processes_may_be_nameless() -> None:
    found = backend(machines.container())
    (process,) = found.processes(found.discover()[0])
    assert process.name == ""
    assert process.memory_bytes == 0


def test_a_slice_has_its_own_processes() -> None:
    found = backend(machines.mig())
    assert found.processes(found.discover()[0]) == []


def test_a_device_that_is_gone_has_no_processes() -> None:
    gone = backend(machines.three_unlike()).discover()[0]
    assert backend(machines.one_gpu()).processes(gone) == []
    assert backend(machines.no_library()).processes(gone) == []


def test_one_lost_gpu_does_not_take_the_others_with_it() -> None:
    gpus = list(machines.make_gpus(2))
    gpus[0] = FakeGpu("GPU-dead", "00000000:01:00.0", error=pynvml.NVML_ERROR_GPU_IS_LOST)
    found = backend(FakeNvml(gpus))
    assert [gpu.uuid for gpu in found.discover()] == [gpus[1].uuid]
    assert "fallen off the bus" in found.remarks[0]
    found.discover()
    assert len(found.remarks) == 1


def test_only_lost_gpus_are_an_error() -> None:
    fake = FakeNvml([FakeGpu("GPU-dead", "0:1:0.0", error=pynvml.NVML_ERROR_GPU_IS_LOST)])
    with pytest.raises(DeviceError, match="no GPU can be used: GPU is lost"):
        backend(fake).discover()


def test_gpus_of_others_are_left_out_silently() -> None:
    hidden = FakeGpu("GPU-hidden", "00000000:01:00.0", error=pynvml.NVML_ERROR_NO_PERMISSION)
    found = backend(FakeNvml([hidden, *machines.make_gpus(1)]))
    (gpu,) = found.discover()
    assert gpu.index == 0
    assert found.remarks == []
    none = backend(FakeNvml([hidden]))
    assert none.discover() == []
    assert "1 GPU of this machine may not be used by this user" in none.remarks[0]


def test_a_gpu_that_prohibits_computing_is_left_out() -> None:
    idle, good = machines.make_gpus(2)
    idle = FakeGpu(idle.uuid, idle.pci_bus_id, compute_mode=pynvml.NVML_COMPUTEMODE_PROHIBITED)
    fake = FakeNvml([idle, good])
    found = backend(fake)
    assert [gpu.uuid for gpu in found.discover()] == [good.uuid]
    assert "prohibited" in found.remarks[0]
    # It keeps its number in CUDA_VISIBLE_DEVICES.
    assert [gpu.uuid for gpu in backend(fake, visible="0,1").discover()] == [good.uuid]


def test_mig_mode_without_slices_is_no_device() -> None:
    gpu = FakeGpu("GPU-empty", "00000000:01:00.0", capability=(8, 0), mig=True)
    found = backend(FakeNvml([gpu]))
    assert found.discover() == []
    assert "nvidia-smi mig" in found.remarks[0]


def test_visible_devices_keep_their_index() -> None:
    gpus = backend(machines.eight_alike(), visible="3,1").discover()
    assert [gpu.index for gpu in gpus] == [1, 3]


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_of_nvml_is_mapped_wherever_it_is_raised(
    code: int,
) -> None:
    whole = backend(machines.mig()).discover()
    for make in (machines.mig, machines.eight_alike):
        for function in FUNCTIONS:
            fake = FakeNvml(make().gpus, errors={function: code})
            _discover_or_device_error(backend(fake).discover)
            for device in whole:
                assert isinstance(backend(fake).processes(device), list)
            if function != "nvmlShutdown":
                assert fake.initialised == 0, f"{function} left NVML initialised"


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_at_the_start_is_mapped(code: int) -> None:
    _discover_or_device_error(backend(FakeNvml(init_error=code)).discover)


def _discover_or_device_error(discover: Callable[[], object]) -> None:
    try:
        answer = discover()
    except DeviceError as error:
        answer = str(error).split("; ")[-1:]  # what to do
        assert "or go without GPUs" in answer[0]
    assert isinstance(answer, list)


def test_a_library_that_is_not_the_bindings_own_is_mapped() -> None:
    fake = FakeNvml(
        machines.make_gpus(1),
        errors={"nvmlDeviceGetCount": pynvml.NVML_ERROR_FUNCTION_NOT_FOUND},
    )
    with pytest.raises(DeviceError, match="update the driver"):
        backend(fake).discover()


def test_the_real_module_on_this_machine_gives_a_list_or_says_what_is_wrong() -> None:
    _discover_or_device_error(CudaBackend().discover)


def test_without_the_package_there_are_no_gpus(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    assert CudaBackend(environment={}).discover() == []
    assert "nvidia-ml-py" in caplog.text


def test_who_shares_a_gpu_through_mps_uses_it() -> None:
    found = backend(machines.shared_by_mps())
    names = {process.pid: process.name for process in found.processes(found.discover()[0])}
    assert names == {700: "/usr/bin/nvidia-cuda-mps-server", 701: "", 702: ""}


def test_the_library_is_found_where_windows_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr("ctypes.CDLL", loaded.append)
    load_where_windows_puts_it(tmp_path)
    assert loaded == []
    (tmp_path / "libnvidia-ml.so.1").touch()
    load_where_windows_puts_it(tmp_path)
    assert loaded == [str(tmp_path / "libnvidia-ml.so.1")]
