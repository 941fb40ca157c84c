from __future__ import annotations

from typing import Literal

import pytest

from harness.device.lanes import Parallel, count_devices, make_lanes, parse_parallel
from harness.device.mock import MockBackend
from harness.device.none import NoneBackend
from harness.device.nvml import CudaBackend
from harness.errors import ConfigError, DeviceError
from harness.lane import DeviceInfo
from harness.testing import nvml as machines
from harness.testing.nvml import FakeGpu, FakeNvml

# PCI order: 0 V100 GPU-aaaaaaaa at 0a, 1 A4000 GPU-aaaabbbb at 65, 2 A100 GPU-cccccccc at c1
THREE = CudaBackend(machines.three_unlike(), {}).discover()
EIGHT = CudaBackend(machines.eight_alike(), {}).discover()
MIG = CudaBackend(machines.mig(), {}).discover()
CPUS = [DeviceInfo("cpu", index, f"CPU-cafe-{index}", "Invented 9000") for index in range(3)]
NONE = NoneBackend().discover(3)


def bind(
    parallel: Parallel, devices: list[DeviceInfo] = THREE, *, oversubscribe: bool = False
) -> dict[str, int]:
    lanes = make_lanes(parallel, devices, oversubscribe=oversubscribe)
    assert [lane.index for lane in lanes] == list(range(len(lanes)))
    return {lane.name: lane.device.index for lane in lanes}


@pytest.mark.parametrize(
    ("parallel", "expected"),
    [
        ("auto", {"0": 0, "1": 1, "2": 2}),
        (2, {"0": 0, "1": 1}),
        ("3", {"0": 0, "1": 1, "2": 2}),
        (["left", "right"], {"left": 0, "right": 1}),
        ("left,right", {"left": 0, "right": 1}),
        (["only"], {"only": 0}),
        # selectors
        ({"a": 2, "b": 0}, {"a": 2, "b": 0}),
        ({"a": "2", "b": "0"}, {"a": 2, "b": 0}),
        ({"a": "GPU-c"}, {"a": 2}),
        ({"a": "gpu-AAAAB"}, {"a": 1}),
        ({"a": "GPU-aaaaaaaa-0000-4000-8000-000000000001"}, {"a": 0}),
        ({"a": "0000:65:00.0"}, {"a": 1}),
        ({"a": "00000000:C1:00.0"}, {"a": 2}),
        ({"a": "c1:00"}, {"a": 2}),
        ({"a": "name:RTX A4000"}, {"a": 1}),
        ({"a": "name:a100"}, {"a": 2}),
        ({"a": "cuda:1", "b": "gpu2"}, {"a": 1, "b": 2}),
        # names that are selectors
        (["gpu1"], {"gpu1": 1}),
        (["cuda:2", "other"], {"cuda:2": 2, "other": 0}),
        (["x", "gpu0", "y"], {"x": 1, "gpu0": 0, "y": 2}),
        (["GPU-cccc", "z"], {"GPU-cccc": 2, "z": 0}),
        (["0000:65:00.0"], {"0000:65:00.0": 1}),
        (["name:A100"], {"name:A100": 2}),
        (["2", "0"], {"2": 2, "0": 0}),
        (["1", "2", "3"], {"1": 1, "2": 2, "3": 0}),  # 3 is no device: a mere name
        (["GPU-a", "GPU-b"], {"GPU-a": 0, "GPU-b": 1}),  # too short to be UUIDs
        (["cpu0"], {"cpu0": 0}),
        (["mock2"], {"mock2": 0}),
    ],
)
def test_forms_of_parallel(parallel: Parallel, expected: dict[str, int]) -> None:
    assert bind(parallel) == expected


