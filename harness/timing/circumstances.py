"""What a kernel was measured under: what speaks against it, and what energy it took. Pure.

The names of what speaks against one are its flags; docs/measuring.md says what follows from them.
"""

from __future__ import annotations

from harness.measurement import ENERGY_S, DeviceState, Launch, Measurement, Mode
from harness.timing.protocol import Measured

DRIFTED = "drifted"
_THROTTLED, _POWER_CAPPED, _SHARED, _LATE = "throttled", "power_capped", "shared", "late"

HARMFUL = frozenset({"thermal", "sw_thermal", "hw_thermal", "power_brake"})
"""Counters whose growth makes a measurement suspect; the software power cap is only noted."""


def make_measurement(
    launch: Launch,
    mode: Mode,
    answer: Measured,
    before: DeviceState | None,
    after: DeviceState | None,
) -> Measurement:
    """What the worker answered, with the states of the device around it."""
    return Measurement(
        launch=launch,
        mode=mode,
        samples_s=answer.samples_s,
        starts_s=answer.starts_s,
        launches=answer.launches,
        stop=answer.stop,
        verified=answer.verified,
        error=answer.error,
        energy_j=find_energy(mode, answer, before, after),
        before=before,
        after=after,
        flags=find_flags(before, after) + ((_LATE,) if answer.late else ()),
    )


def find_energy(
    mode: Mode, answer: Measured, before: DeviceState | None, after: DeviceState | None
) -> float | None:
    """Joules per launch, if the device counts them and was kept busy for long enough.

    Cold launches tell none: what is written between them to empty the cache takes energy, too.
    """
    launches = answer.launches * len(answer.samples_s)
    busy_s = answer.launches * sum(answer.samples_s)
    if mode == "cold" or before is None or after is None or busy_s < 0.95 * ENERGY_S:
        return None
    if answer.energy_j is not None:
        return answer.energy_j
    if before.energy_j is None or after.energy_j is None:
        return None
    return (after.energy_j - before.energy_j) / launches


def find_flags(before: DeviceState | None, after: DeviceState | None) -> tuple[str, ...]:
    """What the device's state around a measurement says against it.

    `throttled`: clocks were held back for heat or power supply; `power_capped`: by the power
    limit; `shared`: another process uses the device.
    """
    if before is None or after is None:
        return ()
    earlier = dict(before.held_ns)
    grown = {name for name, ns in after.held_ns if ns > earlier.get(name, ns)}
    flags = []
    if grown & HARMFUL:
        flags.append(_THROTTLED)
    if "power_cap" in grown:
        flags.append(_POWER_CAPPED)
    if after.processes is not None and after.processes > 1:
        flags.append(_SHARED)
    return tuple(flags)
