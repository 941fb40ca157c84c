"""A compile thread's factory worker: started with the first kernel, replaced when it must be."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.compile.factory_protocol import (
    Ask,
    Compiled,
    Failed,
    Ready,
    Reply,
    Written,
    decode_reply,
    encode,
)
from harness.compile.source import KernelSource
from harness.errors import CompileError
from harness.procs.partner import Partner, find_modules_here

START_S = 120.0
"""How long a worker may take to import what it needs, on a busy machine."""
SLICE_S = 0.1
"""How often a wait that has an end looks whether the worker is paused."""


class FactoryStoppedError(Exception):
    """The worker was killed while it made a kernel.

    Attributes:
        timed_out: because it took too long; else because it was told to.
    """

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("took too long" if timed_out else "cancelled")
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Maker:
    """What a factory worker makes kernels with.

    Attributes:
        entry: "module:function", called by the worker.
        name: as users write it.
        remedy: what to do if it cannot be imported.
    """

    entry: str
    name: str
    remedy: str


class FactoryLink:
    """Asks a factory worker for kernels, one at a time.

    `ask` belongs to one thread; the rest may be called from any.

    Args:
        cores, idle, inherit_fds: as of `Partner`.
    """

    def __init__(
        self,
        maker: Maker,
        *,
        cores: Collection[int] = (),
        idle: bool = False,
        inherit_fds: Sequence[int] = (),
    ) -> None:
        self._maker = maker
        self._cores = frozenset(cores)
        self._idle = idle
        self._inherit_fds = tuple(inherit_fds)
        self._lock = threading.RLock()  # of all below; cancelled in a signal handler
        self._partner: Partner | None = None
        self._cancelled = self._paused = False
        self._seen: dict[str, tuple[int, int]] = {}

    def start(self) -> Ready:
        """Start the worker, and wait until it is ready.

        Raises:
            CompileError: what it needs is not there.
            FactoryStoppedError: `cancel` was called.
        """
        command = [sys.executable, "-m", "harness.compile.factory_worker", self._maker.entry]
        environment = {
            "CUDA_VISIBLE_DEVICES": "",  # it compiles for a GPU, but must not touch one
            "NUMBA_ENABLE_CUDASIM": "0",
            **find_modules_here(),
        }
        partner = Partner(
            command,
            environment=environment,
            cores=self._cores,
            idle=self._idle,
            inherit_fds=self._inherit_fds,
        )
        with self._lock:
            self._partner = partner
            self._seen = {}
            if self._paused:
                partner.pause()
        ready = self._receive(partner, START_S)
        if isinstance(ready, Ready):
            return ready
        self._drop()
        said = ready.reason if isinstance(ready, Failed) else repr(ready)
        raise CompileError(f"{self._maker.name} cannot be used: {said}; {self._maker.remedy}")

    def ask(self, source: KernelSource, timeout_s: float | None) -> Compiled | Written | Failed:
        """What the worker makes of `source`.

        Raises:
            CompileError: it cannot make any kernel.
            FactoryStoppedError: it took too long, or `cancel` was called.
        """
        try:
            if self._partner is not None and self._has_changed():
                self._drop()  # what Python has imported stays as it was
            if self._partner is None:
                self.start()
            assert self._partner is not None
            self._partner.send(encode(_make_ask(source)))
            reply = self._receive(self._partner, timeout_s)
        finally:
            with self._lock:
                self._cancelled = False
        if isinstance(reply, Failed) and reply.fatal:
            raise CompileError(f"{self._maker.name}: {reply.reason}")
        assert isinstance(reply, (Compiled, Written, Failed))
        if not isinstance(reply, Failed):
            self._seen.update({name: stamp for name in reply.files if (stamp := _stamp(name))})
        return reply

    def _has_changed(self) -> bool:
        return any(_stamp(name) != stamp for name, stamp in self._seen.items())

    def _receive(self, partner: Partner, timeout_s: float | None) -> Reply:
        with self._lock:
            if self._cancelled:
                partner.kill()
        line = self._wait(partner, timeout_s)
        if line is None:
            partner.kill()
            self._drop()
            raise FactoryStoppedError(timed_out=True)
        if line:
            with contextlib.suppress(msgspec.DecodeError):
                return decode_reply(line)
            partner.kill()
        with self._lock:
            cancelled = self._cancelled
        how, log = partner.describe_end(), partner.read_log()
        self._drop()
        if cancelled:
            raise FactoryStoppedError(timed_out=False)
        return Failed(f"the process that runs the factory {how}", log)

    def _wait(self, partner: Partner, timeout_s: float | None) -> bytes | None:
        """The next line; None after a time in which it was not paused."""
        if timeout_s is None:
            return partner.receive()
        while timeout_s > 0:
            slice_s = min(timeout_s, SLICE_S)
            line = partner.receive(slice_s)
            if line is not None:
                return line
            with self._lock:
                timeout_s -= 0.0 if self._paused else slice_s
        return None

    def _drop(self) -> None:
        with self._lock:
            partner, self._partner = self._partner, None
        if partner is not None:
            partner.close()

    def cancel(self) -> None:
        """Kill the worker; what is asked now, or else next, ends as stopped."""
        with self._lock:
            self._cancelled = True
            if self._partner is not None:
                self._partner.kill()

    def pause(self) -> None:
        """Hold the worker until `resume`."""
        with self._lock:
            self._paused = True
            if self._partner is not None:
                self._partner.pause()

    def resume(self) -> None:
        """Let it go on."""
        with self._lock:
            self._paused = False
            if self._partner is not None:
                self._partner.resume()

    def close(self) -> None:
        """End the worker."""
        self.resume()  # or it could not end
        self._drop()


def open_maker(maker: Maker) -> Ready:
    """Start a worker once, to see whether it can make kernels, and with what.

    Raises:
        CompileError: what it needs is not there.
    """
    link = FactoryLink(maker)
    try:
        return link.start()
    finally:
        link.close()


def _make_ask(source: KernelSource) -> Ask:
    folders = source.include_directories
    home = str(Path(source.path).resolve().parent)
    return Ask(
        text=source.text,
        path=source.path,
        module=_name_module(Path(source.path).resolve(), folders),
        factory=source.function,
        arguments=source.macros,
        folders=tuple(dict.fromkeys((*folders, home))),
        signature=source.signature,
        architecture=source.architecture,
        options=source.options,
    )


def _name_module(path: Path, folders: Sequence[str]) -> str:
    """The name by which `path` could be imported from one of the folders."""
    for folder in folders:
        if path.is_relative_to(folder):
            return ".".join(path.relative_to(folder).with_suffix("").parts)
    return path.stem


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
