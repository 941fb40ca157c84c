"""A session as one JSON object.

Keys: `session`, `name`, `simulated`, `imported` (and of a replay or an import `recording`),
`started_s` (Unix time), `goal`, `unit`, `repeat`, `aggregate`, `distribution`, `strategy`,
`parameters`, `lanes`, `winners` (the tests that it called the best: of kernels those that won the
finals), and `tests`: a list of objects with `test`, `lane`, `outcome`, `parameters`, `score`,
`samples` (both in `unit`), `compile_s`, `compile_started_s` (an instant; null where the test was
not compiled in this session), `compile_seat` (`compile`, which is the compile pool, or a lane),
`runs` (times in seconds, memory in bytes), and for failed ones `reason` and `evidence`. Tests of
kernels also have `artifact` (the binary, with registers, shared memory and spills), `copy_of` where
they share the measurement of another, and in each run `measurement`: every sample in seconds per
launch, in order, and how they were taken.

`replay/exported.py` reads it back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from harness.model import Outcome, Run, SessionInfo

_RUN_KEYS = (
    "index",
    "sample",
    "lane",
    "device_uuid",
    "started_s",
    "elapsed_s",
    "user_s",
    "system_s",
    "max_rss_bytes",
    "involuntary_switches",
    "exit_code",
    "signal",
)


def format_json(
    info: SessionInfo, outcomes: Sequence[Outcome], winners: Collection[int] = ()
) -> str:
    """The session with its outcomes, in their order.

    Args:
        winners: the tests that it called the best at its end.
    """
    return (
        json.dumps(
            {
                "session": info.id,
                "name": info.name,
                "simulated": info.simulated,
                "imported": info.imported,
                "started_s": info.started_s,
                **({"recording": info.recording} if info.recording else {}),
                "goal": info.goal,
                "unit": info.unit,
                "repeat": info.repeat,
                "aggregate": info.aggregate,
                "distribution": info.distribution,
                "strategy": info.strategy,
                "parameters": list(info.parameters),
                "lanes": [
                    {
                        "name": lane.name,
                        "kind": lane.device.kind,
                        "device": lane.device.name,
                        "uuid": lane.device.uuid,
                        "environment": dict(lane.environment),
                    }
                    for lane in info.lanes
                ],
                "winners": sorted(winners),
                "tests": [_to_object(outcome) for outcome in outcomes],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def _to_object(outcome: Outcome) -> dict[str, Any]:
    made: dict[str, Any] = {
        "test": outcome.test_id,
        "lane": outcome.lane,
        "outcome": outcome.kind.value,
        "parameters": dict(outcome.configuration),
        "score": outcome.score,
        "samples": list(outcome.samples),
        "compile_s": outcome.compile_s,
        "compile_started_s": outcome.compile_started_s,
        "compile_seat": outcome.compile_seat,
        "runs": [_run_object(run) for run in outcome.runs],
    }
    if outcome.reused_from is not None:
        made["reused_from"] = outcome.reused_from
    if outcome.artifact is not None:
        made["artifact"] = asdict(outcome.artifact)
    if outcome.copy_of is not None:
        made["copy_of"] = outcome.copy_of
    if outcome.reason:
        made["reason"] = outcome.reason
    if outcome.evidence is not None:
        made["evidence"] = asdict(outcome.evidence)
    return made


def _run_object(run: Run) -> dict[str, Any]:
    made = {key: getattr(run, key) for key in _RUN_KEYS}
    made |= {"kind": run.kind.value, "environment": dict(run.environment)}
    if run.measurement is not None:
        measured = asdict(run.measurement)
        made["measurement"] = {**measured, "metrics": dict(run.measurement.metrics)}
    return made
