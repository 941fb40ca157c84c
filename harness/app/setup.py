"""From a Spec to everything a session needs to know before it touches anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness.app.kernels import KernelTests, make_kernel_tests
from harness.app.lanes import Devices, find_lanes
from harness.app.names import STRATEGIES
from harness.app.replay import fit_recording
from harness.app.spaces import Function, LaneSpace, add_counts, make_spaces
from harness.app.strategies import resolve_strategy
from harness.config.spec import Spec
from harness.config.substitute import CommandTemplate, Template
from harness.config.tables import CommandLine
from harness.errors import ConfigError
from harness.model import Command, Configuration, Goal, Lane, Phase, Test
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.report.kernel import UNITS
from harness.space.space import ORDER_LIMIT, Space


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of a test, as templates.

    Attributes:
        environment: name and value of each variable that the config adds.
        directory: absolute.
    """

    phases: Mapping[Phase, CommandTemplate]
    environment: Mapping[str, Template]
    directory: str
    timeouts_s: Mapping[Phase, float | None]

    def __contains__(self, phase: object) -> bool:
        return phase in self.phases

    def expand(self, phase: Phase, test: Test, lane: Lane) -> Command:
        """The command of a phase that exists, ready to start."""
        added = tuple(
            (name, value.expand(test.configuration, test.id, lane))
            for name, value in self.environment.items()
        )
        return self.phases[phase].expand(
            test.configuration,
            test.id,
            lane,
            directory=self.directory,
            environment=(*lane.environment, *added),
            timeout_s=self.timeouts_s[phase],
        )

    @property
    def shared_folder(self) -> Path | None:
        """The folder in which tests tell their files apart by their numbers, if they do.

        Another session's tests have the same numbers, so only one may run there at a time.
        """
        uses_id = any(template.uses_id for template in self.phases.values())
        return Path(self.directory) if uses_id else None

    @property
    def compile_uses_lane(self) -> bool:
        """Whether what is compiled fits only the lane it was compiled for."""
        compiler = self.phases.get(Phase.COMPILE)
        in_environment = any(value.uses_lane for value in self.environment.values())
        return compiler is not None and (compiler.uses_lane or in_environment)


@dataclass(frozen=True, slots=True)
class Setup:
    """A Spec, resolved on this machine.

    Attributes:
        spaces: every valid configuration, for each group of lanes that searches the same.
        functions: the constraints that were given as Python functions.
        start: the configuration to test first; None: the strategy begins.
        recording: what backend `replay` answers from; None for the others.
        strategy: the strategy's name, `auto` resolved.
        kernel: what is tuned, where that is a kernel; there are no commands then.
        measured: what a sample is: the time of a run, or the figure of merit it prints; or a
            kernel's metric.
        unit: of samples and scores.
    """

    spec: Spec
    spaces: tuple[LaneSpace, ...]
    functions: tuple[Function, ...]
    devices: Devices
    commands: Commands
    kernel: KernelTests | None
    strategy: str
    goal: Goal
    measured: Literal["time", "figure", "metric"]
    unit: str
    start: Configuration | None = None
    recording: Recording | None = None

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes that `parallel` gives on the devices found."""
        return self.devices.lanes

    @property
    def space(self) -> Space:
        """The first lane's space; parameters and tree are the same in all."""
        return self.spaces[0].space

    def space_of(self, lane: str) -> Space:
        """The space that a lane searches."""
        return next(part.space for part in self.spaces if lane in part.lanes)

    @property
    def searched(self) -> tuple[Space, ...]:
        """The space of each search: one that all lanes share, or one per lane."""
        if self.spec.distribution == "replicate":
            return tuple(self.space_of(lane.name) for lane in self.lanes)
        return (self.space,)

    @property
    def size(self) -> int | None:
        """Configurations of all searches together; None if a space is too large to count."""
        return add_counts(space.size for space in self.searched)

    @property
    def runs_per_test(self) -> int:
        """How often a test is run; a kernel once, for all of its samples."""
        return 1 if self.kernel else self.spec.scoring.repeat

    @property
    def simulated(self) -> bool:
        """Whether any result will be invented."""
        return any(lane.device.simulated for lane in self.lanes)

    @property
    def virtual(self) -> bool:
        """Whether the session runs in virtual time."""
        in_mock = self.devices.backend == "mock" and self.spec.mock.time == "virtual"
        return in_mock or self.recording is not None

    @property
    def compiles(self) -> bool:
        """Whether tests are compiled; in a recording they were, whatever the commands are."""
        recorded = self.recording is not None
        return Phase.COMPILE in self.commands or self.kernel is not None or recorded


