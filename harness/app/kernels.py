"""The kernel tests of a setup: what is compiled, launched, compared and scored for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from harness.app.kernel_sources import SourceTemplate, make_source_template
from harness.compile.factories import describe_call
from harness.compile.fit import find_excess, find_fault, find_misfit, find_mismatch
from harness.compile.source import KernelSource
from harness.compile.variables import AmbiguityError, Variable, read_variables
from harness.config.formula import Formula
from harness.config.kernel_checks import TIME_NAMES, formula_names
from harness.config.kernel_tables import KernelTable
from harness.config.launch import ArgumentTemplate, LaunchTemplate
from harness.config.spec import Spec
from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.lane import DeviceInfo, Lane
from harness.limits import PREFIX, device_limits
from harness.measurement import Argument, Launch, item_bytes
from harness.model import Artifact, Test


@dataclass(frozen=True, slots=True)
class KernelTests:
    """Everything about a kernel that its tests share.

    Attributes:
        reference_launch: of the reference, where that is a kernel.
        size: configurations of the space; None if not counted. It sets a race's risk.
    """

    spec: Spec
    kernel: KernelTable
    source: SourceTemplate
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

    def times(
        self, configuration: Configuration, device: DeviceInfo, time_s: float
    ) -> dict[str, Value]:
        """What metrics may name, with its values, of a test that takes `time_s`."""
        return {**self.values(configuration, device), TIME_NAMES[0]: time_s}

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
        limits = device_limits(lane.device)
        return find_fault(launch, limits) or find_excess(arguments, limits)

    def find_twin_key(self, test: Test, lane: Lane) -> str | None:
        """What else of the test's than its parameters decides what is measured."""
        if test.artifact is None:
            return None
        launch = self.launch_of(test.configuration, lane.device)
        arguments = self.arguments_of(test.configuration, lane.device)
        at_one = self.times(test.configuration, lane.device, 1.0)
        metrics = [formula.number(at_one) for formula in self.metrics.values()]
        return repr((test.artifact.digest, test.artifact.function, launch, arguments, metrics))

    def find_misfit(self, test: Test, lane: Lane, artifact: Artifact) -> str:
        """Why the lane's device cannot launch what the test was compiled to."""
        launch = self.launch_of(test.configuration, lane.device)
        misfit = find_misfit(launch, artifact.resources, device_limits(lane.device))
        return misfit or self.find_mismatch(artifact) or self._misses(test, lane, artifact)

    def _misses(self, test: Test, lane: Lane, artifact: Artifact) -> str:
        """Why the variables of the binary cannot hold what they shall."""
        arguments = self.arguments_of(test.configuration, lane.device)
        has = {argument.name: _count_bytes(argument) for argument in arguments}
        try:
            variables = self.find_variables(artifact)
        except AmbiguityError as error:
            return str(error)
        for name, variable in variables.items():
            if has[name] > variable.size_bytes:
                return (
                    f"argument {name} has {has[name]} bytes: the variable in the source has "
                    f"{variable.size_bytes}"
                )
        return ""

    def find_variables(self, artifact: Artifact) -> dict[str, Variable]:
        """The variables in a binary that are arguments; what it does not have it does not use.

        Raises:
            AmbiguityError: which of them is one is not clear.
        """
        names = tuple(table.name for table in self.kernel.arguments if table.role == "constant")
        return _read_variables(artifact.path, artifact.digest, names) if names else {}

    def find_mismatch(self, artifact: Artifact) -> str:
        """Why the binary cannot be given the config's arguments; of Numba's kernels Numba tells."""
        if self.kernel.language == "numba":
            return ""
        given = [
            (table.name, table.dtype, table.shape is not None)
            for table in self.kernel.arguments
            if table.role != "constant"
        ]
        return find_mismatch(given, artifact.resources.parameter_bytes)

    def describe(self, test: Test, lane: Lane) -> dict[str, str]:
        """What its compile and its run would be, for people."""
        source = self.make_source(test, lane)
        if source.language == "cuda":
            macros = [f"-D{name}={value}" for name, value in source.macros]
            command = " ".join([source.architecture, *source.options, *macros, source.name])
        else:
            command = " ".join([source.architecture, *source.options, describe_call(source)])
            command += f" of {source.name}, by {source.language}"
        fault = self.find_fault(test, lane)
        if fault:
            return {"compile": f"not at all: {fault}"}
        launch = self.launch_of(test.configuration, lane.device)
        arguments = self.arguments_of(test.configuration, lane.device)
        names = ", ".join(_describe_argument(a) for a in arguments if a.role != "constant")
        shape = f"grid {launch.grid}, block {launch.block}, {launch.shared_bytes} bytes shared"
        shape += ", all blocks at once" if launch.cooperative else ""
        constants = [_describe_argument(a) for a in arguments if a.role == "constant"]
        shape += f", with {', '.join(constants)}" if constants else ""
        return {"compile": command, "run": f"{source.function}({names}), {shape}"}

    # -- compiling ---------------------------------------------------------------------------

    def make_source(self, test: Test, lane: Lane) -> KernelSource:
        """What is compiled for the test."""
        return self.source.expand(test.configuration, self.architecture_of(lane.device))

    def architecture_of(self, device: DeviceInfo) -> str:
        """What to compile for: the newest of the config's that the device runs, or its own.

        Raises:
            ConfigError: it runs none of them, or its capability is not known.
        """
        if device.compute_capability is None and device.kind == "cuda":
            raise ConfigError(
                f"kernel: the driver does not tell the compute capability of {device.name}; "
                "update it, or use other devices (--parallel)"
            )
        if device.compute_capability is None:
            chosen = self.spec.backend != "auto"
            what = f"{device.name or 'the device'} is no GPU" if chosen else "no GPU was found"
            remedy = 'backend = "mock", or --backend mock, simulates one'
            raise ConfigError(f"kernel: {what}; {'leave the backend out, or ' * chosen}{remedy}")
        major, minor = device.compute_capability
        if not self.kernel.architectures:
            return f"sm_{major}{minor}"
        numbers = [(int(a[3:].rstrip("abcdef")), a) for a in self.kernel.architectures]
        fitting = [(n, a) for n, a in numbers if _runs(n, a, device.compute_capability)]
        if not fitting:
            raise ConfigError(
                f"kernel.architectures = {list(self.kernel.architectures)}: none runs on "
                f"{device.name} (compute capability {major}.{minor}); add sm_{major}{minor}"
            )
        return max(fitting)[1]

    # -- measuring ---------------------------------------------------------------------------

    def make_reference(self, lane: Lane) -> KernelSource | None:
        """What is compiled as the reference, where that is a kernel.

        It is one for all configurations. In the same source, what needs the parameters must compile
        beside it, so that they have their first values there.
        """
        reference = self.kernel.reference
        if reference is None or reference.kernel is None:
            return None
        architecture = self.architecture_of(lane.device)
        path = str((self.spec.base / (reference.source or "")).resolve())
        if self.kernel.language != "cuda":  # whose options are not those of CUDA C++
            return KernelSource(_read(path), reference.kernel, architecture, path)
        parameters = self.spec.parameters
        first = Configuration(tuple(parameters), tuple(values[0] for values in parameters.values()))
        source = replace(self.source.expand(first, architecture), function=reference.kernel)
        if reference.source is None:
            return source
        return replace(source, text=_read(path), path=path, macros=())


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def _runs(number: int, architecture: str, capability: tuple[int, int]) -> bool:
    """Whether a device runs machine code for an architecture of this number.

    That runs on its own major version, from its minor version on; but with the suffix `a`, which
    allows what only one device has, on just that.

    Source: CUDA Compiler Driver NVCC, GPU feature list.
    """
    major, minor = capability
    exact = architecture.endswith("a")
    return number // 10 == major and (number % 10 == minor if exact else number % 10 <= minor)


@lru_cache(maxsize=256)
def _read_variables(path: str, digest: str, names: tuple[str, ...]) -> dict[str, Variable]:
    """Read once for all runs of a binary: it is what its digest says, wherever it is."""
    return read_variables(path, names)


def _count_bytes(argument: Argument) -> int:
    """Bytes of an array, or of a scalar."""
    return math.prod(argument.shape or ()) * item_bytes(argument.dtype)


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
        ConfigError: the source cannot be read, or is not what the config says.
    """
    kernel = spec.kernel
    if kernel is None:
        return None
    names = tuple(spec.parameters)
    formulas = formula_names(names, list(spec.problem))
    timed = [*formulas, *TIME_NAMES]
    return KernelTests(
        spec=spec,
        kernel=kernel,
        source=make_source_template(spec, kernel),
        launch=LaunchTemplate.parse(
            kernel.grid,
            kernel.block,
            kernel.shared_bytes,
            formulas,
            cooperative=kernel.cooperative,
        ),
        reference_launch=_parse_reference(spec, kernel),
        arguments=tuple(ArgumentTemplate.parse(table, formulas) for table in kernel.arguments),
        metrics={name: Formula.parse(text, timed) for name, text in kernel.metrics.items()},
        size=size,
    )
