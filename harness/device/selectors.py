"""What a user writes to mean a device: an index, a UUID, a PCI bus id, `name:RTX A4000`. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence

from harness.errors import ConfigError
from harness.lane import DeviceInfo

_ORDINAL = re.compile(r"(gpu|cuda|mock|cpu):?([0-9]+)")
_INDEX = re.compile(r"[0-9]+")
_KINDS = {"gpu": ("cuda", "mock"), "cuda": ("cuda", "mock"), "mock": ("mock",), "cpu": ("cpu",)}
"""The backends that `gpu1`, `cuda:1` … can mean: simulated GPUs stand in for real ones."""

_UUID = re.compile(r"(gpu|mig|mock|cpu)-.+")
_UUID_LIKE = re.compile(r"(gpu|mig|mock|cpu)-(gpu-)?[0-9a-f]{4}[0-9a-f/-]*")
_PCI_BUS_ID = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2})(\.[0-7])?")
_NAME = "name:"


def find_candidates(selector: int | str, devices: Sequence[DeviceInfo]) -> list[DeviceInfo]:
    """The devices that `selector` may stand for: one, or with `name:` all of that name.

    Raises:
        ConfigError: it fits no device, or is the beginning of several UUIDs.
    """
    text = str(selector).strip().lower()
    fits = _parse_selector(text)
    if fits is None:
        raise ConfigError(
            f"parallel: {selector!r} selects no device; use an index, a UUID or its beginning, "
            f"a PCI bus id or name:MODEL{_say_nearest(text, devices)}; {list_devices(devices)}"
        )
    found = [device for device in devices if fits(device)]
    exact = [device for device in found if device.uuid.lower() == text]
    found = exact or found
    if not found:
        raise ConfigError(
            f"parallel: there is no device {selector!r}{_say_nearest(text, devices)}; "
            f"{list_devices(devices)}"
        )
    if len(found) > 1 and not text.startswith(_NAME):
        uuids = ", ".join(device.uuid for device in found)
        raise ConfigError(
            f"parallel: {selector!r} fits {len(found)} devices; select one by its UUID: {uuids}"
        )
    return found


def is_selector(name: str, devices: Sequence[DeviceInfo]) -> bool:
    """Whether a lane's name is meant to select its device.

    `gpu1`, `cuda:1`, a UUID (at least four of its digits), a PCI bus id and `name:…` are, also
    when there is no such device, which is an error then; a mere number is if it is the index of a
    device. On devices of another kind they are mere names: no GPU is meant among CPU cores.
    """
    text = name.lower()
    kinds = {device.kind for device in devices}
    if _INDEX.fullmatch(text):
        return "none" not in kinds and any(device.index == int(text) for device in devices)
    if ordinal := _ORDINAL.fullmatch(text):
        return bool(kinds & set(_KINDS[ordinal[1]]))
    if text.startswith(_NAME):
        return True
    return bool(kinds - {"none", "cpu"}) and bool(
        _UUID_LIKE.fullmatch(text) or _PCI_BUS_ID.fullmatch(text)
    )


def list_devices(devices: Sequence[DeviceInfo]) -> str:
    """What exists, for messages."""
    if not devices:
        return "there are no devices"
    lines = [
        f"{device.index}: {device.name}{f' ({device.uuid})' if device.uuid else ''}"
        for device in devices
    ]
    return f"there are {'; '.join(lines)}" if len(lines) > 1 else f"there is {lines[0]}"


def _parse_selector(text: str) -> Callable[[DeviceInfo], bool] | None:
    """Whether a device fits the selector, as a function; None if it is none."""
    ordinal = _ORDINAL.fullmatch(text)
    if _INDEX.fullmatch(text) or ordinal:
        index = int(ordinal[2] if ordinal else text)
        kinds = _KINDS[ordinal[1]] if ordinal else None
        return lambda device: device.index == index and (kinds is None or device.kind in kinds)
    if text.startswith(_NAME):
        wanted = text.removeprefix(_NAME).strip()
        return lambda device: bool(wanted) and wanted in device.name.lower()
    if _UUID.fullmatch(text):
        return lambda device: any(
            uuid.lower().startswith(text) for uuid in (device.uuid, device.parent_uuid)
        )
    if bus := _PCI_BUS_ID.fullmatch(text):
        full = f"{int(bus[1] or '0', 16):04x}:{bus[2]}{bus[3] or '.0'}"
        return lambda device: device.pci_bus_id == full
    return None


def _say_nearest(text: str, devices: Sequence[DeviceInfo]) -> str:
    known = {}
    for device in devices:
        model = device.name.removeprefix("NVIDIA ")
        for word in (device.uuid, device.pci_bus_id, f"{_NAME}{model}"):
            known[word.lower()] = word
            known[word.lower()[: max(4, len(text))]] = word  # a mistyped beginning is near, too
    near = difflib.get_close_matches(text, [word for word in known if word], n=1, cutoff=0.75)
    return f", did you mean {known[near[0]]!r}?" if near else ""
