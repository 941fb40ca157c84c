from __future__ import annotations

import pytest

from harness.device.base import Backend
from harness.device.discover import find_devices
from harness.device.mock import MODELS, MockBackend
from harness.device.none import NoneBackend
from harness.device.nvml import CudaBackend
from harness.errors import ConfigError, DeviceError
from harness.testing import nvml as machines
from harness.testing.nvml import FakeNvml


def test_mock_gpus_look_like_gpus_and_say_that_they_are_not() -> None:
    devices = MockBackend(["RTX A4000", "H100"]).discover(7)
    assert [device.name for device in devices] == ["RTX A4000", "H100"]
    assert all(device.simulated for device in devices)
    assert all(device.uuid.startswith("MOCK-") for device in devices)
    assert devices[1].compute_capability == (9, 0)
    assert devices[1].speed > devices[0].speed
    assert len({device.pci_bus_id for device in devices}) == 2
    assert devices[0].locks == ()
    assert MockBackend().processes(devices[0]) == []


def test_mock_uuids_are_stable_per_seed_and_index() -> None:
    first = [device.uuid for device in MockBackend(seed=1).discover(8)]
    assert first[:3] == [device.uuid for device in MockBackend(["T4"] * 3, seed=1).discover()]
    assert first[0] == "MOCK-c0d92ba2-874d-8bf5-2ba3-fe2184ba2ae4"
    other = [device.uuid for device in MockBackend(seed=2).discover(8)]
    assert len({*first, *other}) == 16


def test_mock_makes_as_many_as_are_asked_for() -> None:
    assert len(MockBackend().discover()) == 4
    assert len(MockBackend(count=2).discover()) == 2
    devices = MockBackend().discover(300)
    assert len({device.pci_bus_id for device in devices}) == 300
    assert len({device.model for device in devices}) == 1


def test_an_unknown_model_is_an_error_that_names_the_known() -> None:
    with pytest.raises(ConfigError, match="'RTX A400': unknown model; did you mean 'RTX A4000'"):
        MockBackend(["RTX A400"])
    with pytest.raises(ConfigError) as caught:
        MockBackend(["abacus", "H100", "quipu"])
    assert len(caught.value.problems) == 2
    assert all(model in str(caught.value) for model in MODELS)


def test_none_makes_places_without_devices() -> None:
    devices = NoneBackend().discover(3)
    assert [(device.index, device.uuid, device.locks) for device in devices] == [
        (0, "", ()),
        (1, "", ()),
        (2, "", ()),
    ]
    assert len(NoneBackend().discover()) == 1
    assert NoneBackend().processes(devices[0]) == []


def backends(fake: FakeNvml) -> dict[str, Backend]:
    return {
        "cuda": CudaBackend(fake, {}),
        "cpu": MockBackend(["T4"]),
        "mock": MockBackend(),
        "none": NoneBackend(),
    }


def test_auto_is_cuda_if_there_is_a_gpu_else_cpu() -> None:
    name, devices = find_devices(backends(machines.three_unlike()), "auto", None)
    assert (name, len(devices)) == ("cuda", 3)
    name, devices = find_devices(backends(machines.no_library()), "auto", 5)
    assert (name, len(devices)) == ("cpu", 1)


def test_auto_does_not_hide_a_dead_driver() -> None:
    with pytest.raises(DeviceError, match="reboot"):
        find_devices(backends(machines.dead_driver()), "auto", None)


def test_a_backend_by_name() -> None:
    assert find_devices(backends(machines.one_gpu()), "mock", 2)[0] == "mock"
    assert len(find_devices(backends(machines.one_gpu()), "none", 6)[1]) == 6


def test_cuda_without_gpus_is_an_error() -> None:
    with pytest.raises(DeviceError, match='backend = "cuda": no device was found'):
        find_devices(backends(machines.no_library()), "cuda", None)


def test_an_unknown_backend() -> None:
    with pytest.raises(ConfigError, match="'rocm': unknown; use auto, cuda, cpu, mock, none"):
        find_devices(backends(machines.no_library()), "rocm", None)
