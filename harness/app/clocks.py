"""Locking the clocks of a session's GPUs, where the config asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from harness.device.clocks import NVML, ClockLock
from harness.lane import Lane

Remark = tuple[Literal["info", "warning"], str]


@contextmanager
def hold_clocks(
    lanes: Sequence[Lane], clock: int | str | None, nvml: str = NVML
) -> Iterator[list[Remark]]:
    """Lock the clocks of the lanes' GPUs for as long as this lasts; yields what to tell of it.

    What cannot be locked is told and measured all the same.

    Args:
        clock: MHz, `base`, or None: nothing is locked.
        nvml: "module:function" that gives the module `pynvml`.
    """
    if clock is None:
        yield []
        return
    devices = {lane.device.uuid: lane.device for lane in lanes}
    whole = [
        uuid for uuid, device in devices.items() if device.kind == "cuda" and not device.parent_uuid
    ]
    remarks: list[Remark] = []
    if any(device.parent_uuid for device in devices.values()):
        remarks.append(("warning", "clocks of MIG slices are not locked: the whole GPU has them"))
    if any(device.kind != "cuda" for device in devices.values()):
        remarks.append(("info", "lock_clocks: only GPUs have clocks that can be locked"))
    if not whole:
        yield remarks
        return
    held = ClockLock(whole, clock, nvml)
    try:
        yield [*remarks, *_describe(held)]
    finally:
        held.close()


def _describe(held: ClockLock) -> Iterator[Remark]:
    for uuid, mhz in held.locked.items():
        yield "info", f"clocks of {uuid} are locked at {mhz} MHz until the session ends"
    for uuid, why in held.refused.items():
        yield (
            "warning",
            f"clocks of {uuid} are not locked: {why}; locking takes root, or leave lock_clocks out",
        )
