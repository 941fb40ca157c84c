"""What a kernel worker does with a request: load, fill, verify, sample.

The worker's process (`kernel_worker.py`) hands it lines of a pipe; in virtual time the lane's timer
calls it directly.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from harness.measurement import Argument, Convention, Launch
from harness.model import OutcomeKind
from harness.timing.buffers import Buffers, BufferSets
from harness.timing.data import (
    POISON,
    Array,
    check_written,
    decode,
    encode,
    expected_outputs,
    pack_scalar,
    size_bytes,
)
from harness.timing.driver import Driver, DriverError, Pointer
from harness.timing.fingerprints import Fingerprints
from harness.timing.functions import DataError
from harness.timing.launch_model import Simulation
from harness.timing.parameters import make_parameters
from harness.timing.protocol import Expectation, Measure, Measured, Phase, PhaseName, Refused
from harness.timing.sampler import Work, keep_busy, take_samples
from harness.timing.stopping import LOST, make_rule
from harness.timing.verify import Checker

DEFAULT_L2_BYTES = 64 << 20
"""Flushed twice where the driver does not tell the size of the L2 cache."""
IDLE_S, WAKE_S = 0.5, 0.1
"""A device that had nothing to do for so long, as it waited for compilers or for a reference, may
have slowed its clocks; for so long it is kept busy then, before it is measured."""
LEAST_FLUSH_BYTES = 64 << 20
"""What keeps even a fast device with a small cache busy for longer than the host takes to queue."""


@runtime_checkable
class Simulated(Protocol):
    """A driver that has to be told what its launches would do."""

    def foresee(self, simulation: Simulation, outputs: dict[Pointer, bytes]) -> None:
        """What the next kernel is, and what it would write where if it is right."""

    def power_w(self) -> float:
        """Watts while that kernel runs."""


class Server:
    """Measures kernels with a driver, one request at a time.

    Args:
        now_s: a clock.
        say: takes what the worker is about to do.
    """

    def __init__(
        self, driver: Driver, *, now_s: Callable[[], float], say: Callable[[Phase], None]
    ) -> None:
        self._driver = driver
        self._now_s = now_s
        self._say = say
        self._sets = BufferSets(driver)
        twice_l2 = 2 * (driver.facts.l2_bytes or DEFAULT_L2_BYTES)
        self._flush_bytes = max(LEAST_FLUSH_BYTES, twice_l2)
        self._flush: Pointer | None = None
        self._rests_since_s = -math.inf

    def handle(self, request: Measure) -> Measured | Refused:
        """Do what is asked; a failure of the kernel is in the answer."""
        try:
            return self._measure(request)
        except DataError as error:
            return Refused(request.number, str(error))
        except MemoryError as error:  # of the host: another size may do
            reason = f"this machine has too little memory for its data: {error}"
            return Measured(request.number, OutcomeKind.RUN_FAILED, reason)
        except DriverError as error:
            kind = OutcomeKind.DEVICE_LOST if error.lost else OutcomeKind.RUN_FAILED
            return Measured(request.number, kind, str(error), sticky=error.sticky or error.lost)

    def _measure(self, request: Measure) -> Measured | Refused:
        number = request.number
        self._announce(number, "data")
        if self._flush is None:  # before the arrays, which may be let go of for want of memory
            self._flush = self._driver.allocate(self._flush_bytes)
        buffers = self._sets.provide(request.arguments, request.folders, filled=request.data)
        if request.expectation is not None:
            self._announce(number, "reference")
            self._expect(buffers, request, request.expectation)
        self._announce(number, "load")
        work = self._load(request, buffers)
        self._announce(number, "launch")
        error: float | None = None
        if request.expectation is None:
            self._launch(work)  # warms up
        else:
            wrong, error = self._verify(work, buffers, number)
            if wrong:
                return Measured(number, OutcomeKind.WRONG_RESULT, wrong, verified=True, error=error)
        self._wake(work, number)
        rule = make_rule(request.stopping)
        taken = take_samples(
            self._driver,
            work,
            request.mode,
            rule,
            sample_s=request.sample_s,
            now_s=self._now_s,
            beat=lambda: self._announce(number, "sample"),
        )
        self._rests_since_s = self._now_s()
        return Measured(
            number,
            OutcomeKind.CENSORED if rule.stop in LOST else OutcomeKind.OK,
            samples_s=tuple(taken.samples_s),
            starts_s=tuple(taken.starts_s),
            launches=taken.launches,
            stop=rule.stop,
            late=taken.late,
            verified=error is not None,
            error=error,
            energy_j=self._simulate_energy(taken.samples_s),
        )

    def _load(self, request: Measure, buffers: Buffers) -> Work:
        """The kernel, ready to be launched."""
        kernel = self._driver.load(request.module, request.function)
        self._set_variables(buffers, request.variables)
        if request.launch.shared_bytes:
            self._driver.allow_shared(kernel, request.launch.shared_bytes)
        self._foresee(request, buffers)
        return self._make_work(request, kernel, buffers, request.convention)

    def _launch(self, work: Work) -> None:
        """Launch once, on arrays that are as at first, and wait for the end."""
        work.restore()
        self._driver.launch(work.kernel, work.launch, work.parameters)
        self._driver.synchronize()

    def _wake(self, work: Work, number: int) -> None:
        """Have the clocks of a device that rested rise again; simulated ones do not sink."""
        rested_s = self._now_s() - self._rests_since_s
        if rested_s > IDLE_S and not isinstance(self._driver, Simulated):
            self._announce(number, "launch")
            keep_busy(self._driver, work, self._now_s, WAKE_S)

    def _simulate_energy(self, samples_s: Sequence[float]) -> float | None:
        """Joules per launch, of a simulated device; a real one's counter is read elsewhere."""
        if not isinstance(self._driver, Simulated) or not samples_s:
            return None
        return self._driver.power_w() * statistics.fmean(samples_s)

    def _announce(self, number: int, phase: PhaseName) -> None:
        self._say(Phase(number, phase))

    # -- data --------------------------------------------------------------------------------

    def _set_variables(self, buffers: Buffers, variables: Mapping[str, str]) -> None:
        """Fill the variables of the module that was loaded."""
        for argument in buffers.arguments:
            symbol = variables.get(argument.name)
            if symbol is None:
                continue
            data = pack_scalar(argument)
            if argument.shape is not None:
                data = encode(buffers.values[argument.name], argument.dtype)
            pointer, size = self._driver.find_variable(symbol)
            if len(data) > size:
                text = f"{argument.name} has {len(data)} bytes, the variable {symbol} {size}"
                raise DriverError(text)
            self._driver.write(pointer, memoryview(data))

    def _expect(self, buffers: Buffers, request: Measure, expectation: Expectation) -> None:
        """Find out what the outputs should hold, unless that is known."""
        if buffers.expected is not None and buffers.expectation == expectation:
            return
        if expectation.launch is not None:
            expected = self._run_reference(buffers, request, expectation, expectation.launch)
        else:
            expected = expected_outputs(
                expectation.reference, request.folders, buffers.arguments, buffers.values
            )
        buffers.expectation, buffers.expected = expectation, expected
        outputs = [argument for argument in buffers.arguments if argument.name in expected]
        buffers.checker = Checker(outputs, expected, expectation.atol, expectation.rtol)
        if buffers.known is not None:
            buffers.known.release()
        buffers.known = Fingerprints(self._driver, request.own_module)

    def _run_reference(
        self, buffers: Buffers, request: Measure, expectation: Expectation, launch: Launch
    ) -> dict[str, Array]:
        """What the reference's kernel leaves in the outputs."""
        try:
            kernel = self._driver.load(expectation.module, expectation.reference)
            self._set_variables(buffers, expectation.variables)
            self._foresee(request, buffers, sound=True)
            work = self._make_work(request, kernel, buffers, "c")
            outputs = [argument for argument in buffers.arguments if argument.is_output]
            self._poison(buffers, outputs)
            self._launch(replace(work, launch=launch))
            found = {output.name: self._read(buffers, output) for output in outputs}
        except DriverError as error:
            if error.lost:
                raise
            raise DataError(f"kernel.reference.kernel: {error}") from error
        for name, array in found.items():
            check_written(array, name, "kernel.reference.kernel")
        return found

    def _poison(self, buffers: Buffers, outputs: Sequence[Argument]) -> None:
        """Have what is not written be no number, and the same whoever does not write it."""
        for output in outputs:
            if output.role == "out":
                pointer = buffers.pointers[output.name]
                self._driver.set_bytes(pointer, POISON, size_bytes(output))

    def _read(self, buffers: Buffers, argument: Argument) -> Array:
        data = bytearray(size_bytes(argument))
        self._driver.read(buffers.pointers[argument.name], memoryview(data))
        return decode(data, argument)

    def _make_work(
        self, request: Measure, kernel: int, buffers: Buffers, convention: Convention
    ) -> Work:
        driver = self._driver
        parameters = make_parameters(request.arguments, buffers.pointers, convention)
        changed = {a.name: size_bytes(a) for a in request.arguments if a.name in buffers.pristine}

        def restore() -> None:
            for name, size in changed.items():
                driver.copy(buffers.pointers[name], buffers.pristine[name], size)

        assert self._flush is not None
        flush = (self._flush, self._flush_bytes)
        return Work(kernel, request.launch, parameters, restore, flush)

    def _foresee(self, request: Measure, buffers: Buffers, *, sound: bool = False) -> None:
        """Tell a simulated driver what comes; `sound`: something that cannot fail."""
        if isinstance(self._driver, Simulated) and request.simulation is not None:
            outputs = {
                buffers.pointers[argument.name]: encode(
                    buffers.expected[argument.name], argument.dtype
                )
                for argument in request.arguments
                if buffers.expected is not None and argument.name in buffers.expected
            }
            simulation = request.simulation
            self._driver.foresee(replace(simulation, sound=sound or simulation.sound), outputs)

    # -- verification ------------------------------------------------------------------------

    def _verify(self, work: Work, buffers: Buffers, number: int) -> tuple[str, float]:
        """What is wrong with what the kernel leaves (empty: nothing), and the error.

        One that was right before may have written beyond its outputs, into the inputs of all. So
        what is wrong counts only on arrays that are as at first.
        """
        was_used = buffers.used
        wrong, error = self._launch_and_check(work, buffers, number)
        if wrong and was_used:
            self._sets.write_values(buffers)
            self._announce(number, "launch")
            wrong, error = self._launch_and_check(work, buffers, number)
        if wrong:
            self._sets.spoil()
        return wrong, error

    def _launch_and_check(self, work: Work, buffers: Buffers, number: int) -> tuple[str, float]:
        """The same on arrays as they are, and on poisoned outputs."""
        assert buffers.checker is not None
        assert buffers.known is not None
        self._poison(buffers, buffers.checker.outputs)
        buffers.used = True
        self._launch(work)
        self._announce(number, "verify")
        return self._check(buffers, buffers.checker, buffers.known)

    def _check(self, buffers: Buffers, checker: Checker, known: Fingerprints) -> tuple[str, float]:
        """What is wrong, and the error, of outputs that the device does not know as right."""

        def read(output: Argument, data: memoryview) -> None:
            self._driver.read(buffers.pointers[output.name], data)

        greatest = 0.0
        for output in checker.outputs:
            pointer = buffers.pointers[output.name]
            error = known.find_error(output, pointer)
            if error is None:
                wrong, error = checker.check_one(output, read)
                if wrong:
                    return wrong, max(greatest, error)
                known.add(output, pointer, error)
            greatest = max(greatest, error)
        return "", greatest

    def close(self) -> None:
        """Let go of the device."""
        self._driver.close()
