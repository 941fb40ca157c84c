"""GPUs as CUDA itself tells of them: where there is no NVML, or where it does not know them.

Jetson boards have none, or one that cannot say more than a name; so may containers that were
started without the driver's utilities.
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

from harness.device.base import COMPUTE_MODES
from harness.errors import DeviceError
from harness.lane import DeviceInfo, Lane
from harness.limits import cores_per_sm
from harness.model import Command
from harness.procs.explain import describe_end
from harness.procs.partner import find_modules_here
from harness.procs.worker import Worker

LIBRARY = "libcuda.so.1"
_ASK_S = 60.0
_NOTHING_BEGINS = frozenset({46, 100, 101, 214, 220, 304, 802, 999})
"""Errors of CUDA with which no program begins: unavailable, none, uncorrectable, refused by the
system, not ready, unknown. That its library is not found, or another, proves nothing: programs may
find theirs elsewhere."""


class _CudaError(DeviceError):
    """CUDA cannot be asked; `status` is the number of its error, if it was."""

    def __init__(self, text: str, status: int | None) -> None:
        super().__init__(text)
        self.status = status


def find_cuda_devices(library: str = LIBRARY) -> list[DeviceInfo]:
    """Every device of CUDA, not numbered yet, whatever CUDA_VISIBLE_DEVICES says.

    Raises:
        DeviceError: CUDA cannot be asked.
    """
    return [_make_device(found) for found in _ask(library, "all", ())]


def find_unseen(lane: Lane, library: str = LIBRARY) -> str:
    """Why CUDA shows a lane's tests no device; empty if it shows one.

    NVML may know a GPU on which nothing can begin any more: in a container whose access to it was
    taken away, as by `systemctl daemon-reload`, or after some errors of the hardware.
    """
    try:
        found = _ask(library, "visible", lane.environment)
    except _CudaError as error:
        return str(error) if error.status in _NOTHING_BEGINS else ""
    return "" if found else "CUDA shows no device any more"


def _ask(library: str, which: str, given: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    """What `cuda_probe` prints, in an environment to which the given is added."""
    argv = (sys.executable, "-m", "harness.device.cuda_probe", library, which)
    environment = (*find_modules_here().items(), *given)
    command = Command(argv, " ".join(argv), "/", environment, timeout_s=_ASK_S)
    with Worker() as worker:
        result = worker.run(command)
    try:
        answer = json.loads(result.stdout)
    except ValueError:
        said = f"{describe_end(command, result)} {result.stderr.strip()[-500:]}".strip()
        answer = {"text": said, "status": None}
    if isinstance(answer, dict):
        raise _CudaError(f"CUDA does not tell its devices: {answer['text']}", answer["status"])
    devices: list[dict[str, Any]] = answer
    return devices


def _make_device(found: dict[str, Any]) -> DeviceInfo:
    digits, capability = found["uuid"], (found["major"], found["minor"])
    ends = (0, 8, 12, 16, 20, 32)
    groups = (digits[first:last] for first, last in itertools.pairwise(ends))
    uuid = f"GPU-{'-'.join(groups)}"
    cores = (cores_per_sm(capability) or 0) * found["sm_count"]
    return DeviceInfo(
        kind="cuda",
        index=0,
        uuid=uuid,
        name=found["name"],
        pci_bus_id="" if found["integrated"] else found["pci_bus_id"],
        memory_bytes=found["memory_bytes"],
        compute_capability=capability,
        driver=found["driver"],
        locks=((uuid, True),),
        compute_mode=COMPUTE_MODES.get(found["compute_mode"], ""),
        sm_count=found["sm_count"],
        peak_gflops=round(2 * cores * found["clock_khz"] / 1e6, 1),
        peak_gbps=round(2 * found["memory_khz"] * found["bus_bits"] / 8 / 1e6, 1),
        cuda_name=str(found["ordinal"]),
    )
