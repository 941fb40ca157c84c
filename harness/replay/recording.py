"""What was measured of a space once, so that it can be answered again without a device."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.configuration import Configuration, Goal, Value
from harness.errors import ConfigError
from harness.model import Outcome, OutcomeKind, Run
from harness.space.listed import list_space
from harness.space.parameters import Parameter
from harness.space.space import Space
from harness.units import format_count


class Scale(NamedTuple):
    """What scores are.

    Attributes:
        goal: which is best.
        unit: `s` for times.
    """

    goal: Goal
    unit: str


BEFORE_RUNS = frozenset({OutcomeKind.COMPILE_FAILED, OutcomeKind.INVALID})
"""How tests ended that came to no run."""

SECONDS = Scale("min", "s")
"""What scores are taken for where nobody says."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """How the test of one configuration ended when it was recorded.

    Attributes:
        kind: `ok`, or how it failed.
        score: in the recording's unit; None if it failed.
        samples: the same of each run, in order, as far as they were recorded.
        compile_s: seconds that compiling took, also if it failed.
        run_s: seconds that all of its runs took together, also if they failed.
        overhead_s: seconds that the tool which recorded it spent on it besides, such as on
            checking its results.
        ended_s: when, in Unix time; 0 where that was not recorded.
    """

    kind: OutcomeKind
    score: float | None = None
    samples: tuple[float, ...] = ()
    compile_s: float = 0.0
    run_s: float = 0.0
    overhead_s: float = 0.0
    # No part of the text of a measurement, which the identity of a replayed journal is made of.
    ended_s: float = field(default=0.0, repr=False)

    @property
    def duration_s(self) -> float:
        """Seconds of compiling and running: what a replay takes for it."""
        return self.compile_s + self.run_s


@dataclass(frozen=True)
class Recording:
    """A space with a measurement of its configurations.

    Attributes:
        space: what can be tested.
        measurements: by configuration of the space. One that is missing was never measured: it
            fails, after a compile of the typical time.
        unit: of scores; `s` for times.
        device: the model that was measured; empty if the file does not say.
        source: the file it was read from.
        digest: of that file's content.
        outside: recorded configurations that are not in the space, and so are left out.
        name: what was tuned; empty if the file does not say.
        simulated: whether the file says that its results are simulated.
        form: the format of the file.
        repeated: results in it that others of the same configuration, further down, replace.
        elsewhere: results of a session's other lanes, each of which searched for itself.
        assumed: whether goal and unit are only taken to be so: the file does not say.
    """

    space: Space
    measurements: Mapping[Configuration, Measurement]
    goal: Goal
    unit: str
    device: str
    source: str
    digest: str = ""
    outside: int = 0
    name: str = ""
    simulated: bool = False
    form: str = ""
    repeated: int = 0
    elsewhere: int = 0
    assumed: bool = False

    @property
    def left_out(self) -> list[str]:
        """What of the file has no part in this, as warnings."""
        found = []
        if self.repeated:
            found.append(
                f"{format_count(self.repeated, 'result')} of {self.source} left out: of a "
                "configuration that is in the file more than once, the last result counts"
            )
        if self.elsewhere:
            found.append(
                f"{format_count(self.elsewhere, 'result')} of {self.source} left out: of other "
                "lanes than the first, where each lane searched for itself"
            )
        if self.outside:
            found.append(
                f"{format_count(self.outside, 'configuration')} of {self.source} left out: not in "
                "the space"
            )
        return found

    def located(self) -> Recording:
        """The same with the whole path of its file, for journals: they are read elsewhere, too."""
        return replace(self, source=str(Path(self.source).resolve()))

    @property
    def device_name(self) -> str:
        """The device, by the file's name where the file does not say."""
        return self.device or Path(self.source).name.split(".")[0]

    @cached_property
    def unmeasured(self) -> Measurement:
        """What is answered for a configuration that was not recorded."""
        compile_s = statistics.median(m.compile_s for m in self.measurements.values())
        return Measurement(OutcomeKind.RUN_FAILED, compile_s=compile_s)

    def measurement(self, configuration: Configuration) -> Measurement:
        """The measurement of a configuration of the space."""
        return self.measurements.get(configuration, self.unmeasured)

    def reason(self, configuration: Configuration) -> str:
        """Why its test failed, in one line; empty if it did not."""
        found = self.measurements.get(configuration)
        if found is None:
            return f"not recorded in {self.source}"
        return "" if found.kind is OutcomeKind.OK else f"{found.kind.value} in {self.source}"

    @cached_property
    def _outcomes(self) -> dict[Configuration, Outcome]:
        return {}

    def outcome(self, configuration: Configuration) -> Outcome:
        """What a strategy is told of a configuration.

        All of its runs are folded into one, whose `elapsed_s` is that of all and whose sample is
        the score.
        """
        known = self._outcomes.get(configuration)
        if known is None:
            known = self._make_outcome(configuration, self.measurement(configuration))
            self._outcomes[configuration] = known
        return known

    def _make_outcome(self, configuration: Configuration, found: Measurement) -> Outcome:
        run = Run(
            index=0,
            kind=found.kind,
            lane="0",
            device_uuid="",
            started_s=0.0,
            elapsed_s=found.run_s,
            sample=found.score,
        )
        return Outcome(
            configuration=configuration,
            kind=found.kind,
            score=found.score,
            runs=() if found.kind in BEFORE_RUNS else (run,),
            lane="0",
            reason=self.reason(configuration),
            compile_s=found.compile_s,
        )

    @cached_property
    def best(self) -> tuple[Configuration, Measurement]:
        """The configuration with the best score."""
        scored = [(c, m) for c, m in self.measurements.items() if m.score is not None]
        pick = min if self.goal == "min" else max
        return pick(scored, key=lambda item: item[1].score or 0.0)


