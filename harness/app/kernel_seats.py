"""What the seats of a session of kernel tests work with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn

from msgspec import structs

from harness.app.compilers import Place, make_kernel_compiler
from harness.app.counters import heed_loss
from harness.app.emulation import Emulation, SmallKernels, make_emulation
from harness.app.kernel_measures import RETAKES, KernelMeasures
from harness.app.kernels import KernelTests
from harness.app.lanes import compile_cores
from harness.app.names import DRIVERS, SIMULATOR, TELEMETRY, load
from harness.app.setup import Setup
from harness.app.toolchain import Toolchain, check_lanes
from harness.clock import Clock, SystemClock
from harness.compile.base import Compiler, KernelCompiler
from harness.compile.cache import BuildCache
from harness.compile.kernel import KernelTestCompiler
from harness.compile.mock import MockKernelCompiler
from harness.compile.source import KernelSource, Language
from harness.config.mock_table import MockTable
from harness.device.locks import DeviceLocks
from harness.errors import CompileError, ConfigError
from harness.landscape import Landscape
from harness.lane import Lane
from harness.measurement import DeviceState
from harness.model import Artifact, Run, Test
from harness.procs.worker import Worker
from harness.timing.base import Timer
from harness.timing.data import Array
from harness.timing.driver import Driver
from harness.timing.kernel import KernelTimer
from harness.timing.link import DirectLink, Link, PipeLink
from harness.timing.own_kernels import SENTINEL, SOURCE
from harness.timing.protocol import Measure
from harness.timing.sentinel import make_sentinel


def make_landscape(mock: MockTable) -> Landscape:
    """What simulated devices answer."""
    return Landscape(
        seed=mock.seed,
        noise=mock.noise,
        run_s=mock.run_s,
        compile_s=mock.compile_s,
        compile_failures=mock.compile_failures,
        run_failures=mock.run_failures,
        hangs=mock.hangs,
        wrong_results=mock.wrong_results,
        throttling=mock.throttling,
    )


class Loss:
    """When a simulated lane's device is lost: after one to eight runs, if the config says so."""

    def __init__(self, landscape: Landscape, lane: Lane, mock: MockTable) -> None:
        self._left: int | None = None
        if lane.device.simulated and lane.name in mock.lost:
            self._left = 1 + int(8 * landscape.uniform("lost", lane.name))

    def is_due(self) -> bool:
        """Whether it is lost by now; asked once per run."""
        if self._left is None:
            return False
        self._left -= 1
        return self._left < 0


