"""Which configurations of a kernel were compiled before, for strategies that prefer these."""

from __future__ import annotations

from contextlib import ExitStack

from harness.app.kernels import KernelTests
from harness.app.setup import Setup
from harness.app.toolchain import Toolchain
from harness.compile.cache import BuildCache, make_key
from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.lane import Lane
from harness.model import Test


def open_compiled(setup: Setup, toolchain: Toolchain | None, stack: ExitStack) -> Compiled | None:
    """What a setup that prefers quick tests looks into; None: nothing, or it does not.

    Kernels of CuPy's are known only once their factory made them: nothing to look into.

    Args:
        stack: closes the cache.
    """
    if not setup.spec.search.prefer_quick or setup.kernel is None or toolchain is None:
        return None
    language = setup.kernel.kernel.language
    if language == "cupy":
        return None
    fingerprint = toolchain.cuda.fingerprint
    if language == "numba":
        assert toolchain.numba is not None, "it was opened for the tests"
        fingerprint = toolchain.numba.build
    return Compiled(setup.kernel, fingerprint, stack.enter_context(BuildCache()))


class Compiled:
    """Looks into the cache, without compiling.

    Args:
        fingerprint: of what compiles its tests, as `compile.base.Translator` has it.
        cache: closed by its owner.
    """

    def __init__(self, kernel: KernelTests, fingerprint: str, cache: BuildCache) -> None:
        self._kernel = kernel
        self._fingerprint = fingerprint
        self._cache = cache

    def has(self, configuration: Configuration, lane: Lane) -> bool:
        """Whether the lane's test of it needs no compiler."""
        try:
            source = self._kernel.make_source(Test(0, configuration, "", lane.name), lane)
        except ConfigError:  # its test will say why
            return False
        return self._cache.find(make_key(source, self._fingerprint)) is not None
