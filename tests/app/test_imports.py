"""Results of other tools in the journal: read like any session, never taken for our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import harness
from harness.app.imports import import_results
from harness.errors import ConfigError
from harness.export.csv import format_csv
from harness.model import OutcomeKind
from harness.replay.load import load_recording
from harness.replay.recording import Scale
from harness.store.base import StoredSession
from harness.store.sessions import list_sessions, load_session
from tests.replay.helpers import (
    TABLE,
    kernel_tuner_object,
    t4_object,
    write_json,
    write_kernel_tuner,
    write_t4,
)

BEST = {"BLOCK": 64, "MODE": "row"}


def write_csv(path: Path) -> Path:
    """The log of a session that was imported from T4."""
    journal = path.with_suffix(".sqlite")
    import_results(str(write_t4(path.with_suffix(".t4.json"))), journal)
    stored = load_session(journal)
    path.write_text(format_csv(stored.info, stored.outcomes))
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def put(journal: Path, source: Path) -> StoredSession:
    number = import_results(str(source), journal).info.id
    return load_session(journal, str(number))


@pytest.mark.parametrize("write", [write_t4, write_kernel_tuner, write_csv])
def test_what_a_file_says_is_what_the_journal_says(
    tmp_path: Path, journal: Path, write: Callable[[Path], Path]
) -> None:
    stored = put(journal, write(tmp_path / "results.file"))
    assert (stored.state, stored.info.unit, stored.info.goal) == ("complete", "s", "min")
    found = {o.configuration: o for o in stored.outcomes}
    assert len(found) == len(TABLE)
    best = min((o for o in found.values() if o.score), key=lambda o: o.score or 0.0)
    assert dict(best.configuration) == BEST
    assert best.score == pytest.approx(0.002)
    assert best.samples == pytest.approx((0.0025, 0.002, 0.0015))
    assert sum(o.score is None for o in found.values()) == 2
    assert stored.info.imported
    assert stored.info.origin == f"imported from {tmp_path / 'results.file'}"
    assert "imported from" in stored.notes[0].text
    assert "put one after the other" in stored.notes[0].text


def test_how_a_test_ended_is_kept_where_the_file_says(tmp_path: Path, journal: Path) -> None:
    stored = put(journal, write_t4(tmp_path / "results.json"))
    kinds = {o.configuration["BLOCK"]: o.kind for o in stored.outcomes}
    assert kinds[16] is OutcomeKind.COMPILE_FAILED
    assert stored.info.aggregate == "avg", "the scores are the means of these samples"
    assert all(o.compile_s == pytest.approx(0.1) for o in stored.outcomes)


def test_a_device_that_nobody_named_has_no_name(tmp_path: Path, journal: Path) -> None:
    content = {**kernel_tuner_object(), "device_name": "unknown"}
    stored = put(journal, write_json(tmp_path / "cache.json", content))
    assert stored.info.lanes[0].device.name == ""


def test_the_same_file_is_imported_once(tmp_path: Path, journal: Path) -> None:
    first = import_results(str(write_t4(tmp_path / "one.json")), journal)
    again = import_results(str(write_t4(tmp_path / "copy.json")), journal)
    assert (first.known, again.known) == (False, True)
    assert again.info.id == first.info.id
    other = import_results(str(tmp_path / "one.json"), journal, device="A100")
    assert not other.known, "said to be of another device, it is another statement"
    assert len(list_sessions(journal)) == 2


def test_an_import_that_was_killed_goes_on(tmp_path: Path, journal: Path) -> None:
    path = write_t4(tmp_path / "one.json")
    first = import_results(str(path), journal)
    _as_if_killed(journal, first.info.id)
    again = import_results(str(path), journal)
    assert (again.known, again.info.id) == (False, first.info.id)
    assert len(load_session(journal).outcomes) == len(TABLE)


def _as_if_killed(journal: Path, session: int) -> None:
    from harness.store.schema import connect  # noqa: PLC0415 - nothing else needs the tables

    db = connect(journal)
    db.execute("UPDATE sessions SET state = 'running' WHERE id = ?", (session,))
    db.execute("DELETE FROM runs WHERE session = ? AND test > 2", (session,))
    db.execute("DELETE FROM tests WHERE session = ? AND id > 2", (session,))
    db.close()


def test_simulated_results_stay_simulated(tmp_path: Path, journal: Path) -> None:
    content = {**t4_object(), "metadata": {"simulated": True, "name": "kernel", "device": "X"}}
    stored = put(journal, write_json(tmp_path / "one.json", content))
    assert stored.info.simulated
    assert stored.info.name == "kernel"
    assert stored.info.lanes[0].device.name == "X"
    assert stored.info.origin.endswith(", simulated")


def test_times_of_the_file_are_kept(tmp_path: Path, journal: Path) -> None:
    content = t4_object()
    for second, result in enumerate(content["results"]):
        result["timestamp"] = f"2024-03-01 12:00:{second:02}.5+00:00"
    stored = put(journal, write_json(tmp_path / "one.json", content))
    ends = [outcome.ended_s for outcome in stored.outcomes]
    assert ends == [1709294400.5 + second for second in range(len(ends))]
    assert 1709294390 < stored.info.started_s < 1709294400.5
    assert "when tests ended is the file's" in stored.notes[0].text


def test_no_test_that_is_made_here_takes_an_imported_result(tmp_path: Path) -> None:
    spec = harness.make_spec(
        {
            "name": "kernel",
            "backend": "none",
            "parameters": {"BLOCK": [32, 64], "MODE": ["row"]},
            "command": {"test": "echo %BLOCK% %MODE%"},
        },
        base=tmp_path,
    )
    path = spec.journal_path
    imported = put(path, write_t4(tmp_path / "kernel.json"))
    result = harness.tune(spec, warm_start=[str(imported.info.id)])
    assert len(result.outcomes) == 2
    assert all(outcome.reused_from is None for outcome in result.outcomes)
    assert result.info.id != imported.info.id


def test_an_imported_session_can_be_replayed(tmp_path: Path, journal: Path) -> None:
    put(journal, write_t4(tmp_path / "one.json"))
    recording = load_recording(f"{journal}:1")
    assert dict(recording.best[0]) == BEST


class TestLogs:
    def write(self, folder: Path, text: str) -> Path:
        path = folder / "log.csv"
        path.write_text(text)
        return path

    def test_values_have_the_types_that_they_look_like(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path,
            "TestNo, A, B, C, D, Score_1, Score_2, Score_Overall\r\n"
            "1, 16, 0.5, -O2, 007, 3.0, 2.0, 2.0\r\n2, 32, 1e3, -O3, x, , , \r\n",
        )
        recording = load_recording(path)
        first, second = recording.measurements.items()
        assert first[0].values_ == (16, 0.5, "-O2", "007")
        assert second[0].values_ == (32, 1000.0, "-O3", "x")
        assert (first[1].score, first[1].samples) == (2.0, (3.0, 2.0))
        assert second[1].kind is OutcomeKind.RUN_FAILED

    def test_what_our_own_says_of_simulation_is_kept(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path, "TestNo,A,Score_1,Score_Overall,gflops,Simulated\n1,2,3.0,3.0,9.5,1\n"
        )
        assert load_recording(path).simulated
        assert load_recording(path).space.names == ("A",)

    def test_our_own_says_what_its_scores_are(self, tmp_path: Path, journal: Path) -> None:
        stored = put(journal, write_t4(tmp_path / "a.t4.json"))
        info = replace(stored.info, goal="max", unit="GB/s")
        path = self.write(tmp_path, format_csv(info, stored.outcomes))
        imported = import_results(str(path), journal)
        assert (imported.info.goal, imported.info.unit) == ("max", "GB/s")
        assert not imported.assumed
        assert imported.best is not None
        assert imported.best.score == max(o.score or 0.0 for o in stored.outcomes)
        import_results(str(path), journal, scale=Scale("max", "GB/s"))
        with pytest.raises(ConfigError, match="the greatest is best, in GB/s"):
            import_results(str(path), journal, scale=Scale("min", "GB/s"))

    def test_figures_of_merit_are_imported_as_such(self, tmp_path: Path, journal: Path) -> None:
        path = self.write(tmp_path, "TestNo,A,Score_1,Score_Overall\n1,2,3.0,3.0\n2,4,9.0,9.0\n")
        assert import_results(str(path), journal).assumed
        imported = import_results(str(path), journal, scale=Scale("max", "GFLOP/s"))
        assert (imported.info.goal, imported.info.unit) == ("max", "GFLOP/s")
        assert imported.best is not None
        assert dict(imported.best.configuration) == {"A": 4}

    def test_of_a_log_of_several_lanes_the_first_is_read(
        self, tmp_path: Path, journal: Path
    ) -> None:
        lines = ["TestNo,Lane,Score_1,Score_Overall,Lane", "1,5,2,2,left", "2,5,1,1,right"]
        path = self.write(tmp_path, "\n".join([*lines, "3,6,4,4,left", "4,6,3,3,right"]))
        imported = import_results(str(path), journal)
        assert imported.best is not None
        assert (imported.tests, imported.best.score) == (2, 2.0)
        assert dict(imported.best.configuration) == {"Lane": 5}
        (warning,) = imported.warnings
        assert warning.startswith("2 results of")
        assert "of other lanes than the first" in warning

    def test_figures_of_merit_may_be_negative(self, tmp_path: Path, journal: Path) -> None:
        path = self.write(tmp_path, "TestNo,A,Score_1,Score_Overall\n1,2,-3,-3\n2,4,0,0\n")
        imported = import_results(str(path), journal, scale=Scale("max", "points"))
        assert imported.best is not None
        assert (imported.best.score, imported.tests, imported.failed) == (0.0, 2, 0)
        info = replace(imported.info, simulated=False)
        stored = load_session(journal, str(imported.info.id))
        again = self.write(tmp_path, format_csv(info, stored.outcomes))
        assert load_recording(again).best[1].score == 0.0

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("TestNo,A,B\n1,2,3\n", "row 1: .*Score_Overall"),
            ("TestNo,Score_1,Score_Overall\n1,2,3\n", "row 1: .*the parameters"),
            ("TestNo,A,A,Score_1,Score_Overall\n1,2,2,3,3\n", "a different name"),
            ("TestNo,A,Score_1,Score_Overall\n1,2,3\n", "row 2: 3 cells; expected 4"),
            ("TestNo,A,Score_1,Score_1,Score_Overall\n1,2,3,3,3\n", "Score_1 is there twice; rena"),
            ("TestNo,A,Score_1,Score_Overall\n1,2,,\n", "none of 1 recorded"),
            ("TestNo,A,Score_1,Score_Overall\n1,2,1e20,1e20\n", "none of 1 recorded"),
            ("TestNo,A,Score_1,Score_Overall\n", "no row below the header"),
            (
                "TestNo,A,Score_1,Score_2,Score_Overall\n1,2,1,1,1\n2,3,1,0,1\n",
                "row 3: Score_2 = 0: a time must be above 0; .*--optimal and --unit",
            ),
            (
                "TestNo,A,Score_Overall,Optimal,Unit\n1,2,-1,min,s\n",
                "row 2: Score_Overall = -1: a time must be above 0; correct the file",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            load_recording(self.write(tmp_path, text))


def test_a_journal_is_not_imported(tmp_path: Path, journal: Path) -> None:
    put(journal, write_t4(tmp_path / "one.json"))
    with pytest.raises(ConfigError, match="--journal"):
        import_results(f"{journal}:1", tmp_path / "other.sqlite")


def test_only_logs_need_to_be_told_what_they_hold(tmp_path: Path, journal: Path) -> None:
    with pytest.raises(ConfigError, match="do not say what"):
        import_results(str(write_t4(tmp_path / "one.json")), journal, scale=Scale("max", "GFLOP/s"))
