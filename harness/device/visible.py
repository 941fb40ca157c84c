"""What CUDA_VISIBLE_DEVICES leaves visible, by CUDA's own rules. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.lane import DeviceInfo
from harness.units import format_count

_ON_PURPOSE = ("", "-1", "NoDevFiles")
"""What is written to end the list; the last one by batch systems, for jobs without a GPU."""


@dataclass(frozen=True, slots=True)
class PhysicalGpu:
    """A GPU with what it is used as: itself, or its MIG slices."""

    uuid: str
    devices: Sequence[DeviceInfo]

    @property
    def is_integrated(self) -> bool:
        """Whether it is built into the chip, and so on no PCI bus."""
        return any(not device.pci_bus_id for device in self.devices)


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
    visible = _read(gpus, variable).visible
    return [device for gpu in gpus for device in gpu.devices if device.uuid in visible]


def explain_hidden(gpus: Sequence[PhysicalGpu], variable: str | None, order: str) -> list[str]:
    """What a user may not have meant by CUDA_VISIBLE_DEVICES, a sentence each.

    Args:
        variable: as for `select_visible`.
        order: the value of CUDA_DEVICE_ORDER; empty: not set.
    """
    if variable is None or not gpus:
        return []
    read = _read(gpus, variable)
    models = {device.name.partition(" MIG")[0] for gpu in gpus for device in gpu.devices}
    remarks = [_explain_end(gpus, variable, read)]
    if read.by_index and len(models) > 1 and order.upper() != "PCI_BUS_ID":
        remarks.append(
            "numbers are taken in PCI order, as nvidia-smi shows them, but CUDA itself puts the "
            "fastest of unlike GPUs first; set CUDA_DEVICE_ORDER=PCI_BUS_ID, too, or use UUIDs"
        )
    return [f"CUDA_VISIBLE_DEVICES={variable}: {remark}" for remark in remarks if remark]


def _explain_end(gpus: Sequence[PhysicalGpu], variable: str, read: _Reading) -> str:
    """Where CUDA stops reading, if that is not at the end."""
    there = f"there {'are' if len(gpus) > 1 else 'is'} {format_count(len(gpus), 'GPU')}"
    if read.twice:
        return f"{read.twice!r} names a GPU for the second time, so CUDA hides all of them"
    if read.unknown in _ON_PURPOSE:
        return "" if read.known else f"{there}, and all are hidden"
    if read.unknown is None:
        return ""
    if read.unknown.isdecimal():
        there += f", numbered from 0 to {len(gpus) - 1}"
    after = ", ".join(variable.replace(" ", "").split(",")[read.known + 1 :])
    also = f", and does not read {after}" if after else ""
    return f"CUDA stops at {read.unknown!r}, which is no GPU here{also} ({there})"


@dataclass(slots=True)
class _Reading:
    """What CUDA_VISIBLE_DEVICES says, as far as CUDA reads it.

    Attributes:
        visible: UUIDs.
        known: how many entries name a GPU before the first that doesn't.
        unknown: that one; None: there is none.
        twice: the first entry that names what is named already, which hides everything.
        by_index: whether an entry is a number that counts.
    """

    visible: set[str] = field(default_factory=set)
    known: int = 0
    unknown: str | None = None
    twice: str = ""
    by_index: bool = False


def _read(gpus: Sequence[PhysicalGpu], variable: str) -> _Reading:
    read = _Reading()
    named: set[str] = set()
    for entry in map(str.strip, variable.split(",")):
        found = _find_entry(gpus, entry)
        if found is None:
            read.unknown = entry
            break
        name, devices = found
        uuids = {device.uuid for device in devices}
        if name in named or read.visible & uuids:
            read.twice = entry
            read.visible.clear()
            break
        named.add(name)
        read.visible |= uuids
        read.known += 1
        read.by_index |= entry.isdecimal()
    return read


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