def test_a_model_name_takes_the_first_free_of_that_model() -> None:
    assert bind({"a": "name:A4000", "b": 0, "c": "name:A4000"}, EIGHT) == {"a": 1, "b": 0, "c": 2}
    # The one with a single choice goes first.
    assert bind({"a": "name:NVIDIA", "b": "name:A4000"}) == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("parallel", "message"),
    [
        ({"a": 7}, r"there is no device 7; there are 0: Tesla V100.*; 1: .*; 2: "),
        ({"a": "cuda:3"}, "there is no device 'cuda:3'"),
        (["gpu9"], "there is no device 'gpu9'"),
        (["GPU-ffff"], "there is no device 'GPU-ffff'"),
        ({"a": "GPU-aaaa"}, "fits 2 devices; select one by its UUID: GPU-aaaaaaaa-.*, GPU-aaaab"),
        ({"a": "GPU-cccd"}, "did you mean 'GPU-cccccccc-0000-4000-8000-000000000003'"),
        ({"a": "name:RTX A400X"}, "did you mean 'name:RTX A4000'"),
        ({"a": "0000:66:00.0"}, "no device '0000:66:00.0', did you mean '0000:65:00.0'"),
        ({"a": "name:"}, "there is no device 'name:'"),
        ({"a": "the big one"}, "selects no device; use an index, a UUID or its beginning"),
        ({"a": "mock:0"}, "there is no device 'mock:0'"),
        (["a", "a"], "'a' is there twice"),
        ([], "no lanes"),
        ({}, "no lanes"),
        (0, "no lanes"),
        (-1, "no lanes"),
        (["a", ""], "empty or unprintable"),
        (["a\nb"], "empty or unprintable"),
    ],
)
def test_wrong_parallel(parallel: Parallel, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_lanes(parallel, THREE)


@pytest.mark.parametrize(
    ("parallel", "message"),
    [
        (4, r"4 lanes, but 3 devices \(there are 0: .*oversubscribe = true"),
        (["a", "b", "c", "d"], "4 lanes, but 3 devices"),
        ({"a": 1, "b": "name:A4000"}, "lane 'b' asks for 'name:A4000', but device 1 .*lane 'a'"),
        (["gpu1", "cuda:1"], "'cuda:1' asks for 'cuda:1', but device 1 .*oversubscribe = true"),
    ],
)
def test_too_few_devices(parallel: Parallel, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        make_lanes(parallel, THREE)


def test_no_devices() -> None:
    with pytest.raises(DeviceError, match="no devices"):
        make_lanes("auto", [])


def test_oversubscribed_lanes_share_evenly() -> None:
    assert list(bind(7, oversubscribe=True).values()) == [0, 1, 2, 0, 1, 2, 0]
    assert bind(["a", "gpu0", "b", "c"], oversubscribe=True) == {"gpu0": 0, "a": 1, "b": 2, "c": 0}


def test_a_gpu_for_one_process_is_not_shared() -> None:
    fake = FakeNvml([FakeGpu("GPU-e", "0:01:00.0", compute_mode=3)])
    devices = CudaBackend(fake, {}).discover()
    with pytest.raises(DeviceError, match="admits one process"):
        make_lanes(2, devices, oversubscribe=True)


def test_mig_slices_are_devices() -> None:
    assert bind("auto", MIG) == {"0": 0, "1": 1, "2": 2, "3": 3}
    assert bind({"a": "MIG-2222", "b": "GPU-0000bbbb"}, MIG) == {"a": 1, "b": 3}
    with pytest.raises(ConfigError, match=r"fits 3 devices.*MIG-1111.*MIG-2222"):
        make_lanes({"a": "GPU-0000aaaa"}, MIG)


def test_cpus_and_nothing() -> None:
    assert bind(["cpu1", "x"], CPUS) == {"cpu1": 1, "x": 0}
    assert bind(["gpu1", "gpu0"], CPUS) == {"gpu1": 0, "gpu0": 1}  # no GPU is meant here
    assert bind(["GPU-8f2c", "0000:65:00.0"], CPUS) == {"GPU-8f2c": 0, "0000:65:00.0": 1}
    assert bind(["2", "1", "0"], NONE) == {"2": 0, "1": 1, "0": 2}
    with pytest.raises(ConfigError, match="no device 'gpu1'"):
        make_lanes({"a": "gpu1"}, CPUS)


def environment(
    parallel: Parallel,
    devices: list[DeviceInfo],
    pin: Literal["visible", "ordinal", "none"],
    *,
    oversubscribe: bool = False,
) -> list[dict[str, str]]:
    lanes = make_lanes(parallel, devices, pin=pin, oversubscribe=oversubscribe)
    return [dict(lane.environment) for lane in lanes]


@pytest.mark.parametrize("devices", [EIGHT, MockBackend().discover(8)], ids=["cuda", "mock"])
def test_environment_by_pin(devices: list[DeviceInfo]) -> None:
    table: Parallel = {"left": 5, "right": 2}
    five, two = devices[5].uuid, devices[2].uuid
    assert environment(table, devices, "visible") == [
        {
            "HARNESS_PARALLEL": name,
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": uuid,
            "HARNESS_ORDINAL": "0",
        }
        for name, uuid in (("left", five), ("right", two))
    ]
    assert environment(table, devices, "ordinal") == [
        {
            "HARNESS_PARALLEL": name,
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": f"{five},{two}",
            "HARNESS_ORDINAL": ordinal,
        }
        for name, ordinal in (("left", "0"), ("right", "1"))
    ]
    assert environment(table, devices, "none") == [
        {"HARNESS_PARALLEL": "left"},
        {"HARNESS_PARALLEL": "right"},
    ]


def test_cpu_lanes_see_no_pin() -> None:
    for pin in ("visible", "ordinal", "none"):
        assert environment(1, CPUS, pin) == [{"HARNESS_PARALLEL": "0"}]


def test_ordinals_that_cuda_would_hide_are_refused() -> None:
    with pytest.raises(ConfigError, match="CUDA hides every GPU"):
        environment(4, THREE, "ordinal", oversubscribe=True)
    assert len(environment(4, CPUS, "ordinal", oversubscribe=True)) == 4
    with pytest.raises(ConfigError, match="only one slice"):
        environment(2, MIG, "ordinal")
    assert len(environment(1, MIG, "ordinal")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", "auto"),
        (" 4 ", 4),
        ("0", 0),
        ("-2", -2),
        ("left,right", ("left", "right")),
        ("left right", ("left", "right")),
        ("left", ("left",)),
        ("gpu1,cuda:2", ("gpu1", "cuda:2")),
        (
            "left=GPU-8f2c, right=0000:65:00.0,slow=2,old=name:RTX A4000",
            {"left": "GPU-8f2c", "right": "0000:65:00.0", "slow": 2, "old": "name:RTX A4000"},
        ),
        ("", ()),
        ("AUTO", "auto"),
    ],
)
def test_parallel_on_the_command_line(text: str, expected: Parallel) -> None:
    assert parse_parallel(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=1,b", "'b' is not NAME=DEVICE"),
        ("a=", "'a=' is not NAME=DEVICE"),
        ("=1", "'=1' is not NAME=DEVICE"),
        ("a=1,a=2", "'a' is there twice"),
        ("1.5", "parallel = 1.5: not a whole number"),
        ("1e3", "not a whole number"),
        ("0x2", "not a whole number"),
        ("true", "not a whole number"),
        ("٣", "not a whole number"),
        ("9" * 5000, "not a whole number"),
    ],
)
def test_wrong_parallel_on_the_command_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_parallel(text)


@pytest.mark.parametrize(
    ("parallel", "count"),
    [
        ("auto", None),
        (4, 4),
        (["a", "b"], 2),
        ("a,b", 2),
        ({"a": 0, "b": 5}, 6),
        ({"a": "3"}, 4),
        (["gpu3"], 4),
        (["cuda:1"], 2),
        (["7"], 1),
        ({"a": "GPU-8f2c"}, 1),
    ],
)
def test_how_many_devices_lanes_need(parallel: Parallel, count: int | None) -> None:
    assert count_devices(parallel) == count


def test_more_lanes_than_any_machine_has_are_a_slip() -> None:
    with pytest.raises(ConfigError, match="parallel = 5000: must be at most 4096"):
        count_devices(5000)
