"""Big synthetic journals, written without measuring anything."""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice, product
from pathlib import Path
from typing import Any

from harness.configuration import Configuration, Value
from harness.lane import DeviceInfo, Lane
from harness.model import Outcome, OutcomeKind, Run
from harness.store.base import SessionStart
from harness.store.journal import open_journal
from harness.store.rows import RUN_COLUMNS, dump_configuration, run_values

PARAMETERS: dict[str, tuple[Value, ...]] = {
    "BLOCK_X": (16, 32, 64, 128, 256),
    "BLOCK_Y": (1, 2, 4, 8, 16),
    "TILE_X": (1, 2, 4, 8),
    "TILE_Y": (1, 2, 4, 8),
    "UNROLL": (0, 1, 2, 4),
    "VECTOR": (1, 2, 4),
    "PADDING": (False, True),
    "FLAGS": ("", "-use_fast_math", "-maxrregcount=64"),
    "STAGES": (1, 2, 3, 4),
}
LANES = 4


def make_lanes() -> tuple[Lane, ...]:
    return tuple(
        Lane(str(n), n, DeviceInfo("mock", n, f"MOCK-{n}", "RTX A4000", simulated=True))
        for n in range(LANES)
    )


def invent_outcomes(tests: int, repeat: int) -> Iterator[Outcome]:
    """Tests of a space with structure, on lanes in turn; 3 % fail."""
    source = random.Random(1)
    names = tuple(PARAMETERS)
    space = list(islice(product(*PARAMETERS.values()), 4 * tests))
    source.shuffle(space)
    clock = [0.0] * LANES
    for number in range(1, tests + 1):
        values = space[(number - 1) % len(space)]
        lane = (number - 1) % LANES
        places = [PARAMETERS[name].index(value) for name, value in zip(names, values, strict=True)]
        score = 1e-3 * math.exp(0.1 * sum(places[:4]) + 0.05 * places[0] * places[2])
        failed = source.random() < 0.03
        runs = []
        for index in range(0 if failed else repeat):
            sample = score * math.exp(source.gauss(0, 0.01))
            runs.append(
                Run(
                    index,
                    OutcomeKind.OK,
                    str(lane),
                    f"MOCK-{lane}",
                    clock[lane],
                    sample,
                    sample=sample,
                    exit_code=0,
                )
            )
            clock[lane] += sample * 1.2
        samples = sorted(run.sample for run in runs if run.sample is not None)
        yield Outcome(
            Configuration(names, values),
            OutcomeKind.COMPILE_FAILED if failed else OutcomeKind.OK,
            samples[len(samples) // 2] if samples else None,
            tuple(runs),
            test_id=number,
            key=f"key {number}",
            lane=str(lane),
            reason="exit status 1" if failed else "",
            compile_s=1.0,
            ended_s=clock[lane],
        )


def make_journal(path: Path, tests: int, repeat: int) -> None:
    """A journal with one complete session of so many tests and runs."""
    lanes = make_lanes()
    start = SessionStart(
        name="synthetic",
        config_path=str(path.parent / "synthetic.toml"),
        spec_key="synthetic",
        spec_json="{}",
        goal="min",
        unit="s",
        repeat=repeat,
        aggregate="med",
        parameters=tuple(PARAMETERS),
        lanes=lanes,
        simulated=True,
        harness_version="synthetic",
        environment={},
        distribution="pipelined",
        strategy="exhaustive",
        started_s=0.0,
        premises="{}",
    )
    with open_journal(path) as journal:
        session = journal.begin(start, fresh=True).session_id
        journal.end("complete", 1.0, {})
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF")
        columns = len(RUN_COLUMNS.split(","))
        for outcome in invent_outcomes(tests, repeat):
            db.execute(
                "INSERT INTO tests (session, id, key, configuration, lane, created_s, compile_s, "
                "outcome, score, reason, ended_s, cleaned_s) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                _test_row(session, outcome),
            )
            db.executemany(
                f"INSERT INTO runs (session, {RUN_COLUMNS}) "
                f"VALUES ({','.join('?' * (1 + columns))})",
                [(session, *run_values(outcome.test_id, run, {})) for run in outcome.runs],
            )
        db.commit()


def _test_row(session: int, outcome: Outcome) -> tuple[Any, ...]:
    return (
        session,
        outcome.test_id,
        outcome.key,
        dump_configuration(outcome.configuration),
        outcome.lane,
        0.0,
        outcome.compile_s,
        outcome.kind.value,
        outcome.score,
        outcome.reason,
        outcome.ended_s,
        outcome.ended_s,
    )
