"""What the devices of lanes tell of themselves: their state, their energy, that they are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from harness.app.names import LOSSES, TELEMETRY, load
from harness.clock import SystemClock
from harness.errors import ConfigError
from harness.lane import DeviceInfo, Lane
from harness.timing.base import Timer
from harness.timing.loss import LossAwareTimer


def open_telemetry(device: DeviceInfo) -> Any:
    """What reads the state of a real GPU."""
    return load(TELEMETRY[device.kind])(device, SystemClock().now_s)


def heed_loss(timer: Timer, lane: Lane) -> Timer:
    """The same timer, which finds out when the lane's device is gone, where that can be asked."""
    entries = LOSSES.get(lane.device.kind)
    if entries is None:
        return timer
    find_loss, find_unseen = map(load, entries)
    return LossAwareTimer(timer, partial(find_loss, lane.device), partial(find_unseen, lane))


def check_counters(
    lanes: Sequence[Lane], open_device: Callable[[DeviceInfo], Any] = open_telemetry
) -> None:
    """Refuse lanes whose devices have no counter of energy. Simulated ones have.

    Args:
        open_device: gives what reads a device's state.

    Raises:
        ConfigError: names the lane, and says why.
    """
    for lane in lanes:
        why = _explain_missing(lane.device, open_device)
        if why:
            name = lane.device.name or "no device"
            raise ConfigError(
                f'scoring.optimal = "min_energy": lane {lane.name}: {name} '
                f'{why}; use other GPUs, or optimal = "min_time"'
            )


def _explain_missing(device: DeviceInfo, open_device: Callable[[DeviceInfo], Any]) -> str:
    if device.simulated:
        return ""
    if device.kind not in TELEMETRY:
        return "is no GPU, and only GPUs count their energy"
    if device.parent_uuid:
        return "is a MIG slice, and only whole GPUs count their energy"
    telemetry = open_device(device)
    try:
        counted = telemetry.read().energy_j is not None
    finally:
        telemetry.close()
    return "" if counted else "has no counter of energy that its driver tells (Volta and later do)"
