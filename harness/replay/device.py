"""Devices whose results were recorded elsewhere."""

from __future__ import annotations

from harness.device.base import DeviceProcess
from harness.lane import DeviceInfo
from harness.replay.recording import Recording


class ReplayBackend:
    """As many devices of the recorded model as are asked for; they take no locks."""

    remarks = ()

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def discover(self, count: int | None) -> list[DeviceInfo]:
        """`count` devices, or one."""
        recording = self._recording
        return [
            DeviceInfo(
                kind="replay",
                index=index,
                uuid=f"REPLAY-{recording.digest[:8]}-{index:04x}",
                name=recording.device_name,
                driver="recorded",
                simulated=True,
                recording=recording.source,
            )
            for index in range(1 if count is None else count)
        ]

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """None: nobody can use it."""
        return []
