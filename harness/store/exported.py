"""Reads back what `harness export --format json` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.configuration import Configuration
from harness.errors import StoreError
from harness.lane import DeviceInfo, Lane
from harness.measurement import Measurement
from harness.model import Outcome, OutcomeKind, Run, SessionInfo


def load_exported(path: Path) -> tuple[SessionInfo, tuple[Outcome, ...]]:
    """The session in the file `path`, and its tests with samples and scores.

    Raises:
        StoreError: it cannot be read, or is something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path}: cannot read this file: {error.strerror}") from error
    except ValueError as error:
        raise StoreError(f"{path}: this is not JSON: {error}") from error
    try:
        return _read_session(path, data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"{path}: this is no export of a session ({type(error).__name__}: {error}); make one "
            "with `harness export --format json`"
        ) from error


def _read_session(path: Path, data: Mapping[str, Any]) -> tuple[SessionInfo, tuple[Outcome, ...]]:
    info = SessionInfo(
        id=data["session"],
        name=data["name"],
        goal=data["goal"],
        unit=data["unit"],
        lanes=tuple(
            Lane(
                lane["name"],
                index,
                DeviceInfo(
                    lane["kind"],
                    index,
                    lane["uuid"],
                    lane["device"],
                    recording=data.get("recording", ""),
                ),
                tuple(lane["environment"].items()),
            )
            for index, lane in enumerate(data["lanes"])
        ),
        parameters=tuple(data["parameters"]),
        repeat=data["repeat"],
        aggregate=data["aggregate"],
        size=None,
        simulated=data["simulated"],
        started_s=data["started_s"],
        distribution=data["distribution"],
        strategy=data["strategy"],
        journal=str(path),
    )
    return info, tuple(_read_outcome(test) for test in data["tests"])


def _read_outcome(test: Mapping[str, Any]) -> Outcome:
    return Outcome(
        Configuration.from_mapping(test["parameters"]),
        OutcomeKind(test["outcome"]),
        test["score"],
        tuple(_read_run(run) for run in test["runs"]),
        test_id=test["test"],
        lane=test["lane"],
        reason=test.get("reason", ""),
        compile_s=test["compile_s"],
        compile_started_s=test.get("compile_started_s"),
        compile_seat=test.get("compile_seat", ""),
    )


def _read_run(run: Mapping[str, Any]) -> Run:
    return Run(
        run["index"],
        OutcomeKind(run["kind"]),
        run["lane"],
        run["device_uuid"],
        run["started_s"],
        run["elapsed_s"],
        sample=run["sample"],
        measurement=_read_measurement(run.get("measurement")),
    )


def _read_measurement(data: Mapping[str, Any] | None) -> Measurement | None:
    if data is None:
        return None
    pairs = {"metrics": list(data["metrics"].items())}
    return msgspec.convert({**data, **pairs}, Measurement)
