"""Reads Kernel Tuner's cache files.

`cache` holds one object per configuration: the parameters, the objective (a number, or the name
of an error), `times` of the runs and what compiling, checking and the rest took, in milliseconds.
A file that a running or killed tuner left open, without its last brackets, is read as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

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
)
from harness.replay.recording import Measurement, Recording, find_parameters, make_recording
from harness.space.parameters import Parameter
from harness.space.space import Space

_MS = 1e-3
_UNKNOWN = "unknown"
"""What our export writes as the device where there is none: the format wants a name."""
_VALUE_TYPES = frozenset({bool, int, float, str})

_KINDS = {
    "InvalidConfig": OutcomeKind.INVALID,
    "CompilationFailedConfig": OutcomeKind.COMPILE_FAILED,
    "RuntimeFailedConfig": OutcomeKind.RUN_FAILED,
}


class _File(Struct):
    tune_params_keys: list[str]
    cache: dict[str, dict[str, Any]]
    tune_params: dict[str, list[bool | int | float | str]] = {}
    device_name: str = ""
    objective: str = "time"
    kernel_name: str = ""
    schema_version: str | int | float | None = None
    # Ours; the format says nothing of these.
    goal: Literal["min", "max"] | None = None
    simulated: bool = False


def load_kernel_tuner(path: Path, content: bytes, space: Space | None = None) -> Recording:
    """The recording in a cache file.

    Args:
        content: of the file, decompressed.
        space: that was tuned; None: the configurations in the file.

    Raises:
        ConfigError: it is no cache file, or says nothing that could be replayed.
    """
    file = decode(path, _close(content), _File)
    check_version(path, "schema_version", file.schema_version)
    if not file.cache:
        raise ConfigError(f"{path}: cache: empty; give a file with results")
    names = tuple(file.tune_params_keys)
    measurements: dict[Configuration, Measurement] = {}
    for key, entry in file.cache.items():
        place = f"{path}: cache.{key}"
        measurements[_configuration(entry, names, place)] = _measurement(
            entry, file.objective, place
        )
    parameters = find_parameters(measurements, names, str(path))
    if set(file.tune_params) >= set(names):
        parameters = [_with_order(p, file.tune_params[p.name]) for p in parameters]
    return make_recording(
        measurements,
        parameters,
        goal=file.goal or goal_of(file.objective),
        unit="s" if is_time(file.objective) else file.objective,
        device="" if file.device_name == _UNKNOWN else file.device_name,
        source=str(path),
        digest=digest_of(content),
        space=space,
        name=file.kernel_name,
        simulated=file.simulated,
        form="Kernel Tuner cache",
        repeated=len(file.cache) - len(measurements),
    )


def _close(content: bytes) -> bytes:
    """The file with its last brackets, which are written when the tuner ends."""
    ending = content.rstrip()
    if ending.endswith(b"},"):
        return ending[:-1] + b"}}"
    return content


def _configuration(entry: dict[str, Any], names: tuple[str, ...], place: str) -> Configuration:
    values: tuple[Value, ...] = tuple(entry.get(name) for name in names)  # type: ignore[misc] # next
    for name, value in zip(names, values, strict=True):
        if type(value) not in _VALUE_TYPES:
            raise ConfigError(
                f"{place}: {name} = {value!r}; expected a value of this tunable parameter"
            )
    return Configuration(names, values)


def _with_order(parameter: Parameter, listed: list[Value]) -> Parameter:
    """The parameter's values, those of the definition first and in its order."""
    seen = set(parameter.values)
    first = [value for value in dict.fromkeys(listed) if value in seen]
    rest = [value for value in parameter.values if value not in set(first)]
    return Parameter(parameter.name, (*first, *rest))


def _measurement(entry: dict[str, Any], objective: str, place: str) -> Measurement:
    value = entry.get(objective)
    error = entry.get("__error__", value if isinstance(value, str) else None)
    kind = OutcomeKind.OK
    if error is not None:
        kind = _KINDS.get(str(error).rpartition(".")[2], OutcomeKind.RUN_FAILED)
    kind, score = judge(kind, value)
    times = entry.get("times") or []
    if not isinstance(times, list) or not set(map(type, times)) <= {int, float}:
        raise ConfigError(f"{place}: times = {times!r}; expected a list of milliseconds")
    for at, time in enumerate(times):
        check_time(f"{place}.times[{at}]", time, zero=kind is not OutcomeKind.OK)
    if score is not None and is_time(objective):
        check_time(f"{place}.{objective}", score)
    samples: tuple[float, ...] = tuple(time * _MS for time in times)
    if not is_time(objective):
        samples = () if score is None else (score,)
    elif score is not None:
        score *= _MS
    benchmark_s = _seconds(entry, "benchmark_time", place)
    return Measurement(
        kind=kind,
        score=score,
        samples=samples if kind is OutcomeKind.OK else (),
        compile_s=_seconds(entry, "compile_time", place),
        run_s=sum(times) * _MS or benchmark_s,
        overhead_s=_seconds(entry, "framework_time", place)
        + _seconds(entry, "verification_time", place),
        ended_s=read_instant(str(entry.get("timestamp", ""))),
    )


def _seconds(entry: dict[str, Any], key: str, place: str) -> float:
    value = entry.get(key)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{place}: {key} = {value!r}; expected milliseconds")
    check_time(f"{place}.{key}", value, zero=True)
    return float(value) * _MS
