"""The kernel tests of a setup: what is compiled, launched, compared and scored for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.app.kernel_files import (
    declare_constants,
    read_source,
    search_folders,
    source_path,
)
from harness.compile.fit import find_fault, find_misfit
from harness.compile.source import KernelSource
from harness.config.formula import Formula
from harness.config.kernel_checks import TIME_NAMES, formula_names
from harness.config.kernel_tables import KernelTable
from harness.config.launch import ArgumentTemplate, LaunchTemplate
from harness.config.spec import Spec
from harness.config.substitute import Template
from harness.errors import ConfigError
from harness.limits import PREFIX, device_limits
from harness.measurement import Argument, Launch
from harness.model import (
    Artifact,
    Configuration,
    DeviceInfo,
    Lane,
    Run,
    Test,
    Value,
    format_value,
)
from harness.occupancy import compute_occupancy
from harness.stats import aggregate
from harness.timing.finalists import PER_ROUND, ROUNDS
from harness.timing.kernel import ENERGY_S, Scored
from harness.timing.launch_model import Simulation
from harness.timing.protocol import HOT_SAMPLE_S, Expectation, Measure, Measured
from harness.timing.stopping import Rival, RuleName, Stopping, find_rival, share_risk

FLOPS = {"gflops": 1e9, "tflops": 1e12}
BYTES = {"gbps": 1e9}
"""Metrics that say what a launch does: their value times the time, times this."""


FINAL = Stopping("repeat", repeat=PER_ROUND)
"""Of every run of a test but its first, which are those of the finals."""
ENERGY_INDEX = ROUNDS + 1
FOR_ENERGY = Stopping("precision", precision=1e-12, max_samples=1 << 30, max_s=ENERGY_S)
"""Of the run that follows the finals, where energy is asked for: long enough to tell."""


@dataclass(frozen=True, slots=True)
class KernelTests:
    """Everything about a kernel that its tests share.

    Attributes:
        reference_launch: of the reference, where that is a kernel.
        size: configurations of the space; None if not counted. It sets a race's risk.
    """

    spec: Spec
    kernel: KernelTable
    source: str
    function: Template
    options: tuple[Template, ...]
    launch: LaunchTemplate
    reference_launch: LaunchTemplate | None
    arguments: tuple[ArgumentTemplate, ...]
    metrics: Mapping[str, Formula]
    size: int | None

    def check(self, lanes: Sequence[Lane]) -> None:
        """Refuse lanes whose devices cannot run kernels.

        Raises:
            ConfigError: a device is no GPU, or runs none of the architectures.
        """
        for lane in lanes:
            self.architecture_of(lane.device)

    # -- one configuration on one device -----------------------------------------------------

    def values(self, configuration: Configuration, device: DeviceInfo) -> dict[str, Value]:
        """What expressions may name, with its values."""
        limits = {PREFIX + name: limit for name, limit in device_limits(device).items()}
        return {**limits, **self.spec.problem, **configuration}

    def launch_of(self, configuration: Configuration, device: DeviceInfo) -> Launch:
        """The shape of its launch.

        Raises:
            ConfigError: an extent cannot be computed.
        """
        return self.launch.expand(self.values(configuration, device))

    def arguments_of(
        self, configuration: Configuration, device: DeviceInfo
    ) -> tuple[Argument, ...]:
        """Its arguments.

        Raises:
            ConfigError: an extent or a value cannot be computed.
        """
        values = self.values(configuration, device)
        return tuple(template.expand(values) for template in self.arguments)

    def find_fault(self, test: Test, lane: Lane) -> str:
        """Why the lane's device cannot launch the test, whatever it is compiled to."""
        try:
            launch = self.launch_of(test.configuration, lane.device)
            arguments = self.arguments_of(test.configuration, lane.device)
        except ConfigError as error:
            return str(error)
        for argument in arguments:
            if argument.shape is not None and any(extent < 1 for extent in argument.shape):
                return f"argument {argument.name} has shape {argument.shape}: nothing to allocate"
        return find_fault(launch, device_limits(lane.device))

    def find_twin_key(self, test: Test, lane: Lane) -> str | None:
        """What else of the test's than its parameters decides what is measured."""
        if test.artifact is None:
            return None
        launch = self.launch_of(test.configuration, lane.device)
        arguments = self.arguments_of(test.configuration, lane.device)
        at_one = self._times(test.configuration, lane.device, 1.0)
        metrics = [formula.number(at_one) for formula in self.metrics.values()]
        return repr((test.artifact.digest, test.artifact.function, launch, arguments, metrics))

    def find_misfit(self, test: Test, lane: Lane, artifact: Artifact) -> str:
        """Why the lane's device cannot launch what the test was compiled to."""
        launch = self.launch_of(test.configuration, lane.device)
        return find_misfit(launch, artifact.resources, device_limits(lane.device))

    def describe(self, test: Test, lane: Lane) -> dict[str, str]:
        """What its compile and its run would be, for people."""
        source = self.make_source(test, lane)
        macros = [f"-D{name}={value}" for name, value in source.macros]
        command = [source.architecture, *source.options, *macros, source.name]
        fault = self.find_fault(test, lane)
        if fault:
            return {"compile": f"not at all: {fault}"}
        launch = self.launch_of(test.configuration, lane.device)
        arguments = self.arguments_of(test.configuration, lane.device)
        names = ", ".join(_describe_argument(argument) for argument in arguments)
        shape = f"grid {launch.grid}, block {launch.block}, {launch.shared_bytes} bytes shared"
        return {"compile": " ".join(command), "run": f"{source.function}({names}), {shape}"}

    # -- compiling ---------------------------------------------------------------------------

    def make_source(self, test: Test, lane: Lane) -> KernelSource:
        """What is compiled for the test."""
        configuration = test.configuration
        pairs = tuple((name, format_value(value)) for name, value in configuration.items())
        path = str(source_path(self.spec, self.kernel))
        text = self.source
        if self.kernel.parameters == "constants":
            text = f'{declare_constants(configuration)}#line 1 "{path}"\n{text}'
        base = self.spec.base
        return KernelSource(
            text=text,
            function=self.function.symbolic(configuration),
            architecture=self.architecture_of(lane.device),
            path=path,
            macros=pairs if self.kernel.parameters == "macros" else (),
            options=tuple(option.symbolic(configuration) for option in self.options),
            include_directories=tuple(
                str((base / name).resolve()) for name in self.kernel.include_directories
            ),
        )

    def architecture_of(self, device: DeviceInfo) -> str:
        """What to compile for: the newest of the config's that the device runs, or its own.

        Raises:
            ConfigError: it runs none of them, or its capability is not known.
        """
        if device.compute_capability is None:
            raise ConfigError(
                f'kernel: {device.name or "the device"} is no GPU; use backend = "cuda", or '
                '"mock" to simulate one'
            )
        major, minor = device.compute_capability
        if not self.kernel.architectures:
            return f"sm_{major}{minor}"
        # machine code runs on its own major version, from its minor version on
        numbers = [(int(a[3:].rstrip("abcdef")), a) for a in self.kernel.architectures]
        fitting = [(n, a) for n, a in numbers if n // 10 == major and n % 10 <= minor]
        if not fitting:
            raise ConfigError(
                f"kernel.architectures = {list(self.kernel.architectures)}: none runs on "
                f"{device.name} (compute capability {major}.{minor}); add sm_{major}{minor}"
            )
        return max(fitting)[1]

    # -- measuring ---------------------------------------------------------------------------

    def make_reference(self, lane: Lane) -> KernelSource | None:
        """What is compiled as the reference, where that is a kernel."""
        reference = self.kernel.reference
        if reference is None or reference.kernel is None:
            return None
        path, text = source_path(self.spec, self.kernel), self.source
        if reference.source is not None:
            path = (self.spec.base / reference.source).resolve()
            text = path.read_text(encoding="utf-8")
        return KernelSource(text, reference.kernel, self.architecture_of(lane.device), str(path))

    def _expect(self, lane: Lane, artifact: Artifact | None) -> Expectation | None:
        reference = self.kernel.reference
        if reference is None:
            return None
        name = reference.function or reference.file or ""
        if artifact is None or self.reference_launch is None:
            return Expectation(name, reference.atol, reference.rtol)
        values = self.values(Configuration((), ()), lane.device)
        launch = self.reference_launch.expand(values)
        return Expectation(artifact.function, reference.atol, reference.rtol, artifact.path, launch)

    def make_request(
        self,
        test: Test,
        lane: Lane,
        index: int,
        best: Run | None,
        reference: Callable[[], Artifact | None],
    ) -> Measure:
        """What the lane's worker is asked for a run of the test.

        Args:
            reference: the binary of the reference, where that is a kernel; asked for if needed.
        """
        assert test.artifact is not None, "a kernel is compiled before it is run"
        kernel, device = self.kernel, lane.device
        data = self.spec.mock.verify or not device.simulated
        verify = data and index == 0  # what meets again was verified before
        own = [str(folder) for folder in search_folders(self.spec)]
        # What this process finds, workers find.
        folders = tuple(dict.fromkeys([*own, *(folder for folder in sys.path if folder)]))
        expectation = self._expect(lane, reference()) if verify else None
        mode, stopping, sample_s = kernel.measure.mode, FINAL, HOT_SAMPLE_S
        if index == 0:
            stopping = self._stopping(test.configuration, lane, best)
        elif index == ENERGY_INDEX:
            mode, stopping, sample_s = "hot", FOR_ENERGY, 0.01
        return Measure(
            number=test.id,
            module=test.artifact.path,
            function=test.artifact.function,
            launch=self.launch_of(test.configuration, device),
            arguments=self.arguments_of(test.configuration, device),
            mode=mode,
            stopping=stopping,
            sample_s=sample_s,
            folders=folders,
            expectation=expectation,
            data=data,
            simulation=self._simulate(test, lane, index) if device.simulated else None,
        )

    @property
    def rule(self) -> RuleName:
        """When there are enough samples; `auto` resolved."""
        if self.kernel.measure.stop == "auto":
            return "repeat" if self.spec.scoring.repeat > 1 else "precision"
        return self.kernel.measure.stop

    def _stopping(self, configuration: Configuration, lane: Lane, best: Run | None) -> Stopping:
        measure, repeat, name = self.kernel.measure, self.spec.scoring.repeat, self.rule
        risk = share_risk(self.size or 10_000, measure.max_samples)
        return Stopping(
            name,
            repeat,
            measure.precision,
            measure.max_samples,
            measure.max_s,
            risk,
            self._rival(configuration, lane, best, risk) if name == "race" else None,
        )

    def _rival(
        self, configuration: Configuration, lane: Lane, best: Run | None, risk: float
    ) -> Rival | None:
        """What the best run so far sets for this configuration to beat, in its own seconds.

        None where less time is not better: then nothing can be given up.
        """
        if best is None or best.measurement is None or best.sample is None:
            return None
        rival = find_rival(best.measurement.samples_s, risk)
        metric, highest = self.spec.scoring.metric, self.spec.scoring.optimal.startswith("max")
        if metric is None or rival is None:
            return None if highest else rival
        # Of a rate (something / time_s), the time that would give the same.
        once, twice = (
            self.metrics[metric].number(self._times(configuration, lane.device, time_s))
            for time_s in (1.0, 2.0)
        )
        if not highest or once <= 0 or best.sample <= 0 or abs(once / twice - 2) > 1e-6:
            return None
        equal_s = once / best.sample
        return Rival(equal_s, equal_s * rival.upper_s / rival.best_s)

    def _times(
        self, configuration: Configuration, device: DeviceInfo, time_s: float
    ) -> dict[str, Value]:
        return {**self.values(configuration, device), TIME_NAMES[0]: time_s}

    def score(self, test: Test, lane: Lane, measured: Measured) -> Scored:
        """What the samples of a test are worth: its objective, and all metrics."""
        time_s = aggregate(measured.samples_s, self.spec.scoring.aggregate)
        values = self._times(test.configuration, lane.device, time_s)
        metrics = {name: formula.number(values) for name, formula in self.metrics.items()}
        chosen = self.spec.scoring.metric
        if chosen is None:
            return Scored(time_s, tuple(metrics.items()))
        worths = tuple(
            self.metrics[chosen].number({**values, TIME_NAMES[0]: sample_s})
            for sample_s in measured.samples_s
        )
        return Scored(metrics[chosen], tuple(metrics.items()), worths)

    def cost(self, configuration: Configuration, lane: Lane, time_s: float) -> float:
        """What a time means for the objective, such that less is better."""
        chosen, optimal = self.spec.scoring.metric, self.spec.scoring.optimal
        worth = time_s
        if chosen is not None:
            worth = self.metrics[chosen].number(self._times(configuration, lane.device, time_s))
        return 1 / worth if optimal.startswith("max") else worth

    # -- simulating --------------------------------------------------------------------------

    def _simulate(self, test: Test, lane: Lane, index: int) -> Simulation:
        assert test.artifact is not None
        device, configuration = lane.device, test.configuration
        launch = self.launch_of(configuration, device)
        occupancy = compute_occupancy(
            test.artifact.resources,
            threads=launch.threads,
            shared_bytes=launch.shared_bytes,
            limits=device_limits(device),
        )
        at_one = self._times(configuration, device, 1.0)
        flops = [f * self.metrics[n].number(at_one) for n, f in FLOPS.items() if n in self.metrics]
        moved = [f * self.metrics[n].number(at_one) for n, f in BYTES.items() if n in self.metrics]
        return Simulation(
            configuration.names,
            configuration.values_,
            resident=max(1, occupancy.blocks) if occupancy else 1,
            occupancy=max(0.01, occupancy.fraction) if occupancy else 1.0,
            flops=max(flops, default=0.0),
            transferred_bytes=max(moved, default=0.0),
            round=index,
        )


def _describe_argument(argument: Argument) -> str:
    if argument.shape is None:
        return f"{argument.name} = {argument.value}"
    return f"{argument.name}: {argument.dtype}[{', '.join(map(str, argument.shape))}]"


def _parse_reference(spec: Spec, kernel: KernelTable) -> LaunchTemplate | None:
    reference = kernel.reference
    if reference is None or reference.grid is None or reference.block is None:
        return None
    names = formula_names((), list(spec.problem))
    return LaunchTemplate.parse(reference.grid, reference.block, 0, names)


def make_kernel_tests(spec: Spec, size: int | None) -> KernelTests | None:
    """The kernel tests of a config that has them.

    Raises:
        ConfigError: the source cannot be read.
    """
    kernel = spec.kernel
    if kernel is None:
        return None
    source = read_source(spec, kernel)
    names = tuple(spec.parameters)
    formulas = formula_names(names, list(spec.problem))
    timed = [*formulas, *TIME_NAMES]
    return KernelTests(
        spec=spec,
        kernel=kernel,
        source=source,
        function=Template.parse(kernel.function, names, spec.problem),
        options=tuple(Template.parse(text, names, spec.problem) for text in kernel.options),
        launch=LaunchTemplate.parse(kernel.grid, kernel.block, kernel.shared_bytes, formulas),
        reference_launch=_parse_reference(spec, kernel),
        arguments=tuple(ArgumentTemplate.parse(table, formulas) for table in kernel.arguments),
        metrics={name: Formula.parse(text, timed) for name, text in kernel.metrics.items()},
        size=size,
    )
