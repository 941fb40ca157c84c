"""What a kernel test has to say beside its score: metrics, launch, resources, verification."""

from __future__ import annotations

from typing import Any

from harness.lane import DeviceInfo
from harness.measurement import Extent, Measurement
from harness.model import Artifact, Outcome, SessionInfo
from harness.units import format_significant

UNITS = {"gflops": "GFLOP/s", "tflops": "TFLOP/s", "gbps": "GB/s"}
"""Units of metrics by their names."""


def find_measurement(outcome: Outcome) -> Measurement | None:
    """What was measured of a kernel that succeeded, in the run that counts; None otherwise."""
    measured = outcome.measured
    return measured.measurement if measured is not None and measured.sample else None


def share_of_peak(name: str, value: float, device: DeviceInfo) -> float | None:
    """A metric as a fraction of what the device can do; None where that is not known.

    `gflops` and `tflops` are compared with its FP32 units, `gbps` with its memory.
    """
    peaks = {
        "gflops": device.peak_gflops,
        "tflops": device.peak_gflops / 1e3,
        "gbps": device.peak_gbps,
    }
    peak = peaks.get(name, 0.0)
    return value / peak if peak else None


def _device_of(outcome: Outcome, info: SessionInfo) -> DeviceInfo | None:
    return next((lane.device for lane in info.lanes if lane.name == outcome.lane), None)


def describe_metrics(
    outcome: Outcome, info: SessionInfo, *, beside_score: bool = False
) -> list[str]:
    """`gbps = 1234 GB/s (82 % of peak)`, one per metric.

    Args:
        beside_score: the score is there already; of the metric that is the score only `82 % of
            peak` is said.
    """
    measurement, device = find_measurement(outcome), _device_of(outcome, info)
    if measurement is None:
        return []
    lines = []
    for name, value in measurement.metrics:
        text = f"{name} = {format_significant(value)} {UNITS.get(name, '')}".rstrip()
        share = share_of_peak(name, value, device) if device else None
        of_peak = "" if share is None else f"{100 * share:.0f} % of peak"
        if beside_score and value == outcome.score:
            lines += [of_peak] if of_peak else []
        else:
            lines.append(f"{text} ({of_peak})" if of_peak else text)
    return lines


def describe_kernel(outcome: Outcome, info: SessionInfo) -> list[str]:
    """The kernel of a successful outcome in a few lines; none for commands."""
    measurement = find_measurement(outcome)
    if measurement is None:
        return []
    launch = measurement.launch
    lines = describe_metrics(outcome, info)
    shape = f"grid {_format_extent(launch.grid)}, block {_format_extent(launch.block)}"
    if launch.shared_bytes:
        shape += f", {launch.shared_bytes} bytes of dynamic shared memory"
    shape += ", all blocks at once" if launch.cooperative else ""
    lines.append(f"launch: {shape}")
    if outcome.artifact is not None:
        resources = outcome.artifact.resources
        used = f"{resources.registers} registers, {resources.shared_bytes} bytes of shared memory"
        spills = (resources.spill_store_bytes or 0) + (resources.spill_load_bytes or 0)
        used += f", {spills} bytes spilled" if spills else ""
        lines.append(f"binary: {used}, by {outcome.artifact.compiler}")
    lines.append(f"result: {_describe_verification(measurement, outcome.artifact)}")
    lines.append(f"samples: {measurement.mode}, stopped by {measurement.stop}")
    if measurement.flags:
        lines.append(f"suspect: {', '.join(measurement.flags)}")
    return lines


def _format_extent(extent: Extent) -> str:
    x, y, z = extent
    return f"{x} x {y} x {z}" if z > 1 else f"{x} x {y}" if y > 1 else f"{x}"


def _describe_verification(measurement: Measurement, artifact: Artifact | None) -> str:
    emulated = artifact.emulated if artifact else None
    if not measurement.verified and emulated is not None:
        if emulated.unverified:
            return f"not verified: {emulated.unverified}"
        at = f", at {emulated.place}" if emulated.problem else ""
        return f"{_describe_error(emulated.error)} when emulated on the CPU{at}"
    return _describe_error(measurement.error) if measurement.verified else "not verified"


def _describe_error(error: float | None) -> str:
    return "equal to the reference" if not error else f"verified, off by at most {error:.2g}"


def kernel_object(outcome: Outcome) -> dict[str, Any]:
    """The same for JSON; empty for commands."""
    measurement = find_measurement(outcome)
    if measurement is None:
        return {}
    return {
        "metrics": dict(measurement.metrics),
        "grid": list(measurement.launch.grid),
        "block": list(measurement.launch.block),
        "shared_bytes": measurement.launch.shared_bytes,
        "cooperative": measurement.launch.cooperative,
        "mode": measurement.mode,
        "stop": measurement.stop,
        "verified": measurement.verified,
        "error": measurement.error,
        "emulated": _emulated_object(outcome.artifact),
        "flags": list(measurement.flags),
    }


def _emulated_object(artifact: Artifact | None) -> dict[str, Any] | None:
    """What the emulation said; None if it was not asked."""
    if artifact is None or artifact.emulated is None:
        return None
    found = artifact.emulated
    return {
        "problem": dict(found.problem),
        "error": found.error,
        "unverified": found.unverified,
    }
