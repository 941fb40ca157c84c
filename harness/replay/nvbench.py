"""Reads what NVBench writes with `--json` or `--jsonbin` (its JSON version 1).

`devices` names them; each of `benchmarks` has `states`: a point of its axes (`axis_values`) on a
device, with `summaries`: numbers by tag, in seconds. NVBench measures a kernel twice: isolated,
with a flushed L2 (`nv/cold/…`), and in batches, without (`nv/batch/…`), of which it keeps the mean
only.
With `--jsonbin` every isolated sample is in a file of its own, as little-endian float32.
"""

from __future__ import annotations

import array
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from harness.comparison import Moments
from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.lane import IMPORTED, DeviceInfo, Lane
from harness.measurement import Mode
from harness.model import Outcome, OutcomeKind, Run, SessionInfo
from harness.replay.read import check_version, decode, digest_of

SIGN = re.compile(rb'"benchmarks"\s*:\s*\[')
"""What only these files have."""

BENCHMARK = "benchmark"
"""The parameter that tells the benchmarks of a file apart."""

MOST_SAMPLES = 200
"""More of one state than these are thinned evenly: comparing is quadratic in them."""

_SAMPLES = "nv/json/bin:nv/cold/sample_times"
_ISOLATED = ("nv/cold", "gpu")
_BATCHES = ("nv/batch", "gpu")
_CPU_ONLY = ("nv/cpu_only", "cpu")
_TYPES = {"int64": int, "float64": float, "string": str}


class _Named(Struct):
    name: str
    value: Any = None
    type: str = "string"


class _Summary(Struct):
    tag: str
    data: list[_Named] | None = None


class _State(Struct):
    name: str = ""
    device: int | None = None
    axis_values: list[_Named] | None = None
    summaries: list[_Summary] | None = None
    is_skipped: bool = False
    skip_reason: str = ""


class _Benchmark(Struct):
    name: str
    states: list[_State] | None = None


class _Device(Struct):
    id: int
    name: str
    sm_version: int = 0
    number_of_sms: int = 0


class _Version(Struct):
    string: str = ""


class _Versions(Struct):
    json: _Version = field(default_factory=_Version)


class _Meta(Struct):
    version: _Versions = field(default_factory=_Versions)


class _File(Struct):
    benchmarks: list[_Benchmark]
    devices: list[_Device] | None = None
    meta: _Meta = field(default_factory=_Meta)


@dataclass(frozen=True, slots=True)
class NvbenchResults:
    """The states of a file as tests.

    Attributes:
        outcomes: a test for each state; with a run for each sample, if those were kept.
        moments: by test, what is known of samples that were not kept.
        mode: how it was measured; empty for benchmarks without a GPU.
    """

    info: SessionInfo
    outcomes: tuple[Outcome, ...]
    moments: Mapping[int, Moments]
    mode: Mode | None


