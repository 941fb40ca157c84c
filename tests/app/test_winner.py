"""One best: what is told at the end of a session, emitted, exported, reported and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.export.tuned import make_tuned
from harness.model import Outcome
from harness.report.groups import make_groups
from harness.store.sessions import load_overview, load_session
from tests.app.test_kernels import base, changed

__all__ = ["base"]


def spec_of(base: Path, seed: int, noise: float) -> harness.Spec:
    data: dict[str, Any] = changed(
        mock={"seed": seed, "noise": noise},
        output={"emit": [{"format": "values", "path": "tuned.json"}]},
    )
    return harness.make_spec(data, base=base)


def raw_best(outcomes: tuple[Outcome, ...]) -> Outcome:
    return min(outcomes, key=lambda outcome: outcome.score or float("inf"))


@pytest.mark.parametrize("seed", range(4))
def test_the_winner_of_the_finals_is_the_best_everywhere(base: Path, seed: int) -> None:
    for budget in (5, 9):
        spec = spec_of(base, seed, noise=0.05)
        result = harness.tune(spec, max_tests=budget)
        assert result.best is not None
        emitted = json.loads((base / "tuned.json").read_text())
        assert emitted["everywhere"] == dict(result.best.configuration)
        stored = load_session(spec.journal_path, "last")
        tuned = make_tuned([(stored.info, stored.outcomes)], {stored.info.id: stored.winners})
        assert tuned.everywhere == result.best.configuration
        (group,) = make_groups([stored])
        assert group.best is not None
        assert group.best.test_id == result.best.test_id
        shown = [o.test_id for o in load_overview(spec.journal_path, top=9).best]
        assert shown[0] == result.best.test_id
        assert sorted(shown) == sorted(o.test_id for o in stored.outcomes)
        best_score = raw_best(stored.outcomes).score
        assert group.slowdown(best_score) == 1.0


def test_finals_do_change_what_is_best(base: Path) -> None:
    """Else the test above would show nothing."""
    results = [harness.tune(spec_of(base, seed, noise=0.05), fresh=True) for seed in range(4)]
    assert any(
        result.best is not None and result.best.test_id != raw_best(result.outcomes).test_id
        for result in results
    )
