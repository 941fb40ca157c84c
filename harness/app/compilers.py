"""What each seat of a session of kernel tests compiles with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.app.toolchain import Toolchain
from harness.compile.base import KernelCompiler, Translator
from harness.compile.cache import BuildCache
from harness.compile.cached import CachedCompiler
from harness.compile.cupy import CupyCompiler
from harness.compile.numba import NumbaTranslator
from harness.compile.nvcc import NvccTranslator
from harness.compile.nvrtc import NvrtcTranslator
from harness.compile.source import Language
from harness.compile.toolkit import Nvcc
from harness.procs.worker import Worker


@dataclass(frozen=True, slots=True)
class Place:
    """Where a compiler runs.

    Attributes:
        cores: empty: wherever this process may.
        idle: only when nothing else wants the processor.
        inherit_fds: what its processes hold as long as they live.
        holds: whether what it compiles is held while a run is timed.
    """

    cores: Collection[int] = ()
    idle: bool = False
    inherit_fds: Sequence[int] = ()
    holds: bool = False


def make_kernel_compiler(
    toolchain: Toolchain,
    language: Language,
    cache: BuildCache,
    place: Place,
    timeout_s: float | None,
) -> KernelCompiler:
    """A compiler of kernels in `language`, for one thread."""
    if language == "numba":
        assert toolchain.numba is not None, "it was opened for the tests, which are the only ones"
        numba = NumbaTranslator(
            toolchain.numba,
            cores=place.cores,
            idle=place.idle,
            inherit_fds=place.inherit_fds,
            timeout_s=timeout_s,
        )
        return CachedCompiler(numba, cache)
    compiler = CachedCompiler(_make_translator(toolchain, place, timeout_s), cache)
    if language == "cuda":
        return compiler
    return CupyCompiler(
        compiler,
        cores=place.cores,
        idle=place.idle,
        inherit_fds=place.inherit_fds,
        timeout_s=timeout_s,
    )


def _make_translator(toolchain: Toolchain, place: Place, timeout_s: float | None) -> Translator:
    cuda = toolchain.cuda
    if isinstance(cuda, Nvcc):
        worker = Worker(cores=place.cores, idle=place.idle, inherit_fds=place.inherit_fds)
        return NvccTranslator(cuda, worker, timeout_s=timeout_s)
    return NvrtcTranslator(
        cuda, cores=place.cores, idle=place.idle, timeout_s=timeout_s, holds=place.holds
    )
