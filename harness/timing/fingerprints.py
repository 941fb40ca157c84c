"""Outputs that are known to be right by their fingerprints, which the device makes.

Kernels that differ in their parameters alone mostly leave the same bytes. To make the fingerprint
of a large output takes the device as long as reading it; to copy it to the host and to compare it
there takes far longer, and the device waits meanwhile.
"""

from __future__ import annotations

import struct

from harness.measurement import Argument, Launch
from harness.timing.data import size_bytes
from harness.timing.driver import Driver, Pointer, Scalar
from harness.timing.own_kernels import FINGERPRINT

LEAST_BYTES = 1 << 20
"""A smaller output is on the host as soon as a kernel is launched and heard of."""
THREADS, MOST_BLOCKS, PIECE = 256, 1024, 16
_SUMS = struct.Struct("=QQQ")


class Fingerprints:
    """The outputs of one set of arguments that were right so far, each with its error.

    Args:
        module: the binary of the harness's own kernels; empty: nothing is known by it.
    """

    def __init__(self, driver: Driver, module: str) -> None:
        self._driver = driver
        self._module = module
        self._sums: Pointer | None = None
        self._errors: dict[tuple[str, int, int], float] = {}

    def find_error(self, output: Argument, pointer: Pointer) -> float | None:
        """The error of an output whose bytes were right before; None: they were not.

        Raises:
            DriverError: the device fails.
        """
        if all(name != output.name for name, *_ in self._errors):
            return None
        key = self.make(output, pointer)
        return None if key is None else self._errors.get(key)

    def add(self, output: Argument, pointer: Pointer, error: float) -> None:
        """What is there is right.

        Raises:
            DriverError: the device fails.
        """
        if self._module and size_bytes(output) >= LEAST_BYTES:
            key = self.make(output, pointer)
            if key is not None:
                self._errors[key] = error

    def make(self, output: Argument, pointer: Pointer) -> tuple[str, int, int] | None:
        """The fingerprint, with the name; None if the kernel did not look at everything.

        Raises:
            DriverError: the device fails.
        """
        driver, size = self._driver, size_bytes(output)
        kernel = driver.load_own(self._module, FINGERPRINT)
        if self._sums is None:
            self._sums = driver.allocate(_SUMS.size)
        pieces = -(-size // PIECE)
        launch = Launch((min(MOST_BLOCKS, -(-pieces // THREADS)), 1, 1), (THREADS, 1, 1))
        driver.set_bytes(self._sums, 0, _SUMS.size)
        driver.launch(kernel, launch, (pointer, Scalar(struct.pack("=Q", size)), self._sums))
        found = bytearray(_SUMS.size)
        driver.read(self._sums, memoryview(found))
        first, second, seen = _SUMS.unpack(found)
        return (output.name, first, second) if seen == pieces else None

    def release(self) -> None:
        """Give the memory back."""
        if self._sums is not None:
            self._driver.free(self._sums)
            self._sums = None