class KernelSeats:
    """Makes compilers and timers; each belongs to the thread that asked for it.

    Args:
        toolchain: None in virtual time, where nothing is compiled.
    """

    def __init__(
        self,
        setup: Setup,
        kernel: KernelTests,
        locks: DeviceLocks,
        toolchain: Toolchain | None,
    ) -> None:
        self.clock = SystemClock()
        self._setup = setup
        self._kernel = kernel
        self._measures = KernelMeasures(kernel)
        self._locks = locks
        self._landscape = make_landscape(setup.spec.mock)
        self._spare = compile_cores([lane.device for lane in setup.lanes])
        self._telemetry: list[Any] = []
        self._toolchain = toolchain
        self._small = SmallKernels(kernel)
        self._expected: dict[str, Mapping[str, Array]] = {}
        self._cache: BuildCache | None = None
        if toolchain is not None:
            check_lanes(toolchain, setup.lanes, lambda lane: kernel.architecture_of(lane.device))
            self._cache = BuildCache()

    def virtual_compiler(self, lane: Lane | None, clock: Clock) -> Compiler:
        """Compiles nothing and takes its time."""
        return self._make_compiler(MockKernelCompiler(self._landscape, clock), lane, clock)

    def virtual_timer(self, lane: Lane, clock: Clock) -> Timer:
        """Answers for a simulated device in virtual time."""

        def make_driver(
            on_crash: Callable[[], NoReturn], on_hang: Callable[[], NoReturn]
        ) -> Driver:
            made: Driver = load(SIMULATOR)(
                self._landscape, lane.device, clock, on_crash=on_crash, on_hang=on_hang
            )
            return made

        sentinel = partial(make_sentinel, "(simulated)", SENTINEL, simulated=True)
        return self._make_timer(lane, clock, partial(DirectLink, make_driver, clock), sentinel)

    def real_compiler(self, lane: Lane | None) -> Compiler:
        """Compiles on the lane's cores, or (None) on the spare ones with the least priority."""
        compiler = self._make_kernel_compiler(lane, self._kernel.kernel.language)
        return self._make_compiler(compiler, lane, self.clock)

    def real_timer(self, lane: Lane) -> Timer:
        """Measures on the lane's device by means of its kernel worker."""
        device = lane.device
        settings = json.dumps({"uuid": device.uuid})
        if device.simulated:
            settings = json.dumps({"landscape": asdict(self._landscape), "device": asdict(device)})

        def make_link() -> Link:
            return PipeLink(
                DRIVERS[device.kind],
                settings,
                uuid=device.uuid,
                environment=dict(lane.environment),
                cores=device.cores,
                inherit_fds=self._locks.fds_of(device),
            )

        own: list[Artifact] = []

        def find_own() -> Artifact:
            if not (own and Path(own[0].path).exists()):  # long ago others may have removed it
                source = KernelSource(SOURCE, SENTINEL, self._kernel.architecture_of(device))
                own[:] = [self._build(lane, source, "the harness's own kernels", self.clock)]
            return own[0]

        def sentinel() -> Measure:
            artifact = find_own()
            return make_sentinel(artifact.path, artifact.function, simulated=device.simulated)

        own_module = None if device.simulated else lambda: find_own().path
        timer = self._make_timer(lane, self.clock, make_link, sentinel, own_module)
        return heed_loss(timer, lane)

    def _build(self, lane: Lane, source: KernelSource, what: str, clock: Clock) -> Artifact:
        """The binary of what is no test; in the cache from the second session on."""
        compiler: KernelCompiler = MockKernelCompiler(self._landscape, clock)
        if self._toolchain is not None:
            compiler = self._make_kernel_compiler(lane, source.language)
        try:
            built = compiler.build(source)
        finally:
            compiler.close()
        if built.artifact is None:
            output = built.evidence.output if built.evidence else ""
            raise CompileError(f"{what} cannot be compiled: {built.reason}\n{output}".strip())
        return built.artifact

    def _make_kernel_compiler(self, lane: Lane | None, language: Language) -> KernelCompiler:
        assert self._toolchain is not None
        assert self._cache is not None
        holds = self._setup.spec.compile.quiet_timing
        place = Place(self._spare, idle=True, holds=holds)
        if lane is not None:
            inherit_fds = self._locks.fds_of(lane.device)
            place = Place(lane.device.cores, inherit_fds=inherit_fds, holds=holds)
        timeout_s = self._kernel.kernel.compile_timeout_s
        return make_kernel_compiler(self._toolchain, language, self._cache, place, timeout_s)

    def _make_compiler(self, compiler: KernelCompiler, lane: Lane | None, clock: Clock) -> Compiler:
        kernel = self._kernel
        return KernelTestCompiler(
            compiler,
            find_fault=kernel.find_fault,
            find_misfit=kernel.find_misfit,
            make_source=kernel.make_source,
            seat=lane.name if lane else "compile",
            clock=clock,
            verification=self._make_emulation(lane),
        )

    def _make_emulation(self, lane: Lane | None) -> Emulation | None:
        if not (self._setup.spec.mock.emulate and self._setup.simulated):
            return None
        cores = lane.device.cores if lane else self._spare
        worker = Worker(cores=cores, idle=lane is None)
        return make_emulation(self._small, self._expected, worker)

    def _make_timer(
        self,
        lane: Lane,
        clock: Clock,
        make_link: Callable[[], Link],
        sentinel: Callable[[], Measure],
        own_module: Callable[[], str] | None = None,
    ) -> KernelTimer:
        kernel = self._kernel
        loss = Loss(self._landscape, lane, self._setup.spec.mock)

        @lru_cache(maxsize=1)
        def reference() -> Artifact | None:
            source = kernel.make_reference(lane)
            if source is None:
                return None
            artifact = self._build(lane, source, "kernel.reference.kernel", clock)
            if mismatch := kernel.find_mismatch(artifact):
                raise ConfigError(f"kernel.reference.kernel: {mismatch}")
            return artifact

        def make_request(test: Test, index: int, best: Run | None) -> Measure:
            request = self._measures.make_request(test, lane, index, best, reference)
            if own_module is not None and request.expectation is not None:
                request = structs.replace(request, own_module=own_module())
            if request.simulation is None:
                return request
            simulation = replace(request.simulation, lost=loss.is_due())
            return structs.replace(request, simulation=simulation)

        timer = KernelTimer(
            lane,
            make_link=make_link,
            make_request=make_request,
            score=lambda test, measured: self._measures.score(test, lane, measured),
            clock=clock,
            read_state=self._make_state_reader(lane, clock),
            make_sentinel=sentinel if kernel.kernel.measure.sentinel else None,
            is_retake=RETAKES.__contains__,
            timeout_s=kernel.kernel.timeout_s,
            alone=len(self._setup.lanes) == 1,
        )
        timer.start()
        return timer

    def _make_state_reader(self, lane: Lane, clock: Clock) -> Callable[[], DeviceState | None]:
        entry = load(TELEMETRY[lane.device.kind])
        if lane.device.simulated:
            telemetry = entry(self._landscape, lane.device, clock)
        else:
            telemetry = entry(lane.device, clock.now_s)
        self._telemetry.append(telemetry)
        read: Callable[[], DeviceState] = telemetry.read
        return read

    def close(self) -> None:
        """Let go of what the seats shared."""
        for telemetry in self._telemetry:
            telemetry.close()
        if self._cache is not None:
            self._cache.close()
