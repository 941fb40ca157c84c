"""Whether a kernel is right, found out on the CPU: run in both orders, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.compile.source import KernelSource
from harness.emulation.emulator import Emulator, MisbehavedError, NotEmulatedError
from harness.emulation.program import Kind, Order, Problem, Run
from harness.measurement import Argument, Launch
from harness.model import Evidence
from harness.timing.data import (
    POISON,
    Array,
    decode,
    encode,
    expected_outputs,
    make_values,
    pack_scalar,
    size_bytes,
)
from harness.timing.functions import DataError
from harness.timing.verify import Checker

MOST_RESIDENT = 64
MOST_THREADS = 8192
"""Blocks that take turns, and threads that they have together: each has a stack of its own."""

_HINT = (
    "; what nobody has written is nan here: is a __syncthreads() missing, or shared memory or a "
    "value left out?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a right result is.

    Attributes:
        name: `module:function`, or the path of a file; of no meaning if there is a source.
        source, launch: of a kernel that is the reference.
    """

    name: str
    atol: float
    rtol: float
    source: KernelSource | None = None
    launch: Launch | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A kernel as it is launched for one configuration, at a size that a CPU can do."""

    source: KernelSource
    launch: Launch
    arguments: tuple[Argument, ...]
    reference: Reference
    folders: tuple[str, ...]

    @property
    def variables(self) -> list[str]:
        """The arguments that are variables of the source."""
        return [argument.name for argument in self.arguments if argument.role == "constant"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out.

    Attributes:
        wrong: what is wrong; empty: nothing, or it could not be verified.
        unverified: why it could not be; empty if it was.
        at_this_size: whether that may be for the size that it was run at.
        error: the greatest difference from the reference; None: it was not compared.
        evidence: of what misbehaved.
    """

    wrong: str = ""
    unverified: str = ""
    at_this_size: bool = False
    error: float | None = None
    evidence: Evidence | None = None


class Verifier:
    """Verifies tasks with an emulator; remembers what references said.

    Args:
        expected: what references said, by what they were asked; may be shared by threads.
    """

    def __init__(self, emulator: Emulator, expected: dict[str, Mapping[str, Array]]) -> None:
        self._emulator = emulator
        self._expected = expected

    def verify(self, task: Task) -> Verdict:
        """Run the kernel and compare.

        Raises:
            EmulationCancelledError: it was stopped.
        """
        try:
            values = {
                argument.name: make_values(argument, task.folders)
                for argument in task.arguments
                if argument.shape is not None and argument.role != "out"
            }
            problem = _make_problem(task.arguments, values)
            expected = self._expect(task, values, problem)
            program = self._emulator.build(
                task.source, task.launch.shared_bytes, variables=task.variables
            )
            runs = [_make_run(task.launch, order) for order in Order]
            left = self._emulator.run(program, problem, runs)
        except MisbehavedError as error:
            said = _name_arguments(str(error), task.arguments)
            return Verdict(wrong=said, evidence=error.evidence)
        except (NotEmulatedError, DataError) as error:
            said = _name_arguments(str(error), task.arguments)
            return Verdict(unverified=said, at_this_size=isinstance(error, DataError))
        return self._compare(task, expected, left)

    def _compare(
        self, task: Task, expected: Mapping[str, Array], left: Sequence[Sequence[bytes]]
    ) -> Verdict:
        greatest = 0.0
        outputs = [argument for argument in task.arguments if argument.name in expected]
        checker = Checker(outputs, expected, task.reference.atol, task.reference.rtol)
        for arrays in left:
            written = _name_written(task.arguments, arrays)

            def read(
                output: Argument, data: memoryview, written: Mapping[str, bytes] = written
            ) -> None:
                data[:] = written[output.name]

            wrong, error = checker.check(read)
            greatest = max(greatest, error)
            if wrong:
                found = _decode(task.arguments, arrays)
                hint = _HINT if _holds_nan(found, expected) else ""
                return Verdict(wrong=wrong + hint, error=greatest)
        return Verdict(error=greatest)

    def _expect(
        self, task: Task, values: Mapping[str, Array], problem: Problem
    ) -> Mapping[str, Array]:
        """What the outputs should hold."""
        reference = task.reference
        key = repr((task.arguments, reference))
        known = self._expected.get(key)
        if known is not None:
            return known
        if reference.source is not None and reference.launch is not None:
            try:
                program = self._emulator.build(
                    reference.source, reference.launch.shared_bytes, "reference", task.variables
                )
                run = _make_run(reference.launch, Order.FORWARDS)
                (left,) = self._emulator.run(program, problem, [run])
            except (NotEmulatedError, MisbehavedError) as error:
                raise NotEmulatedError(f"kernel.reference.kernel: {error}") from error
            found: Mapping[str, Array] = _decode(task.arguments, left)
        elif reference.name.endswith((".npy", ".npz")):
            raise NotEmulatedError(
                "the reference is a file, which holds the results of the whole problem"
            )
        else:
            found = expected_outputs(reference.name, task.folders, task.arguments, values)
        self._expected[key] = found
        return found


def _holds_nan(found: Mapping[str, Array], expected: Mapping[str, Array]) -> bool:
    """Whether an output has what is not a number where a number is expected."""
    return any(
        bool((np.isnan(found[name]) & ~np.isnan(values)).any())
        for name, values in expected.items()
        if found[name].dtype.kind == "f"
    )


def _make_problem(arguments: Sequence[Argument], values: Mapping[str, Array]) -> Problem:
    made: list[tuple[Kind, bytes]] = []
    for argument in arguments:
        if argument.shape is None:
            kind = Kind.VARIABLE if argument.role == "constant" else Kind.SCALAR
            made.append((kind, pack_scalar(argument)))
        elif argument.role == "constant":
            made.append((Kind.VARIABLE, encode(values[argument.name], argument.dtype)))
        elif argument.role == "out":
            made.append((Kind.WRITABLE, bytes([POISON]) * size_bytes(argument)))
        else:
            kind = Kind.INPUT if argument.role == "in" else Kind.WRITABLE
            made.append((kind, encode(values[argument.name], argument.dtype)))
    return made


def _make_run(launch: Launch, order: Order) -> Run:
    most = min(MOST_RESIDENT, max(1, MOST_THREADS // launch.threads))
    return Run(0, 0, order, launch, min(most, launch.blocks))


def _name_written(arguments: Sequence[Argument], left: Sequence[bytes]) -> dict[str, bytes]:
    """What a run left in its writable arrays, by name."""
    names = [a.name for a in arguments if a.is_output]
    return dict(zip(names, left, strict=True))


def _decode(arguments: Sequence[Argument], left: Sequence[bytes]) -> dict[str, Array]:
    written = _name_written(arguments, left)
    return {a.name: decode(written[a.name], a) for a in arguments if a.name in written}


def _name_arguments(text: str, arguments: Sequence[Argument]) -> str:
    """`argument 2` as its name."""
    for number, argument in enumerate(arguments):
        text = text.replace(f"argument {number}:", f"argument {argument.name}:")
    return text
