"""What the journal keeps, resumes and reuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.configuration import Configuration
from harness.errors import StoreError
from harness.events import BuildEnded, Note, RunEnded, TestCreated, TestEnded
from harness.model import Build, Evidence, OutcomeKind, Phase, Test
from harness.store.journal import SqliteJournal, open_journal
from harness.store.sessions import load_session
from tests.store.helpers import (
    make_lane,
    make_outcome,
    make_run,
    make_start,
    make_test,
    whole_test,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".harness" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    with open_journal(path) as opened:
        yield opened


def reopen(path: Path) -> SqliteJournal:
    """The journal as the next process finds it."""
    return open_journal(path, create=False)


def test_a_new_session_starts_from_nothing(journal: SqliteJournal) -> None:
    begun = journal.begin(make_start(), fresh=False)
    assert (begun.session_id, begun.resumed, begun.next_test_id) == (1, False, 1)
    assert begun.outcomes == ()
    assert begun.unfinished == ()


def test_what_is_recorded_comes_back_the_same(journal: SqliteJournal, path: Path) -> None:
    names = ("I", "F", "B", "S")
    test = Test(1, Configuration(names, (10**17, 1.0, True, "1")), "key", "0")
    run = make_run(
        sample=0.1,
        exit_code=0,
        user_s=0.25,
        system_s=0.125,
        max_rss_bytes=1 << 40,
        involuntary_switches=3,
        stdout="line\n\0é",
        stderr="warning",
    )
    outcome = make_outcome(
        test, run, compile_s=2.5, compile_started_s=1000.25, compile_seat="compile"
    )
    build = Build(Phase.COMPILE, OutcomeKind.OK, "compile", 1000.25, 2.5)
    note = Note("warning", "hot", 7.0, {"celsius": 90})
    journal.begin(make_start(parameters=names), fresh=False)
    journal.record([TestCreated(test, 1000.0), BuildEnded(test, build), RunEnded(test, run)])
    journal.record([TestEnded(outcome), note])
    journal.end("complete", 1010.0, {"tests": 1})

    stored = load_session(path)
    assert stored.outcomes == (outcome,)
    assert [type(value) for value in stored.outcomes[0].configuration.values_] == [
        int,
        float,
        bool,
        str,
    ]
    assert stored.notes == (note,)
    assert stored.state == "complete"
    assert stored.summary == {"tests": 1}
    assert stored.info.lanes == (make_lane(),)
    assert stored.environment == {"host": "here"}


def test_a_failure_keeps_its_evidence(journal: SqliteJournal, path: Path) -> None:
    evidence = Evidence("./app_1", "/project", None, 11, "segmentation fault")
    run = make_run(sample=None, reason="signal 11", signal=11, evidence=evidence)
    test = make_test(1)
    outcome = make_outcome(test, run, reason="run 1: signal 11", evidence=evidence)
    journal.begin(make_start(), fresh=False)
    journal.record([TestCreated(test, 0.0), RunEnded(test, run), TestEnded(outcome)])
    assert load_session(path).outcomes == (outcome,)


def test_text_that_is_no_unicode_is_kept_readable(journal: SqliteJournal, path: Path) -> None:
    broken = b"caf\xe9".decode(errors="surrogateescape")
    test = make_test(1)
    evidence = Evidence("./app", f"/home/{broken}", 1, None, broken)
    run = make_run(sample=None, stdout=broken, evidence=evidence, reason=broken)
    journal.begin(make_start(environment={"folder": broken}), fresh=False)
    journal.record(whole_test(test, run, reason=broken, evidence=evidence))
    journal.record([Note("info", broken, 0.0, {"text": broken})])
    (outcome,) = load_session(path).outcomes
    assert outcome.runs[0].stdout.startswith("caf")
    assert outcome.reason.startswith("caf")


class TestResume:
    def test_goes_on_with_final_outcomes_and_unfinished_tests(
        self, journal: SqliteJournal, path: Path
    ) -> None:
        journal.begin(make_start(), fresh=False)
        done, lost, open_, untouched = (make_test(number) for number in (1, 2, 3, 4))
        good, bad = make_run(0), make_run(1, None, kind=OutcomeKind.DEVICE_LOST)
        journal.record(whole_test(done))
        journal.record(whole_test(lost, good, bad, kind=OutcomeKind.DEVICE_LOST, score=None))
        journal.record([TestCreated(open_, 0.0), RunEnded(open_, good), TestCreated(untouched, 0)])
        journal.close()

        with reopen(path) as again:
            begun = again.begin(make_start(started_s=2000.0), fresh=False)
        assert (begun.session_id, begun.resumed, begun.next_test_id) == (1, True, 5)
        (outcome,) = begun.outcomes
        assert outcome.test_id == 1
        assert outcome.samples == (0.5, 0.75)
        assert begun.unfinished == ((lost, (good,)), (open_, (good,)), (untouched, ()))

    def test_knows_what_was_not_cleaned(self, journal: SqliteJournal, path: Path) -> None:
        journal.begin(make_start(), fresh=False)
        cleaned, failed, killed, open_ = (make_test(number) for number in (1, 2, 3, 4))
        for test in (cleaned, failed, killed):
            journal.record(whole_test(test))
        journal.record([TestCreated(open_, 0.0)])
        for test, kind in (
            (cleaned, OutcomeKind.OK),
            (failed, OutcomeKind.COMPILE_FAILED),
            (killed, OutcomeKind.INTERRUPTED),
        ):
            build = Build(Phase.CLEAN, kind, "worker 1", 1000.0, 0.5)
            journal.record([BuildEnded(test, build)])
        journal.close()

        with reopen(path) as again:
            begun = again.begin(make_start(), fresh=False)
        assert begun.uncleaned == (killed, open_)

    def test_a_failed_run_is_replaced_and_a_good_one_never(
        self, journal: SqliteJournal, path: Path
    ) -> None:
        journal.begin(make_start(), fresh=False)
        test = make_test(1)
        journal.record([TestCreated(test, 0.0), RunEnded(test, make_run(0, None))])
        journal.record([RunEnded(test, make_run(0, 0.25))])
        journal.record([RunEnded(test, make_run(0, 9.0))])
        journal.record([TestEnded(make_outcome(test, make_run(0, 0.25)))])
        assert load_session(path).outcomes[0].samples == (0.25,)

    def test_what_began_anew_on_another_lane_replaces_what_was(
        self, journal: SqliteJournal, path: Path
    ) -> None:
        journal.begin(make_start(), fresh=False)
        test = make_test(1)
        runs = [make_run(0, 0.25), make_run(1, 0.5)]
        journal.record([TestCreated(test, 0.0), *(RunEnded(test, run) for run in runs)])
        anew = [replace(make_run(0, 0.75), lane="1"), replace(make_run(1, 1.0), lane="1")]
        failed = replace(make_run(1, None), lane="1")
        journal.record([RunEnded(test, run) for run in (*anew, failed)])
        journal.record([TestEnded(make_outcome(test, *anew))])
        assert load_session(path).outcomes[0].samples == (0.75, 1.0)

    def test_a_final_outcome_is_never_replaced(self, journal: SqliteJournal, path: Path) -> None:
        journal.begin(make_start(), fresh=False)
        test, run = make_test(1), make_run()
        journal.record(whole_test(test, run, kind=OutcomeKind.INTERRUPTED, score=None))
        first = make_outcome(test, run)
        journal.record([TestEnded(first)])
        journal.record([TestEnded(replace(first, score=0.001))])
        journal.record([TestEnded(replace(first, kind=OutcomeKind.INTERRUPTED, score=None))])
        assert load_session(path).outcomes == (first,)

    def test_another_key_is_another_session(self, journal: SqliteJournal, path: Path) -> None:
        journal.begin(make_start("a"), fresh=False)
        journal.close()
        with reopen(path) as other:
            assert other.begin(make_start("b"), fresh=False).session_id == 2
        with reopen(path) as again:
            assert again.begin(make_start("a"), fresh=False).session_id == 1

    def test_earlier_runs_keep_their_environment_when_lanes_move(
        self, journal: SqliteJournal, path: Path
    ) -> None:
        journal.begin(make_start(), fresh=False)
        journal.record(whole_test(make_test(1), make_run()))
        journal.close()
        moved = make_lane("0", 0, "MOCK-7")
        with reopen(path) as again:
            again.begin(make_start(lanes=(moved,)), fresh=False)
            run = make_run(device_uuid="MOCK-7", environment=moved.environment)
            again.record(whole_test(make_test(2), run))
        seen = [
            dict(outcome.runs[0].environment)["CUDA_VISIBLE_DEVICES"]
            for outcome in load_session(path).outcomes
        ]
        assert seen == ["MOCK-0", "MOCK-7"]

    def test_two_invocations_at_once_do_not_share_a_session(
        self, journal: SqliteJournal, path: Path
    ) -> None:
        first = journal.begin(make_start(), fresh=False)
        with reopen(path) as other:
            second = other.begin(make_start(), fresh=False)
            assert not second.resumed
            assert second.session_id != first.session_id
        journal.close()
        with reopen(path) as later:
            assert later.begin(make_start(), fresh=False).resumed

    def test_an_ended_session_can_be_resumed_by_another(
        self, journal: SqliteJournal, path: Path
    ) -> None:
        first = journal.begin(make_start(), fresh=False)
        journal.end("interrupted", 1.0, {})
        with reopen(path) as other:
            assert other.begin(make_start(), fresh=False).session_id == first.session_id


def test_looking_at_a_session_on_other_lanes_leaves_it_as_it_was(
    journal: SqliteJournal, path: Path
) -> None:
    journal.begin(make_start(), fresh=False)
    journal.record(whole_test(make_test(1)))
    journal.end("complete", 1.0, {})
    two = (make_lane("0"), make_lane("1", 1, "MOCK-1"))
    with reopen(path) as again:
        again.begin(make_start(lanes=two, environment={"host": "there"}), fresh=False)
        again.record([Note("info", "nothing to do")])
        assert [lane.name for lane in load_session(path).info.lanes] == ["0"]
        assert load_session(path).environment == {"host": "here"}
        again.record(whole_test(make_test(2)))
        assert [lane.name for lane in load_session(path).info.lanes] == ["0", "1"]
        assert load_session(path).environment == {"host": "there"}


@pytest.mark.parametrize(
    ("here", "place"),
    [
        ([("left", "MOCK-0"), ("right", "MOCK-1")], "left"),  # the same device
        ([("a", "MOCK-8"), ("0", "MOCK-9")], "0"),  # others of the model: that of the same name
        ([("a", "MOCK-8"), ("b", "MOCK-9")], "a"),
    ],
)
def test_a_result_of_another_session_is_put_on_the_lane_that_stands_for_its_own(
    path: Path, here: list[tuple[str, str]], place: str
) -> None:
    with open_journal(path) as first:
        first.begin(make_start(), fresh=False)
        first.record(whole_test(make_test(1, "known")))
        first.end("complete", 1.0, {})
    lanes = tuple(make_lane(name, at, uuid) for at, (name, uuid) in enumerate(here))
    with open_journal(path) as second:
        second.begin(make_start("other", lanes=lanes), fresh=False)
        found = second.find("known")
    assert found is not None
    assert found.lane == place
    assert found.runs[0].device_uuid == "MOCK-0", "where it was measured is not forgotten"


def test_what_fresh_puts_aside_is_counted(journal: SqliteJournal, path: Path) -> None:
    assert journal.begin(make_start(), fresh=True).put_aside == 0
    journal.record([*whole_test(make_test(1)), *whole_test(make_test(2))])
    journal.close()
    for expected in (2, 0):
        with reopen(path) as again:
            assert again.begin(make_start(), fresh=True).put_aside == expected


class TestReuse:
    def record(self, path: Path, key: str, *, fresh: bool = False, **outcome: object) -> int:
        """A session of one test, whose own key is `key`."""
        with open_journal(path) as journal:
            begun = journal.begin(make_start(f"spec of {key}"), fresh=fresh)
            journal.record(whole_test(make_test(begun.next_test_id, key), make_run(), **outcome))
            journal.end("complete", 1.0, {})
        return begun.session_id

    def test_an_earlier_sessions_outcome_is_found_with_its_runs(self, path: Path) -> None:
        session = self.record(path, "known")
        with open_journal(path) as journal:
            journal.begin(make_start("other"), fresh=False)
            found = journal.find("known")
            assert found is not None
            assert (found.reused_from, found.samples, found.score) == (session, (0.5,), 0.5)
            assert journal.find("unknown") is None

    def test_the_copy_says_where_it_is_from_and_is_not_a_source(self, path: Path) -> None:
        session = self.record(path, "known")
        with open_journal(path) as journal:
            begun = journal.begin(make_start("other"), fresh=False)
            found = journal.find("known")
            assert found is not None
            test = make_test(1, "known")
            journal.record([TestCreated(test, 0.0), TestEnded(replace(found, test_id=1))])
        stored = load_session(path, str(begun.session_id))
        assert stored.outcomes[0].reused_from == session
        assert stored.outcomes[0].samples == (0.5,)
        with open_journal(path) as journal:
            journal.begin(make_start("third"), fresh=False)
            again = journal.find("known")
            assert again is not None
            assert again.reused_from == session

    @pytest.mark.parametrize(
        "kind",
        [
            OutcomeKind.CENSORED,
            OutcomeKind.TIMEOUT,
            OutcomeKind.INTERRUPTED,
            OutcomeKind.DEVICE_LOST,
        ],
    )
    def test_what_might_end_differently_is_not_reused(self, path: Path, kind: OutcomeKind) -> None:
        self.record(path, "known", kind=kind, score=None)
        with open_journal(path) as journal:
            journal.begin(make_start("other"), fresh=False)
            assert journal.find("known") is None

    def test_nothing_from_before_a_fresh_session_is_reused(self, path: Path) -> None:
        self.record(path, "old")
        fresh = self.record(path, "new", fresh=True)
        with open_journal(path) as journal:
            journal.begin(make_start("other"), fresh=False)
            assert journal.find("old") is None
            found = journal.find("new")
            assert found is not None
            assert found.reused_from == fresh

    def test_nothing_from_before_a_fresh_session_is_resumed(self, path: Path) -> None:
        old = self.record(path, "old")
        self.record(path, "new", fresh=True)
        with open_journal(path) as journal:
            begun = journal.begin(make_start("spec of old"), fresh=False)
            assert begun.session_id != old
            assert not begun.resumed
            assert journal.find("old") is None

    def test_fresh_leaves_the_results_of_other_configs_alone(self, path: Path) -> None:
        old = self.record(path, "old")
        self.record(path, "new", fresh=True)
        with open_journal(path) as journal:
            journal.begin(make_start("other", config_path="/project/other.toml"), fresh=False)
            found = journal.find("old")
            assert found is not None
            assert found.reused_from == old

    def test_a_fresh_session_finds_nothing(self, path: Path) -> None:
        self.record(path, "old")
        with open_journal(path) as journal:
            begun = journal.begin(make_start("spec of old"), fresh=True)
            assert not begun.resumed
            assert journal.find("old") is None


def test_a_batch_is_recorded_whole_or_not_at_all(journal: SqliteJournal, path: Path) -> None:
    journal.begin(make_start(), fresh=False)
    bad = make_run(started_s=object())  # which SQLite cannot hold
    with pytest.raises(StoreError, match="cannot record results"):
        journal.record([TestCreated(make_test(1), 0.0), RunEnded(make_test(1), bad)])
    journal.record(whole_test(make_test(2)))
    assert [outcome.test_id for outcome in load_session(path).outcomes] == [2]
    with reopen(path) as again:
        journal.close()
        assert again.begin(make_start(), fresh=False).unfinished == ()
