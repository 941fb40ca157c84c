"""How a lane's timer reaches its kernel worker: through a pipe, or (in virtual time) directly."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NoReturn, Protocol

import msgspec

from harness.clock import Clock
from harness.errors import RunError
from harness.procs.partner import Partner, find_modules_here
from harness.timing.driver import Driver
from harness.timing.protocol import (
    PROTOCOL,
    Hello,
    Measure,
    Measured,
    Phase,
    PhaseName,
    Refused,
    Reply,
    decode_reply,
    encode,
)
from harness.timing.server import Server

START_S = 60.0
"""How long a worker may take to open its device."""

Limits = Callable[[PhaseName], float | None]
"""How long the worker may stay silent in a phase; None: as long as it likes."""
Heed = Callable[[PhaseName], None]
"""What is told of phases."""


def ignore(_: PhaseName) -> None:
    """Phases are of no interest."""


class WorkerDiedError(Exception):
    """The worker is dead; the message says how. The link cannot be used again."""


class WorkerHungError(Exception):
    """The worker was silent for too long and was killed. The link cannot be used again.

    Attributes:
        phase: what it was doing.
        limit_s: how long it was given.
    """

    def __init__(self, phase: PhaseName, limit_s: float) -> None:
        super().__init__(f"the kernel worker did not answer within {limit_s:g} s")
        self.phase = phase
        self.limit_s = limit_s


class DeviceLostError(Exception):
    """The worker could not open its device because that is gone."""


class Link(Protocol):
    """A worker that can be asked to measure, once it has been opened."""

    def open(self) -> None:
        """Wait until the worker has its device.

        Raises:
            RunError: it does not speak the protocol, cannot open the device, or sees another one.
            DeviceLostError: its device is gone.
            WorkerDiedError, WorkerHungError: it died or hung.
        """

    def ask(self, request: Measure, limits: Limits, heed: Heed = ignore) -> Measured | Refused:
        """Measure and wait for the answer.

        Args:
            heed: told of each phase as it begins, and again while it lasts.

        Raises:
            WorkerDiedError, WorkerHungError: there is none.
        """

    def read_log(self) -> str:
        """The last of what the worker, and the kernels in it, printed."""

    def cancel(self) -> None:
        """Kill the worker, from any thread, whether it is open or not."""

    def close(self) -> None:
        """End the worker."""


class PipeLink:
    """A worker in a process of its own.

    Args:
        driver: "module:function" that makes the driver.
        settings: JSON, handed to it.
        uuid: the device that the worker must see.

    Raises:
        RunError: it cannot be started.
    """

    def __init__(
        self,
        driver: str,
        settings: str,
        *,
        uuid: str,
        environment: Mapping[str, str],
        cores: Collection[int] = (),
        inherit_fds: Sequence[int] = (),
    ) -> None:
        argv = [sys.executable, "-m", "harness.timing.kernel_worker", driver, settings]
        self._uuid = uuid
        self._partner = Partner(
            argv,
            environment={**find_modules_here(), **environment},
            cores=cores,
            inherit_fds=inherit_fds,
        )

    def open(self) -> None:
        """Wait until the worker has its device; see `Link.open`."""
        hello = self._receive("load", START_S)
        if isinstance(hello, Refused):
            raise RunError(f"the kernel worker cannot open its device: {hello.reason}")
        if isinstance(hello, Measured):
            raise DeviceLostError(hello.reason)
        if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
            raise RunError(f"the kernel worker answered {hello!r} instead of protocol {PROTOCOL}")
        if hello.uuid != self._uuid:
            raise RunError(
                f"the kernel worker sees {hello.uuid} ({hello.name}), but its lane is bound to "
                f'{self._uuid}; use pin = "visible", and see what sets CUDA_VISIBLE_DEVICES'
            )

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._partner.pid

    def ask(self, request: Measure, limits: Limits, heed: Heed = ignore) -> Measured | Refused:
        """Measure and wait for the answer; see `Link.ask`."""
        phase: PhaseName = "load"
        self._partner.send(encode(request))
        while True:
            reply = self._receive(phase, limits(phase))
            if isinstance(reply, Phase):
                phase = reply.phase
                heed(phase)
            elif isinstance(reply, (Measured, Refused)):
                return reply

    def _receive(self, phase: PhaseName, limit_s: float | None) -> Reply:
        line = self._partner.receive(limit_s)
        if line is None:
            assert limit_s is not None
            self._partner.kill()
            raise WorkerHungError(phase, limit_s)
        if not line:
            raise WorkerDiedError(self._explain_death())
        try:
            return decode_reply(line)
        except msgspec.DecodeError as error:
            self._partner.kill()
            raise WorkerDiedError(f"the kernel worker answered {line!r}: {error}") from error

    def _explain_death(self) -> str:
        how, log = self._partner.describe_end(), self._partner.read_log()
        return f"the kernel worker {how}{': ' if log else ''}{log}"

    def read_log(self) -> str:
        """The last of what the worker, and the kernels in it, printed."""
        return self._partner.read_log()

    def cancel(self) -> None:
        """Kill the worker, from any thread."""
        self._partner.kill()

    def close(self) -> None:
        """End the worker."""
        self._partner.close()


class _SimulatedCrash(BaseException):
    pass


class _SimulatedHang(BaseException):
    pass


class DirectLink:
    """The same without a process: for simulated devices in virtual time.

    Args:
        make_driver: makes a driver from what it is to do when a kernel crashes or hangs.
        clock: virtual.
    """

    def __init__(
        self,
        make_driver: Callable[[Callable[[], NoReturn], Callable[[], NoReturn]], Driver],
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._phase: PhaseName = "load"
        self._server = Server(make_driver(_crash, _hang), now_s=clock.now_s, say=self._note_phase)

    def _note_phase(self, phase: Phase) -> None:
        self._phase = phase.phase

    def open(self) -> None:
        """The driver has its device."""

    def ask(self, request: Measure, limits: Limits, heed: Heed = ignore) -> Measured | Refused:
        """Measure now; see `Link.ask`. Simulated devices do nothing in phases worth heeding."""
        try:
            return self._server.handle(request)
        except _SimulatedCrash:
            raise WorkerDiedError("simulated: the kernel worker was killed by SIGSEGV") from None
        except _SimulatedHang:
            limit_s = limits(self._phase)
            assert limit_s is not None, "kernels run in phases with a limit"
            self._clock.sleep(limit_s)
            raise WorkerHungError(self._phase, limit_s) from None

    def read_log(self) -> str:
        """Nothing is printed."""
        return ""

    def cancel(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Let go of the driver."""
        self._server.close()


def _crash() -> NoReturn:
    raise _SimulatedCrash


def _hang() -> NoReturn:
    raise _SimulatedHang
