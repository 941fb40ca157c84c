"""The pure parts of bench_search: choosing without a kernel, shares of time, keeping searches."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from harness.replay.drive import Trace
from harness.replay.standing import Case, CaseScore, Field, score_case
from harness.search.beliefs import Beliefs
from tests.benchmarks.cross_validation import cross_validate
from tests.benchmarks.more_lanes import LEVEL_AT, find_shares
from tests.benchmarks.searches import Kept, name_of

SMOOTH, ROUGH = Beliefs(5), Beliefs(1)
SPACE = np.arange(1.0, 101.0)


def score(beliefs: Beliefs, field: str, found: float) -> CaseScore:
    trace = Trace(np.array([found]), np.array([1.0]), 0.0)
    return score_case(Case(name_of(beliefs), field, 1, 1), Field(field, SPACE, 1.0), [trace])


def test_a_kernel_has_no_say_in_what_is_chosen_for_it() -> None:
    found = {
        (SMOOTH, "stencil_A"): 1.0,  # perfect on two devices of one kernel
        (SMOOTH, "stencil_B"): 1.0,
        (SMOOTH, "sort_A"): 40.0,
        (SMOOTH, "fold_A"): 40.0,
        (ROUGH, "stencil_A"): 45.0,
        (ROUGH, "stencil_B"): 45.0,
        (ROUGH, "sort_A"): 20.0,
        (ROUGH, "fold_A"): 35.0,
    }
    scores = {(b, field, 1): score(b, field, loss) for (b, field), loss in found.items()}
    assert cross_validate(scores) == {"stencil": ROUGH, "sort": SMOOTH, "fold": SMOOTH}


def test_one_kernel_is_too_few() -> None:
    scores = {(SMOOTH, field, 1): score(SMOOTH, field, 5.0) for field in ("fold_A", "fold_B")}
    with pytest.raises(ValueError, match="fold only"):
        cross_validate(scores)


def reaching(at: int, tests: int, step_s: float) -> Trace:
    """A search that has found 1 after `at` tests, and 2 before; 0: never."""
    losses = np.full(tests, 2.0)
    if at:
        losses[at - 1 :] = 1.0
    return Trace(losses, np.arange(1, tests + 1, dtype=np.float64) * step_s, 0.0)


def test_shares_of_time() -> None:
    one = [reaching(at, LEVEL_AT, 1.0) for at in (40, 50, 60)]
    several = [reaching(at, LEVEL_AT, 0.125) for at in (0, 80, 40)]
    of_tests, of_reaching = find_shares(one, several)
    assert of_tests == pytest.approx(80 * 0.125 / LEVEL_AT)
    assert of_reaching == pytest.approx(80 * 0.125 / 50)
    never = [reaching(0, LEVEL_AT, 0.125)] * 3
    assert find_shares(one, never) == (math.inf, math.inf)


def test_a_search_is_kept_until_what_it_depends_on_changes(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "searches")
    trace = Trace(np.array([2.5, np.inf]), np.array([1.0, 3.0]), 0.5)
    kept.save("a search", "code 1", trace)
    found = Kept(tmp_path / "searches").load("a search", "code 1")
    assert found is not None
    assert found.losses.tolist() == [2.5, math.inf]
    assert (found.ended_s.tolist(), found.thinking_s) == ([1.0, 3.0], 0.5)
    assert kept.load("a search", "code 2") is None
    assert kept.load("another", "code 1") is None
    assert Kept(None).load("a search", "code 1") is None
