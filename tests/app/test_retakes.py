"""Suspect measurements are made again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import harness
from harness.app.kernel_measures import RETAKES
from harness.app.retakes import MOST, find_suspect_tests, restore, revise, share_revised
from harness.configuration import Configuration
from harness.measurement import SUSPECT, Launch, Measurement
from harness.model import Outcome, OutcomeKind, Run
from harness.store.sessions import load_session
from tests.app.test_kernels import SOURCE, changed, tune


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "scale.cu").write_text(SOURCE)
    (tmp_path / "scale.h").write_text("#define FACTOR 2\n")
    (tmp_path / "scale_reference.py").write_text("def scale(x, y, n):\n    return 2 * x\n")
    (tmp_path / ".harness").mkdir()
    return tmp_path


def make_run(
    at_s: float,
    look_s: float,
    *flags: str,
    retake: bool = False,
    sample: float = 1.0,
    kind: OutcomeKind = OutcomeKind.OK,
) -> Run:
    launch = Launch((1, 1, 1), (32, 1, 1))
    measurement = Measurement(
        launch, "cold", (sample,), sentinel_s=look_s, flags=flags, retake=retake
    )
    index = RETAKES[0] if retake else 0
    value = sample if kind is OutcomeKind.OK else None
    return Run(index, kind, "0", "MOCK", at_s, 0.1, value, measurement=measurement)


def make_outcome(number: int, *runs: Run) -> Outcome:
    first = runs[0]
    configuration = Configuration(("A",), (number,))
    return Outcome(configuration, first.kind, first.sample, runs, number, f"k{number}", "0")


END = make_run(9.0, 1.5, "drifted")


def test_what_is_flagged_is_suspect_and_a_power_limit_is_not() -> None:
    flags = ["throttled", "shared", "drifted", "power_capped"]
    made = [make_outcome(n, make_run(n, 1.0 + n, flag)) for n, flag in enumerate(flags)]
    assert find_suspect_tests(made[:2] + made[3:], {}) == {0: ("throttled",), 1: ("shared",)}
    assert find_suspect_tests([made[2]], {}) == {2: ("drifted",)}


def test_what_was_measured_between_a_good_look_and_a_bad_one_is_suspect() -> None:
    looks = [(1.0, ()), (1.0, ()), (1.01, ()), (1.01, ()), (1.3, ("drifted",)), (1.0, ())]
    made = [make_outcome(n, make_run(n, look, *flags)) for n, (look, flags) in enumerate(looks)]
    assert set(find_suspect_tests(made, {})) == {2, 3, 4}
    assert set(find_suspect_tests(made, {"0": END})) == {2, 3, 4, 5}
    assert set(find_suspect_tests(made, {"1": END})) == {2, 3, 4}


def test_failures_copies_and_what_was_made_again_are_not() -> None:
    bad = make_run(1.0, 1.0, "throttled")
    failed = make_outcome(1, replace(bad, kind=OutcomeKind.RUN_FAILED, sample=None))
    copy = replace(make_outcome(2, bad), copy_of=5)
    again = make_outcome(3, bad, make_run(2.0, 1.0, retake=True))
    given_up = make_outcome(4, replace(bad, kind=OutcomeKind.CENSORED, sample=None))
    assert find_suspect_tests([failed, copy, again, given_up], {}) == {4: ("throttled",)}


def test_a_retake_counts_if_nothing_speaks_against_it() -> None:
    first = make_run(1.0, 1.0, "throttled", sample=3.0)
    good = make_run(2.0, 1.0, "power_capped", retake=True, sample=2.0)
    bad = make_run(3.0, 1.0, "shared", retake=True, sample=9.0)
    outcome = make_outcome(1, first)
    assert revise(replace(outcome, runs=(first, bad))).score == 3.0
    revised = revise(replace(outcome, runs=(first, good, bad)))
    assert (revised.score, revised.samples) == (2.0, (2.0,))
    assert (restore(revised).score, restore(revised).kind) == (3.0, OutcomeKind.OK)


def test_what_was_given_up_while_throttled_may_be_good_after_all() -> None:
    lost = make_run(1.0, 1.0, "throttled", kind=OutcomeKind.CENSORED)
    outcome = make_outcome(1, lost, make_run(2.0, 1.0, retake=True, sample=0.5))
    revised = revise(outcome)
    assert (revised.kind, revised.score, revised.reason) == (OutcomeKind.OK, 0.5, "")
    assert restore(revised).kind is OutcomeKind.CENSORED


DATA = changed(
    parameters={"BLOCK": [64, 128, 256], "ITEMS": list(range(1, 31))},
    mock={"throttling": 0.25, "seed": 6, "compile_s": 1.5},
    kernel={"measure": {"stop": "repeat"}},
    scoring={"repeat": 20},
)


def test_a_session_measures_again_what_was_throttled_and_keeps_both(base: Path) -> None:
    result = tune(base, DATA)
    assert result.complete
    (note,) = [n for n in result.summary.progress.notes if "retakes" in n.details]
    again = [outcome for outcome in result.outcomes if outcome.has_retake]
    assert again
    assert f"{len(again)} of them well" in note.text
    for outcome in again:
        first, measured = outcome.runs[0], outcome.measured
        assert measured is not None
        assert first.sample is not None
        assert outcome.score == measured.sample
        assert measured.measurement is not None
        assert not SUSPECT & set(measured.measurement.flags)
    taken = Counter(
        outcome.test_id
        for outcome in result.outcomes
        for run in outcome.runs
        if run.measurement and run.measurement.retake
    )
    assert len(taken) <= MOST
    assert max(taken.values()) <= len(RETAKES)


def test_what_a_retake_said_is_in_the_journal_and_stays(base: Path) -> None:
    result = tune(base, DATA)
    journal = base / ".harness" / "journal.sqlite"
    stored = {outcome.test_id: outcome for outcome in load_session(journal).outcomes}
    for outcome in result.outcomes:
        assert stored[outcome.test_id].score == outcome.score
        assert stored[outcome.test_id].samples == outcome.samples
    resumed = tune(
        base, {**DATA, "kernel": {**DATA["kernel"], "measure": {"stop": "repeat", "retake": False}}}
    )
    assert not resumed.summary.progress.tested
    assert [o.score for o in resumed.outcomes] == [o.score for o in result.outcomes]


def test_it_can_be_left_out(base: Path) -> None:
    measure = {"stop": "repeat", "retake": False, "finalists": False}
    result: harness.Result = tune(base, {**DATA, "kernel": {**DATA["kernel"], "measure": measure}})
    assert all(len(outcome.runs) == 1 for outcome in result.outcomes)
    assert any("suspect" in note.text for note in result.summary.progress.notes)


def test_a_copy_gets_what_its_twin_got() -> None:
    lost = make_run(1.0, 1.0, "throttled", kind=OutcomeKind.CENSORED)
    before = make_outcome(1, lost)
    copy = replace(make_outcome(2, lost), copy_of=1)
    after = revise(replace(before, runs=(lost, make_run(2.0, 1.0, retake=True, sample=0.5))))
    revised = share_revised(after, [before, copy, make_outcome(3, lost)])
    assert [outcome.test_id for outcome in revised] == [1, 2]
    for outcome in revised:
        assert (outcome.kind, outcome.score, outcome.samples) == (OutcomeKind.OK, 0.5, (0.5,))
    assert revised[1].configuration == copy.configuration
