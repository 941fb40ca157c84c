"""The transcript of a session: what was tested, in order, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from harness.configuration import name_best
from harness.model import Evidence, Outcome, OutcomeKind, SessionInfo
from harness.units import format_count, format_score, format_seconds, is_real


def format_script(info: SessionInfo, outcomes: Sequence[Outcome]) -> str:
    """The transcript, one block per test."""
    lines = [
        f"session {info.id} of {info.name}" + (f" ({info.origin})" if info.origin else ""),
        f"started {_format_instant(info)}",
        f"strategy {info.strategy}, distribution {info.distribution}, "
        f"{format_count(info.repeat, 'run')} per test, {info.aggregate}; the "
        f"{name_best(info.goal)} score is best",
    ]
    lines += [
        f"lane {lane.name}: {lane.device.name or 'no device'} {lane.device.uuid}".rstrip()
        for lane in info.lanes
    ]
    for outcome in outcomes:
        lines += ["", *_block(outcome, info.unit)]
    return "\n".join(lines) + "\n"


def _format_instant(info: SessionInfo) -> str:
    if not is_real(info.started_s):
        return f"at {info.started_s:.3f} s of virtual time"
    return datetime.fromtimestamp(info.started_s, timezone.utc).isoformat(timespec="seconds")


def _block(outcome: Outcome, unit: str) -> list[str]:
    lines = [f"test {outcome.test_id} on lane {outcome.lane}: {outcome.configuration}"]
    if outcome.compile_s:
        lines.append(f"  compiled in {format_seconds(outcome.compile_s)}")
    if outcome.copy_of is not None:
        lines.append(f"  the same binary and launch as test {outcome.copy_of}")
    for run in outcome.runs:
        value = run.kind.value if run.sample is None else format_score(run.sample, unit)
        lines.append(f"  run {run.index + 1}: {value}")
    if outcome.kind is OutcomeKind.OK and outcome.score is not None:
        lines.append(f"  score: {format_score(outcome.score, unit)}")
    else:
        reason = f": {outcome.reason}" if outcome.reason else ""
        lines.append(f"  {outcome.kind.value}{reason}")
        lines += _evidence(outcome.evidence)
    return lines


def _evidence(evidence: Evidence | None) -> list[str]:
    if evidence is None:
        return []
    lines = [f"  in {evidence.directory}: {evidence.command}"]
    return lines + [f"  | {line}" for line in evidence.output.splitlines()]
