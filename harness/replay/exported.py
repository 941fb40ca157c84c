"""Reads back what `harness export --format json` wrote: a session with its tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.lane import DeviceInfo, Lane
from harness.measurement import Measurement
from harness.model import Outcome, OutcomeKind, Run, SessionInfo
from harness.replay.journal import make_session_recording
from harness.replay.read import decode, digest_of
from harness.replay.recording import Recording
from harness.space.space import Space

SIGN = re.compile(rb'\s*\{\s*"session"\s*:')
"""How an export begins."""


class _Lane(Struct):
    name: str
    kind: str
    device: str
    uuid: str
    environment: dict[str, str]


class _Run(Struct):
    index: int
    kind: OutcomeKind
    lane: str
    device_uuid: str
    started_s: float
    elapsed_s: float
    sample: float | None
    measurement: dict[str, Any] | None = None


class _Test(Struct):
    test: int
    lane: str
    outcome: OutcomeKind
    parameters: dict[str, bool | int | float | str]
    score: float | None
    runs: list[_Run]
    compile_s: float
    compile_started_s: float | None = None
    compile_seat: str = ""
    reason: str = ""


class _Session(Struct):
    session: int
    name: str
    goal: Literal["min", "max"]
    unit: str
    lanes: list[_Lane]
    parameters: list[str]
    repeat: int
    aggregate: str
    simulated: bool
    started_s: float
    distribution: str
    strategy: str
    tests: list[_Test]
    recording: str = ""
    winners: frozenset[int] = frozenset()


class Exported(NamedTuple):
    """What an export holds.

    Attributes:
        outcomes: with samples and scores.
        winners: the tests that the session called the best at its end.
    """

    info: SessionInfo
    outcomes: tuple[Outcome, ...]
    winners: frozenset[int]


def load_exported(path: Path, content: bytes) -> Exported:
    """The session in an export.

    Args:
        content: of the file, decompressed.

    Raises:
        ConfigError: it is something else, or wrong inside.
    """
    session = decode(path, content, _Session)
    names = tuple(session.parameters)
    outcomes = tuple(
        _read_outcome(test, names, f"{path}: tests[{at}]") for at, test in enumerate(session.tests)
    )
    return Exported(_read_info(path, session), outcomes, session.winners)


def load_export(path: Path, content: bytes, space: Space | None = None) -> Recording:
    """The recording that an export makes; of a `replicate` session, what its first lane measured.

    Args:
        content: of the file, decompressed.
        space: that was tuned; None: the configurations it tested.

    Raises:
        ConfigError: it is wrong inside, or holds nothing that could be replayed.
    """
    info, outcomes, _ = load_exported(path, content)
    return make_session_recording(
        info,
        outcomes,
        source=str(path),
        digest=digest_of(content),
        space=space,
        name=info.name,
        simulated=info.simulated,
        form="JSON export",
    )


def _read_info(path: Path, session: _Session) -> SessionInfo:
    lanes = tuple(
        Lane(
            lane.name,
            index,
            DeviceInfo(lane.kind, index, lane.uuid, lane.device, recording=session.recording),
            tuple(lane.environment.items()),
        )
        for index, lane in enumerate(session.lanes)
    )
    return SessionInfo(
        id=session.session,
        name=session.name,
        goal=session.goal,
        unit=session.unit,
        lanes=lanes,
        parameters=tuple(session.parameters),
        repeat=session.repeat,
        aggregate=session.aggregate,
        size=None,
        simulated=session.simulated,
        started_s=session.started_s,
        distribution=session.distribution,
        strategy=session.strategy,
        journal=str(path),
    )


def _read_outcome(test: _Test, names: tuple[str, ...], place: str) -> Outcome:
    given: dict[str, Value] = test.parameters
    if set(given) != set(names):
        raise ConfigError(
            f"{place}.parameters: {', '.join(given) or 'none'}; expected those of the session: "
            f"{', '.join(names)}"
        )
    return Outcome(
        Configuration(names, tuple(given[name] for name in names)),
        test.outcome,
        test.score,
        tuple(_read_run(run, f"{place}.runs[{at}]") for at, run in enumerate(test.runs)),
        test_id=test.test,
        lane=test.lane,
        reason=test.reason,
        compile_s=test.compile_s,
        compile_started_s=test.compile_started_s,
        compile_seat=test.compile_seat,
    )


def _read_run(run: _Run, place: str) -> Run:
    return Run(
        run.index,
        run.kind,
        run.lane,
        run.device_uuid,
        run.started_s,
        run.elapsed_s,
        sample=run.sample,
        measurement=_read_measurement(run.measurement, f"{place}.measurement"),
    )


def _read_measurement(data: dict[str, Any] | None, place: str) -> Measurement | None:
    if data is None:
        return None
    metrics = data.get("metrics")
    pairs = list(metrics.items()) if isinstance(metrics, dict) else metrics
    try:
        return msgspec.convert({**data, "metrics": pairs}, Measurement)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{place}: {error}; make the export anew") from None
