"""Devices that are lost after the search, while tests are measured again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.model import OutcomeKind
from harness.report.progress import Progress
from harness.store.sessions import load_session
from tests.app.test_kernels import base, changed, tune

__all__ = ["base"]


def lose(lane: str, seed: int, **tables: Any) -> dict[str, Any]:
    """A session of four tests per lane at most; the lane's device is lost a few runs later."""
    return changed(
        parameters={"BLOCK": [64, 128], "ITEMS": [1, 2]},
        mock={"seed": seed, "lost": [lane], **tables},
    )


def texts(progress: Progress, *words: str) -> list[str]:
    return [note.text for note in progress.notes if any(word in note.text for word in words)]


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_finals_whose_device_is_lost_begin_anew_on_another_lane(base: Path, seed: int) -> None:
    """However many of their rounds there were: those of two lanes are no finals."""
    data = lose("0", seed=seed)
    result = tune(base, data)
    assert result.complete
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.OK] * 4
    assert {outcome.lane for outcome in result.outcomes} == {"0", "1"}  # not lost in the search
    lost, finals = texts(result.summary.progress, "lost", "finals")
    assert lost == "lane 0: its device was lost; lanes left: 1"
    assert finals.startswith("finals of 4 on lane 1: ")
    stored = load_session(base / ".harness" / "journal.sqlite")
    for outcome in stored.outcomes:
        rounds = [run for run in outcome.runs if run.index > 0]
        assert {(run.lane, run.kind) for run in rounds} == {("1", OutcomeKind.OK)}
    again = tune(base, data)
    assert again.summary.to_object()["finals"] == result.summary.to_object()["finals"]
    assert not texts(again.summary.progress, "lost")


def test_finals_without_a_lane_are_left_out_and_tried_the_next_time(base: Path) -> None:
    data = lose("0", seed=1)
    data["parallel"] = 1
    result = tune(base, data)
    assert result.complete
    lost = "lane 0: its device was lost; lanes left: none"
    assert texts(result.summary.progress, "lost", "finals") == [lost]
    again = tune(base, data)  # the device is there again, for as many runs as before
    assert not again.summary.progress.tested
    assert texts(again.summary.progress, "lost", "finals") == [lost]
    assert result.best is not None
    assert again.best is not None
    assert (again.best.test_id, again.best.score) == (result.best.test_id, result.best.score)


def test_lane_of_its_own_that_is_lost_in_its_finals_has_searched(base: Path) -> None:
    data = lose("1", seed=3)
    data["distribution"] = "replicate"
    result = tune(base, data)
    assert result.complete
    assert result.summary.lost == ()
    finals, lost = texts(result.summary.progress, "lost", "finals")
    assert finals.startswith("finals of 4 on lane 0: ")
    assert lost == "lane 1: its device was lost; lanes left: 0"
    assert {outcome.lane for outcome in result.summary.progress.best.values()} == {"0", "1"}
