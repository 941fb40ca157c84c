"""NVIDIA's own bindings of NVML, on a library in C that has its functions and no GPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("fake_libnvml.c")
LOOK = """
import json
from dataclasses import asdict
from pathlib import Path
from harness.device.health import find_loss
from harness.device.nvml import CudaBackend
from harness.device.telemetry import NvmlTelemetry

backend = CudaBackend(environment={}, dev=Path("/nonexistent"))
devices = backend.discover()
telemetry = [NvmlTelemetry(device, lambda: 1.0) for device in devices]
print(json.dumps({
    "devices": [asdict(device) for device in devices],
    "remarks": backend.remarks,
    "processes": [[asdict(p) for p in backend.processes(device)] for device in devices],
    "states": [asdict(each.read()) for each in telemetry],
    "losses": [find_loss(device) for device in devices],
}))
"""
pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("nvml")
    library = str(made / "libnvidia-ml.so.1")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, str(SOURCE)], check=True)
    return made


def look(folder: Path, mode: str = "") -> Any:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder), "FAKE_NVML": mode}
    ended = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, check=True, capture_output=True
    )
    return json.loads(ended.stdout)


def test_everything_that_is_asked_is_understood(folder: Path) -> None:
    seen = look(folder)
    first, second = seen["devices"]
    assert [first["pci_bus_id"], second["pci_bus_id"]] == ["0000:0a:00.0", "0000:c1:00.0"]
    assert second["uuid"] == "GPU-aaaaaaaa-0000-4000-8000-000000000001"
    expected = {
        "name": "NVIDIA RTX A4000",
        "memory_bytes": 16 * 2**30,
        "compute_capability": [8, 6],
        "driver": "570.1",
        "compute_mode": "exclusive_process",
        "sm_count": 48,
        "peak_gflops": 19169.3,
        "peak_gbps": 448.1,
        "parent_uuid": "",
    }
    assert {name: first[name] for name in expected} == expected
    assert all("other machines may use" in remark for remark in seen["remarks"])
    server = "/usr/bin/nvidia-cuda-mps-server"
    assert seen["processes"][0] == [
        {"pid": 700, "name": server, "memory_bytes": 3 * 2**20, "computes": False},
        {"pid": 701, "name": "", "memory_bytes": 0, "computes": True},
    ]
    state = seen["states"][0]
    known = {
        "sm_mhz": 1410,
        "memory_mhz": 6500,
        "temperature_c": 61,
        "power_w": 140.5,
        "energy_j": None,
        "reasons": 0x20,  # by its old name, as of drivers before 535
        "processes": 1,
    }
    assert {name: state[name] for name in known} == known
    assert dict(state["held_ns"])["power_cap"] == 5 << 32
    assert dict(state["held_ns"])["sw_thermal"] == 0  # not counted, and seen for the first time
    assert seen["losses"] == ["", ""]


def test_a_gpu_that_is_lost(folder: Path) -> None:
    seen = look(folder, "lost")
    (device,) = seen["devices"]
    assert device["pci_bus_id"] == "0000:c1:00.0"
    assert any(
        "GPU 1 of NVML is left out: GPU is lost; the GPU" in text for text in seen["remarks"]
    )


def test_no_driver(folder: Path) -> None:
    assert look(folder, "init")["devices"] == []
