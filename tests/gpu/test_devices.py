"""Discovery, pinning and locks, on the GPUs of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.device.locks import hold_devices
from harness.device.nvml import CudaBackend

pytestmark = pytest.mark.gpu

Listed = list[tuple[str, str, str]]

# Prints the UUID of the GPU that it would compute on: of the device whose number it is given.
SHOW_UUID = """\
#include <cstdio>
#include <cstdlib>
int main(int, char** argv) {
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, std::atoi(argv[1])) != cudaSuccess) return 1;
  const unsigned char* id = reinterpret_cast<const unsigned char*>(properties.uuid.bytes);
  std::printf("GPU-");
  for (int i = 0; i < 16; ++i)
    std::printf(i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
  std::printf("\\n1\\n");
}
"""

CONFIG = """\
backend = "cuda"
pin = "{pin}"
distribution = "replicate"
[parameters]
N = [1, 2]
[command]
test = "./show_uuid {ordinal} | tee -a seen_%%PARALLEL%%; : %N%"
[scoring]
optimal = "min"
"""


def whole_gpus() -> dict[str, str]:
    """The devices that are whole GPUs: names by UUID, in the harness's order."""
    return {d.uuid: d.name for d in CudaBackend().discover(None) if not d.parent_uuid}


def test_discovery_finds_what_nvidia_smi_lists(listed: Listed) -> None:
    found = whole_gpus()
    if len(found) < len(listed):
        pytest.skip("some GPUs are in MIG mode or hidden by CUDA_VISIBLE_DEVICES")
    assert list(found.items()) == [(uuid, name) for _, uuid, name in listed]


def test_devices_know_their_memory_driver_and_capability(listed: Listed) -> None:
    for device in CudaBackend().discover(None):
        assert device.memory_bytes > 2**30
        assert device.driver
        assert device.compute_capability is not None
        assert device.compute_capability >= (3, 0)


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc on PATH")
@pytest.mark.parametrize(("pin", "ordinal"), [("visible", "0"), ("ordinal", "%%PARALLEL%%")])
def test_a_test_computes_on_its_lanes_gpu(
    tmp_path: Path, listed: Listed, pin: str, ordinal: str
) -> None:
    if set(whole_gpus()) != {device.uuid for device in CudaBackend().discover(None)}:
        pytest.skip("slices of a GPU have the UUID of the whole for CUDA")
    (tmp_path / "show_uuid.cu").write_text(SHOW_UUID)
    subprocess.run(["nvcc", "-o", "show_uuid", "show_uuid.cu"], cwd=tmp_path, check=True)
    (tmp_path / "tune.toml").write_text(CONFIG.format(pin=pin, ordinal=ordinal))
    ended = subprocess.run(
        [sys.executable, "-m", "harness", "tune", "tune.toml", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lanes = json.loads(ended.stdout)["lanes"]
    assert len(lanes) == len(whole_gpus())
    for lane in lanes:
        seen = (tmp_path / f"seen_{lane['name']}").read_text().split()
        assert set(seen) == {lane["uuid"], "1"}


def test_two_harnesses_never_share_a_gpu(tmp_path: Path, listed: Listed) -> None:
    (tmp_path / "tune.toml").write_text(
        'backend = "cuda"\n[parameters]\nN = [1]\n[command]\ntest = "true %N%"\n'
    )

    def start(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "harness", "tune", "tune.toml", *options],
            cwd=tmp_path,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    devices = CudaBackend().discover(None)
    with hold_devices(devices, wait=False, on_wait=lambda _: None):
        with start() as refused:
            _, complaint = refused.communicate(timeout=60)
        assert refused.returncode == 3, complaint
        waiting = start("--wait")
        assert waiting.stderr is not None
        assert waiting.stderr.readline()  # says what it waits for
    with waiting:
        out, complaint = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, complaint
    assert "best" in out
