"""From a Spec to everything a session needs to know before it touches anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.app.commands import Commands, make_commands
from harness.app.counters import check_counters
from harness.app.kernels import KernelTests, make_kernel_tests
from harness.app.lanes import Devices, find_lanes
from harness.app.named_functions import check_functions
from harness.app.names import PREFER_QUICK, STRATEGIES
from harness.app.objective import Measured, find_objective
from harness.app.premises import Function
from harness.app.replay import fit_recording
from harness.app.spaces import LaneSpace, add_counts, make_spaces
from harness.app.strategies import find_strategy, resolve_strategy
from harness.config.spec import Spec
from harness.configuration import Configuration, Goal
from harness.errors import ConfigError
from harness.lane import Lane
from harness.model import Phase
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.space.space import ORDER_LIMIT, Space
from harness.store.base import BENCH
from harness.units import format_path


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
        measured: what a sample is.
        unit: of samples and scores.
        bench: tells this measurement of given configurations from every other, so that it reuses
            none and none reuses it; empty: configurations are searched for.
    """

    spec: Spec
    spaces: tuple[LaneSpace, ...]
    functions: tuple[Function, ...]
    devices: Devices
    commands: Commands
    kernel: KernelTests | None
    strategy: str
    goal: Goal
    measured: Measured
    unit: str
    start: Configuration | None = None
    recording: Recording | None = None
    bench: str = ""

    @property
    def label(self) -> str:
        """What the journal keeps as the strategy."""
        return BENCH if self.bench else self.strategy

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
    def one_by_one(self) -> bool:
        """Whether a lane compiles a test only when the one before it is over."""
        return self.commands.overwrite and self.recording is None

    @property
    def distribution(self) -> str:
        """How tests are spread over lanes: as the config says, if they do not overwrite each other.

        A replicated search stays one, whose lanes do one test after another.
        """
        one_by_one = self.one_by_one and self.spec.distribution != "replicate"
        return "per-test" if one_by_one else self.spec.distribution

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
    if spec.backend != "replay":
        recording = None
    elif recording is None:
        recording = load_recording(format_path(spec.base / (spec.replay.file or ""))).located()
    devices = find_lanes(spec, recording)
    commands = make_commands(spec)
    if commands.overwrite and not commands.test_uses_lane and recording is None:
        devices = _take_one_lane(spec, devices)
    if devices.backend == "mock":
        _check_lost(spec, devices.lanes)
    spaces = make_spaces(spec, devices.lanes, functions)
    if recording is not None:
        recording = fit_recording(spec, spaces[0].space, recording)
        spaces = (replace(spaces[0], space=recording.space),)
    _check_not_empty(spec, spaces)
    strategy = _choose_strategy(spec, spaces)
    objective = find_objective(spec)
    if objective.measured == "energy":
        check_counters(devices.lanes)
    # A recording answers for kernels as it does for commands.
    kernel = make_kernel_tests(spec, spaces[0].space.size) if recording is None else None
    if kernel is not None:
        kernel.check(devices.lanes)
        check_functions(spec, kernel.kernel)
    return Setup(
        spec=spec,
        spaces=spaces,
        functions=tuple(functions),
        devices=devices,
        commands=commands,
        kernel=kernel,
        strategy=strategy,
        goal=objective.goal,
        measured=objective.measured,
        unit=objective.unit,
        start=_find_start(spec, spaces),
        recording=recording,
    )


def _choose_strategy(spec: Spec, spaces: Sequence[LaneSpace]) -> str:
    """The strategy by its name, `auto` resolved, if it can do what is asked of it."""
    table = spec.search
    strategy = resolve_strategy(
        table.strategy,
        spaces[0].space,
        budget=table.max_tests,
        is_limited=(table.max_time_s, table.target, table.patience) != (None, None, None),
    )
    if table.prefer_quick and strategy not in PREFER_QUICK and table.strategy != "auto":
        raise ConfigError(
            f'{spec.path}: search.prefer_quick: strategy "{strategy}" does not choose among '
            f"configurations of equal promise; use one of {', '.join(PREFER_QUICK)}, or remove it"
        )
    if strategy.startswith("tree/"):
        _check_nodes(spec, spaces[0].space)
    if strategy not in STRATEGIES:
        find_strategy(strategy, spec.base)  # fails for a module that is not there
    if strategy == "exhaustive":
        _check_countable(spec, [part.space for part in spaces])
    return strategy


def _take_one_lane(spec: Spec, devices: Devices) -> Devices:
    """The first lane alone, unless more were asked for by number or name."""
    if spec.parallel != "auto" and len(devices.lanes) > 1:
        raise ConfigError(
            f"{spec.path}: command.test: {len(devices.lanes)} lanes would overwrite each other's "
            "program: the command is the same for tests that are compiled differently; write "
            "%%ID%%, the number of the test, into the program's name in compile, test and clean "
            "(app_%%ID%%), or %%PARALLEL%%, the lane; or set parallel = 1"
        )
    return replace(devices, lanes=devices.lanes[:1])


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
                f'{spec.path}: search.strategy = "{spec.search.strategy}": would test every '
                f"configuration, but there are {space.cartesian_size:,} combinations, {known} "
                f"valid; {limit}use "
                f"another strategy ({others}), or fewer values or more constraints (see "
                "`harness space`)"
            )


def _check_nodes(spec: Spec, space: Space) -> None:
    """Without nodes there is nothing to search them by."""
    if space.tree is None or not space.tree.children:
        inside = spec.search.strategy.partition("/")[2]
        raise ConfigError(
            f'{spec.path}: search.strategy = "{spec.search.strategy}": the space has no variable '
            f"tree with nodes to search; write space.tree, such as "
            f'"{{A, {{B}}, {{C}}}}", or use strategy "{inside}"'
        )
