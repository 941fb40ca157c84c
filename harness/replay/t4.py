"""Reads T4, the auto-tuning community's JSON format of results (version 1.0).

`results` lists configurations with `times` (milliseconds, or `metadata.timeunit`), `invalidity`
(how the test ended), `measurements` and the `objectives` among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.model import OutcomeKind
from harness.replay.read import (
    check_time,
    check_version,
    decode,
    digest_of,
    goal_of,
    is_time,
    judge,
    read_instant,
    seconds_per,
)
from harness.replay.recording import Measurement, Recording, find_parameters, make_recording
from harness.space.space import Space

_KINDS = {
    "correct": OutcomeKind.OK,
    "compile": OutcomeKind.COMPILE_FAILED,
    "constraints": OutcomeKind.INVALID,
    "runtime": OutcomeKind.RUN_FAILED,
    "timeout": OutcomeKind.TIMEOUT,
    "correctness": OutcomeKind.WRONG_RESULT,
}


class _Times(Struct):
    compilation: float | None = None
    compilation_time: float = 0.0  # as the schema calls it; the tools write `compilation`
    benchmark: float = 0.0
    framework: float = 0.0
    validation: float = 0.0
    runtimes: list[float] = []


class _Measured(Struct):
    name: str
    value: float | str | list[float | str] | None = None
    unit: str = ""


class _Result(Struct):
    configuration: dict[str, bool | int | float | str]
    times: _Times
    invalidity: str
    measurements: list[_Measured] = []
    objectives: list[str] = []
    timestamp: str = ""


class _Metadata(Struct):
    timeunit: str = ""
    device: str = ""
    # Ours; the format says nothing of these.
    goal: Literal["min", "max"] | None = None
    name: str = ""
    simulated: bool = False


class _File(Struct):
    results: list[_Result]
    metadata: _Metadata = field(default_factory=_Metadata)
    schema_version: str | int | float | None = None


def load_t4(path: Path, content: bytes, space: Space | None = None) -> Recording:
    """The recording in a T4 file.

    Args:
        content: of the file, decompressed.
        space: that was tuned; None: the configurations in the file.

    Raises:
        ConfigError: it is no T4, or says nothing that could be replayed.
    """
    file = decode(path, content, _File)
    check_version(path, "schema_version", file.schema_version)
    if not file.results:
        raise ConfigError(f"{path}: results: empty; give a file with results")
    first = file.results[0]
    objective = first.objectives[0] if first.objectives else "time"
    second = seconds_per(file.metadata.timeunit, f"{path}: metadata.timeunit")
    names = tuple(first.configuration)
    measurements: dict[Configuration, Measurement] = {}
    unit = ""
    for at, result in enumerate(file.results):
        place = f"{path}: results[{at}]"
        measured = next((m for m in result.measurements if m.name == objective), None)
        unit = unit or (measured.unit if measured else "")
        measurements[_configuration(result, names, place)] = _measurement(
            result, measured, objective, second, place
        )
    return make_recording(
        measurements,
        find_parameters(measurements, names, str(path)),
        goal=file.metadata.goal
        or goal_of(objective if is_time(objective) else f"{objective} {unit}"),
        unit="s" if is_time(objective) else unit or objective,
        device=file.metadata.device,
        source=str(path),
        digest=digest_of(content),
        space=space,
        name=file.metadata.name,
        simulated=file.metadata.simulated,
        form="T4",
        repeated=len(file.results) - len(measurements),
    )


def _configuration(result: _Result, names: tuple[str, ...], place: str) -> Configuration:
    given: dict[str, Value] = result.configuration
    if tuple(given) == names:
        return Configuration(names, tuple(given.values()))
    if set(given) != set(names):
        raise ConfigError(
            f"{place}: configuration: parameters {', '.join(given)}; expected those of the first "
            f"result: {', '.join(names)}"
        )
    return Configuration(names, tuple(given[name] for name in names))


def _check_times(times: _Times, place: str, *, succeeded: bool) -> None:
    """Refuse times that are none; those of steps may be 0, runs that succeeded took some."""
    for at, runtime in enumerate(times.runtimes):
        check_time(f"{place}.times.runtimes[{at}]", runtime, zero=not succeeded)
    for name in ("compilation", "compilation_time", "benchmark", "framework", "validation"):
        check_time(f"{place}.times.{name}", getattr(times, name) or 0.0, zero=True)


def _measurement(
    result: _Result, measured: _Measured | None, objective: str, second: float, place: str
) -> Measurement:
    kind = _KINDS.get(result.invalidity)
    if kind is None:
        raise ConfigError(
            f"{place}: invalidity = {result.invalidity!r}; expected one of {', '.join(_KINDS)}"
        )
    value = measured.value if measured is not None else None
    kind, score = judge(kind, value)
    times = result.times
    _check_times(result.times, place, succeeded=kind is OutcomeKind.OK)
    if score is not None and is_time(objective):
        check_time(f"{place}.measurements: {objective}", score)
    samples: tuple[float, ...] = tuple(time * second for time in times.runtimes)
    if not is_time(objective):
        samples = () if score is None else (score,)
    elif score is not None and measured is not None:
        score *= seconds_per(measured.unit, f"{place}: unit") if measured.unit else second
    compilation = times.compilation_time if times.compilation is None else times.compilation
    return Measurement(
        kind=kind,
        score=score,
        samples=samples if kind is OutcomeKind.OK else (),
        compile_s=compilation * second,
        run_s=(sum(times.runtimes) or times.benchmark) * second,
        overhead_s=(times.framework + times.validation) * second,
        ended_s=read_instant(result.timestamp) if result.timestamp else 0.0,
    )
