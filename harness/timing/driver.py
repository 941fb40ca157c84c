"""The thin layer that touches a GPU: everything the lane's kernel worker asks of it.

There is a real one (`cuda.py`) and a simulated one (harness/testing/driver.py). One belongs to one
thread of one process. Whatever goes wrong is a `DriverError` that says whether the context, and
with it the process, is still good for anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.measurement import Launch

Pointer = int
"""An address in the device's memory."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A kernel argument that is passed by value: its bytes as the kernel expects them."""

    data: bytes


Parameter = Pointer | Scalar


@dataclass(frozen=True, slots=True)
class DriverFacts:
    """The device that the driver has opened.

    Attributes:
        uuid: as NVML writes it: `GPU-…`, `MIG-…`; `MOCK-…` if simulated.
        l2_bytes: size of the L2 cache; 0 if there is none or it is not known.
        versions: of the driver and what it supports, by name.
    """

    uuid: str
    name: str
    l2_bytes: int
    versions: dict[str, str]


class DriverError(Exception):
    """A call of the driver failed.

    Attributes:
        sticky: the context is corrupt: every later call fails too, until a new process.
        lost: the device is gone: no new process helps.
    """

    def __init__(self, text: str, *, sticky: bool = False, lost: bool = False) -> None:
        super().__init__(text)
        self.sticky = sticky
        self.lost = lost


class Driver(Protocol):
    """A device that was opened, its memory, modules and clock. All methods raise DriverError."""

    facts: DriverFacts

    def load(self, path: str, function: str) -> int:
        """Load a cubin, in place of the one before, and give a handle of a kernel in it."""

    def find_variable(self, symbol: str) -> tuple[Pointer, int]:
        """Where a variable of the cubin that was loaded last is, and its bytes."""

    def load_own(self, path: str, function: str) -> int:
        """A kernel of the harness's own, beside those that are tuned; its cubin stays loaded."""

    def allow_shared(self, kernel: int, shared_bytes: int) -> None:
        """Let `kernel` be launched with this much dynamic shared memory, over 48 KiB too."""

    def allocate(self, size_bytes: int) -> Pointer:
        """Memory on the device."""

    def free(self, pointer: Pointer) -> None:
        """Give it back."""

    def write(self, pointer: Pointer, data: memoryview) -> None:
        """Copy from the host; returns when it is done."""

    def read(self, pointer: Pointer, data: memoryview) -> None:
        """Copy to the host; returns when it is done."""

    def copy(self, target: Pointer, source: Pointer, size_bytes: int) -> None:
        """Copy on the device, in the order of the launches; returns at once."""

    def set_bytes(self, pointer: Pointer, byte: int, size_bytes: int) -> None:
        """Set every byte, in the order of the launches; returns at once."""

    def launch(self, kernel: int, launch: Launch, parameters: tuple[Parameter, ...]) -> None:
        """Launch; returns at once."""

    def mark(self, slot: int) -> None:
        """Note the device's time, in the order of the launches, in slot 0 or 1; returns at once."""

    def has_reached(self, slot: int) -> bool:
        """Whether the device has come to a mark; asks, and does not wait."""

    def elapsed_s(self) -> float:
        """From mark 0 to mark 1, once both have been reached: waits for that."""

    def synchronize(self) -> None:
        """Wait for everything that was asked."""

    def close(self) -> None:
        """Let go of the device."""
