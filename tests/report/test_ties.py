"""Which tests may be as good as the best: by the finals, and where there were none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.cli import main
from harness.configuration import Value
from harness.report.groups import make_groups
from harness.report.html.report import make_report
from harness.report.ties import find_ties
from harness.store.base import StoredSession
from harness.store.sessions import load_session
from tests.app.test_kernels import base, changed
from tests.report.html.test_report import Reader

from .helpers import make_info, make_outcome, make_stored

__all__ = ["base"]

BASE: dict[str, Value] = {"BLOCK": 8, "TILE": 1, "FLAGS": "-O2"}


def test_the_tie_set_is_what_samples_cannot_tell_apart() -> None:
    best = [1.0, 1.01, 1.02, 1.03, 1.04]
    outcomes = (
        make_outcome(1, BASE, best),
        make_outcome(2, BASE, [sample + 0.005 for sample in best]),  # the same but for noise
        make_outcome(3, BASE, [sample + 0.025 for sample in best]),  # overlaps, and is slower
        make_outcome(4, BASE, [sample + 0.1 for sample in best]),  # does not even overlap
        make_outcome(5, BASE, [1.2]),  # a single sample proves nothing, however far away
    )
    (group,) = make_groups([make_stored(outcomes=outcomes)])
    ties = find_ties(group)
    assert ties is not None
    assert ties.proven
    assert [outcome.test_id for outcome in ties.outcomes] == [1, 2, 3, 5]
    assert 1 not in ties.comparisons
    assert ties.comparisons[2].low <= 1 <= ties.comparisons[2].high


def test_samples_without_a_ratio_are_compared_by_their_order() -> None:
    best = [-1.0, -1.01, -1.02, -1.03, -1.04]
    outcomes = (
        make_outcome(1, BASE, best),
        make_outcome(2, BASE, [sample + 0.005 for sample in best]),
        make_outcome(3, BASE, [sample + 0.025 for sample in best]),
        make_outcome(4, BASE, [0.0, 0.0, 0.0, 0.0]),
    )
    (group,) = make_groups([make_stored(outcomes=outcomes)])
    ties = find_ties(group)
    assert ties is not None
    assert sorted(outcome.test_id for outcome in ties.outcomes) == [1, 2, 3]
    assert not ties.comparisons
    shown = Reader(make_report([make_stored(outcomes=outcomes)], "")).text
    assert "2 other tests are not told from the best" in shown
    assert shown.count("none: samples of 0 or below") == 2


def test_too_few_samples_prove_nothing() -> None:
    outcomes = (
        make_outcome(1, BASE, [1.0, 1.1]),
        make_outcome(2, BASE, [1.05, 1.2]),
        make_outcome(3, BASE, [1.5, 1.6]),
    )
    (group,) = make_groups([make_stored(outcomes=outcomes)])
    ties = find_ties(group)
    assert ties is not None
    assert not ties.proven
    assert [outcome.test_id for outcome in ties.outcomes] == [1, 2]


def test_without_a_score_nothing_is_tied() -> None:
    (group,) = make_groups([make_stored(outcomes=())])
    assert find_ties(group) is None


def standing(test: int, ratio: float, low: float, high: float, *, tied: bool) -> dict[str, Any]:
    return {"test": test, "median_s": ratio, "ratio": ratio, "low": low, "high": high} | {
        "p": 0.5 if tied else 0.0,
        "tied": tied,
    }


def with_finals(*, tied: bool, state: str = "complete") -> StoredSession:
    """Test 2 won the finals, in which test 1 was tied with it or not; test 4 shares its binary."""
    samples = [1.0, 1.01, 1.02, 1.03, 1.04]
    outcomes = (
        make_outcome(1, BASE, samples),
        make_outcome(2, BASE, [sample + 0.005 for sample in samples]),
        make_outcome(3, BASE, [sample + 0.006 for sample in samples]),
        make_outcome(4, BASE, [sample + 0.005 for sample in samples], copy_of=2),
    )
    standings = [
        standing(2, 1, 1, 1, tied=True),
        standing(1, 1.02, 0.99 if tied else 1.015, 1.05, tied=tied),
        standing(3, 1.1, 1.05, 1.15, tied=False),
    ]
    said: Mapping[str, Any] = {
        "best": {"test": 2},
        "finals": [{"lane": "0", "winner": 2, "standings": standings}],
    }
    return make_stored(outcomes=outcomes, state=state, summary=said)


@pytest.mark.parametrize(("tied", "expected"), [(True, [2, 4, 1]), (False, [2, 4])])
def test_the_tie_set_is_that_of_the_finals(tied: bool, expected: list[int]) -> None:
    stored = with_finals(tied=tied)
    (group,) = make_groups([stored])
    ties = find_ties(group)
    assert ties is not None
    assert [outcome.test_id for outcome in ties.outcomes] == expected
    text = Reader(make_report([stored], "library")).text
    assert "3 finalists were measured anew, in turns, on lane 0; test 2 won" in text
    assert ("2 other tests are tied" if tied else "1 other test is tied") in text
    assert ("tied 1.020 [0.9900, 1.050]" if tied else "worse 1.020 [1.015, 1.050]") in text
    assert "same binary as test 2" in text
    assert "No finals" not in text


def test_finals_of_a_session_that_goes_on_may_not_hold_any_more() -> None:
    (group,) = make_groups([with_finals(tied=True, state="killed")])
    assert group.ranking is None
    assert group.best is not None
    assert group.best.test_id == 1


def test_without_finals_the_choice_of_the_best_is_told() -> None:
    text = Reader(make_report([make_stored()], "library")).text
    assert "No finals were measured: the best was chosen as the least of 23 scores" in text
    assert "though it was picked for its score" in text
    benched = Reader(make_report([make_stored(info=make_info(strategy="bench"))], "library")).text
    assert "Compared one by one at 95 %" in benched
    assert "the choice" not in benched


@pytest.mark.parametrize(("noise", "tied"), [(0.0005, False), (0.2, True)])
def test_tune_show_and_report_agree_on_the_finals(
    base: Path, noise: float, tied: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = harness.make_spec(changed(mock={"seed": 1, "noise": noise}), base=base)
    first = harness.tune(spec, max_tests=5)
    result = harness.tune(spec, max_tests=8)
    (line,) = [line for line in result.summary.to_lines() if line.startswith("finals of")]
    assert ("tied with it" in line) == tied
    with pytest.raises(SystemExit):
        main(["show", "--journal", str(spec.journal_path)])
    shown = capsys.readouterr().out
    assert [row for row in shown.splitlines() if "finals of" in row] == [line]
    assert first.info.id == result.info.id
    stored = load_session(spec.journal_path)
    (group,) = make_groups([stored])
    ties = find_ties(group)
    assert ties is not None
    assert group.ranking is not None
    assert group.ranking.describe() == line
    named = {f"test {outcome.test_id}" for outcome in ties.outcomes}
    assert all(name in line for name in named)
    text = Reader(make_report([stored], "library")).text
    assert "5 finalists were measured anew" in text
    assert text.count("finals of") == 0  # not among the notes, where earlier ones would be, too


def test_show_says_that_there_were_no_finals(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = changed(kernel={"measure": {"finalists": False}})
    spec = harness.make_spec(data, base=base)
    harness.tune(spec)
    with pytest.raises(SystemExit):
        main(["show", "--journal", str(spec.journal_path)])
    assert (
        "no finals were measured: the best was chosen as the least of 9" in capsys.readouterr().out
    )
