"""Lanes without devices: tests run side by side and nothing is bound, as in the original plan."""

from __future__ import annotations

from harness.device.base import DeviceProcess
from harness.lane import DeviceInfo


class NoneBackend:
    """Makes as many places for lanes as are asked for."""

    remarks = ()

    def discover(self, count: int | None = None) -> list[DeviceInfo]:
        """`count` devices that are none; one by default."""
        places = range(1 if count is None else count)
        return [DeviceInfo(kind="none", index=index, uuid="", name="no device") for index in places]

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """None: there is nothing to use."""
        return []
