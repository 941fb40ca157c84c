"""Between model objects and the journal's rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from harness.configuration import Configuration
from harness.lane import DeviceInfo, Lane
from harness.measurement import Measurement
from harness.model import Artifact, Evidence, Outcome, OutcomeKind, Run
from harness.store.base import BENCH, IMPORT

TEST_COLUMNS = (
    "id, key, configuration, lane, compile_s, outcome, score, reason, evidence, ended_s, "
    "reused_from, session, artifact, copy_of, compile_started_s, compile_seat"
)
RUN_COLUMNS = (
    "test, run, kind, sample, lane, device_uuid, started_s, elapsed_s, user_s, system_s, "
    "max_rss_bytes, involuntary_switches, exit_code, signal, reason, stdout, stderr, environment, "
    "evidence, measurement"
)

SEARCHED = f"strategy NOT IN ('{BENCH}', '{IMPORT}')"
"""Of rows of `sessions`: those in which configurations were searched for."""

_MEASUREMENTS = msgspec.json.Decoder(Measurement)
_ARTIFACTS = msgspec.json.Decoder(Artifact)


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def dump_artifact(artifact: Artifact | None) -> str | None:
    """An object, or null."""
    return None if artifact is None else msgspec.json.encode(artifact).decode()


def dump(value: object) -> str:
    """JSON, compact, in the order given."""
    text = _encode(value)
    return text if to_text(text) == text else json.dumps(value, separators=(",", ":"))


def to_text(text: str) -> str:
    r"""`text` as SQLite can hold it: what stands for bytes that are no UTF-8 becomes `\udc..`."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def dump_configuration(configuration: Configuration) -> str:
    """An object from names to values, whose types JSON keeps."""
    return dump(dict(zip(configuration.names, configuration.values_, strict=True)))


def read_configuration(text: str) -> Configuration:
    """What `dump_configuration` wrote."""
    return Configuration.from_mapping(json.loads(text))


def dump_evidence(evidence: Evidence | None) -> str | None:
    """An object, or null."""
    return None if evidence is None else dump(asdict(evidence))


def read_evidence(text: str | None) -> Evidence | None:
    """What `dump_evidence` wrote."""
    return None if text is None else Evidence(**json.loads(text))


def run_values(test_id: int, run: Run, lane_environment: Mapping[str, str]) -> tuple[Any, ...]:
    """A row of RUN_COLUMNS; the environment is left out where it is the lane's."""
    environment = dict(run.environment)
    return (
        test_id,
        run.index,
        run.kind.value,
        run.sample,
        run.lane,
        run.device_uuid,
        run.started_s,
        run.elapsed_s,
        run.user_s,
        run.system_s,
        run.max_rss_bytes,
        run.involuntary_switches,
        run.exit_code,
        run.signal,
        to_text(run.reason),
        to_text(run.stdout),
        to_text(run.stderr),
        "" if environment == lane_environment else dump(environment),
        dump_evidence(run.evidence),
        None if run.measurement is None else msgspec.json.encode(run.measurement).decode(),
    )


def read_run(row: tuple[Any, ...], lane_environments: Mapping[str, Mapping[str, str]]) -> Run:
    """A run from a row of RUN_COLUMNS."""
    environment = json.loads(row[17]) if row[17] else lane_environments.get(row[4], {})
    return Run(
        index=row[1],
        kind=OutcomeKind(row[2]),
        sample=row[3],
        lane=row[4],
        device_uuid=row[5],
        started_s=row[6],
        elapsed_s=row[7],
        user_s=row[8],
        system_s=row[9],
        max_rss_bytes=row[10],
        involuntary_switches=row[11],
        exit_code=row[12],
        signal=row[13],
        reason=row[14],
        stdout=row[15],
        stderr=row[16],
        environment=tuple(environment.items()),
        evidence=read_evidence(row[18]),
        measurement=None if row[19] is None else _MEASUREMENTS.decode(row[19]),
    )


def read_outcome(row: tuple[Any, ...], runs: Iterable[Run]) -> Outcome:
    """An outcome from a row of TEST_COLUMNS that has one."""
    return Outcome(
        test_id=row[0],
        key=row[1],
        configuration=read_configuration(row[2]),
        lane=row[3],
        compile_s=row[4] or 0.0,
        kind=OutcomeKind(row[5]),
        score=row[6],
        reason=row[7] or "",
        evidence=read_evidence(row[8]),
        ended_s=row[9] or 0.0,
        reused_from=row[10],
        artifact=None if row[12] is None else _ARTIFACTS.decode(row[12]),
        copy_of=row[13],
        compile_started_s=row[14],
        compile_seat=row[15] or "",
        runs=tuple(runs),
    )


def dump_device(device: DeviceInfo) -> str:
    """An object of the device's fields."""
    return dump(asdict(device))


def read_lane(name: str, position: int, device: str, environment: str) -> Lane:
    """A lane from its row."""
    fields = json.loads(device)
    if fields["compute_capability"] is not None:
        fields["compute_capability"] = tuple(fields["compute_capability"])
    fields["cores"] = tuple(fields["cores"])
    fields["locks"] = tuple((lock, exclusive) for lock, exclusive in fields["locks"])
    return Lane(name, position, DeviceInfo(**fields), tuple(json.loads(environment).items()))
