"""How well distributions keep lanes busy, exactly, in virtual time."""

from __future__ import annotations

import random

import pytest

from harness.configuration import Configuration
from harness.lane import Lane

from .helpers import Listed, Session, configurations, lanes


@pytest.mark.parametrize("count", [1, 2, 8, 16, 64])
def test_lanes_scale_in_virtual_time(count: int) -> None:
    session = Session(lanes(count), run_s=lambda _l, _c: 0.05, clean=False, workers=4)
    session.run([Listed(configurations(64 * 20))])
    ideal = 64 * 20 * 0.05 / count
    assert ideal / session.elapsed_s >= 0.98


def test_pipelined_is_near_the_lower_bound() -> None:
    rng = random.Random(7)
    compile_s = {n: rng.lognormvariate(-1.6, 0.5) for n in range(600)}
    session = Session(
        lanes(4),
        repeat=7,
        workers=8,
        compile_s=lambda c: compile_s[int(c["N"])],
        run_s=lambda _l, _c: 0.02,
    ).run([Listed(configurations(600))])
    bound = max(600 * 7 * 0.02 / 4, sum(compile_s.values()) / 8)
    assert session.elapsed_s <= 1.05 * bound


def test_a_slow_lane_does_not_hold_up_the_others() -> None:
    def run_s(lane: Lane, _: Configuration) -> float:
        return 4.0 if lane.name == "0" else 1.0

    session = Session(lanes(4), run_s=run_s, compile_s=lambda _: 0.2, workers=2)
    session.run([Listed(configurations(130))])
    assert session.elapsed_s <= 1.15 * 130 / (3 + 1 / 4)


def test_idle_lanes_take_over_waiting_tests_at_the_end() -> None:
    def run_s(lane: Lane, _: Configuration) -> float:
        return 10.0 if lane.name == "0" else 1.0

    session = Session(lanes(2), run_s=run_s, clean=False).run([Listed(configurations(6))])
    assert session.elapsed_s == pytest.approx(10.0)
