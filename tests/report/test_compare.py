from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.export.json import format_json
from harness.lane import DeviceInfo, Lane
from harness.model import Outcome, OutcomeKind, Run, SessionInfo
from harness.replay.exported import load_exported
from harness.report.compare import Comparisons, compare_sessions
from harness.report.sides import Side
from tests.replay.helpers import change

LANE = Lane("0", 0, DeviceInfo("cuda", 0, "GPU-a", "NVIDIA A100"))
INFO = SessionInfo(
    id=1,
    name="kernel",
    goal="min",
    unit="s",
    lanes=(LANE,),
    parameters=("N",),
    repeat=10,
    aggregate="med",
    size=None,
    simulated=False,
    started_s=1.7e9,
    distribution="pipelined",
    strategy="exhaustive",
    journal="",
)
TIMES = {16: 3.0, 32: 2.0, 64: 1.0, 128: 4.0}


def side(times: Mapping[int, float], seed: int, count: int = 10, **changes: Any) -> Side:
    """A session that took `count` samples of 1 % noise around each of these times."""
    source = random.Random(seed)
    outcomes = []
    for number, median in times.items():
        samples = [median * math.exp(source.gauss(0, 0.01)) for _ in range(count)]
        runs = tuple(
            Run(n, OutcomeKind.OK, "0", "GPU-a", 0.0, sample, sample=sample)
            for n, sample in enumerate(samples)
        )
        configuration = Configuration(("N",), (number,))
        outcomes.append(Outcome(configuration, OutcomeKind.OK, min(samples), runs, lane="0"))
    info = replace(INFO, **changes)
    return Side(f"seed {seed}", info, outcomes)


def compare(first: Side, second: Side, *, unlike: bool = False) -> Comparisons:
    return compare_sessions(first, second, threshold=0.01, unlike=unlike)


def verdicts(found: Comparisons) -> dict[object, str]:
    return {row.configuration["N"]: row.verdict for row in found.rows}


def test_what_became_slower_and_faster_is_found_and_the_rest_is_not() -> None:
    found = compare(side(TIMES, 1), side({**TIMES, 32: 2.2, 16: 2.7, 256: 1.0}, 2))
    assert found.rows[0].configuration["N"] == 32, "the worst change comes first"
    known = verdicts(found)
    assert (known[32], known[16]) == ("SLOWER", "FASTER")
    assert {known[64], known[128]} <= {"SAME", "UNCLEAR"}
    assert 256 not in known
    assert found.regressed


def test_the_best_is_compared_with_the_best() -> None:
    found = compare(side(TIMES, 1), side({**TIMES, 64: 2.5}, 2))
    assert found.best is not None
    assert (found.best.configuration["N"], found.best.verdict) == (32, "SLOWER")
    assert found.best.before == Configuration(("N",), (64,))
    shown = "\n".join(found.to_lines(10))
    assert "best: SLOWER" in shown
    assert "was: N=64" in shown


def test_sessions_of_one_build_are_told_apart_in_at_most_5_percent() -> None:
    trials = 200
    wrong = sum(
        compare(side(TIMES, 2 * trial), side(TIMES, 2 * trial + 1)).regressed
        for trial in range(trials)
    )
    # the family of configurations and the best: each at most half of 5 %, as only SLOWER counts
    assert wrong <= 0.05 * trials


def test_few_samples_prove_nothing_and_say_so() -> None:
    found = compare(side(TIMES, 1, 1), side({**TIMES, 64: 9.0}, 2, 1))
    assert set(verdicts(found).values()) == {"UNCLEAR"}
    assert not found.regressed
    assert "scoring.repeat" in found.to_lines(10)[-1]
    assert found.to_object()["configurations"][0]["high"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"simulated": True},
        {"lanes": (replace(LANE, device=replace(LANE.device, name="Tesla T4")),)},
    ],
)
def test_unlike_sessions_are_never_compared_in_silence(change: dict[str, Any]) -> None:
    first, second = side(TIMES, 1), side(TIMES, 2, **change)
    with pytest.raises(ConfigError, match="--unlike"):
        compare(first, second)
    assert compare(first, second, unlike=True).to_lines(1)[0].startswith("warning: ")


