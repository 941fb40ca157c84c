from __future__ import annotations

import threading

from harness.clock import SystemClock, VirtualClock
from harness.compile.base import Compiler
from harness.compile.mock import MockCompiler
from harness.configuration import Configuration
from harness.landscape import Landscape
from harness.lane import DeviceInfo, Lane
from harness.model import Build, OutcomeKind, Phase, Test

LANE = Lane("left", 0, DeviceInfo("mock", 0, "MOCK-0", "H100", simulated=True))
TEST = Test(4, Configuration.from_mapping({"B": 16}), "key", "left")


def test_compiling_takes_the_landscapes_time() -> None:
    land = Landscape(compile_s=50.0)
    clock = VirtualClock()
    compiler: Compiler = MockCompiler(land, clock, "compile-1")
    build = compiler.compile(TEST, LANE)
    assert build.kind is OutcomeKind.OK
    assert build.elapsed_s == clock.now_s() == land.compile_time_s(TEST.configuration)
    assert (build.phase, build.seat, build.reason) == (Phase.COMPILE, "compile-1", "")


def test_failures_say_that_they_are_simulated() -> None:
    build = MockCompiler(Landscape(compile_failures=1.0), VirtualClock(), "s").compile(TEST, LANE)
    assert build.kind is OutcomeKind.COMPILE_FAILED
    assert build.elapsed_s > 0
    assert "simulated" in build.reason
    assert build.evidence is not None
    assert "simulated" in build.evidence.command


def test_cleaning_takes_no_time() -> None:
    clock = VirtualClock()
    build = MockCompiler(Landscape(), clock, "s").clean(TEST, LANE)
    assert (build.phase, build.kind, build.elapsed_s) == (Phase.CLEAN, OutcomeKind.OK, 0.0)
    assert clock.now_s() == 0.0


def test_a_cancel_interrupts_a_real_compile() -> None:
    compiler = MockCompiler(Landscape(compile_s=600.0), SystemClock(), "s")
    builds: list[Build] = []
    thread = threading.Thread(target=lambda: builds.append(compiler.compile(TEST, LANE)))
    thread.start()
    compiler.cancel()
    thread.join()
    assert builds[0].kind is OutcomeKind.INTERRUPTED


def test_pausing_changes_nothing() -> None:
    compiler = MockCompiler(Landscape(), VirtualClock(), "s")
    compiler.pause()
    assert compiler.compile(TEST, LANE).kind is OutcomeKind.OK
    compiler.resume()
    compiler.close()
