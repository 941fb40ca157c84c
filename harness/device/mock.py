"""Simulated GPUs: for trying out configs and for tests, on machines without one."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.device.base import DeviceProcess
from harness.errors import ConfigError
from harness.lane import DeviceInfo
from harness.limits import cores_per_sm


@dataclass(frozen=True, slots=True)
class MockModel:
    """A model of GPU that can be simulated.

    Attributes:
        speed: relative to the RTX A4000, after the models' memory bandwidths.
    """

    compute_capability: tuple[int, int]
    memory_gib: int
    sm_count: int
    speed: float


MODELS = {
    "T4": MockModel((7, 5), 16, 40, 0.7),
    "V100": MockModel((7, 0), 32, 80, 2.0),
    "RTX 2080 Ti": MockModel((7, 5), 11, 68, 1.4),
    "RTX 3090": MockModel((8, 6), 24, 82, 2.1),
    "RTX 4090": MockModel((8, 9), 24, 128, 2.3),
    "RTX A4000": MockModel((8, 6), 16, 48, 1.0),
    "RTX A6000": MockModel((8, 6), 48, 84, 1.7),
    "A100": MockModel((8, 0), 80, 108, 4.3),
    "L4": MockModel((8, 9), 24, 58, 0.7),
    "L40S": MockModel((8, 9), 48, 142, 1.9),
    "H100": MockModel((9, 0), 80, 132, 7.5),
    "H200": MockModel((9, 0), 141, 132, 10.7),
    "B200": MockModel((10, 0), 180, 148, 17.9),
}
"""Every model that can be simulated."""

_CLOCK_GHZ = 1.5
_A4000_GBPS = 448.0
_DEFAULT_MODEL = "RTX A4000"


class MockBackend:
    """Invents GPUs; they take no locks, since no two sessions can disturb each other on them.

    Args:
        models: one per device; None: as many of one model as are asked for.
        count: how many of them if nobody asks for a number.
        seed: of the UUIDs.

    Raises:
        ConfigError: a model that is not in the catalogue.
    """

    remarks = ()

    def __init__(self, models: Sequence[str] | None = None, count: int = 4, seed: int = 1) -> None:
        problems = [_say_unknown(model) for model in models or () if model not in MODELS]
        if problems:
            raise ConfigError(problems)
        self._models = None if models is None else tuple(models)
        self._count = count
        self._seed = seed

    def discover(self, count: int | None = None) -> list[DeviceInfo]:
        """The simulated GPUs; the models given, or else `count` alike."""
        models = self._models
        if models is None:
            models = (_DEFAULT_MODEL,) * (self._count if count is None else count)
        return [self._make_device(index, model) for index, model in enumerate(models)]

    def processes(self, device: DeviceInfo) -> list[DeviceProcess]:
        """None: nobody can use it."""
        return []

    def _make_device(self, index: int, name: str) -> DeviceInfo:
        model = MODELS[name]
        digest = hashlib.sha256(f"mock device {self._seed} {index}".encode()).hexdigest()
        cores = cores_per_sm(model.compute_capability) or 0
        groups = (digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32])
        return DeviceInfo(
            kind="mock",
            index=index,
            uuid=f"MOCK-{'-'.join(groups)}",
            name=name,
            pci_bus_id=f"{index // 128:04x}:{index % 128 + 1:02x}:00.0",
            memory_bytes=model.memory_gib * 2**30,
            compute_capability=model.compute_capability,
            driver="simulated",
            speed=model.speed,
            sm_count=model.sm_count,
            peak_gflops=round(2 * _CLOCK_GHZ * model.sm_count * cores, 1),
            peak_gbps=round(_A4000_GBPS * model.speed, 1),
            simulated=True,
        )


def _say_unknown(model: str) -> str:
    by_lower = {known.lower(): known for known in MODELS}
    near = difflib.get_close_matches(model.lower(), by_lower, n=1)
    hint = f"did you mean {by_lower[near[0]]!r}? " if near else ""
    return f"mock.devices: {model!r}: unknown model; {hint}known are {', '.join(sorted(MODELS))}"
