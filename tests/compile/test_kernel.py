"""Kernel tests as compile workers see them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from harness.clock import VirtualClock
from harness.compile.base import Compiler, KernelBuild
from harness.compile.kernel import KernelTestCompiler
from harness.compile.mock import MockKernelCompiler
from harness.compile.source import KernelSource
from harness.configuration import Configuration
from harness.landscape import Landscape
from harness.lane import DeviceInfo, Lane
from harness.model import Artifact, Build, Evidence, OutcomeKind, Phase, Resources, Test

LANE = Lane("left", 0, DeviceInfo("mock", 0, "MOCK-0", "H100", simulated=True))
TEST = Test(4, Configuration.from_mapping({"B": 16}), "key", "left")
SOURCE = KernelSource("text", "k", "sm_90", macros=(("B", "16"),))
ARTIFACT = Artifact("/x", "digest", "k", Resources(32), "fake", "sm_90")


@dataclass
class Scripted:
    """A kernel compiler that gives what it is told, and notes what it is asked."""

    answer: KernelBuild
    clock: VirtualClock
    log: list[object] = field(default_factory=list)

    def build(self, source: KernelSource) -> KernelBuild:
        self.log.append(source)
        self.clock.sleep(2.0)
        return self.answer

    def cancel(self) -> None:
        self.log.append("cancel")

    def pause(self) -> None:
        self.log.append("pause")

    def resume(self) -> None:
        self.log.append("resume")

    def close(self) -> None:
        self.log.append("close")


def compile_one(
    answer: KernelBuild, *, fault: str = "", misfit: str = ""
) -> tuple[Build, Scripted]:
    clock = VirtualClock()
    scripted = Scripted(answer, clock)
    compiler: Compiler = KernelTestCompiler(
        scripted,
        find_fault=lambda _test, _lane: fault,
        find_misfit=lambda _test, _lane, _artifact: misfit,
        make_source=lambda _test, _lane: SOURCE,
        seat="compile-1",
        clock=clock,
    )
    build = compiler.compile(TEST, LANE)
    assert compiler.clean(TEST, LANE).kind is OutcomeKind.OK
    for call in (compiler.cancel, compiler.pause, compiler.resume, compiler.close):
        call()
    assert scripted.log[-4:] == ["cancel", "pause", "resume", "close"]
    return build, scripted


def test_a_binary_comes_with_the_build() -> None:
    build, scripted = compile_one(KernelBuild(OutcomeKind.OK, ARTIFACT))
    assert (build.phase, build.kind, build.seat) == (Phase.COMPILE, OutcomeKind.OK, "compile-1")
    assert (build.artifact, build.elapsed_s) == (ARTIFACT, 2.0)
    assert scripted.log[0] == SOURCE


def test_what_cannot_be_launched_is_not_compiled() -> None:
    build, scripted = compile_one(KernelBuild(OutcomeKind.OK, ARTIFACT), fault="too large")
    assert (build.kind, build.reason, build.artifact) == (OutcomeKind.INVALID, "too large", None)
    assert SOURCE not in scripted.log


def test_what_turns_out_not_to_fit_keeps_its_binary() -> None:
    build, _ = compile_one(KernelBuild(OutcomeKind.OK, ARTIFACT), misfit="65 registers")
    assert (build.kind, build.reason) == (OutcomeKind.INVALID, "65 registers")
    assert build.artifact == ARTIFACT


@pytest.mark.parametrize("kind", [OutcomeKind.COMPILE_FAILED, OutcomeKind.INTERRUPTED])
def test_failures_keep_their_evidence(kind: OutcomeKind) -> None:
    evidence = Evidence("nvcc x.cu", "/tmp", 1, None, "error: no")
    build, _ = compile_one(KernelBuild(kind, None, "no", evidence))
    assert (build.kind, build.reason, build.evidence) == (kind, "no", evidence)


def test_a_simulated_compile_invents_a_binary_and_takes_its_time() -> None:
    clock, land = VirtualClock(), Landscape(compile_s=3.0)
    compiler = MockKernelCompiler(land, clock)
    first, again = compiler.build(SOURCE), compiler.build(SOURCE)
    assert first == again
    assert first.artifact is not None
    assert first.artifact.compiler == "simulated"
    assert 24 <= first.artifact.resources.registers <= 56
    assert clock.now_s() > 2.0
    other = compiler.build(KernelSource("other", "k", "sm_90", macros=(("B", "16"),)))
    assert other.artifact is not None
    assert other.artifact.digest != first.artifact.digest


def test_a_simulated_compile_may_fail_or_be_interrupted() -> None:
    failing = MockKernelCompiler(Landscape(compile_failures=1.0), VirtualClock())
    built = failing.build(SOURCE)
    assert (built.kind, built.artifact) == (OutcomeKind.COMPILE_FAILED, None)
    assert "simulated" in built.reason
    failing.cancel()
    assert failing.build(SOURCE).kind is OutcomeKind.INTERRUPTED
