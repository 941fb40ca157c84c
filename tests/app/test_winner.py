"""One best: what is told at the end of a session, emitted, exported, reported and shown."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.app.bench import Wanted, prepare_bench
from harness.app.sides import load_side
from harness.cli import main
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


def test_only_tests_of_alike_devices_meet_in_the_finals(base: Path) -> None:
    for seed in range(4):
        data = changed(mock={"seed": seed, "devices": ["A100", "H100", "T4"]})
        result = harness.tune(harness.make_spec(data, base=base), fresh=True)
        best = result.best
        assert best is not None
        models = {lane.name: lane.device.name for lane in result.info.lanes}
        device = models[raw_best(result.outcomes).lane]
        assert models[best.lane] == device
        (finals,) = result.summary.to_object()["finals"]
        met = {each["test"] for each in finals["standings"]}
        assert {models[o.lane] for o in result.outcomes if o.test_id in met} == {device}
        lines = result.summary.to_lines()
        assert any(line.startswith(f"best on {best.lane} ({device}): ") for line in lines)


def test_a_race_says_how_many_have_a_score(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = changed(kernel={**changed()["kernel"], "measure": {"stop": "race"}})
    spec = harness.make_spec(data, base=base)
    result = harness.tune(spec)
    kinds = Counter(outcome.kind.value for outcome in result.outcomes)
    assert kinds["censored"]
    for options, texts in (
        (["--top", "1"], [f"… the best 1 of {kinds['ok']}; --top N"]),
        ([], [f"{kinds['censored']} given up in the race; `harness show 1 --failures`"]),
        (["--failures"], ["censored: slower than the best"]),
    ):
        with pytest.raises(SystemExit):
            main(["show", *options, "--journal", str(spec.journal_path)])
        shown = capsys.readouterr().out
        assert all(text in shown for text in texts), shown