def make_recording(
    measurements: Mapping[Configuration, Measurement],
    parameters: Sequence[Parameter],
    *,
    goal: Goal,
    unit: str,
    device: str,
    source: str,
    digest: str = "",
    space: Space | None = None,
    name: str = "",
    simulated: bool = False,
    form: str = "",
    repeated: int = 0,
    assumed: bool = False,
) -> Recording:
    """A recording of a space, or (None) of the space of just the configurations recorded.

    Args:
        parameters: of the recorded configurations, in their order.

    Raises:
        ConfigError: nothing succeeded, or the space has other parameters.
    """
    if not any(m.score is not None for m in measurements.values()):
        raise ConfigError(
            f"{source}: none of {len(measurements)} recorded configurations has a score; "
            "give a file with successful results"
        )
    kept = measurements
    if space is None:
        space = list_space(parameters, measurements)
    else:
        kept = fit(measurements, space, source)
    return Recording(
        space,
        kept,
        goal,
        unit,
        device,
        source,
        digest,
        outside=len(measurements) - len(kept),
        name=name,
        simulated=simulated,
        form=form,
        repeated=repeated,
        assumed=assumed,
    )


def fit(
    measurements: Mapping[Configuration, Measurement], space: Space, source: str
) -> dict[Configuration, Measurement]:
    """The measurements of configurations that are in `space`, in its order of parameters.

    A parameter with a single value in the space need not be one of the recording.

    Raises:
        ConfigError: other parameters, or none of the successful ones is in the space.
    """
    fitting: dict[Configuration, Measurement] = {}
    configurations = [_reorder(configuration, space, source) for configuration in measurements]
    for configuration, found, is_valid in zip(
        configurations, measurements.values(), _valid(configurations, space), strict=True
    ):
        if is_valid:
            fitting[configuration] = found
    if not any(found.score is not None for found in fitting.values()):
        raise ConfigError(
            f"{source}: no successful configuration of it is in the space; compare the values of "
            "the parameters, and the constraints"
        )
    return fitting


def _valid(configurations: Sequence[Configuration], space: Space) -> list[bool]:
    """Which of them are in the space."""
    rows = [space.positions(configuration) for configuration in configurations]
    known = np.array([row is not None for row in rows], dtype=bool)
    if known.any():
        known[known] = space.valid_rows(np.concatenate([row for row in rows if row is not None]))
    found: list[bool] = known.tolist()
    return found


def _reorder(configuration: Configuration, space: Space, source: str) -> Configuration:
    """The configuration as one of `space`: a parameter with one value need not be recorded."""
    if configuration.names == space.names:
        return configuration
    fixed = {p.name: p.values[0] for p in space.parameters if len(p.values) == 1}
    given = {**fixed, **configuration}
    differing = set(given) ^ set(space.names)
    if differing:
        raise ConfigError(
            f"{source}: {', '.join(sorted(differing))} is a parameter of only one of the "
            "recording and the space; name the same parameters in both"
        )
    return Configuration(space.names, tuple(given[name] for name in space.names))


def restrict(recording: Recording, space: Space) -> Recording:
    """The same measurements, of another space over the same parameters.

    Raises:
        ConfigError: other parameters, or nothing in common.
    """
    kept = fit(recording.measurements, space, recording.source)
    outside = len(recording.measurements) - len(kept)
    return replace(recording, space=space, measurements=kept, outside=outside)


def find_parameters(
    configurations: Iterable[Configuration], names: Sequence[str], source: str
) -> list[Parameter]:
    """The parameters that configurations have values of.

    Numbers are in ascending order, other values as they first appear.

    Args:
        source: the file that they are from, for messages.

    Raises:
        ConfigError: there are none, or two of one name, or one has a value that is none.
    """
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"{source}: its parameters are {', '.join(names) or 'none'}; expected some, each with "
            "a name of its own"
        )
    columns: list[dict[Value, None]] = [{} for _ in names]
    for configuration in configurations:
        for column, value in zip(columns, configuration.values_, strict=True):
            column[value] = None
    try:
        return [
            Parameter(name, tuple(_order(column)))
            for name, column in zip(names, columns, strict=True)
        ]
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None


def _order(values: Iterable[Value]) -> list[Value]:
    listed = list(values)
    if any(isinstance(value, str) for value in listed):
        return listed
    return sorted(listed, key=float)
