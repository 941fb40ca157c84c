"""Kernel tests on the CPU, where `mock.emulate` asks for it: at which size, and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from harness.app.clocks import Remark
from harness.app.kernel_files import search_folders
from harness.app.kernels import KernelTests, make_kernel_tests
from harness.compile.base import KernelBuild
from harness.config.spec import Spec
from harness.configuration import Configuration, Value
from harness.emulation.compiler import find_compiler
from harness.emulation.emulator import EmulationCancelledError, Emulator, NotEmulatedError
from harness.emulation.sizes import keeps_factors, list_factors, shrink
from harness.emulation.verify import Reference, Task, Verdict, Verifier
from harness.errors import ConfigError
from harness.lane import DeviceInfo, Lane
from harness.limits import PREFIX, device_limits
from harness.measurement import Argument, Launch
from harness.model import Artifact, Emulated, Outcome, OutcomeKind, Test
from harness.procs.worker import Worker
from harness.space.constraints import parse_constraint
from harness.timing.data import Array, size_bytes
from harness.units import format_count

SM_COUNT = 2
"""Multiprocessors of the emulated device: grids that depend on them stay small."""
MOST_THREADS = 1 << 15
MOST_ELEMENTS = 1 << 18
"""More of either takes too long; a smaller size that keeps less is tried then."""
_NO_SOURCE = "the source is Python; only kernels in CUDA C++ are emulated"
_NO_COMPILER = "there is no C++ compiler; install g++ or set CXX"


@dataclass(frozen=True, slots=True)
class Small:
    """A test as it is emulated: the kernel's tests of a small problem, and its launch there."""

    kernel: KernelTests
    launch: Launch
    arguments: tuple[Argument, ...]

    @property
    def threads(self) -> int:
        """Of the whole grid."""
        return self.launch.blocks * self.launch.threads

    @property
    def elements(self) -> int:
        """Of all arrays, as far as threads go: bytes by four."""
        return sum(size_bytes(a) for a in self.arguments if a.shape is not None) // 4


@dataclass(frozen=True, slots=True)
class Demands:
    """What a small size is to have of the whole.

    Attributes:
        products, divides: products of two parameters, parameters and blocks, divide its sizes where
            they divide those of the whole.
        covered: arrays have two elements for each thread, so that loops go around.
        meets: along each axis there are two blocks.
    """

    products: bool = False
    divides: bool = False
    covered: bool = False
    meets: bool = False

    def list_factors(self, numbers: Sequence[int]) -> set[int]:
        """What must divide a size."""
        return list_factors(numbers, products=self.products) if self.divides else set()

    def are_met(self, small: Small, whole: Small) -> bool:
        """Whether the small size has it, as far as the whole has."""
        pairs = zip(small.launch.grid, whole.launch.grid, strict=True)
        if self.meets and any(s < min(2, w) for s, w in pairs):
            return False
        return not self.covered or small.elements >= min(whole.elements, 2 * small.threads)


_DEMANDS = (
    Demands(products=True, divides=True, covered=True, meets=True),
    Demands(divides=True, covered=True, meets=True),
    Demands(products=True, divides=True, meets=True),
    Demands(divides=True, meets=True),
    Demands(divides=True),
    Demands(),
)
"""The most first: what cannot be had at a size that a CPU can do is done without."""


