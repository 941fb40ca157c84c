"""The arrays of kernels on the device: made, filled, and kept for tests of the same arguments."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from harness.measurement import Argument
from harness.timing.data import Array, encode, make_values, size_bytes
from harness.timing.driver import Driver, DriverError, Pointer
from harness.timing.fingerprints import Fingerprints
from harness.timing.protocol import Expectation
from harness.timing.verify import Checker

SETS = 2
"""How many sets of arrays stay on the device: the tests', and the sentinel's."""


@dataclass(slots=True)
class Buffers:
    """The arrays of a kernel, kept as long as tests have the same arguments.

    Attributes:
        pristine: a copy on the device of each array that kernels change in place.
        values: what arrays held at first, on the host; empty if they were not filled.
        expected: what the outputs should hold, by name.
        checker, known: what checks that they do, and those that are known to.
        used: a kernel ran on them since they were as at first.
        spoilt: a kernel was wrong, and may have written anywhere.
    """

    arguments: tuple[Argument, ...]
    filled: bool
    pointers: dict[str, Pointer]
    pristine: dict[str, Pointer]
    values: dict[str, Array]
    expectation: Expectation | None = None
    expected: dict[str, Array] | None = None
    checker: Checker | None = None
    known: Fingerprints | None = None
    used: bool = False
    spoilt: bool = False


class BufferSets:
    """Those that are on a device, the ones that were asked for last."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._held: list[Buffers] = []

    def provide(
        self, arguments: tuple[Argument, ...], folders: Sequence[str], *, filled: bool
    ) -> Buffers:
        """The arrays: those of an earlier test if they are the same. Inputs are as at first.

        Args:
            folders: where files and modules that fill arrays are.
            filled: whether arrays are filled; else they are allocated only.

        Raises:
            DataError: what they are to hold cannot be made.
            DriverError: the device fails, or has too little memory.
        """
        for held in self._held:
            if held.arguments == arguments and held.filled == filled:
                self._held.remove(held)
                self._held.append(held)
                if held.spoilt:
                    self.write_values(held)
                return held
        if len(self._held) == SETS:
            self._release(self._held.pop(0))
        while True:
            made = Buffers(arguments, filled, {}, {}, {})
            try:
                self._fill(made, folders)
            except BaseException as error:
                with suppress(DriverError):  # the next test may need less memory
                    self._release(made)
                if not self._make_room(error):
                    raise
            else:
                self._held.append(made)
                return made

    def _make_room(self, error: BaseException) -> bool:
        """Let go of older arrays, if it may be for want of memory that newer ones failed."""
        useless = not isinstance(error, DriverError) or error.sticky or error.lost
        if useless or not self._held:
            return False
        self._release(self._held.pop(0))
        return True

    def _fill(self, made: Buffers, folders: Sequence[str]) -> None:
        for argument in made.arguments:
            if argument.shape is None:
                continue
            if argument.role != "constant":
                size = size_bytes(argument)
                made.pointers[argument.name] = self._driver.allocate(size)
                if argument.role == "inout":
                    made.pristine[argument.name] = self._driver.allocate(size)
            if made.filled and argument.role != "out":
                made.values[argument.name] = make_values(argument, folders)
        self.write_values(made)

    def write_values(self, buffers: Buffers) -> None:
        """Have the device hold what arrays held at first.

        Raises:
            DriverError: the device fails.
        """
        for argument in buffers.arguments:
            values = buffers.values.get(argument.name)
            if values is not None and argument.role != "constant":
                pointer = buffers.pristine.get(argument.name, buffers.pointers[argument.name])
                self._driver.write(pointer, memoryview(encode(values, argument.dtype)))
        buffers.used = buffers.spoilt = False

    def spoil(self) -> None:
        """A kernel was wrong: all of them are filled again before they are used."""
        for held in self._held:
            held.spoilt = True

    def _release(self, buffers: Buffers) -> None:
        for pointer in [*buffers.pointers.values(), *buffers.pristine.values()]:
            self._driver.free(pointer)
        if buffers.known is not None:
            buffers.known.release()
