"""Machines with NVIDIA GPUs that nobody has: what drivers are seen to do on real ones."""

from __future__ import annotations

import pynvml

from harness.testing.fake_nvml import ERRORS, FUNCTIONS, FakeGpu, FakeNvml, FakeSlice, make_error

__all__ = ["ERRORS", "FUNCTIONS", "FakeGpu", "FakeNvml", "FakeSlice", "make_error"]

_HOST_PID = 4_123_456
"""A pid that a container sees though it means nothing there."""


def make_gpus(count: int) -> tuple[FakeGpu, ...]:
    """`count` GPUs alike, in PCI order."""
    return tuple(
        FakeGpu(
            uuid=f"GPU-{number:08x}-0000-4000-8000-00000000000{number:x}",
            pci_bus_id=f"00000000:{0x10 * (number + 1):02X}:00.0",
            processes=((900 + number, "/usr/bin/python3", 2**30),),
        )
        for number in range(count)
    )


def no_library() -> FakeNvml:
    """A machine without a driver, or a container without its management library."""
    return FakeNvml(init_error=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)


def one_gpu() -> FakeNvml:
    """A workstation with one GPU."""
    return FakeNvml(make_gpus(1))


def eight_alike() -> FakeNvml:
    """A server with eight GPUs of one model."""
    return FakeNvml(make_gpus(8))


def three_unlike() -> FakeNvml:
    """Three models, which NVML lists in another order than the PCI bus does."""
    return FakeNvml(
        [
            FakeGpu(
                "GPU-cccccccc-0000-4000-8000-000000000003",
                "00000000:C1:00.0",
                "NVIDIA A100-PCIE-40GB",
                (8, 0),
                40 * 2**30,
                6912,
            ),
            FakeGpu(
                "GPU-aaaaaaaa-0000-4000-8000-000000000001",
                "00000000:0A:00.0",
                "Tesla V100-PCIE-16GB",
                (7, 0),
                16 * 2**30,
            ),
            FakeGpu("GPU-aaaabbbb-0000-4000-8000-000000000002", "00000000:65:00.0"),
        ]
    )


def mig() -> FakeNvml:
    """An A100 in MIG mode with three slices and holes between them, beside a whole A100."""
    name = "NVIDIA A100-SXM4-40GB"
    slices = (
        FakeSlice("MIG-11111111-0000-4000-8000-000000000001", 3, 3, 19968),
        None,
        FakeSlice("MIG-22222222-0000-4000-8000-000000000002"),
        None,
        FakeSlice("MIG-33333333-0000-4000-8000-000000000003", 2, 1, 9856, named=False),
    )
    return FakeNvml(
        [
            FakeGpu(
                "GPU-0000aaaa-0000-4000-8000-000000000001",
                "00000000:07:00.0",
                name,
                (8, 0),
                40 * 2**30,
                6912,
                mig=True,
                slices=slices,
            ),
            FakeGpu(
                "GPU-0000bbbb-0000-4000-8000-000000000002",
                "00000000:0F:00.0",
                name,
                (8, 0),
                40 * 2**30,
                6912,
            ),
        ]
    )


def dead_driver() -> FakeNvml:
    """A driver that was updated without a reboot."""
    return FakeNvml(make_gpus(1), init_error=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)


def old_driver() -> FakeNvml:
    """A driver from before MIG and the second version of the memory question."""
    return FakeNvml(
        make_gpus(2),
        missing=(
            "nvmlDeviceGetMemoryInfo_v2",
            "nvmlDeviceGetMPSComputeRunningProcesses",
            "nvmlDeviceGetCurrentClocksEventReasons",
            "nvmlDeviceGetRemappedRows",
            "nvmlDeviceGetMigMode",
            "nvmlDeviceGetCudaComputeCapability",
            "nvmlDeviceGetNumGpuCores",
            "nvmlDeviceGetMaxClockInfo",
            "nvmlDeviceGetFieldValues",
            "nvmlDeviceGetTotalEnergyConsumption",
            "nvmlDeviceGetMemoryBusWidth",
            "nvmlDeviceGetComputeRunningProcesses",
            "nvmlDeviceGetGraphicsRunningProcesses",
        ),
    )


def container() -> FakeNvml:
    """A container: processes have the host's pids, and neither names nor memory."""
    gpu = FakeGpu(
        uuid="GPU-0000cccc-0000-4000-8000-000000000001",
        pci_bus_id="00000000:3B:00.0",
        processes=((_HOST_PID, None, None),),
    )
    return FakeNvml([gpu])


def geforce() -> FakeNvml:
    """A GeForce: it counts neither energy nor for how long its clocks were held back."""
    gpu = FakeGpu(
        "GPU-0000dddd-0000-4000-8000-000000000001",
        "00000000:01:00.0",
        "NVIDIA GeForce GTX 1080",
        (6, 1),
        8 * 2**30,
        2560,
        reasons=0x20,
        counters=False,
    )
    missing = {"nvmlDeviceGetTotalEnergyConsumption": pynvml.NVML_ERROR_NOT_SUPPORTED}
    return FakeNvml([gpu], errors=missing)


def windows_linux() -> FakeNvml:
    """The Linux of Windows (WSL 2): processes are nobody's business."""
    unsupported = (
        "nvmlDeviceGetComputeRunningProcesses",
        "nvmlDeviceGetMPSComputeRunningProcesses",
        "nvmlDeviceGetGraphicsRunningProcesses",
        "nvmlDeviceGetComputeMode",
    )
    gpu = FakeGpu("GPU-0000eeee-0000-4000-8000-000000000001", "00000000:01:00.0")
    return FakeNvml([gpu], errors=dict.fromkeys(unsupported, pynvml.NVML_ERROR_NOT_SUPPORTED))


def jetson() -> FakeNvml:
    """A Jetson board, whose driver tells of its GPU hardly more than its name."""
    return FakeNvml([FakeGpu("1833c8b5-0000-4000-8000-000000000001", "", "Orin (nvgpu)")])


def shared_by_mps() -> FakeNvml:
    """A GPU that two processes share through MPS."""
    server = (700, "/usr/bin/nvidia-cuda-mps-server", 30 * 2**20)
    gpu = FakeGpu(
        "GPU-0000ffff-0000-4000-8000-000000000001",
        "00000000:3B:00.0",
        processes=(server,),
        clients=(701, 702),
    )
    return FakeNvml([gpu])
