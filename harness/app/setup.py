"""From a Spec to everything a session needs to know before it touches anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.app.lanes import Devices, find_lanes
from harness.app.replay import fit_recording
from harness.app.strategies import resolve_strategy
from harness.config.spec import CommandLine, Spec
from harness.config.substitute import CommandTemplate, Template
from harness.errors import ConfigError
from harness.model import Command, Configuration, Goal, Lane, Phase, Test
from harness.replay.recording import Recording
from harness.space.constraints import parse_constraint
from harness.space.parameters import Parameter
from harness.space.space import Space, make_space
from harness.space.tree import parse_tree


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
    def compile_uses_lane(self) -> bool:
        """Whether what is compiled fits only the lane it was compiled for."""
        compiler = self.phases.get(Phase.COMPILE)
        in_environment = any(value.uses_lane for value in self.environment.values())
        return compiler is not None and (compiler.uses_lane or in_environment)


@dataclass(frozen=True, slots=True)
class Setup:
    """A Spec, resolved on this machine.

    Attributes:
        space: every valid configuration.
        start: the configuration to test first; None: the strategy begins.
        recording: what backend `replay` answers from; None for the others.
        strategy: the strategy's name, `auto` resolved.
        measured: what a sample is: the time of a run, or the figure of merit it prints.
        unit: of samples and scores.
    """

    spec: Spec
    space: Space
    devices: Devices
    commands: Commands
    strategy: str
    goal: Goal
    measured: Literal["time", "figure"]
    unit: str
    start: Configuration | None = None
    recording: Recording | None = None

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes that `parallel` gives on the devices found."""
        return self.devices.lanes

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
        return Phase.COMPILE in self.commands or self.recording is not None


def prepare(spec: Spec, recording: Recording | None = None) -> Setup:
    """Resolve `spec` on this machine.

    Args:
        recording: that of `replay.file`, if it was read already.

    Raises:
        ConfigError: it asks for what makes no sense.
        DeviceError: it asks for devices that are not there.
    """
    names = tuple(spec.parameters)
    space = make_space(
        [Parameter(name, values) for name, values in spec.parameters.items()],
        [parse_constraint(text, names) for text in spec.space.constraints],
        parse_tree(spec.space.tree) if spec.space.tree else None,
    )
    if spec.backend == "replay":
        recording = fit_recording(spec, space, recording)
        space = recording.space
    else:
        recording = None
    strategy = resolve_strategy(spec.search.strategy, space)
    optimal = spec.scoring.optimal
    timed = optimal.endswith("_time")
    return Setup(
        spec=spec,
        space=space,
        devices=find_lanes(spec, recording),
        commands=_make_commands(spec, names),
        strategy=strategy,
        goal="min" if optimal.startswith("min") else "max",
        measured="time" if timed else "figure",
        unit="s" if timed else spec.scoring.unit,
        start=_find_start(spec, space),
        recording=recording,
    )


def _find_start(spec: Spec, space: Space) -> Configuration | None:
    """The configuration of `search.start`, in the order of the space."""
    given = spec.search.start
    if not given:
        return None
    start = Configuration(space.names, tuple(given[name] for name in space.names))
    if not space.is_valid(start):
        raise ConfigError(
            f"{spec.path}: search.start: {start}: not in the space; choose values for which the "
            "constraints hold" + (", and which were recorded" if spec.backend == "replay" else "")
        )
    return start


def _make_commands(spec: Spec, names: tuple[str, ...]) -> Commands:
    given: dict[Phase, CommandLine | None] = {
        Phase.COMPILE: spec.command.compile,
        Phase.TEST: spec.command.test,
        Phase.CLEAN: spec.command.clean,
    }
    return Commands(
        phases={
            phase: CommandTemplate.parse(command, names)
            for phase, command in given.items()
            if command is not None
        },
        environment={
            name: Template.parse(value, names) for name, value in spec.command.environment.items()
        },
        directory=str(spec.directory),
        timeouts_s={phase: getattr(spec.command.timeout_s, phase.value) for phase in Phase},
    )
