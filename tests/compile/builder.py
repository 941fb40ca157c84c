"""A program that builds kernels with a cache that others use too, and says what it compiled.

    python -m tests.compile.builder CACHE COUNT

Prints `ready`, waits for a line on stdin, then builds, and prints what it had to compile itself.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from harness.compile.cache import BuildCache
from harness.compile.cached import CachedCompiler
from harness.compile.source import KernelSource
from harness.model import OutcomeKind
from harness.testing.cubins import FakeKernel, FakeTranslator, make_cubin


def compile_slowly(source: KernelSource) -> bytes:
    """Long enough for another process to want the same."""
    ends_s = time.process_time() + 0.005
    while time.process_time() < ends_s:
        pass
    return make_cubin([FakeKernel(source.function, source.text.encode())])


def main() -> None:
    translator = FakeTranslator(compile_slowly)
    print("ready", flush=True)
    sys.stdin.readline()
    with BuildCache(Path(sys.argv[1])) as cache:
        compiler = CachedCompiler(translator, cache)
        for number in range(int(sys.argv[2])):
            built = compiler.build(KernelSource(str(number), "scale", "sm_90"))
            assert built.kind is OutcomeKind.OK
    print(*(source.text for source in translator.asked))


if __name__ == "__main__":
    main()
