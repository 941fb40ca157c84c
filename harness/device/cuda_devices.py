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
from harness.device.cuda_probe import LIBRARY
from harness.errors import DeviceError
from harness.lane import DeviceInfo
from harness.limits import cores_per_sm
from harness.model import Command
from harness.procs.explain import describe_end
from harness.procs.partner import find_modules_here
from harness.procs.worker import Worker

_ASK_S = 60.0


def find_cuda_devices(library: str = LIBRARY) -> list[DeviceInfo]:
    """Every device of CUDA, not numbered yet, whatever CUDA_VISIBLE_DEVICES says.

    Raises:
        DeviceError: CUDA cannot be asked.
    """
    argv = (sys.executable, "-m", "harness.device.cuda_probe", library)
    environment = tuple(find_modules_here().items())
    command = Command(argv, " ".join(argv), "/", environment, timeout_s=_ASK_S)
    with Worker() as worker:
        result = worker.run(command)
    try:
        answer = json.loads(result.stdout)
    except ValueError:
        answer = f"{describe_end(command, result)} {result.stderr.strip()[-500:]}".strip()
    if isinstance(answer, str):
        raise DeviceError(f"CUDA does not tell its devices: {answer}")
    return [_make_device(found) for found in answer]


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