@dataclass(slots=True)
class SmallKernels:
    """Finds the size at which each test is emulated; shared by all seats."""

    kernel: KernelTests
    _made: dict[str, KernelTests] = field(default_factory=dict)

    def find(self, test: Test, lane: Lane) -> Small:
        """The test at the size to emulate it at.

        Raises:
            NotEmulatedError: no size will do.
        """
        mock = self.kernel.spec.mock
        device = replace(lane.device, sm_count=SM_COUNT)
        if mock.problem:
            given = {**self.kernel.spec.problem, **mock.problem}
            small = self._make(given, test, device)
            if isinstance(small, str):
                raise NotEmulatedError(f"mock.problem: {small}")
            return small
        whole = self._expand(self.kernel, test, device)
        factors = [v for v in test.configuration.values() if type(v) is int]
        factors += {*whole.launch.block} - {*factors}
        for demands in _DEMANDS:
            found = self._find_size(test, device, whole, demands.list_factors(factors), demands)
            if found is not None:
                return found
        raise NotEmulatedError(
            "even the smallest problem is too large to emulate; give smaller sizes as mock.problem"
        )

    def _find_size(
        self, test: Test, device: DeviceInfo, whole: Small, factors: set[int], demands: Demands
    ) -> Small | None:
        problem, largest = self.kernel.spec.problem, None
        for candidate in shrink(problem):
            if not keeps_factors(candidate, problem, factors):
                continue
            small = self._make(candidate, test, device)
            if isinstance(small, str) or not demands.are_met(small, whole):
                continue
            fits = small.threads <= MOST_THREADS and small.elements <= MOST_ELEMENTS
            if not fits:  # nor do larger ones
                break
            largest = small
            if demands.meets:  # it has what counts; without that, the more the better
                break
        return largest

    def _make(self, problem: Mapping[str, Value], test: Test, device: DeviceInfo) -> Small | str:
        """The test at this size, or why it cannot be."""
        key = repr(problem)
        kernel = self._made.get(key)
        try:
            if kernel is None:
                spec = structs.replace(self.kernel.spec, problem=dict(problem))
                made = make_kernel_tests(spec, None)
                assert made is not None
                kernel = self._made[key] = made
            broken = _find_broken(kernel.spec, test.configuration, device)
            fault = kernel.find_fault(test, Lane("emulation", 0, device))
            if broken or fault:
                return broken or fault
            return self._expand(kernel, test, device)
        except ConfigError as error:
            return str(error)

    def _expand(self, kernel: KernelTests, test: Test, device: DeviceInfo) -> Small:
        configuration = test.configuration
        launch = kernel.launch_of(configuration, device)
        return Small(kernel, launch, kernel.arguments_of(configuration, device))


def _find_broken(spec: Spec, configuration: Configuration, device: DeviceInfo) -> str:
    """The first constraint that does not hold at this size; empty if all do."""
    limits = {PREFIX + name: limit for name, limit in device_limits(device).items()}
    for text in spec.space.constraints:
        constraint = parse_constraint(text, tuple(configuration), {**spec.problem, **limits})
        if not constraint.holds(configuration):
            return f"the constraint {text} does not hold"
    return ""


class Emulation:
    """Verifies tests of simulated devices on the CPU; see `compile.base.Verification`.

    Args:
        emulator: None: there is no compiler for it.
        expected: what references said, shared by all seats.
    """

    def __init__(
        self,
        small: SmallKernels,
        emulator: Emulator | None,
        expected: dict[str, Mapping[str, Array]],
    ) -> None:
        self._small = small
        self._emulator = emulator
        self._verifier = None if emulator is None else Verifier(emulator, expected)

    def verify(self, test: Test, lane: Lane, artifact: Artifact) -> KernelBuild:
        """The binary with what the emulation says of its source."""
        if not lane.device.simulated:  # it will be verified where it runs
            return KernelBuild(OutcomeKind.OK, artifact)
        if self._small.kernel.kernel.language != "cuda":
            return _as_unverified(artifact, _NO_SOURCE)
        if self._verifier is None:
            return _as_unverified(artifact, _NO_COMPILER)
        try:
            small = self._small.find(test, lane)
            verdict = self._verifier.verify(_make_task(small, test, lane))
        except EmulationCancelledError:
            return KernelBuild(OutcomeKind.INTERRUPTED, reason="interrupted")
        except (NotEmulatedError, ConfigError) as error:
            return _as_unverified(artifact, str(error))
        return _judge(artifact, small, verdict)

    def cancel(self) -> None:
        """Stop what runs now, from any thread."""
        if self._emulator is not None:
            self._emulator.cancel()

    def pause(self) -> None:
        """Hold what runs now, and what starts before `resume`."""
        if self._emulator is not None:
            self._emulator.pause()

    def resume(self) -> None:
        """Let it go on."""
        if self._emulator is not None:
            self._emulator.resume()

    def close(self) -> None:
        """End the emulator."""
        if self._emulator is not None:
            self._emulator.close()


