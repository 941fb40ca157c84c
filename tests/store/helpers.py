"""Invented sessions and tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.configuration import Configuration
from harness.events import Event, RunEnded, TestCreated, TestEnded
from harness.lane import DeviceInfo, Lane
from harness.model import Outcome, OutcomeKind, Run, Test
from harness.store.base import SessionStart


def make_lane(name: str = "0", index: int = 0, uuid: str = "MOCK-0") -> Lane:
    device = DeviceInfo(
        kind="mock",
        index=index,
        uuid=uuid,
        name="RTX A4000",
        compute_capability=(8, 6),
        cores=(index,),
        locks=((uuid, True),),
        simulated=True,
    )
    return Lane(name, index, device, (("CUDA_VISIBLE_DEVICES", uuid), ("HARNESS_PARALLEL", name)))


def make_start(spec_key: str = "spec", **changes: Any) -> SessionStart:
    start = SessionStart(
        name="matrix",
        config_path="/project/matrix.toml",
        spec_key=spec_key,
        spec_json="{}",
        goal="min",
        unit="s",
        repeat=2,
        aggregate="min",
        parameters=("N", "FLAG"),
        lanes=(make_lane(),),
        simulated=False,
        harness_version="1.0",
        environment={"host": "here"},
        distribution="pipelined",
        strategy="exhaustive",
        started_s=1000.0,
        premises="{}",
    )
    return replace(start, **changes)


def make_test(number: int, key: str = "") -> Test:
    configuration = Configuration(("N", "FLAG"), (number, "-O2"))
    return Test(number, configuration, key or f"key {number}", "0")


def make_run(index: int = 0, sample: float | None = 0.5, **changes: Any) -> Run:
    run = Run(
        index=index,
        kind=OutcomeKind.OK if sample is not None else OutcomeKind.RUN_FAILED,
        lane="0",
        device_uuid="MOCK-0",
        started_s=1001.0,
        elapsed_s=0.6,
        sample=sample,
        environment=make_lane().environment,
    )
    return replace(run, **changes)


def make_outcome(test: Test, *runs: Run, **changes: Any) -> Outcome:
    samples = [run.sample for run in runs if run.sample is not None]
    outcome = Outcome(
        configuration=test.configuration,
        kind=OutcomeKind.OK if samples else OutcomeKind.RUN_FAILED,
        score=min(samples, default=None),
        runs=runs,
        test_id=test.id,
        key=test.key,
        lane=test.lane,
        ended_s=1002.0,
    )
    return replace(outcome, **changes)


def whole_test(test: Test, *runs: Run, **changes: Any) -> list[Event]:
    """The events of a test from its creation to its outcome."""
    runs = runs or (make_run(0), make_run(1, 0.75))
    return [
        TestCreated(test, 1000.5),
        *(RunEnded(test, run) for run in runs),
        TestEnded(make_outcome(test, *runs, **changes)),
    ]
