"""Numba kernels to cubins: users' factories run in a worker, see `numba_worker.py`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from harness.compile.base import Translation
from harness.compile.elf import Cubin
from harness.compile.factory_answer import NoKernel, ask_factory
from harness.compile.factory_link import FactoryLink, Maker, open_maker
from harness.compile.factory_protocol import Compiled
from harness.compile.source import KernelSource
from harness.compile.toolkit import check_architecture
from harness.compile.versions import REMEDY
from harness.model import OutcomeKind

MAKER = Maker("harness.compile.numba_worker:open_numba", "Numba", REMEDY)


@dataclass(frozen=True)
class Numba:
    """An installed Numba with what it compiles by.

    Attributes:
        version: of numba-cuda.
        build: the versions of everything, which decide about binaries.
        architectures: what it can compile for: `sm_75` …
    """

    version: str
    build: str
    architectures: tuple[str, ...]

    def check_architecture(self, architecture: str) -> None:
        """Raises CompileError unless it can compile for `architecture`."""
        check_architecture(
            architecture, self.architectures, f"Numba {self.version}", "numba-cuda and its CUDA"
        )


def open_numba(maker: Maker = MAKER) -> Numba:
    """Ask Numba what it is, in a process of its own.

    Raises:
        CompileError: it cannot be imported, or its compilers are missing.
    """
    ready = open_maker(maker)
    build = " ".join(f"{name} {version}" for name, version in ready.versions.items())
    version = ready.versions.get("numba-cuda") or ready.versions.get("numba", "")
    return Numba(version, build, ready.architectures)


class NumbaTranslator:
    """Has one kernel at a time made by a factory worker.

    Args:
        timeout_s: for one compile; None: no limit.
    """

    def __init__(
        self,
        numba: Numba,
        *,
        cores: Collection[int] = (),
        idle: bool = False,
        inherit_fds: Sequence[int] = (),
        timeout_s: float | None = None,
        maker: Maker = MAKER,
    ) -> None:
        self._numba = numba
        self._timeout_s = timeout_s
        self._make_link = partial(
            FactoryLink, maker, cores=cores, idle=idle, inherit_fds=inherit_fds
        )
        self._lock = threading.RLock()  # of all below; cancelled in a signal handler
        self._links: dict[str, FactoryLink] = {}
        self._cancelled = self._paused = False

    @property
    def identity(self) -> str:
        """See `base.Translator`."""
        return f"numba-cuda {self._numba.version}"

    @property
    def fingerprint(self) -> str:
        """See `base.Translator`."""
        return self._numba.build

    def translate(self, source: KernelSource) -> Translation:
        """See `base.Translator`."""
        self._numba.check_architecture(source.architecture)
        link = self._find_link(source.architecture)
        try:
            reply = ask_factory(link, source, self._timeout_s)
        finally:
            with self._lock:
                self._cancelled = False
        if isinstance(reply, NoKernel):
            return Translation(
                reply.kind, log=reply.log, reason=reply.reason, evidence=reply.evidence
            )
        assert isinstance(reply, Compiled)
        (entry,) = Cubin(reply.binary).entries  # the worker has looked
        return Translation(OutcomeKind.OK, reply.binary, entry, reply.log, reply.files)

    def cancel(self) -> None:
        """Kill the worker; what it makes, or else what is asked next, is stopped."""
        with self._lock:
            self._cancelled = True
        self._tell(FactoryLink.cancel)

    def pause(self) -> None:
        """Stop it until `resume`."""
        self._paused = True
        self._tell(FactoryLink.pause)

    def resume(self) -> None:
        """Let it go on."""
        self._paused = False
        self._tell(FactoryLink.resume)

    def close(self) -> None:
        """End it."""
        self._tell(FactoryLink.close)

    def _find_link(self, architecture: str) -> FactoryLink:
        """The worker for an architecture: Numba keeps what it compiled, whatever it is for."""
        with self._lock:
            link = self._links.get(architecture)
            if link is None:
                link = self._links[architecture] = self._make_link()
                if self._paused:
                    link.pause()
                if self._cancelled:
                    link.cancel()
            return link

    def _tell(self, what: Callable[[FactoryLink], None]) -> None:
        with self._lock:
            for link in self._links.values():
                what(link)
