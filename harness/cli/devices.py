"""`harness devices`."""

from __future__ import annotations

from typing import Any

import click

from harness.app.lanes import Devices, find_lanes_of, name_holders
from harness.cli.options import device_options, json_option
from harness.cli.output import write_json, write_lines
from harness.config.spec import Pin
from harness.device.lanes import parse_parallel
from harness.device.locks import find_holders
from harness.lane import DeviceInfo
from harness.limits import device_limits
from harness.units import format_bytes, format_count


@click.command()
@device_options
@json_option
def devices(
    *,
    parallel: str | None,
    backend: str | None,
    pin: Pin | None,
    oversubscribe: bool | None,
    as_json: bool,
) -> None:
    """Show what was found, which lanes `--parallel` gives, and who uses each device."""
    found = find_lanes_of(
        backend or "auto",
        parallel=parse_parallel(parallel or "auto"),
        pin=pin or "visible",
        oversubscribe=bool(oversubscribe),
    )
    if as_json:
        write_json(_to_object(found))
    else:
        write_lines(_to_lines(found))


def _to_object(found: Devices) -> dict[str, Any]:
    return {
        "backend": found.backend,
        "devices": [
            {
                "index": device.index,
                "name": device.name,
                "uuid": device.uuid,
                "pci_bus_id": device.pci_bus_id,
                "memory_bytes": device.memory_bytes,
                "compute_capability": device.compute_capability,
                "driver": device.driver,
                "cores": device.cores,
                "simulated": device.simulated,
                "limits": device_limits(device),
                "held_by": find_holders(device),
                "processes": [
                    {"pid": p.pid, "name": p.name, "memory_bytes": p.memory_bytes}
                    for p in found.processes(device)
                ],
            }
            for device in found.found
        ],
        "warnings": found.remarks,
        "lanes": [
            {
                "name": lane.name,
                "index": lane.device.index,
                "uuid": lane.device.uuid,
                "environment": dict(lane.environment),
            }
            for lane in found.lanes
        ],
    }


def _to_lines(found: Devices) -> list[str]:
    if not found.found:
        return [f"no devices found by backend {found.backend}", *_say_remarks(found)]
    lines = [f"{format_count(len(found.found), 'device')}, backend {found.backend}:"]
    for device in found.found:
        lines.append(f"  {device.index}: {_describe(device)}")
        if holders := find_holders(device):
            lines.append(f"       held by {name_holders(holders)}")
        lines += [
            f"       used by {process.name or 'process'} (pid {process.pid})"
            + (f", {format_bytes(process.memory_bytes)}" if process.memory_bytes else "")
            for process in found.processes(device)
        ]
    lines.append(f"{format_count(len(found.lanes), 'lane')}:")
    for lane in found.lanes:
        variables = " ".join(f"{name}={value}" for name, value in lane.environment)
        lines.append(f"  {lane.name}: device {lane.device.index}  {variables}")
    return [*lines, *_say_remarks(found)]


def _say_remarks(found: Devices) -> list[str]:
    return [f"warning: {remark}" for remark in found.remarks]


def _describe(device: DeviceInfo) -> str:
    parts = [device.name or "no device"]
    if device.compute_capability:
        parts.append("sm_{}{}".format(*device.compute_capability))
    if device.memory_bytes:
        parts.append(format_bytes(device.memory_bytes))
    if device.cores:
        parts.append("cores " + ",".join(map(str, device.cores)))
    parts += [text for text in (device.pci_bus_id, device.uuid) if text]
    if device.simulated:
        parts.append("simulated")
    return ", ".join(parts)
