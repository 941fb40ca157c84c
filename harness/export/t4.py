"""T4, the auto-tuning community's JSON format of results, version 1.0.

Each test has its `configuration`, how it ended (`invalidity`, `correctness`), its `times` in
milliseconds (`compilation`, `runtimes`: one per run) and what was scored (`measurements`,
`objectives`): `time` in ms, or a figure of merit by its unit. What is scored is the aggregate of
the runs. `metadata` says, beyond what the format asks for, which device was used, which score is
best and whether results are simulated. A test that was given up in a race is a `timeout`: the
format has no word for it. Interrupted tests, and those whose device was lost, are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.units import is_real

_INVALIDITY = {
    OutcomeKind.OK: "correct",
    OutcomeKind.COMPILE_FAILED: "compile",
    OutcomeKind.RUN_FAILED: "runtime",
    OutcomeKind.NO_SCORE: "runtime",
    OutcomeKind.WRONG_RESULT: "correctness",
    OutcomeKind.TIMEOUT: "timeout",
    OutcomeKind.CENSORED: "timeout",
    OutcomeKind.INVALID: "constraints",
}
_MS = 1000.0


def format_t4(info: SessionInfo, outcomes: Sequence[Outcome]) -> str:
    """The session's outcomes as T4, in their order."""
    devices = dict.fromkeys(lane.device.name for lane in info.lanes if lane.device.name)
    content = {
        "schema_version": "1.0.0",
        "metadata": {
            "timeunit": "milliseconds",
            "device": ", ".join(devices),
            "name": info.name,
            "goal": info.goal,
            "simulated": info.simulated,
            **({"recording": info.recording} if info.recording else {}),
        },
        "results": [
            _make_result(outcome, info) for outcome in outcomes if outcome.kind in _INVALIDITY
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def objective_of(info: SessionInfo) -> str:
    """What is scored, as the community's formats call it."""
    return "time" if info.unit == "s" else info.unit or "score"


def score_of(outcome: Outcome, info: SessionInfo) -> float | None:
    """The score in the community's unit: milliseconds for times."""
    return outcome.score if outcome.score is None or info.unit != "s" else outcome.score * _MS


def runtimes_ms(outcome: Outcome, info: SessionInfo) -> list[float]:
    """What each successful run took: the samples where they are times."""
    if info.unit == "s":
        return [sample * _MS for sample in outcome.samples]
    return [run.elapsed_s * _MS for run in outcome.runs if run.sample is not None]


def benchmark_ms(outcome: Outcome) -> float:
    """What all runs took together, failed ones included."""
    return sum(run.elapsed_s for run in outcome.runs) * _MS


def timestamp_of(outcome: Outcome) -> str | None:
    """When the test ended; None in virtual time."""
    if not is_real(outcome.ended_s):
        return None
    return str(datetime.fromtimestamp(outcome.ended_s, timezone.utc))


def _make_result(outcome: Outcome, info: SessionInfo) -> dict[str, Any]:
    score, timestamp = score_of(outcome, info), timestamp_of(outcome)
    objective = objective_of(info)
    measured = {
        "name": objective,
        "value": outcome.kind.value if score is None else score,
        "unit": "ms" if info.unit == "s" else info.unit,
    }
    return {
        **({"timestamp": timestamp} if timestamp else {}),
        "configuration": dict(outcome.configuration),
        "times": {
            "compilation": outcome.compile_s * _MS,
            "benchmark": benchmark_ms(outcome),
            "framework": 0,
            "search_algorithm": 0,
            "validation": 0,
            "runtimes": runtimes_ms(outcome, info),
        },
        "invalidity": _INVALIDITY[outcome.kind],
        "correctness": int(outcome.kind is OutcomeKind.OK),
        "measurements": [measured],
        "objectives": [objective],
    }
