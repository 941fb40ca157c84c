"""What turns a test into something that can run, and clears it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.compile.source import KernelSource
from harness.lane import Lane
from harness.model import Artifact, Build, Evidence, OutcomeKind, Test


class Stoppable(Protocol):
    """What one thread compiles with and others may interrupt."""

    def cancel(self) -> None:
        """Stop what runs now, from any thread, and compile no more: that is `interrupted`."""

    def pause(self) -> None:
        """Hold what runs now, and what starts before `resume`, from any thread."""

    def resume(self) -> None:
        """Let it go on."""

    def close(self) -> None:
        """Let go of processes and files."""


class Compiler(Stoppable, Protocol):
    """Compiles and cleans tests, one at a time; each thread has its own."""

    def compile(self, test: Test, lane: Lane) -> Build:
        """Make `test` runnable on `lane`."""

    def clean(self, test: Test, lane: Lane) -> Build:
        """Remove what compiling and running `test` left."""


@dataclass(frozen=True, slots=True)
class KernelBuild:
    """How the compile of a kernel went.

    Attributes:
        kind: `ok`, `compile_failed`, `timeout` or `interrupted`; `wrong_result` of what was
            verified.
        artifact: None unless it was compiled.
        reason: why it failed, in one line; empty when it did not.
        evidence: of a failure: the exact command and the compiler's last lines.
    """

    kind: OutcomeKind
    artifact: Artifact | None = None
    reason: str = ""
    evidence: Evidence | None = None


class KernelCompiler(Stoppable, Protocol):
    """Compiles kernels to binaries, one at a time; each thread has its own.

    A `cancel` while nothing runs stops what is asked next, which may be about to begin.
    """

    def build(self, source: KernelSource) -> KernelBuild:
        """The binary of `source`; whatever is wrong with the source is in the result.

        Raises:
            CompileError: the compiler is gone, or cannot do what is asked of it, such as an
                architecture that it does not know.
        """


class Verification(Stoppable, Protocol):
    """Finds out whether kernels are right before they are run on a device."""

    def verify(self, test: Test, lane: Lane, artifact: Artifact) -> KernelBuild:
        """The binary with what was found out, as `ok`, `wrong_result` or `interrupted`."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What a compiler made of a source, before anybody has looked at it.

    Attributes:
        kind: as of `KernelBuild`.
        binary: the cubin; empty unless kind is `ok`.
        function: the kernel's name in it.
        log: everything the compiler said, warnings and ptxas's statistics among it.
        inputs: absolute paths of the files it read besides the text itself; None: not known, and
            the result must not be used for another compile.
        absent: files that were looked for in vain, and would have been read.
    """

    kind: OutcomeKind
    binary: bytes = b""
    function: str = ""
    log: str = ""
    inputs: tuple[str, ...] | None = ()
    absent: tuple[str, ...] = ()
    reason: str = ""
    evidence: Evidence | None = None


class Translator(Stoppable, Protocol):
    """A compiler without memory: what `cache.CachedCompiler` asks when it does not know."""

    @property
    def identity(self) -> str:
        """Name and version, for people: `nvcc 13.0.88`."""

    @property
    def fingerprint(self) -> str:
        """All that decides about binaries besides the source: another one is another compiler."""

    def translate(self, source: KernelSource) -> Translation:
        """Compile `source`; errors as of `KernelCompiler.build`."""