def prepare(
    spec: Spec, functions: Sequence[Function] = (), recording: Recording | None = None
) -> Setup:
    """Resolve `spec` on this machine.

    Args:
        functions: constraints beside those of the config.
        recording: that of `replay.file`, if it was read already.

    Raises:
        ConfigError: it asks for what makes no sense.
        DeviceError: it asks for devices that are not there.
    """
    names = tuple(spec.parameters)
    if spec.backend != "replay":
        recording = None
    elif recording is None:
        recording = load_recording(spec.base / (spec.replay.file or ""))
    devices = find_lanes(spec, recording)
    if devices.backend == "mock":
        _check_lost(spec, devices.lanes)
    spaces = make_spaces(spec, devices.lanes, functions)
    if recording is not None:
        recording = fit_recording(spec, spaces[0].space, recording)
        spaces = (replace(spaces[0], space=recording.space),)
    _check_not_empty(spec, spaces)
    table = spec.search
    strategy = resolve_strategy(
        table.strategy,
        spaces[0].space,
        budget=table.max_tests,
        is_limited=(table.max_time_s, table.target, table.patience) != (None, None, None),
    )
    if strategy == "exhaustive":
        _check_countable(spec, [part.space for part in spaces])
    optimal = spec.scoring.optimal
    measured, unit = _find_measured(spec)
    # A recording answers for kernels as it does for commands.
    kernel = make_kernel_tests(spec, spaces[0].space.size) if recording is None else None
    if kernel is not None:
        kernel.check(devices.lanes)
    return Setup(
        spec=spec,
        spaces=spaces,
        functions=tuple(functions),
        devices=devices,
        commands=_make_commands(spec, names),
        kernel=kernel,
        strategy=strategy,
        goal="min" if optimal.startswith("min") else "max",
        measured=measured,
        unit=unit,
        start=_find_start(spec, spaces),
        recording=recording,
    )


def _find_measured(spec: Spec) -> tuple[Literal["time", "figure", "metric"], str]:
    """What a sample is, and its unit."""
    scoring = spec.scoring
    if scoring.optimal.endswith("_time"):
        return "time", "s"
    if scoring.metric is None:
        return "figure", scoring.unit
    return "metric", scoring.unit or UNITS.get(scoring.metric, "")


def _check_lost(spec: Spec, lanes: Sequence[Lane]) -> None:
    """A lane that is not there cannot lose its device."""
    names = [lane.name for lane in lanes]
    unknown = [name for name in spec.mock.lost if name not in names]
    if unknown:
        raise ConfigError(
            f'{spec.path}: mock.lost: there is no lane "{name}"; lanes: {", ".join(names)}'
            for name in unknown
        )


def _check_not_empty(spec: Spec, spaces: Sequence[LaneSpace]) -> None:
    for part in spaces:
        if part.space.size == 0:
            where = f" of lane {', '.join(part.lanes)}" if len(spaces) > 1 else ""
            raise ConfigError(
                f"{spec.path}: space.constraints: no configuration{where} satisfies all of them; "
                "`harness space` shows what each removes; relax one"
            )


def _find_start(spec: Spec, spaces: Sequence[LaneSpace]) -> Configuration | None:
    """The configuration of `search.start`, in the order of the space."""
    given = spec.search.start
    if not given:
        return None
    names = spaces[0].space.names
    start = Configuration(names, tuple(given[name] for name in names))
    if not all(part.space.is_valid(start) for part in spaces):
        raise ConfigError(
            f"{spec.path}: search.start: {start}: not in the space; choose values for which the "
            "constraints hold" + (", and which were recorded" if spec.backend == "replay" else "")
        )
    return start


def _check_countable(spec: Spec, spaces: Sequence[Space]) -> None:
    """Nobody waits for every configuration of a space that cannot even be counted."""
    for space in spaces:
        if space.size is None or space.size > ORDER_LIMIT:
            known = f"{space.size:,} of which are" if space.size else "too many to count those"
            others = ", ".join(name for name in STRATEGIES if name != "exhaustive")
            limit = "limit it (search.max_tests), " if spec.search.strategy == "auto" else ""
            raise ConfigError(
                f'search.strategy = "{spec.search.strategy}": would test every configuration, but '
                f"there are {space.cartesian_size:,} combinations, {known} valid; {limit}use "
                f"another strategy ({others}), or fewer values or more constraints (see "
                "`harness space`)"
            )


def _make_commands(spec: Spec, names: tuple[str, ...]) -> Commands:
    given: dict[Phase, CommandLine | None] = {
        Phase.COMPILE: spec.command.compile,
        Phase.TEST: spec.command.test,
        Phase.CLEAN: spec.command.clean,
    }
    return Commands(
        phases={
            phase: CommandTemplate.parse(command, names, spec.problem)
            for phase, command in given.items()
            if command is not None
        },
        environment={
            name: Template.parse(value, names, spec.problem)
            for name, value in spec.command.environment.items()
        },
        directory=str(spec.directory),
        timeouts_s={phase: getattr(spec.command.timeout_s, phase.value) for phase in Phase},
    )
