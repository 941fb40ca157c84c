"""A replayed lane's compiler and timer answer as recorded, and can be cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.clock import VirtualClock
from harness.configuration import Configuration
from harness.lane import Lane
from harness.model import OutcomeKind, Phase, Test
from harness.replay.compiler import ReplayCompiler
from harness.replay.device import ReplayBackend
from harness.replay.load import load_recording
from harness.replay.recording import Recording
from harness.replay.timer import ReplayTimer
from tests.replay.helpers import write_t4


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return load_recording(write_t4(tmp_path / "model.json"))


@pytest.fixture
def lane(recording: Recording) -> Lane:
    return Lane("left", 0, ReplayBackend(recording).discover(None)[0], (("KEY", "value"),))


def make_test(block: int, mode: str) -> Test:
    return Test(7, Configuration(("BLOCK", "MODE"), (block, mode)), "", "left")


def test_devices_are_of_the_recorded_model_and_say_so(recording: Recording) -> None:
    backend = ReplayBackend(recording)
    devices = backend.discover(3)
    assert len({device.uuid for device in devices}) == 3
    assert {(d.name, d.kind, d.recording) for d in devices} == {
        ("model", "replay", recording.source)
    }
    assert all(device.simulated and not device.locks for device in devices)
    assert backend.processes(devices[0]) == []


def test_a_compile_takes_the_recorded_time_and_fails_where_it_did(
    recording: Recording, lane: Lane
) -> None:
    clock = VirtualClock()
    compiler = ReplayCompiler(recording, clock, "compile-1")
    good = compiler.compile(make_test(64, "row"), lane)
    assert (good.kind, good.seat, good.reason) == (OutcomeKind.OK, "compile-1", "")
    assert good.elapsed_s == pytest.approx(0.1)
    broken = compiler.compile(make_test(16, "row"), lane)
    assert broken.kind is OutcomeKind.COMPILE_FAILED
    assert broken.reason.startswith("compile_failed in ")
    assert clock.now_s() == pytest.approx(0.2)
    assert compiler.clean(make_test(64, "row"), lane).phase is Phase.CLEAN
    assert clock.now_s() == pytest.approx(0.2)


def test_what_is_cancelled_is_interrupted(recording: Recording, lane: Lane) -> None:
    clock = VirtualClock()
    compiler = ReplayCompiler(recording, clock, "compile-1")
    compiler.cancel()
    build = compiler.compile(make_test(64, "row"), lane)
    assert (build.kind, build.elapsed_s) == (OutcomeKind.INTERRUPTED, 0.0)
    timer = ReplayTimer(recording, lane, clock=clock, repeat=1)
    timer.cancel()
    run = timer.measure(make_test(64, "row"), 0)
    assert (run.kind, run.sample, run.elapsed_s) == (OutcomeKind.INTERRUPTED, None, 0.0)


def test_a_single_run_is_the_whole_measurement(recording: Recording, lane: Lane) -> None:
    timer = ReplayTimer(recording, lane, clock=VirtualClock(), repeat=1)
    run = timer.measure(make_test(32, "row"), 0)
    assert run.sample == pytest.approx(0.004)
    assert run.elapsed_s == pytest.approx(0.012)
    assert (run.lane, run.device_uuid) == ("left", lane.device.uuid)
    assert run.environment == (("KEY", "value"),)


def test_of_several_runs_each_has_its_sample(recording: Recording, lane: Lane) -> None:
    clock = VirtualClock()
    timer = ReplayTimer(recording, lane, clock=clock, repeat=4)
    runs = [timer.measure(make_test(32, "row"), index) for index in range(4)]
    assert [run.sample for run in runs] == pytest.approx([0.0045, 0.004, 0.0035, 0.0045])
    assert clock.now_s() == pytest.approx(4 * 0.004)


def test_a_failed_run_has_no_sample(recording: Recording, lane: Lane) -> None:
    timer = ReplayTimer(recording, lane, clock=VirtualClock(), repeat=3)
    run = timer.measure(make_test(64, "col"), 0)
    assert (run.kind, run.sample) == (OutcomeKind.RUN_FAILED, None)
    assert run.reason.startswith("run_failed in ")
