"""Invented sessions, as the journal hands them out."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from harness.configuration import Configuration, Value
from harness.events import Note
from harness.lane import DeviceInfo, Lane
from harness.model import Evidence, Outcome, OutcomeKind, Run, SessionInfo
from harness.store.base import StoredSession

PARAMETERS: dict[str, list[Value]] = {
    "BLOCK": [8, 16, 32, 64],
    "TILE": [1, 2, 3],
    "FLAGS": ["-O2", "-O3"],
}


def make_info(lanes: int = 1, **changes: Any) -> SessionInfo:
    info = SessionInfo(
        id=3,
        name="matrix",
        goal="min",
        unit="s",
        lanes=tuple(
            Lane(str(n), n, DeviceInfo("mock", n, f"MOCK-{n}", f"Model {n}")) for n in range(lanes)
        ),
        parameters=tuple(PARAMETERS),
        repeat=5,
        aggregate="med",
        size=None,
        simulated=False,
        started_s=1000.0,
        distribution="replicate" if lanes > 1 else "pipelined",
        strategy="exhaustive",
        journal="/project/journal.sqlite",
    )
    return replace(info, **changes)


def make_outcome(
    number: int, configuration: Mapping[str, Value], samples: list[float], **changes: Any
) -> Outcome:
    """The test `number`, which began at 1000 + number."""
    runs = tuple(
        Run(n, OutcomeKind.OK, "0", "MOCK-0", 1000.0 + number + 0.1 * n, 0.05, sample=sample)
        for n, sample in enumerate(samples)
    )
    outcome = Outcome(
        Configuration.from_mapping(configuration),
        OutcomeKind.OK,
        sorted(samples)[len(samples) // 2] if samples else None,
        runs,
        test_id=number,
        lane="0",
        compile_s=0.25,
        ended_s=1001.0 + number,
    )
    return replace(outcome, **changes)


def make_stored(
    parameters: Mapping[str, list[Value]] = PARAMETERS, *, lanes: int = 1, **changes: Any
) -> StoredSession:
    """A session of all combinations on each lane: the first value is the worst, noise 1 %.

    The third test of each lane fails.
    """
    source = random.Random(1)
    info = make_info(lanes, parameters=tuple(parameters))
    outcomes: list[Outcome] = []
    for lane in info.lanes:
        for values in product(*parameters.values()):
            number = len(outcomes) + 1
            configuration = dict(zip(parameters, values, strict=True))
            places = [parameters[name].index(value) for name, value in configuration.items()]
            score = 0.02 * (1 + lane.index) / (1 + sum(places))
            samples = [score * math.exp(source.gauss(0, 0.01)) for _ in range(5)]
            if number % len(list(product(*parameters.values()))) == 3:
                outcomes.append(fail(number, configuration, lane.name))
                continue
            outcome = make_outcome(number, configuration, samples, lane=lane.name)
            runs = tuple(replace(run, lane=lane.name) for run in outcome.runs)
            outcomes.append(replace(outcome, runs=runs))
    stored = StoredSession(
        info=info,
        state="complete",
        config_path="/project/tune.toml",
        outcomes=tuple(outcomes),
        notes=(Note("info", "all is well"),),
        environment={"host": "here", "harness": "1.0"},
        spec={
            "parameters": {name: list(values) for name, values in parameters.items()},
            "command": {
                "compile": "cc -DN=%BLOCK% -o app_%%ID%% app.c",
                "test": ["./app_%%ID%%", "%TILE%"],
                "environment": {"OPTIONS": "%FLAGS%"},
                "directory": "src",
            },
            "scoring": {"reference": 0.004},
        },
    )
    return replace(stored, **changes)


def fail(number: int, configuration: Mapping[str, Value], lane: str = "0") -> Outcome:
    return Outcome(
        Configuration.from_mapping(configuration),
        OutcomeKind.RUN_FAILED,
        test_id=number,
        lane=lane,
        reason="exit status 3",
        evidence=Evidence("./app", "/project", exit_code=3, output="it broke"),
        ended_s=1001.0 + number,
    )
