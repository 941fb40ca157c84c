from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.lane import IMPORTED, DeviceInfo, Lane
from harness.measurement import Launch, Measurement
from harness.model import Outcome, OutcomeKind, Run
from harness.report.history import BEST, Track, describe_track, make_tracks, to_object
from harness.store.base import BENCH
from harness.store.history import Entry

from .helpers import make_info

START_S = 1.7e9
A, B = Configuration(("N",), (1,)), Configuration(("N",), (2,))
LANE = Lane("0", 0, DeviceInfo("cuda", 0, "GPU-a", "A100"))


def outcome(configuration: Configuration, score: float, lane: str = "0") -> Outcome:
    runs = tuple(Run(n, OutcomeKind.OK, lane, "", 0.0, score, sample=score) for n in range(5))
    return Outcome(configuration, OutcomeKind.OK, score, runs, test_id=1, lane=lane)


def entry(
    number: int,
    outcomes: Sequence[Outcome],
    *,
    environment: Mapping[str, str] | None = None,
    problem: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Entry:
    given = {"strategy": BENCH, "lanes": (LANE,), "started_s": START_S + 86400 * number, **changes}
    info = replace(make_info(), id=number, parameters=("N",), **given)
    return Entry(info, tuple(outcomes), environment or {}, problem or {})


def series(medians: Sequence[float], configuration: Configuration = A) -> list[Entry]:
    """Benches at 1 % noise, of a commit each."""
    source = random.Random(1)
    return [
        entry(
            number,
            [outcome(configuration, median * math.exp(source.gauss(0, 0.01)))],
            environment={"git_commit": f"{number:02}" + 38 * "a", "git_changed": "no"},
        )
        for number, median in enumerate(medians, 1)
    ]


def follow(entries: Sequence[Entry], threshold: float = 0.01) -> list[Track]:
    return make_tracks(entries, threshold=threshold)


def test_a_slowdown_is_dated() -> None:
    (track,) = follow(series([1.0] * 12 + [1.05] * 6))
    (shift,) = track.shifts
    assert (shift.place, shift.verdict) == (12, "SLOWER")
    assert shift.comparison.ratio == pytest.approx(1.05, abs=0.01)
    assert shift.comparison.low < 1.05 < shift.comparison.high
    assert track.regressed
    title, table, lines = describe_track(track)
    assert title == "matrix on A100: N=1"
    assert table[13][:1] + table[13][2:3] + table[13][4:] == ("13", "13aaaaaaaa", "SLOWER")
    assert "from session 12 (commit 12aaaaaaaa) to session 13" in lines[0]
    made = to_object(track)
    assert made["changes"][0]["to"] == {"session": 13, "commit": "13" + 38 * "a"}
    assert made["regressed"] is True


def test_a_speed_up_after_it_is_no_regression() -> None:
    (track,) = follow(series([1.0] * 10 + [1.1] * 10 + [0.9] * 10))
    assert [shift.verdict for shift in track.shifts] == ["SLOWER", "FASTER"]
    assert not track.regressed


def test_changes_below_the_threshold_do_not_matter() -> None:
    entries = series([1.0] * 15 + [1.05] * 15)
    (track,) = follow(entries, threshold=0.10)
    assert not track.shifts
    assert describe_track(track)[2] == ["no change of level"]


def test_of_rates_less_is_slower() -> None:
    entries = [
        replace(each, info=replace(each.info, goal="max", unit="GFLOP/s"))
        for each in series([100.0] * 10 + [90.0] * 10)
    ]
    (track,) = follow(entries)
    assert track.shifts[0].verdict == "SLOWER"
    assert track.shifts[0].comparison.ratio == pytest.approx(1 / 0.9, abs=0.02)


def test_few_sessions_prove_nothing_and_say_so() -> None:
    (track,) = follow(series([1.0, 1.0, 9.0, 9.0]))
    assert not track.shifts
    assert describe_track(track)[2] == [
        f"with fewer than {track.needs} sessions no change can be told from chance"
    ]


def test_what_is_unlike_is_kept_apart() -> None:
    other = Lane("0", 0, DeviceInfo("cuda", 0, "GPU-b", "T4"))
    mock = Lane("0", 0, DeviceInfo("mock", 0, "MOCK-0", "A100", simulated=True))
    foreign = Lane("0", 0, DeviceInfo(IMPORTED, 0, "", "A100"))
    hot = outcome(A, 1.0)
    taken = Measurement(Launch((1, 1, 1), (32, 1, 1)), "hot", (1.0, 1.0))
    hot = replace(hot, runs=(replace(hot.runs[0], measurement=taken),))
    entries = [
        entry(1, [outcome(A, 1.0), outcome(B, 2.0)]),
        entry(2, [outcome(A, 1.0)], lanes=(other,)),
        entry(3, [outcome(A, 1.0)], lanes=(mock,), simulated=True),
        entry(4, [outcome(A, 1.0)], lanes=(foreign,)),
        entry(5, [outcome(A, 1.0)], problem={"SIZE": 4096}),
        entry(6, [hot]),
        entry(7, [outcome(A, 1.0)], strategy="exhaustive"),
        entry(8, [outcome(A, 1.0)], unit="GB/s"),
        entry(9, [outcome(A, 1.0)], name="other"),
        entry(10, [outcome(A, 1.0)]),
    ]
    tracks = follow(entries)
    assert [len(track.points) for track in tracks] == [2, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert {track.title for track in tracks} >= {
        "matrix on A100: N=1 (simulated)",
        "matrix on A100: N=1 (imported)",
        "matrix on A100: N=1 (SIZE=4096)",
        "matrix on A100: N=1 (hot)",
        "matrix on T4: N=1",
        "matrix on A100: best",
    }


def test_lanes_with_alike_devices_are_one_point() -> None:
    twin = replace(LANE, name="1", device=replace(LANE.device, uuid="GPU-b"))
    (track,) = follow([entry(1, [outcome(A, 1.0), outcome(A, 3.0, "1")], lanes=(LANE, twin))])
    (point,) = track.points
    assert point.score == 2.0
    assert len(point.samples) == 10


def test_the_best_is_followed_whatever_it_is() -> None:
    entries = [
        entry(number, [outcome(configuration, 1.0)], strategy="model")
        for number, configuration in ((1, A), (2, B))
    ]
    (track,) = follow(entries)
    assert track.label == BEST
    _, table, _ = describe_track(track)
    assert [row[-1] for row in table] == ["WITH", "N=1", "N=2"]


def test_points_are_in_the_order_of_time() -> None:
    late, early = entry(1, [outcome(A, 1.0)]), entry(2, [outcome(A, 1.0)], started_s=START_S)
    (track,) = follow([late, early])
    assert [point.session for point in track.points] == [2, 1]


def test_a_commit_that_files_differed_from_is_marked() -> None:
    environment = {"git_commit": "abc123", "git_changed": "yes"}
    (track,) = follow([entry(1, [outcome(A, 1.0)], environment=environment)])
    assert describe_track(track)[1][1][2] == "abc123+"
    assert to_object(track)["points"][0]["changed"] is True


def test_scores_that_have_no_ratio_are_shown_all_the_same() -> None:
    (track,) = follow([entry(number, [outcome(A, 0.0)]) for number in range(12)])
    assert len(track.points) == 12
    assert not track.shifts
    said = "changes are not looked for: there is no ratio to scores of 0 or below"
    assert describe_track(track)[2] == [said]


class TestPlot:
    def test_a_picture_of_each_format(self, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        from harness.report.history_plot import save_history  # noqa: PLC0415 - an extra

        tracks = follow([*series([1.0] * 10 + [1.1] * 10), entry(99, [outcome(B, 2.0)])])
        for form, begin in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
            path = tmp_path / f"history.{form}"
            save_history(path, tracks, form)
            assert path.read_bytes().startswith(begin)

    def test_nothing_is_no_picture(self, tmp_path: Path) -> None:
        from harness.report.history_plot import save_history  # noqa: PLC0415 - an extra

        with pytest.raises(ConfigError, match="0 series"):
            save_history(tmp_path / "history.png", [], "png")
