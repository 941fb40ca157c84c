"""Sessions that the GPU benchmarks measure: configs of this repository, with other keys."""

from __future__ import annotations

import copy
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import harness
from harness.lane import DeviceInfo

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
Row = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What all parts are given.

    Attributes:
        devices: those to measure on; parts but `lanes` take the first.
        scale: how much is measured; 1 is for a GPU, less for a trial run.
        changes: keys of every config's top level.
    """

    devices: Sequence[DeviceInfo]
    scale: float = 1.0
    changes: Mapping[str, Any] = field(default_factory=dict)

    def count(self, number: int) -> int:
        """So many, at this scale; at least 2."""
        return max(2, round(self.scale * number))

    def tune(self, data: Mapping[str, Any], **changes: Any) -> tuple[harness.Result, float]:
        """The result of a session of its own, and the wall time of it all in seconds."""
        with tempfile.TemporaryDirectory() as folder:
            output = {"journal": str(Path(folder) / "journal.sqlite")}
            spec = harness.make_spec({**data, "output": output}, base=CONFIGS)
            started_s = time.perf_counter()
            keys = {"parallel": 1, **self.changes, **changes}
            result = harness.tune(spec, fresh=True, **keys)
            return result, time.perf_counter() - started_s


def read_config(name: str, **values: Any) -> dict[str, Any]:
    """The tables of a config, some parameters with one value."""
    data = tomllib.loads((CONFIGS / f"{name}.toml").read_text(encoding="utf-8"))
    for parameter, value in values.items():
        data["parameters"][parameter] = [value]
    return data


def with_measure(data: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    """The tables with other keys of `[kernel.measure]`."""
    made = copy.deepcopy(dict(data))
    made["kernel"]["measure"] = {**made["kernel"].get("measure", {}), **keys}
    return made


def kernel_configs() -> list[str]:
    """The configs with a kernel, by name."""
    return sorted(
        path.stem for path in CONFIGS.glob("*.toml") if "\n[kernel]\n" in path.read_text()
    )


@contextmanager
def empty_cache() -> Iterator[None]:
    """Nothing has been compiled yet."""
    before = os.environ.get("HARNESS_CACHE_DIR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HARNESS_CACHE_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["HARNESS_CACHE_DIR"]
            if before is not None:
                os.environ["HARNESS_CACHE_DIR"] = before


def sampled_s(result: harness.Result) -> float:
    """Device time of all samples of a session."""
    return sum(
        sum(run.measurement.samples_s) * run.measurement.launches
        for outcome in result.outcomes
        for run in outcome.runs
        if run.measurement is not None
    )
