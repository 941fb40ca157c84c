"""A Kernel Tuner cache file: what that tuner resumes from and simulates with.

Kernel Tuner writes T4 but does not read it; this is what it reads. `goal` and `simulated` are ours:
the format says nothing of them. Times are in milliseconds. A
problem size is not known here and given as 1; a configuration that several lanes measured
(`replicate`) has what was measured last. Interrupted tests, and those whose device was lost, are
left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.configuration import Value
from harness.export.t4 import benchmark_ms, objective_of, runtimes_ms, score_of, timestamp_of
from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.units import distinct

_ERRORS = {
    OutcomeKind.COMPILE_FAILED: "CompilationFailedConfig",
    OutcomeKind.INVALID: "InvalidConfig",
}
"""How tests failed, where it is not while they ran."""


def format_kernel_tuner(info: SessionInfo, outcomes: Sequence[Outcome]) -> str:
    """The session's outcomes as a cache file."""
    latest = {o.configuration: o for o in outcomes if o.kind.is_final}
    kept = list(latest.values())
    keys = distinct(_key(outcome, info) for outcome in kept)  # "a,b" and "a", "b" look the same
    devices = dict.fromkeys(lane.device.name for lane in info.lanes if lane.device.name)
    content = {
        "device_name": ", ".join(devices) or "unknown",
        "kernel_name": info.name,
        "problem_size": [1],
        "tune_params_keys": list(info.parameters),
        "tune_params": {name: _values_of(name, kept) for name in info.parameters},
        "objective": objective_of(info),
        "goal": info.goal,
        "simulated": info.simulated,
        "cache": {key: _make_entry(outcome, info) for key, outcome in zip(keys, kept, strict=True)},
    }
    # Kernel Tuner looks for the last two brackets on lines of their own.
    return json.dumps(content, indent=0, ensure_ascii=False)


def _key(outcome: Outcome, info: SessionInfo) -> str:
    return ",".join(str(outcome.configuration[name]) for name in info.parameters)


def _values_of(name: str, outcomes: Sequence[Outcome]) -> list[Value]:
    """The values that were tested: numbers in ascending order, others as they came."""
    values = list(dict.fromkeys(outcome.configuration[name] for outcome in outcomes))
    if any(isinstance(value, str) for value in values):
        return values
    return sorted(values, key=float)


def _make_entry(outcome: Outcome, info: SessionInfo) -> dict[str, Any]:
    score, timestamp = score_of(outcome, info), timestamp_of(outcome)
    error = _ERRORS.get(outcome.kind, "RuntimeFailedConfig")
    return {
        **{name: outcome.configuration[name] for name in info.parameters},
        objective_of(info): error if score is None else score,
        **({} if score is None else {"times": runtimes_ms(outcome, info)}),
        "compile_time": outcome.compile_s * 1000,
        "verification_time": 0,
        "benchmark_time": benchmark_ms(outcome),
        "strategy_time": 0,
        "framework_time": 0,
        **({"timestamp": timestamp} if timestamp else {}),
    }
