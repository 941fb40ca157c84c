"""What finds devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.lane import DeviceInfo

COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}
"""Of a GPU, by the driver's number."""


@dataclass(frozen=True, slots=True)
class DeviceProcess:
    """A process that uses a device.

    Attributes:
        computes: whether it does more than draw on a screen, or pass on the work of others.
    """

    pid: int
    name: str
    memory_bytes: int
    computes: bool = True


class Backend(Protocol):
    """A kind of device."""

    @property
    def remarks(self) -> Sequence[str]:
        """What a user should know of what `discover` last found, or left out."""

    def discover(self, count: int | None) -> list[DeviceInfo]:
        """The devices there are, in a stable order.

        Args:
            count: how many lanes are asked for; backends that divide or invent their devices
                (`cpu`, `mock`, `none`) make that many if they can; None: as many as make sense.

        Raises:
            DeviceError: discovery itself failed (a dead driver); none found is an empty list.
        """

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """Who uses `device` now; empty where that cannot be told."""
