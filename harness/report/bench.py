"""What a bench found: a line for each configuration on each device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.configuration import show_value
from harness.model import Outcome, SessionInfo
from harness.report.plain import describe_score


def bench_table(info: SessionInfo, outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """Device, score and values, with a header; failures say how they failed."""
    devices = {lane.name: lane.device.name or "no device" for lane in info.lanes}
    score = f"SCORE{' (simulated)' if info.simulated else ''}"
    table: list[tuple[str, ...]] = [("LANE", "DEVICE", score, *info.parameters)]
    for outcome in outcomes:
        table.append(
            (
                outcome.lane,
                devices.get(outcome.lane, ""),
                describe_score(outcome, info.unit),
                *(show_value(value) for value in outcome.configuration.values()),
            )
        )
    return table


def bench_object(info: SessionInfo, outcomes: Sequence[Outcome], commit: str) -> dict[str, Any]:
    """For `--json`."""
    devices = {lane.name: lane.device.name for lane in info.lanes}
    return {
        "session": info.id,
        "name": info.name,
        "simulated": info.simulated,
        "commit": commit or None,
        "unit": info.unit,
        "goal": info.goal,
        "results": [
            {
                "lane": outcome.lane,
                "device": devices.get(outcome.lane, ""),
                "parameters": dict(outcome.configuration),
                "outcome": outcome.kind.value,
                "score": outcome.score,
                "samples": list(outcome.samples),
                "reason": outcome.reason,
            }
            for outcome in outcomes
        ],
        "journal": info.journal,
    }