@pytest.mark.parametrize("change", [{"unit": "ms"}, {"goal": "max"}, {"parameters": ("M",)}])
def test_what_measures_something_else_is_not_compared(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="cannot be compared"):
        compare(side(TIMES, 1), side(TIMES, 2, **change), unlike=True)


def test_simulated_sessions_say_so() -> None:
    both = [side(TIMES, seed, simulated=True) for seed in (1, 2)]
    assert "both sessions are simulated" in compare(*both).to_lines(1)[0]


def test_what_has_no_ratio_is_left_out_and_told() -> None:
    """And is not said to be in one session only."""
    first, second = side(TIMES, 1, unit="points"), side(TIMES, 2, unit="points")
    outcomes = list(second.outcomes)
    runs = tuple(replace(run, sample=0.0) for run in outcomes[0].runs)
    outcomes[0] = replace(outcomes[0], score=0.0, runs=runs)
    found = compare(first, replace(second, outcomes=outcomes))
    assert len(found.rows) == len(TIMES) - 1
    assert found.alone == ((), ())
    told = "warning: 1 configuration left out: there is no ratio to samples of 0 or below"
    assert told in found.to_lines(9)


def test_many_changes_are_cut_short() -> None:
    slower = {number: 2 * time for number, time in TIMES.items()}
    lines = compare(side(TIMES, 1), side(slower, 2)).to_lines(1)
    assert "… and 3 more" in lines[-1]


class TestExports:
    def write(self, folder: Path, of: Side) -> Path:
        path = folder / "session.json"
        path.write_text(format_json(of.info, of.outcomes))
        return path

    def test_come_back_the_same_for_a_comparison(self, tmp_path: Path) -> None:
        before = side(TIMES, 1)
        path = self.write(tmp_path, before)
        info, outcomes, _ = load_exported(path, path.read_bytes())
        assert info.lanes[0].device.model == LANE.device.model
        assert [o.samples for o in outcomes] == [o.samples for o in before.outcomes]
        assert not compare(before, Side("again", info, outcomes)).regressed

    @pytest.mark.parametrize(
        ("place", "value", "message"),
        [
            ("goal", "most", r"session.json: goal: invalid enum value 'most'; correct the file"),
            ("tests/1/score", "x", r"tests\[1\].score: expected `float \| null`, got `str`"),
            ("tests/0/outcome", "odd", r"tests\[0\].outcome: invalid enum value 'odd'"),
            ("tests/0/parameters", {"B": 1}, r"tests\[0\].parameters: B; expected .*: "),
            ("tests/0/runs/0/measurement", {"metrics": 3}, r"tests\[0\].runs\[0\].measurement: "),
        ],
    )
    def test_what_is_wrong_inside_is_named_with_its_place(
        self, tmp_path: Path, place: str, value: object, message: str
    ) -> None:
        path = self.write(tmp_path, side(TIMES, 1))
        content = change(json.loads(path.read_text()), place, value)
        with pytest.raises(ConfigError, match=message):
            load_exported(path, json.dumps(content).encode())

    def test_a_key_that_is_missing_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"x.json: goal: missing"):
            load_exported(tmp_path / "x.json", b'{"session": 1, "name": "x"}')


def test_it_says_how_many_samples_so_many_configurations_take() -> None:
    times = dict.fromkeys(range(1, 9), 1.0)
    lines = compare(side(times, 1, 5), side(times, 2, 5)).to_lines(20)
    assert lines[-1].endswith("with scoring.repeat = 6")
    assert "to judge 8 configurations at once, 6 of each" in lines[-1]
    enough = compare(side(times, 1, 6), side(times, 2, 6)).to_lines(20)
    assert "too few" not in "\n".join(enough)


def test_what_one_session_took_from_the_other_is_not_judged() -> None:
    first = side(TIMES, 1)
    copied = [replace(outcome, reused_from=1) for outcome in first.outcomes[:3]]
    own = side(TIMES, 2).outcomes[3]
    found = compare(first, replace(first, outcomes=[*copied, own], info=replace(INFO, id=2)))
    assert [row.configuration["N"] for row in found.rows] == [128]
    assert [key[1]["N"] for key in found.shared] == [16, 32, 64]
    assert not found.bests, "the best is the same measurement"
