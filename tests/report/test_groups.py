from __future__ import annotations

from dataclasses import replace

import pytest

from harness.configuration import Value
from harness.errors import ConfigError
from harness.model import OutcomeKind
from harness.report.groups import best_so_far, find_reference, make_groups, rank

from .helpers import make_info, make_outcome, make_stored

BASE: dict[str, Value] = {"BLOCK": 8, "TILE": 1, "FLAGS": "-O2"}


def test_a_session_is_a_group_and_so_is_each_lane_of_a_replicate() -> None:
    assert [group.label for group in make_groups([make_stored()])] == ["session 3"]
    groups = make_groups([make_stored(lanes=2)])
    assert [group.label for group in groups] == ["0: Model 0", "1: Model 1"]
    assert [len(group.outcomes) for group in groups] == [24, 24]
    assert groups[1].best is not None
    assert dict(groups[1].best.configuration) == {"BLOCK": 64, "TILE": 3, "FLAGS": "-O3"}
    assert groups[1].device == "Model 1"


def test_sessions_of_different_things_are_refused() -> None:
    other = make_stored(info=make_info(id=4, unit="GFLOP/s"))
    with pytest.raises(ConfigError, match=r"sessions 3 and 4 .*their unit differ"):
        make_groups([make_stored(), other])


def test_slowdown_is_of_the_best_whichever_the_goal() -> None:
    (least,) = make_groups([make_stored()])
    (greatest,) = make_groups([make_stored(info=make_info(goal="max"))])
    for group in (least, greatest):
        assert group.best is not None
        assert group.best.score is not None
        assert group.slowdown(group.best.score) == 1
        worst = rank(group)[-1].score
        assert (group.slowdown(worst) or 0) > 1
        assert group.slowdown(None) is None
        assert group.slowdown(-1.0) is None


def test_best_so_far_is_in_the_order_in_which_tests_ended() -> None:
    outcomes = (
        make_outcome(1, BASE, [3.0], ended_s=1030.0),
        make_outcome(2, BASE, [2.0], ended_s=1010.0),
        make_outcome(3, BASE, [], kind=OutcomeKind.TIMEOUT, ended_s=1015.0),
        make_outcome(4, BASE, [1.0], ended_s=1040.0),
    )
    (group,) = make_groups([make_stored(outcomes=outcomes)])
    steps = best_so_far(group)
    assert [(step.place, step.at_s, step.score) for step in steps] == [(1, 10, 2), (4, 40, 1)]


def test_interrupted_tests_have_no_part() -> None:
    stored = make_stored()
    stored = replace(
        stored,
        outcomes=(*stored.outcomes, make_outcome(99, BASE, [], kind=OutcomeKind.INTERRUPTED)),
    )
    (group,) = make_groups([stored])
    assert len(group.outcomes) == 24


def test_without_a_score_there_is_no_best() -> None:
    (group,) = make_groups([make_stored(outcomes=())])
    assert group.best is None
    assert best_so_far(group) == []


def test_the_reference_is_the_configs() -> None:
    assert find_reference(make_stored()) == 0.004
    assert find_reference(make_stored(spec={})) is None
