from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.compile.cache import BuildCache
from harness.compile.cached import CachedCompiler
from harness.compile.cubin import digest_code
from harness.compile.elf import Cubin
from harness.compile.nvrtc import NvrtcTranslator
from harness.compile.nvrtc_library import Nvrtc, open_nvrtc
from harness.compile.source import KernelSource
from harness.errors import CompileError
from harness.model import OutcomeKind

SOURCE = KernelSource("__global__ void scale(float* x) { *x *= 2; }", "scale", "sm_80")


@pytest.fixture(scope="module")
def nvrtc() -> Nvrtc:
    try:
        return open_nvrtc()
    except CompileError as error:
        pytest.skip(str(error))


@pytest.fixture
def translator(nvrtc: Nvrtc) -> Iterator[NvrtcTranslator]:
    translator = NvrtcTranslator(nvrtc)
    yield translator
    translator.close()


@pytest.fixture
def holding(nvrtc: Nvrtc) -> Iterator[NvrtcTranslator]:
    """One that lets Python say whether to go on."""
    translator = NvrtcTranslator(nvrtc, holds=True)
    yield translator
    translator.close()


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(CompileError, match=r"pip install 'gpu-harness\[cuda13\]'"):
        open_nvrtc()


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("Failed to dlopen libnvrtc.so.13")

    bindings, inner = ModuleType("cuda.bindings"), ModuleType("cuda.bindings.nvrtc")
    inner.nvrtcVersion = fail  # type: ignore[attr-defined]
    bindings.nvrtc = inner  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cuda", ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    monkeypatch.setitem(sys.modules, "cuda.bindings.nvrtc", inner)
    with pytest.raises(CompileError, match=r"cannot be loaded: Failed to dlopen .*cuda12"):
        open_nvrtc()


class OldBindings:
    """The bindings of a CUDA that cannot be asked to stop."""

    def __init__(self, bindings: Any) -> None:
        self._bindings = bindings

    def __getattr__(self, name: str) -> Any:
        if name == "nvrtcSetFlowCallback":
            raise AttributeError(name)
        return getattr(self._bindings, name)


def test_old_library_compiles_all_the_same(nvrtc: Nvrtc) -> None:
    translator = NvrtcTranslator(replace(nvrtc, bindings=OldBindings(nvrtc.bindings)))
    assert translator.translate(SOURCE).kind is OutcomeKind.OK
    translator.close()


class Asked:
    """The real bindings, with a look at each question whether to go on."""

    def __init__(self, translator: NvrtcTranslator, act: Any, at: int = 3) -> None:
        self._ask = translator._flow.may_go_on
        self._act = act
        self._at = at
        self.count = 0
        translator._flow.may_go_on = self  # type: ignore[method-assign]

    def __call__(self) -> bool:
        self.count += 1
        if self.count == self._at:  # the first question is before NVRTC begins
            self._act()
        return self._ask()


def test_cancel(holding: NvrtcTranslator) -> None:
    asked = Asked(holding, holding.cancel)
    made = holding.translate(SOURCE)
    assert (made.kind, made.reason) == (OutcomeKind.INTERRUPTED, "cancelled")
    assert asked.count >= 3
    assert holding.translate(SOURCE).kind is OutcomeKind.OK


