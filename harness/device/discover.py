"""Which backend serves a session, and what devices it has."""

from __future__ import annotations

from collections.abc import Mapping

from harness.device.base import Backend
from harness.errors import ConfigError, DeviceError
from harness.lane import DeviceInfo


def find_devices(
    backends: Mapping[str, Backend], name: str, count: int | None = None
) -> tuple[str, list[DeviceInfo]]:
    """The backend called `name` and its devices.

    `auto` is `cuda` if any GPU is found, else `cpu`. A driver that is there but broken is an error
    even then: whoever has GPUs would not want CPU timings in their place.

    Args:
        backends: every backend by its name.
        count: how many devices the lanes need; see `Backend.discover`.

    Returns:
        The backend's name, `auto` resolved, and at least one device.

    Raises:
        ConfigError: no backend of that name.
        DeviceError: discovery failed, or nothing was found.
    """
    if name == "auto":
        gpus = backends["cuda"].discover(count)
        if gpus:
            return "cuda", gpus
        name = "cpu"
    if name not in backends:
        raise ConfigError(f"backend = {name!r}: unknown; use auto, {', '.join(backends)}")
    devices = backends[name].discover(count)
    if not devices and backends[name].remarks:
        why = "; ".join(backends[name].remarks)
        raise DeviceError(
            f'backend = "{name}": no device can be used: {why}; or use backend = "cpu", or "mock" '
            "to simulate"
        )
    if not devices:
        raise DeviceError(
            f'backend = "{name}": no device was found; see whether nvidia-smi lists one and '
            'CUDA_VISIBLE_DEVICES does not hide it, or use backend = "cpu", or "mock" to simulate'
        )
    return name, devices
