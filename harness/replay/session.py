"""A recording as the session that it was, for all that reads sessions."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path

from harness.configuration import Configuration
from harness.lane import IMPORTED, DeviceInfo, Lane
from harness.model import Outcome, OutcomeKind, Run, SessionInfo
from harness.replay.recording import BEFORE_RUNS, Measurement, Recording
from harness.stats import Aggregate, aggregate
from harness.store.base import IMPORT
from harness.store.identity import make_key

LANE = "0"
"""The only lane of such a session."""

_AGGREGATES: tuple[Aggregate, ...] = ("avg", "med", "min", "max")
_SAME = 1e-6


def make_session(recording: Recording) -> tuple[SessionInfo, tuple[Outcome, ...]]:
    """The session with its outcomes, in the order of the file.

    Where the file says nothing of when its tests were made, they follow each other from now on.
    """
    measured = recording.measurements
    started_s = _find_start(measured.values())
    device = DeviceInfo(
        kind=IMPORTED,
        index=0,
        uuid=f"IMPORT-{recording.digest[:8]}",
        name=recording.device,
        simulated=recording.simulated,
        recording=recording.source,
    )
    info = SessionInfo(
        id=0,
        name=recording.name or Path(recording.source).name.split(".")[0],
        goal=recording.goal,
        unit=recording.unit,
        lanes=(Lane(LANE, 0, device),),
        parameters=recording.space.names,
        repeat=max(len(found.samples) for found in measured.values()),
        aggregate=_find_aggregate(measured),
        size=None,
        simulated=recording.simulated,
        started_s=started_s,
        distribution="recorded",
        strategy=IMPORT,
        journal="",
    )
    ends = accumulate((found.duration_s for found in measured.values()), initial=started_s)
    next(ends)
    outcomes = tuple(
        _make_outcome(number, configuration, found, found.ended_s or end_s, recording)
        for number, ((configuration, found), end_s) in enumerate(
            zip(measured.items(), ends, strict=True), 1
        )
    )
    return info, outcomes


def _find_start(measured: Iterable[Measurement]) -> float:
    """When the first test with a time began; now if none has one."""
    begins = [found.ended_s - found.duration_s for found in measured if found.ended_s]
    return min(begins, default=time.time())


def _find_aggregate(measured: Mapping[Configuration, Measurement]) -> str:
    """What the scores are of their samples; `recorded` where that cannot be told."""
    pairs = [(m.samples, m.score) for m in measured.values() if len(m.samples) > 1]
    for how in _AGGREGATES:
        if pairs and all(
            score is not None and math.isclose(aggregate(samples, how), score, rel_tol=_SAME)
            for samples, score in pairs
        ):
            return how
    return "recorded"


def _make_outcome(
    number: int,
    configuration: Configuration,
    found: Measurement,
    ended_s: float,
    recording: Recording,
) -> Outcome:
    return Outcome(
        configuration,
        found.kind,
        score=found.score,
        runs=_make_runs(found, ended_s, recording),
        test_id=number,
        key=make_key({IMPORT: recording.digest, "test": repr(list(configuration.items()))}),
        lane=LANE,
        reason=recording.reason(configuration),
        compile_s=found.compile_s,
        ended_s=ended_s,
    )


def _make_runs(found: Measurement, ended_s: float, recording: Recording) -> tuple[Run, ...]:
    """A run for each sample, one after the other; of a failed test one, if it was run at all."""
    uuid = f"IMPORT-{recording.digest[:8]}"
    if found.kind is not OutcomeKind.OK:
        if found.kind in BEFORE_RUNS or not found.run_s:
            return ()
        at_s = ended_s - found.run_s
        return (Run(0, found.kind, LANE, uuid, at_s, found.run_s, reason=found.kind.value),)
    samples = found.samples or ((found.score,) if found.score is not None else ())
    share_s = found.run_s / len(samples) if samples else 0.0
    began_s = ended_s - found.run_s
    return tuple(
        Run(
            index,
            OutcomeKind.OK,
            LANE,
            uuid,
            began_s + index * share_s,
            sample if recording.unit == "s" else share_s,
            sample=sample,
        )
        for index, sample in enumerate(samples)
    )
