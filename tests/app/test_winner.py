"""One best: what is told at the end of a session, emitted, exported, reported and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app.bench import Wanted, prepare_bench
from harness.app.sides import load_side
from harness.export.json import format_json
from harness.export.tuned import make_tuned
from harness.model import Outcome
from harness.report.compare import compare_sessions
from harness.report.groups import make_groups
from harness.store.history import load_history
from harness.store.sessions import list_sessions, load_overview, load_session
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


def test_comparisons_benches_and_lists_follow_the_winner(base: Path) -> None:
    for seed in range(4):
        spec = spec_of(base, seed, noise=0.05)
        result = harness.tune(spec, fresh=True)
        assert result.best is not None
        journal = spec.journal_path
        side = load_side("last", journal)
        (row,) = compare_sessions(side, side, threshold=0.01).bests
        assert row.configuration == result.best.configuration
        stored = load_session(journal)
        export = base / "session.json"
        export.write_text(format_json(stored.info, stored.outcomes, stored.winners))
        assert load_side(str(export), journal).winners == stored.winners
        for source in (None, "last", str(export)):
            bench = prepare_bench(spec, Wanted(source=source))
            assert list(bench.setup.space) == [result.best.configuration]
        assert list_sessions(journal)[0].best == result.best.score
        (followed,) = load_history(journal)[-1].outcomes
        assert followed.test_id == result.best.test_id


def test_finals_do_change_what_is_best(base: Path) -> None:
    """Else the test above would show nothing."""
    results = [harness.tune(spec_of(base, seed, noise=0.05), fresh=True) for seed in range(4)]
    assert any(
        result.best is not None and result.best.test_id != raw_best(result.outcomes).test_id
        for result in results
    )
