"""What may be laid side by side, and by which names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.lane import IMPORTED, Lane
from harness.measurement import Launch, Measurement, Mode
from harness.model import Outcome, OutcomeKind, Run
from harness.report.compare import compare_sessions
from harness.report.sides import Side, pair_sides

from .test_compare import INFO, LANE, TIMES, side

OTHER = replace(LANE, name="1", device=replace(LANE.device, name="Tesla T4", uuid="GPU-b"))


def measured(mode: Mode, seed: int) -> Side:
    """The same as kernels."""
    made = side(TIMES, seed)
    outcomes = []
    for outcome in made.outcomes:
        taken = Measurement(Launch((1, 1, 1), (32, 1, 1)), mode, outcome.samples)
        outcomes.append(replace(outcome, runs=(replace(outcome.runs[0], measurement=taken),)))
    return replace(made, outcomes=outcomes)


def on_two(first: float, second: float, seed: int) -> Side:
    """A session in which each device measured each configuration."""
    info = replace(INFO, lanes=(LANE, OTHER), distribution="replicate")
    outcomes: list[Outcome] = []
    for lane, factor in ((LANE, first), (OTHER, second)):
        times = {number: factor * time for number, time in TIMES.items()}
        for outcome in side(times, seed).outcomes:
            outcomes.append(replace(outcome, lane=lane.name, test_id=len(outcomes) + 1))
    return Side(f"seed {seed}", info, outcomes)


def test_each_device_is_compared_with_itself() -> None:
    found = compare_sessions(on_two(1, 3, 1), on_two(1.1, 3, 2), threshold=0.01)
    slower = {row.device for row in found.rows if row.verdict == "SLOWER"}
    assert slower == {"NVIDIA A100"}
    assert len(found.rows) == 2 * len(TIMES)
    assert {row.device: row.verdict for row in found.bests}["NVIDIA A100"] == "SLOWER"
    assert found.best is None, "there is one of each device"
    assert "SLOWER" in found.to_lines(9)[2]
    assert "NVIDIA A100: N=64" in found.to_lines(9)[2]
    assert found.to_object()["bests"][0]["device"] == "NVIDIA A100"


def test_with_unlike_devices_the_shared_ones_are_compared() -> None:
    one = side(TIMES, 1)
    with pytest.raises(ConfigError, match="their devices differ: NVIDIA A100; and NVIDIA A100, T"):
        compare_sessions(one, on_two(1, 3, 2), threshold=0.01)
    found = compare_sessions(one, on_two(1, 3, 2), threshold=0.01, unlike=True)
    assert len(found.rows) == len(TIMES)
    assert all(abs(row.comparison.ratio - 1) < 0.05 for row in found.rows)


def test_lanes_with_alike_devices_are_one() -> None:
    twin = replace(LANE, name="1", device=replace(LANE.device, uuid="GPU-b"))
    info = replace(INFO, lanes=(LANE, twin), distribution="replicate")
    both = [
        replace(outcome, lane=lane, test_id=100 * seed + outcome.test_id)
        for seed, lane in ((1, "0"), (2, "1"))
        for outcome in side(TIMES, seed).outcomes
    ]
    found = compare_sessions(Side("two", info, both), side(TIMES, 3), threshold=0.01)
    assert found.rows[0].comparison.counts == (20, 10)
    assert found.rows[0].device == ""


def test_cold_and_hot_are_never_compared_in_silence() -> None:
    cold, hot = measured("cold", 1), measured("hot", 2)
    with pytest.raises(ConfigError, match=r"cold; and hot.*--unlike"):
        pair_sides(cold, hot)
    assert any("cold; and hot" in text for text in pair_sides(cold, hot, unlike=True).warnings)
    assert not pair_sides(cold, measured("cold", 3)).warnings


def test_problems_of_different_sizes_are_never_compared_in_silence() -> None:
    small, large = (replace(side(TIMES, seed), problem={"N": n}) for seed, n in ((1, 64), (2, 128)))
    with pytest.raises(ConfigError, match="their problems differ: N=64; and N=128; with --unlike"):
        compare_sessions(small, large, threshold=0.01)
    found = compare_sessions(small, large, threshold=0.01, unlike=True)
    assert "their problems differ: N=64; and N=128" in found.warnings
    unknown = side(TIMES, 3)
    assert compare_sessions(small, unknown, threshold=0.01).rows
    assert compare_sessions(small, replace(large, problem={"N": 64}), threshold=0.01).rows


def test_what_does_not_say_how_it_was_measured_is_doubted() -> None:
    (doubt,) = pair_sides(measured("cold", 1), side(TIMES, 2)).warnings
    assert "was measured cold; seed 2 does not say" in doubt


def imported(name: str, seed: int) -> Side:
    device = replace(LANE.device, kind=IMPORTED, name=name)
    return side(TIMES, seed, lanes=(Lane("0", 0, device),))


def test_a_file_that_names_our_device_is_of_that_device() -> None:
    assert not pair_sides(side(TIMES, 1), imported("NVIDIA A100", 2)).warnings


def test_a_file_that_names_no_device_is_doubted() -> None:
    (doubt,) = pair_sides(side(TIMES, 1), imported("", 2)).warnings
    assert "does not say what it was measured on" in doubt


class TestParameters:
    def with_names(self, names: tuple[str, ...], rows: list[tuple[int, ...]]) -> Side:
        outcomes = [
            Outcome(
                Configuration(names, row),
                OutcomeKind.OK,
                1.0,
                (Run(0, OutcomeKind.OK, "0", "", 0.0, 1.0, sample=1.0),),
                number,
                lane="0",
            )
            for number, row in enumerate(rows, 1)
        ]
        return Side(",".join(names), replace(INFO, parameters=names), outcomes)

    def test_their_order_does_not_matter(self) -> None:
        pair = pair_sides(
            self.with_names(("A", "B"), [(1, 2), (3, 4)]),
            self.with_names(("B", "A"), [(2, 1), (4, 3)]),
        )
        assert pair.before.samples.keys() == pair.after.samples.keys()
        assert not pair.warnings

    def test_one_that_has_a_single_value_does_not_either(self) -> None:
        pair = pair_sides(
            self.with_names(("A", "B"), [(1, 9), (3, 9)]), self.with_names(("A",), [(1,), (3,)])
        )
        assert pair.before.samples.keys() == pair.after.samples.keys()
        assert pair.warnings == ("B = 9 is a parameter of A,B alone",)

    def test_one_that_varies_does(self) -> None:
        with pytest.raises(ConfigError, match="cannot be compared: their parameters differ"):
            pair_sides(
                self.with_names(("A", "B"), [(1, 9), (3, 8)]),
                self.with_names(("A",), [(1,), (3,)]),
            )
