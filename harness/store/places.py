"""Where a result of another session belongs in this one: lanes may have other names by now."""

from __future__ import annotations

from collections.abc import Sequence

from harness.lane import Lane


def find_place(name: str, there: Sequence[Lane], here: Sequence[Lane]) -> str:
    """The lane of this session that stands for the one where a result was measured.

    That of the same device, else one of the same model, of the same name where there is a choice;
    the name as it is if no device here is alike.

    Args:
        name: of the lane where it was measured.
        there: the lanes of the session that measured it.
        here: the lanes of this session.
    """
    lane = next((lane for lane in there if lane.name == name), None)
    if lane is None:
        return name
    device = lane.device
    same = [found for found in here if found.device.uuid == device.uuid and device.uuid]
    alike = same or [found for found in here if found.device.model == device.model]
    names = [found.name for found in alike]
    return name if name in names or not names else names[0]