class NvbenchFile:
    """A file that NVBench wrote.

    Args:
        content: of the file, decompressed.

    Raises:
        ConfigError: it is something else, or of another version.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._file = decode(path, content, _File)
        check_version(path, "meta.version.json", self._file.meta.version.json.string)
        if not self._file.benchmarks:
            raise ConfigError(f"{path}: benchmarks: empty; give a file with results")
        self._digest = digest_of(content)
        devices = self._file.devices or []
        self._devices = {device.id: device for device in devices}

    @property
    def benchmarks(self) -> list[str]:
        """The names of the benchmarks in it, in order."""
        return [benchmark.name for benchmark in self._file.benchmarks]

    def read(self, benchmark: str | None = None, *, hot: bool = False) -> NvbenchResults:
        """The results of one benchmark, whose axes are the parameters, or of all.

        Of all, `benchmark` is a parameter besides, and axes are those of the test's benchmark.

        Args:
            hot: what was measured in batches, instead of isolated with a flushed L2.

        Raises:
            ConfigError: no such benchmark, or nothing measured in this way.
        """
        chosen = [b for b in self._file.benchmarks if benchmark in (None, b.name)]
        if not chosen:
            raise ConfigError(
                f"{self._path}: there is no benchmark {benchmark!r}; it has "
                f"{', '.join(self.benchmarks)}"
            )
        states = [(made, state) for made in chosen for state in made.states or []]
        source = _choose_source([state for _, state in states], hot=hot)
        if source is None:
            raise ConfigError(
                f"{self._path}: no state was measured {'in batches' if hot else 'at all'}; "
                + ("compare without --hot" if hot else "give a file with results")
            )
        outcomes: list[Outcome] = []
        moments: dict[int, Moments] = {}
        for number, (made, state) in enumerate(states, 1):
            first = {BENCHMARK: made.name} if benchmark is None else {}
            configuration = Configuration.from_mapping({**first, **_point(state)})
            outcome, known = self._read_state(number, configuration, state, source)
            outcomes.append(outcome)
            if known is not None:
                moments[number] = known
        names = _axes(states[0][1]) if benchmark is not None else (BENCHMARK,)
        name = benchmark or self._path.name.split(".")[0]
        info = self._make_info(name, names, [state for _, state in states])
        modes: dict[tuple[str, str], Mode] = {_ISOLATED: "cold", _BATCHES: "hot"}
        return NvbenchResults(info, tuple(outcomes), moments, modes.get(source))

    def _read_state(
        self, number: int, configuration: Configuration, state: _State, source: tuple[str, str]
    ) -> tuple[Outcome, Moments | None]:
        lane = _lane_of(state)
        found = _find_moments(state, source)
        if found is None:
            reason = state.skip_reason or "not measured"
            kind = OutcomeKind.INVALID if state.is_skipped else OutcomeKind.NO_SCORE
            return Outcome(configuration, kind, test_id=number, lane=lane, reason=reason), None
        samples = self._read_samples(state) if source == _ISOLATED else []
        runs = tuple(
            Run(index, OutcomeKind.OK, lane, "", 0.0, sample, sample=sample)
            for index, sample in enumerate(_thin(samples))
        )
        outcome = Outcome(configuration, OutcomeKind.OK, found.mean, runs, number, lane=lane)
        return outcome, None if runs else found

    def _read_samples(self, state: _State) -> list[float]:
        """The samples in the file beside, if there is one.

        Raises:
            ConfigError: it is named but not there, or has another size.
        """
        summary = _find(state, _SAMPLES)
        name = summary.get("filename")
        if not name:
            return []
        # NVBench names it from the folder that it ran in; its folder lies beside this file.
        folder = self._path.parent
        places = (folder / str(name), folder.joinpath(*Path(str(name)).parts[-2:]))
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            return []
        found = array.array("f")
        content = path.read_bytes()
        if len(content) != 4 * int(summary.get("size", -1)):
            raise ConfigError(
                f"{path}: {len(content)} bytes; expected {summary.get('size')} samples of 4, as "
                f"{self._path} says; copy both files anew"
            )
        found.frombytes(content)
        if sys.byteorder == "big":
            found.byteswap()
        return found.tolist()

    def _make_info(
        self, name: str, parameters: tuple[str, ...], states: Sequence[_State]
    ) -> SessionInfo:
        used = list(dict.fromkeys(_lane_of(state) for state in states))
        lanes = tuple(
            Lane(lane, index, self._make_device(lane, index)) for index, lane in enumerate(used)
        )
        return SessionInfo(
            id=0,
            name=name,
            goal="min",
            unit="s",
            lanes=lanes,
            parameters=parameters,
            repeat=0,
            aggregate="avg",
            size=None,
            simulated=False,
            started_s=0.0,
            distribution="recorded",
            strategy="nvbench",
            journal="",
        )

    def _make_device(self, lane: str, index: int) -> DeviceInfo:
        known = self._devices.get(int(lane)) if lane else None
        if known is None:
            return DeviceInfo(IMPORTED, index, "", "", recording=str(self._path))
        return DeviceInfo(
            IMPORTED,
            index,
            f"IMPORT-{self._digest[:8]}-{lane}",
            known.name,
            compute_capability=(known.sm_version // 100, known.sm_version // 10 % 10),
            sm_count=known.number_of_sms,
            recording=str(self._path),
        )


def _lane_of(state: _State) -> str:
    return "" if state.device is None else str(state.device)


def _point(state: _State) -> dict[str, Value]:
    return {axis.name: _read_value(axis) for axis in state.axis_values or []}


def _axes(state: _State) -> tuple[str, ...]:
    return tuple(axis.name for axis in state.axis_values or [])


def _read_value(named: _Named) -> Value:
    """NVBench writes numbers as texts, so that none loses digits."""
    kind = _TYPES.get(named.type, str)
    try:
        found: Value = kind(named.value)
    except (TypeError, ValueError):
        found = str(named.value)
    return found


def _find(state: _State, tag: str) -> dict[str, Value]:
    for summary in state.summaries or []:
        if summary.tag == tag:
            return {named.name: _read_value(named) for named in summary.data or []}
    return {}


def _choose_source(states: Sequence[_State], *, hot: bool) -> tuple[str, str] | None:
    """Where the file's numbers are: of benchmarks without a GPU, from the CPU's clock."""
    sources = [_BATCHES] if hot else [_ISOLATED, _CPU_ONLY]
    found = (s for s in sources if any(_find_moments(state, s) is not None for state in states))
    return next(found, None)


def _find_moments(state: _State, source: tuple[str, str]) -> Moments | None:
    group, clock = source
    if state.is_skipped:
        return None
    mean = _number(state, f"{group}/time/{clock}/mean")
    count = _number(state, f"{group}/sample_size")
    if mean is None or count is None or not mean > 0:
        return None
    return Moments(mean, _number(state, f"{group}/time/{clock}/stdev/relative"), int(count))


def _number(state: _State, tag: str) -> float | None:
    """A finite number; what has no spread, or no mean, is written as nan or inf."""
    found = _find(state, tag).get("value")
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else None


def _thin(samples: Sequence[float]) -> Iterator[float]:
    """At most `MOST_SAMPLES` of them, evenly over time."""
    count = len(samples)
    for place in range(min(count, MOST_SAMPLES)):
        yield samples[place * count // min(count, MOST_SAMPLES)]
