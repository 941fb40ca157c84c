from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compile.base import KernelCompiler, Translation
from harness.compile.cache import BuildCache, make_key
from harness.compile.cached import CachedCompiler
from harness.compile.source import KernelSource
from harness.model import Artifact, OutcomeKind, Resources
from harness.testing.cubins import FakeKernel, FakeTranslator, make_cubin

from .files import write_settled

ROOT = Path(__file__).resolve().parents[2]
SOURCE = KernelSource("text", "scale", "sm_90")


@pytest.fixture
def cache() -> Iterator[BuildCache]:
    with BuildCache() as cache:
        yield cache


def build(compiler: KernelCompiler, source: KernelSource = SOURCE) -> Artifact:
    built = compiler.build(source)
    assert (built.kind, built.reason, built.evidence) == (OutcomeKind.OK, "", None)
    assert built.artifact is not None
    return built.artifact


def test_artifact_says_what_was_compiled(cache: BuildCache) -> None:
    binary = make_cubin([FakeKernel("scale", registers=24, shared_bytes=64)])
    artifact = build(CachedCompiler(FakeTranslator(lambda _: binary), cache))
    assert Path(artifact.path).read_bytes() == binary
    assert artifact.resources == Resources(registers=24, shared_bytes=64, constant_bytes=16)
    assert (artifact.function, artifact.compiler) == ("scale", "fake 1.0")
    assert (artifact.architecture, artifact.cached) == ("sm_90", False)


def test_nothing_is_compiled_twice(cache: BuildCache) -> None:
    translators = [FakeTranslator(), FakeTranslator()]
    first = build(CachedCompiler(translators[0], cache))
    with BuildCache(cache.directory) as other:
        second = build(CachedCompiler(translators[1], other))
    assert second == replace(first, cached=True)
    assert (len(translators[0].asked), len(translators[1].asked)) == (1, 0)


def test_changed_header_is_compiled_again(cache: BuildCache, tmp_path: Path) -> None:
    header = tmp_path / "tile.h"
    write_settled(header, "one")
    translator = FakeTranslator(inputs=(str(header),))
    compiler = CachedCompiler(translator, cache)
    assert [build(compiler).cached for _ in range(2)] == [False, True]
    write_settled(header, "two")
    assert [build(compiler).cached for _ in range(2)] == [False, True]


def test_header_that_changes_while_it_compiles(cache: BuildCache, tmp_path: Path) -> None:
    header = tmp_path / "tile.h"

    def change(source: KernelSource) -> bytes:
        header.write_text("changed")
        return make_cubin([FakeKernel("scale")])

    compiler = CachedCompiler(FakeTranslator(change, inputs=(str(header),)), cache)
    assert [build(compiler).cached for _ in range(2)] == [False, False]


def test_failures_keep_evidence_and_are_compiled_again(cache: BuildCache) -> None:
    translator = FakeTranslator()
    compiler = CachedCompiler(translator, cache)
    source = replace(SOURCE, text="#error", path="scale.cu")
    for count in (1, 2):
        built = compiler.build(source)
        assert (built.kind, built.artifact) == (OutcomeKind.COMPILE_FAILED, None)
        assert built.reason == "scale.cu(1): error: #error directive"
        assert built.evidence is not None
        assert built.evidence.command == "fake scale.cu"
        assert len(translator.asked) == count


@pytest.mark.parametrize("binary", [b"", b"garbage", make_cubin([FakeKernel("other")])])
def test_binary_without_the_kernel_is_a_failure(cache: BuildCache, binary: bytes) -> None:
    built = CachedCompiler(FakeTranslator(lambda _: binary), cache).build(SOURCE)
    assert built.kind is OutcomeKind.COMPILE_FAILED
    assert "fake 1.0 made a binary that cannot be read" in built.reason


def test_threads_that_want_the_same_compile_it_once(cache: BuildCache) -> None:
    translators = [FakeTranslator() for _ in range(8)]
    compilers = [CachedCompiler(translator, cache) for translator in translators]
    with ThreadPoolExecutor(8) as threads:
        artifacts = list(threads.map(build, compilers))
    assert sum(len(translator.asked) for translator in translators) == 1
    assert sum(not artifact.cached for artifact in artifacts) == 1


def test_processes_that_want_the_same_compile_it_once(tmp_path: Path) -> None:
    builders = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.compile.builder", str(tmp_path / "cache"), "40"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for builder in builders:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "ready\n"
    for builder in builders:
        assert builder.stdin is not None
        builder.stdin.write("go\n")
        builder.stdin.flush()
    compiled = [number for builder in builders for number in builder.communicate()[0].split()]
    assert sorted(map(int, compiled)) == list(range(40))
    assert [builder.returncode for builder in builders] == [0, 0, 0]


def test_waiting_for_another_can_be_cancelled(cache: BuildCache) -> None:
    translator = FakeTranslator()
    compiler = CachedCompiler(translator, cache)
    key = make_key(SOURCE, translator.fingerprint)
    with ThreadPoolExecutor(1) as threads, cache.claim(key, threading.Event()):
        running = threads.submit(compiler.build, SOURCE)
        compiler.cancel()
        assert running.result().kind is OutcomeKind.INTERRUPTED
    assert translator.cancels == 1
    assert not translator.asked
    assert build(compiler).cached is False  # a cancel is of one build


def test_whoever_waited_finds_what_the_other_compiled(cache: BuildCache) -> None:
    late, early = FakeTranslator(), FakeTranslator()
    looked: list[str] = []

    class Watched(BuildCache):
        """Compiles it, in another's name, after this one has looked for it."""

        def find(self, key: str):  # type: ignore[no-untyped-def]
            found = super().find(key)
            if not looked:
                looked.append(key)
                build(CachedCompiler(early, cache))
            return found

    with Watched(cache.directory) as watched:
        waiting = CachedCompiler(late, watched)
        assert build(waiting).cached
    assert (len(early.asked), len(late.asked)) == (1, 0)


def test_stopping_is_passed_on(cache: BuildCache) -> None:
    translator = FakeTranslator()
    compiler = CachedCompiler(translator, cache)
    compiler.pause()
    assert translator.paused
    compiler.resume()
    assert not translator.paused
    compiler.close()
    assert translator.closed


def test_spills_are_taken_from_the_log(cache: BuildCache) -> None:
    class Spilling(FakeTranslator):
        def translate(self, source: KernelSource) -> Translation:
            log = "Function properties for scale\n  8 bytes stack frame, 4 bytes spill stores, 6 b"
            return replace(super().translate(source), log=log + "ytes spill loads\n")

    for _ in range(2):
        resources = build(CachedCompiler(Spilling(), cache)).resources
        assert (resources.spill_store_bytes, resources.spill_load_bytes) == (4, 6)
