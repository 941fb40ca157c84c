"""The executor of a session, and what its seats work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from harness.app.counters import heed_loss, open_telemetry
from harness.app.kernel_seats import KernelSeats, make_landscape
from harness.app.lanes import compile_cores, count_workers
from harness.app.names import DISTRIBUTIONS, TELEMETRY, load
from harness.app.setup import Setup
from harness.app.toolchain import Toolchain
from harness.clock import Clock, SystemClock
from harness.compile.base import Compiler
from harness.compile.mock import MockCompiler
from harness.compile.shell import ShellCompiler
from harness.device.locks import DeviceLocks
from harness.lane import Lane
from harness.model import Command, Phase, Test
from harness.procs.worker import Worker
from harness.replay.compiler import ReplayCompiler
from harness.replay.timer import ReplayTimer
from harness.schedule.base import Distribution, Executor
from harness.schedule.plan import Plan
from harness.schedule.threads import ThreadExecutor
from harness.schedule.virtual import VirtualExecutor
from harness.timing.base import Timer
from harness.timing.command import CommandTimer
from harness.timing.mock import MockTimer


@contextmanager
def make_executor(
    setup: Setup, locks: DeviceLocks, toolchain: Toolchain | None
) -> Iterator[Executor]:
    """What does the session's jobs; at the end, nothing of it runs any more.

    Args:
        toolchain: what compiles kernels, if they are compiled.
    """
    workers = setup.spec.compile.workers or count_workers(setup.devices)
    seats: _Seats | KernelSeats
    if setup.kernel is None:
        seats = _Seats(setup, locks)
    else:
        seats = KernelSeats(setup, setup.kernel, locks, toolchain)
    executor: Executor
    if setup.virtual:
        executor = VirtualExecutor(
            setup.lanes,
            workers=workers,
            make_compiler=seats.virtual_compiler,
            make_timer=seats.virtual_timer,
        )
    else:
        executor = ThreadExecutor(
            setup.lanes,
            workers=workers,
            make_compiler=seats.real_compiler,
            make_timer=seats.real_timer,
            clock=seats.clock,
            quiet_timing=setup.spec.compile.quiet_timing,
        )
    try:
        yield executor
    finally:
        executor.close()
        seats.close()


def make_distribution(setup: Setup, workers: int) -> Distribution:
    """Which seat does which job, and when."""
    name = "per-test" if setup.one_by_one else setup.spec.distribution
    distribution = load(DISTRIBUTIONS[name])
    bound = setup.commands.compile_uses_lane
    made: Distribution
    if name == "per-test":
        made = distribution(setup.lanes)
    elif name == "pooled":
        made = distribution(setup.lanes, workers=workers, bound=bound)
    else:
        made = distribution(setup.lanes, workers=workers, bound=bound, share=name == "pipelined")
    return made


def make_plan(setup: Setup) -> Plan:
    """How each test is done and scored."""
    return Plan(
        repeat=setup.runs_per_test,
        aggregate=setup.spec.scoring.aggregate,
        compiles=setup.compiles,
        cleans=Phase.CLEAN in setup.commands,
        goal=setup.goal,
        find_twin_key=setup.kernel.find_twin_key if setup.kernel else _have_no_twins,
    )


def _have_no_twins(_test: Test, _lane: Lane) -> None:
    """Commands are measured for each test."""


class _Seats:
    """Makes compilers and timers; each belongs to the thread that asked for it."""

    def __init__(self, setup: Setup, locks: DeviceLocks) -> None:
        self.clock = SystemClock()
        self._setup = setup
        self._locks = locks
        self._spare = compile_cores([lane.device for lane in setup.lanes])
        self._landscape = make_landscape(setup.spec.mock)
        self._telemetry: list[Any] = []

    def virtual_compiler(self, lane: Lane | None, clock: Clock) -> Compiler:
        """Compiles nothing and takes its time."""
        recording = self._setup.recording
        if recording is not None:
            return ReplayCompiler(recording, clock, lane.name if lane else "compile")
        return MockCompiler(self._landscape, clock, lane.name if lane else "compile")

    def virtual_timer(self, lane: Lane, clock: Clock) -> Timer:
        """Answers for a recorded or a simulated device."""
        recording = self._setup.recording
        if recording is not None:
            repeat = self._setup.spec.scoring.repeat
            return ReplayTimer(recording, lane, clock=clock, repeat=repeat)
        return self.mock_timer(lane, clock)

    def mock_timer(self, lane: Lane, clock: Clock) -> Timer:
        """Answers for a simulated device."""
        return MockTimer(
            self._landscape,
            lane,
            clock=clock,
            energy=self._setup.measured == "energy",
            timeout_s=self._setup.spec.command.timeout_s.test,
            lost=lane.name in self._setup.spec.mock.lost,
        )

    def real_compiler(self, lane: Lane | None) -> Compiler:
        """Compiles on the lane's cores, or (None) on the spare ones with the least priority."""
        commands = self._setup.commands
        worker = (
            Worker(cores=lane.device.cores, inherit_fds=self._locks.fds_of(lane.device))
            if lane
            else Worker(cores=self._spare, idle=True)
        )
        return ShellCompiler(
            worker,
            partial(commands.expand, Phase.COMPILE) if Phase.COMPILE in commands else None,
            partial(commands.expand, Phase.CLEAN) if Phase.CLEAN in commands else None,
            lane.name if lane else "compile",
            self.clock,
        )

    def real_timer(self, lane: Lane) -> Timer:
        """Times commands on the lane, or answers for its simulated device in real time."""
        if lane.device.simulated:
            return self.virtual_timer(lane, self.clock)

        def make_command(test: Test) -> Command:
            return self._setup.commands.expand(Phase.TEST, test, lane)

        worker = Worker(cores=lane.device.cores, inherit_fds=self._locks.fds_of(lane.device))
        worker.start()
        measured = self._setup.measured
        read_energy = self._open_counter(lane)
        timer = CommandTimer(
            worker,
            lane,
            make_command,
            measured="figure" if measured == "metric" else measured,
            clock=self.clock,
            read_energy=read_energy if measured == "energy" else None,
        )
        return heed_loss(timer, lane)

    def _open_counter(self, lane: Lane) -> Callable[[], float | None] | None:
        """What reads the joules that the lane's GPU has taken so far; None: it is none.

        As long as it is open the driver keeps the GPU ready. Without persistence mode it would
        let go of it after each run, and the next one would take seconds more.
        """
        if lane.device.kind not in TELEMETRY:
            return None
        telemetry = open_telemetry(lane.device)
        self._telemetry.append(telemetry)

        def read() -> float | None:
            energy_j: float | None = telemetry.read().energy_j
            return energy_j

        return read

    def close(self) -> None:
        """Let go of what reads counters."""
        for telemetry in self._telemetry:
            telemetry.close()