def make_emulation(
    small: SmallKernels, expected: dict[str, Mapping[str, Array]], worker: Worker
) -> Emulation:
    """One for a seat, whose worker it takes over."""
    compiler = find_compiler()
    return Emulation(small, None if compiler is None else Emulator(compiler, worker), expected)


def describe_size(kernel: KernelTests, test: Test, lane: Lane) -> str:
    """At which size the test would be emulated, for people."""
    if kernel.kernel.language != "cuda":
        return f"not at all: {_NO_SOURCE}"
    if find_compiler() is None:
        return f"not at all: {_NO_COMPILER}"
    try:
        small = SmallKernels(kernel).find(test, lane)
    except (NotEmulatedError, ConfigError) as error:
        return f"not at all: {error}"
    place = Emulated(tuple(small.kernel.spec.problem.items())).place
    return f"{f'at {place}, ' if place else ''}grid {small.launch.grid}"


def _make_task(small: Small, test: Test, lane: Lane) -> Task:
    kernel = small.kernel
    table = kernel.kernel.reference
    assert table is not None, "mock.emulate without a reference is refused when the config is read"
    launch = None
    if kernel.reference_launch is not None:
        device = replace(lane.device, sm_count=SM_COUNT)
        launch = kernel.reference_launch.expand(kernel.values(Configuration((), ()), device))
    name = table.function or table.file or ""
    reference = Reference(name, table.atol, table.rtol, kernel.make_reference(lane), launch)
    folders = tuple(str(folder) for folder in search_folders(kernel.spec))
    source = kernel.make_source(test, lane)
    return Task(source, small.launch, small.arguments, reference, folders)


def _as_unverified(artifact: Artifact, why: str) -> KernelBuild:
    return KernelBuild(OutcomeKind.OK, replace(artifact, emulated=Emulated(unverified=why)))


def _judge(artifact: Artifact, small: Small, verdict: Verdict) -> KernelBuild:
    problem = tuple(small.kernel.spec.problem.items())
    emulated = Emulated(problem, verdict.error, verdict.unverified)
    if verdict.at_this_size and problem:
        said = f"{verdict.unverified}; that was at {emulated.place}, mock.problem sets other sizes"
        emulated = replace(emulated, unverified=said)
    artifact = replace(artifact, emulated=emulated)
    if not verdict.wrong:
        return KernelBuild(OutcomeKind.OK, artifact)
    at = f" at {emulated.place}" if problem else ""
    reason = f"emulated{at}: {verdict.wrong}"
    return KernelBuild(OutcomeKind.WRONG_RESULT, artifact, reason, verdict.evidence)


def describe_emulation(outcomes: Sequence[Outcome]) -> Iterator[Remark]:
    """What the emulation found, in lines; nothing where it was not asked."""
    asked = [o for o in outcomes if o.artifact is not None and o.artifact.emulated is not None]
    if not asked:
        return
    wrong = sum(outcome.kind is OutcomeKind.WRONG_RESULT for outcome in asked)
    reasons = Counter(_why_unverified(outcome) for outcome in asked)
    right = reasons.pop("", 0) - wrong
    missing = sum(reasons.values())
    if right or wrong:
        yield (
            "info",
            f"emulated on the CPU: {format_count(right, 'test')} right, {wrong} wrong, "
            f"{missing} not verified",
        )
    else:
        yield (
            "warning",
            "emulated on the CPU: nothing could be verified: the best may compute nonsense",
        )
    for reason, count in reasons.most_common():
        yield "info", f"{format_count(count, 'test')} not verified: {reason}"


def _why_unverified(outcome: Outcome) -> str:
    assert outcome.artifact is not None
    assert outcome.artifact.emulated is not None
    return outcome.artifact.emulated.unverified
