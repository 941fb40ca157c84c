"""What CUDA_VISIBLE_DEVICES leaves visible, by CUDA's own rules. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.lane import DeviceInfo


@dataclass(frozen=True, slots=True)
class PhysicalGpu:
    """A GPU with what it is used as: itself, or its MIG slices."""

    uuid: str
    devices: Sequence[DeviceInfo]


def select_visible(gpus: Sequence[PhysicalGpu], variable: str | None) -> list[DeviceInfo]:
    """The devices that CUDA_VISIBLE_DEVICES leaves visible, in the order of `gpus`.

    An entry is an index into `gpus`, a GPU's UUID or a MIG slice's, or the beginning of one that
    fits nothing else. The first entry that fits nothing hides itself and all after it; a device
    named twice hides everything; an empty variable hides everything. A GPU in MIG mode stands for
    all of its slices here, where CUDA would take the first: each lane is given one by its UUID.

    Args:
        gpus: in PCI order.
        variable: the variable's value; None: not set, and nothing is hidden.

    Source: CUDA C++ Programming Guide, "CUDA Environment Variables", and the MIG user guide.
    """
    if variable is None:
        return [device for gpu in gpus for device in gpu.devices]
    visible: set[str] = set()
    named: set[str] = set()
    for entry in variable.split(","):
        found = _find_entry(gpus, entry.strip())
        if found is None:
            break
        name, devices = found
        if name in named or visible & {device.uuid for device in devices}:
            return []
        named.add(name)
        visible |= {device.uuid for device in devices}
    return [device for gpu in gpus for device in gpu.devices if device.uuid in visible]


def _find_entry(gpus: Sequence[PhysicalGpu], entry: str) -> tuple[str, Sequence[DeviceInfo]] | None:
    """The UUID that one entry means and its devices; None if it fits nothing, or several."""
    named = [(gpu.uuid, gpu.devices) for gpu in gpus]
    if entry.isascii() and entry.isdecimal():
        return named[int(entry)] if int(entry) < len(named) else None
    wanted = entry.lower()
    if wanted.startswith("mig-"):
        named = [(part.uuid, (part,)) for gpu in gpus for part in gpu.devices if part.parent_uuid]
    elif not wanted.startswith("gpu-"):
        return None
    fitting = [item for item in named if item[0].lower().startswith(wanted)]
    # `MIG-GPU-…/1/1` is also the beginning of `MIG-GPU-…/1/10`.
    exact = [item for item in fitting if item[0].lower() == wanted]
    fitting = exact or fitting
    return fitting[0] if len(fitting) == 1 else None
