from __future__ import annotations

import pytest

from harness.device.nvml import CudaBackend
from harness.testing import nvml as machines
from harness.testing.nvml import FakeGpu, FakeNvml


def visible(fake: FakeNvml, variable: str) -> list[int]:
    backend = CudaBackend(fake, {"CUDA_VISIBLE_DEVICES": variable})
    return [device.index for device in backend.discover()]


# PCI order: V100 GPU-aaaaaaaa…, A4000 GPU-aaaabbbb…, A100 GPU-cccccccc…
@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("0,1,2", [0, 1, 2]),
        ("2,0", [0, 2]),
        (" 1 , 2 ", [1, 2]),
        ("GPU-c", [2]),
        ("gpu-C", [2]),
        ("GPU-aaaab,0", [0, 1]),
        ("GPU-cccccccc-0000-4000-8000-000000000003", [2]),
        # An invalid entry hides itself and all after it.
        ("0,7,1", [0]),
        ("0,-1,1", [0]),
        ("GPU-c,GPU-d,0", [2]),
        ("1,GPU-aaaa,2", [1]),  # ambiguous
        ("0,,1", [0]),
        ("NoDevFiles", []),
        # A duplicate hides everything.
        ("0,1,0", []),
        ("0,GPU-aaaaaaaa", []),
        ("0,9,0", [0]),  # unless hidden by an invalid one before it
        # Empty hides all.
        ("", []),
        (" ", []),
    ],
)
def test_rules_of_cuda_visible_devices(variable: str, expected: list[int]) -> None:
    assert visible(machines.three_unlike(), variable) == expected


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("MIG-2222", [1]),
        ("MIG-33333333-0000-4000-8000-000000000003,MIG-1", [0, 2]),
        ("0", [0, 1, 2]),  # a GPU in MIG mode stands for all of its slices
        ("1", [3]),
        ("GPU-0000aaaa", [0, 1, 2]),
        ("MIG-1,MIG-1", []),
        ("0,MIG-1", []),
        ("MIG-", []),
        ("MIG-9", []),
    ],
)
def test_mig(variable: str, expected: list[int]) -> None:
    assert visible(machines.mig(), variable) == expected


def test_an_exact_uuid_wins_over_a_longer_one() -> None:
    gpus = [FakeGpu("GPU-aa", "0:01:00.0"), FakeGpu("GPU-aabb", "0:02:00.0")]
    assert visible(FakeNvml(gpus), "GPU-aa") == [0]


def test_not_set_hides_nothing() -> None:
    assert len(CudaBackend(machines.eight_alike(), {}).discover()) == 8


@pytest.mark.parametrize(
    ("variable", "order", "said"),
    [
        ("GPU-c,GPU-aaaab", "", ""),
        ("2,0", "PCI_BUS_ID", ""),
        ("0,-1,1", "PCI_BUS_ID", ""),  # how lists are ended on purpose
        ("2,0", "", "numbers are taken in PCI order"),
        ("2,0", "FASTEST_FIRST", "CUDA itself puts the fastest of unlike GPUs first"),
        ("", "", "CUDA_VISIBLE_DEVICES=: there are 3 GPUs, and all are hidden"),
        ("-1", "", "there are 3 GPUs, and all are hidden"),
        ("NoDevFiles", "", "there are 3 GPUs, and all are hidden"),
        (
            "GPU-c,7,1",
            "",
            "CUDA stops at '7', which is no GPU here, and does not read 1 "
            "(there are 3 GPUs, numbered from 0 to 2)",
        ),
        ("GPU-d", "", "CUDA stops at 'GPU-d', which is no GPU here (there are 3 GPUs)"),
        ("0, 1 ,0", "PCI_BUS_ID", "'0' names a GPU for the second time, so CUDA hides all"),
    ],
)
def test_what_may_not_be_meant_is_said(variable: str, order: str, said: str) -> None:
    environment = {"CUDA_VISIBLE_DEVICES": variable, "CUDA_DEVICE_ORDER": order}
    backend = CudaBackend(machines.three_unlike(), environment)
    backend.discover()
    assert said in "".join(backend.remarks)
    assert bool(backend.remarks) == bool(said)


def test_numbers_need_no_word_where_gpus_are_alike() -> None:
    backend = CudaBackend(machines.eight_alike(), {"CUDA_VISIBLE_DEVICES": "1,2"})
    assert len(backend.discover()) == 2
    assert backend.remarks == []
    sliced = CudaBackend(machines.mig(), {"CUDA_VISIBLE_DEVICES": "0,1"})
    assert len(sliced.discover()) == 4
    assert sliced.remarks == []