def test_cancel_where_python_is_not_asked(
    translator: NvrtcTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach, going = NvrtcTranslator._attach, iter((True, False))

    def cancel_first(self: NvrtcTranslator, program: Any) -> object:
        if next(going):  # after Python has looked for the last time
            self.cancel()
        return attach(self, program)

    monkeypatch.setattr(NvrtcTranslator, "_attach", cancel_first)
    made = translator.translate(SOURCE)
    assert (made.kind, made.reason) == (OutcomeKind.INTERRUPTED, "cancelled")
    assert translator.translate(SOURCE).kind is OutcomeKind.OK


def test_cancel_just_before_it_begins(translator: NvrtcTranslator) -> None:
    translator.cancel()
    assert translator.translate(SOURCE).kind is OutcomeKind.INTERRUPTED
    assert translator.translate(SOURCE).kind is OutcomeKind.OK


def test_timeout(nvrtc: Nvrtc) -> None:
    translator = NvrtcTranslator(nvrtc, timeout_s=1e-9)
    made = translator.translate(SOURCE)
    assert (made.kind, made.reason) == (OutcomeKind.TIMEOUT, "took longer than 1.00 ns")
    translator.close()


def test_pause_holds_it(holding: NvrtcTranslator) -> None:
    done: list[str] = []
    paused = threading.Event()

    def pause() -> None:
        holding.pause()
        paused.set()

    Asked(holding, pause)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(holding.translate, SOURCE)
        running.add_done_callback(lambda _: done.append("ended"))
        paused.wait()
        done.append("resumed")
        holding.resume()
        assert running.result().kind is OutcomeKind.OK
    assert done == ["resumed", "ended"]


def test_one_that_is_held_does_not_hold_up_others(
    holding: NvrtcTranslator, translator: NvrtcTranslator
) -> None:
    """NVRTC has a lock when it asks for the first time: it lets one at a time read its source."""
    paused = threading.Event()

    def pause() -> None:
        holding.pause()
        paused.set()

    Asked(holding, pause, at=2)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(holding.translate, SOURCE)
        assert paused.wait(10)
        with ThreadPoolExecutor(1) as others:
            other = others.submit(translator.translate, SOURCE)
            try:
                assert other.result(20).kind is OutcomeKind.OK
            finally:
                holding.resume()
        assert running.result().kind is OutcomeKind.OK


def test_compiles_on_its_cores_after_all_else(nvrtc: Nvrtc) -> None:
    core = min(os.sched_getaffinity(0))
    translator = NvrtcTranslator(nvrtc, cores=[core], idle=True, holds=True)
    seen: list[tuple[set[int], int]] = []

    def look() -> None:
        thread = threading.get_native_id()
        seen.append((os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, thread)))

    before = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    Asked(translator, look)
    assert translator.translate(SOURCE).kind is OutcomeKind.OK
    assert seen == [({core}, min(19, before[1] + 10))]
    after = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert after == before
    translator.close()


def test_include_by_macro_is_compiled_every_time(
    translator: NvrtcTranslator, tmp_path: Path
) -> None:
    (tmp_path / "tile.h").write_text("#define TILE 4\n")
    source = KernelSource(
        "#include HEADER\n__global__ void scale(float* x) { *x *= TILE; }",
        "scale",
        "sm_80",
        macros=(("HEADER", '"tile.h"'),),
        include_directories=(str(tmp_path),),
    )
    with BuildCache() as cache:
        compiler = CachedCompiler(translator, cache)
        artifacts = [compiler.build(source).artifact for _ in range(2)]
    assert [artifact is not None and artifact.cached for artifact in artifacts] == [False, False]


def test_bytes_that_python_shares_are_not_written_to(translator: NvrtcTranslator) -> None:
    """The log of a compile without messages is one byte long, and so is `b" "`."""
    translator.translate(SOURCE)
    assert bytes(1) == b"\0"
    assert bytes([32]) == b" "


TEXTURE = """
extern "C" __global__ void read(cudaTextureObject_t from, float *out)
{
    *out = tex1D<float>(from, 0.5f);
}
"""


def test_what_few_kernels_need_is_declared_for_those(nvrtc: Nvrtc) -> None:
    assert nvrtc.knows_minimal
    translator, asked = NvrtcTranslator(nvrtc), list[bool]()
    run = translator._run

    def note(source: KernelSource, options: list[str]) -> Any:
        asked.append("--minimal" in options)
        return run(source, options)

    translator._run = note  # type: ignore[method-assign]
    try:
        for source in (SOURCE, replace(SOURCE, text=TEXTURE, function="read")):
            for _ in range(2):
                made = translator.translate(source)
                assert made.kind is OutcomeKind.OK, made.reason
        broken = translator.translate(replace(SOURCE, text=SOURCE.text.replace("2", "two")))
    finally:
        translator.close()
    assert asked == [True, True, *(True, False), False, *(True, False)]
    assert broken.reason.endswith('error: identifier "two" is undefined')


def test_the_binary_is_the_same_without_them(nvrtc: Nvrtc) -> None:
    digests = set()
    for knows_minimal in (True, False):
        translator = NvrtcTranslator(replace(nvrtc, knows_minimal=knows_minimal))
        made = translator.translate(SOURCE)
        translator.close()
        digests.add(digest_code(Cubin(made.binary), made.function))
    assert len(digests) == 1
