"""CuPy's raw kernels: a factory worker writes their source, a compiler of CUDA C++ compiles it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from harness.compile.base import KernelBuild, KernelCompiler
from harness.compile.factory_answer import NoKernel, ask_factory
from harness.compile.factory_link import FactoryLink, Maker
from harness.compile.factory_protocol import Written
from harness.compile.source import KernelSource
from harness.compile.versions import REMEDY

MAKER = Maker("harness.compile.cupy_worker:open_cupy", "CuPy", REMEDY)


class CupyCompiler:
    """Asks for the source, and lets the compiler behind it build that.

    The cache is the other compiler's: it keeps binaries by the source that CuPy would compile.

    Args:
        compiler: of CUDA C++; belongs to this one from now on.
        timeout_s: for writing one source; None: no limit.
    """

    def __init__(
        self,
        compiler: KernelCompiler,
        *,
        cores: Collection[int] = (),
        idle: bool = False,
        inherit_fds: Sequence[int] = (),
        timeout_s: float | None = None,
        maker: Maker = MAKER,
    ) -> None:
        self._compiler = compiler
        self._timeout_s = timeout_s
        self._link = FactoryLink(maker, cores=cores, idle=idle, inherit_fds=inherit_fds)

    def build(self, source: KernelSource) -> KernelBuild:
        """See `base.KernelCompiler`."""
        reply = ask_factory(self._link, source, self._timeout_s)
        if isinstance(reply, NoKernel):
            return KernelBuild(reply.kind, reason=reply.reason, evidence=reply.evidence)
        assert isinstance(reply, Written)
        return self._compiler.build(
            replace(
                source,
                text=reply.text,
                function=reply.function,
                macros=(),
                options=(*reply.options, *source.options),
                include_directories=(*source.include_directories, *reply.include_directories),
                language="cuda",
            )
        )

    def cancel(self) -> None:
        """Stop both."""
        self._link.cancel()
        self._compiler.cancel()

    def pause(self) -> None:
        """Hold both until `resume`."""
        self._link.pause()
        self._compiler.pause()

    def resume(self) -> None:
        """Let them go on."""
        self._link.resume()
        self._compiler.resume()

    def close(self) -> None:
        """End both."""
        self._link.close()
        self._compiler.close()
