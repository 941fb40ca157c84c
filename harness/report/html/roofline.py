"""Kernels under the roofs of their devices, where a session's metrics say enough.

That is where a test has the metrics `gbps` and one of `gflops`, `tflops`: their ratio is
its arithmetic intensity, in operations per byte. A roof is the lesser of what the device's
arithmetic can do and what its memory can feed at that intensity.

Source: Williams, Waterman & Patterson (2009), Roofline: An Insightful Visual Performance Model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.lane import DeviceInfo
from harness.model import Outcome
from harness.report.groups import Group
from harness.report.html.axes import MANY, colour, figure, label, shorts
from harness.report.kernel import find_measurement


def draw_roofline(groups: Sequence[Group]) -> Mapping[str, Any] | None:
    """GFLOP/s over operations per byte, of every test; None without the metrics."""
    traces: list[dict[str, Any]] = []
    reached: list[float] = []
    for place, group in enumerate(groups):
        points = [(outcome, point) for outcome in group.outcomes if (point := find_point(outcome))]
        if not points:
            continue
        reached += [intensity for _, (intensity, _) in points]
        traces.append(
            {
                "type": "scattergl" if len(points) > MANY else "scatter",
                "mode": "markers",
                "name": label(group.label),
                "x": shorts(intensity for _, (intensity, _) in points),
                "y": shorts(speed for _, (_, speed) in points),
                "text": [
                    f"test {outcome.test_id}<br>{label(str(outcome.configuration), 120)}"
                    for outcome, _ in points
                ],
                "hovertemplate": "%{text}<br>%{y:.4g} GFLOP/s, %{x:.3g} FLOP/B<extra></extra>",
                "marker": {"color": colour(place), "size": 6, "opacity": 0.8},
            }
        )
    if not traces:
        return None
    devices = {lane.device.model: lane.device for group in groups for lane in group.lanes}
    roofs = [_roof(device, min(reached), max(reached)) for device in devices.values()]
    simulated = " (simulated)" if any(group.info.simulated for group in groups) else ""
    return figure(
        [*(roof for roof in roofs if roof), *traces],
        xaxis={"title": {"text": "operations per byte"}, "type": "log"},
        yaxis={"title": {"text": f"GFLOP/s{simulated}"}, "type": "log"},
        height=420,
    )


def find_point(outcome: Outcome) -> tuple[float, float] | None:
    """Operations per byte, and GFLOP/s, of a test; None where its metrics do not say."""
    measurement = find_measurement(outcome)
    metrics = {} if measurement is None else dict(measurement.metrics)
    speed = metrics.get("gflops") or 1e3 * metrics.get("tflops", 0.0)
    transfer = metrics.get("gbps", 0.0)
    return (speed / transfer, speed) if speed > 0 and transfer > 0 else None


def _roof(device: DeviceInfo, low: float, high: float) -> dict[str, Any] | None:
    if not device.peak_gflops or not device.peak_gbps:
        return None
    ridge = device.peak_gflops / device.peak_gbps
    at = [min(low, ridge) / 2, ridge, max(high, ridge) * 2]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"roof of {label(device.name)} (FP32)",
        "x": shorts(at),
        "y": shorts(min(device.peak_gflops, x * device.peak_gbps) for x in at),
        "line": {"color": "@reference", "dash": "dash", "width": 2},
        "hovertemplate": f"roof of {label(device.name)}: %{{y:.4g}} GFLOP/s<extra></extra>",
    }
