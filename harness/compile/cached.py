"""A kernel compiler that remembers: what was compiled once, by anybody, is not compiled again."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from harness.compile.base import KernelBuild, Translation, Translator
from harness.compile.cache import BuildCache, Kernel, make_key
from harness.compile.cubin import add_spills, digest_code, read_resources
from harness.compile.elf import Cubin, ElfError
from harness.compile.inputs import file_clock_ns, record_inputs
from harness.compile.source import KernelSource
from harness.model import Artifact, OutcomeKind


class CachedCompiler:
    """Answers from the cache, or lets the translator compile and keeps what it makes.

    Args:
        translator: belongs to this compiler from now on.
        cache: shared with others; closed by its owner.
    """

    def __init__(self, translator: Translator, cache: BuildCache) -> None:
        self._translator = translator
        self._cache = cache
        self._cancelled = threading.Event()

    def build(self, source: KernelSource) -> KernelBuild:
        """See `base.KernelCompiler`."""
        key = make_key(source, self._translator.fingerprint)
        try:
            return self._find(key, source) or self._compile(key, source)
        finally:
            self._cancelled.clear()

    def cancel(self) -> None:
        """Stop what goes on now, or else what comes next; it returns as `interrupted`."""
        self._cancelled.set()
        self._translator.cancel()

    def pause(self) -> None:
        """Hold compiling until `resume`; answers from the cache go on."""
        self._translator.pause()

    def resume(self) -> None:
        """Let it go on."""
        self._translator.resume()

    def close(self) -> None:
        """Close the translator."""
        self._translator.close()

    def _find(self, key: str, source: KernelSource) -> KernelBuild | None:
        found = self._cache.find(key)
        if found is None:
            return None
        kernel, path = found
        artifact = self._make_artifact(source, kernel, path)
        return KernelBuild(OutcomeKind.OK, replace(artifact, cached=True))

    def _compile(self, key: str, source: KernelSource) -> KernelBuild:
        with self._cache.claim(key, self._cancelled) as held:
            if not held or self._cancelled.is_set():
                return KernelBuild(OutcomeKind.INTERRUPTED, reason="cancelled")
            # whoever held it before may have compiled it
            return self._find(key, source) or self._translate(key, source)

    def _translate(self, key: str, source: KernelSource) -> KernelBuild:
        since_ns = file_clock_ns()
        made = self._translator.translate(source)
        if made.kind is not OutcomeKind.OK:
            return KernelBuild(made.kind, reason=made.reason, evidence=made.evidence)
        try:
            kernel = inspect(made)
        except ElfError as error:
            return KernelBuild(
                OutcomeKind.COMPILE_FAILED,
                reason=f"{self._translator.identity} made a binary that cannot be read: {error}",
            )
        inputs = None
        if made.inputs is not None:
            inputs = record_inputs(
                made.inputs, made.absent, source.search_directories, self._cache.hashes, since_ns
            )
        path = self._cache.store(key, kernel, made.binary, inputs)
        return KernelBuild(OutcomeKind.OK, self._make_artifact(source, kernel, path))

    def _make_artifact(self, source: KernelSource, kernel: Kernel, path: Path) -> Artifact:
        return Artifact(
            path=str(path),
            digest=kernel.digest,
            function=kernel.function,
            resources=kernel.resources,
            compiler=self._translator.identity,
            architecture=source.architecture,
        )


def inspect(made: Translation) -> Kernel:
    """What a successful translation's binary and log say about its kernel.

    Raises:
        ElfError: the binary is damaged, or the kernel is not in it.
    """
    cubin = Cubin(made.binary)
    resources = read_resources(cubin, made.function)
    return Kernel(
        function=made.function,
        digest=digest_code(cubin, made.function),
        resources=add_spills(resources, made.log, made.function),
    )
