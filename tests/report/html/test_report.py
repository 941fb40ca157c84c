from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from harness.configuration import Value
from harness.events import Note
from harness.lane import IMPORTED
from harness.measurement import Launch, Measurement
from harness.model import OutcomeKind, Run
from harness.report.groups import make_groups
from harness.report.html.axes import label, label_all, scale_of, short
from harness.report.html.course import draw_progress, draw_scores
from harness.report.html.landscape import _thin
from harness.report.html.report import make_report
from harness.report.html.use import find_use
from harness.store.base import StoredSession
from tests.report.helpers import PARAMETERS, make_info, make_outcome, make_stored

ATTACK = "</script><script>alert(1)</script>"


class Reader(HTMLParser):
    """What a browser would see: tags, ids, links, and texts outside scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._stack: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self._stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._stack.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self._stack[-1:] != ["script"] and self._stack[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    @property
    def ids(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "id"]


def unpack(page: str) -> list[dict[str, Any]]:
    found = re.search(r'id="figures">([^<]*)<', page)
    assert found is not None
    figures: list[dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return figures


@pytest.fixture(scope="module")
def page() -> str:
    return make_report([make_stored()], "library")


def test_sections_stand_in_the_order_of_their_importance(page: str) -> None:
    expected = "summary best progress scores importance effects parallel pairs lanes samples"
    ids = Reader(page).ids
    found = [name for name in ids if name in expected.split()]
    assert found == expected.split()
    assert "failures" in ids
    assert "environment" in ids
    assert "warnings" not in ids  # nothing to warn of
    assert "devices" not in ids


def test_the_basics_of_a_page(page: str) -> None:
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>matrix: tuning report</title>" in page
    assert 'name="viewport"' in page
    reader = Reader(page)
    assert reader.tags.count("h1") == 1
    assert {"nav", "main", "header", "caption", "figure"} <= set(reader.tags)
    links = [value or "" for name, value in reader.attributes if name == "href"]
    assert {link.removeprefix("#") for link in links} <= set(reader.ids)  # nothing leads outside
    drawn = [value for name, value in reader.attributes if name == "data-figure"]
    assert drawn == [str(place) for place in range(len(unpack(page)))]
    labels = [value for name, value in reader.attributes if name == "aria-label"]
    assert all(labels)


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert "default-src 'none'" in page
    assert not {"link", "img", "iframe"} & set(Reader(page).tags)
    assert not [name for name, _ in Reader(page).attributes if name == "src"]


def test_tables_say_what_matters(page: str) -> None:
    text = Reader(page).text
    assert "The best: test 24" in text
    assert "24: 23 ok, 1 run_failed" in text
    assert "Reference: 4.00 ms; the best is" in text
    assert "it broke" in text
    for line in ("cd /project/src", "export OPTIONS=-O3", "cc -DN=64 -o app_24 app.c"):
        assert line in text
    assert "./app_24 3" in text
    assert "all is well" in text


def test_warnings_come_first() -> None:
    stored = make_stored(state="interrupted", notes=(Note("warning", "the lanes are unlike"),))
    reader = Reader(make_report([stored], "library"))
    assert next(name for name in reader.ids if name != "content") == "warnings"
    assert "The session was interrupted" in reader.text
    assert "the lanes are unlike" in reader.text


def test_simulated_says_so_everywhere() -> None:
    page = make_report([make_stored(info=make_info(simulated=True))], "library")
    text = Reader(page).text
    assert "Simulated: these results come from mock devices" in text
    assert text.count("(simulated)") >= 2
    axes = [figure["layout"].get("yaxis", {}).get("title", {}) for figure in unpack(page)]
    titles = [axis["text"] for axis in axes if axis.get("text", "").startswith(("score", "sample"))]
    assert len(titles) == 4
    assert all("simulated" in title for title in titles)


def test_imported_results_say_where_they_are_from() -> None:
    info = make_info()
    device = replace(info.lanes[0].device, kind=IMPORTED, recording="results.t4.json")
    stored = make_stored(info=replace(info, lanes=(replace(info.lanes[0], device=device),)))
    text = Reader(make_report([stored], "library")).text
    assert "Imported, not measured here: results of results.t4.json." in text


def test_noise_lost_lanes_and_few_samples_are_warned_of() -> None:
    configuration = dict.fromkeys(PARAMETERS, 1)
    outcomes = (
        make_outcome(1, configuration, [1.0, 1.5, 2.0]),
        make_outcome(2, configuration, [], kind=OutcomeKind.DEVICE_LOST),
    )
    text = Reader(make_report([make_stored(outcomes=outcomes)], "library")).text
    assert "Noisy: the samples of 1 of 1 tests" in text
    assert "The device of lane 0 was lost" in text
    assert "The best has 3 samples: too few to prove" in text


def test_sessions_that_are_not_alike_are_warned_of() -> None:
    measured = make_stored()
    other = make_info(id=4)
    lane = replace(other.lanes[0], device=replace(other.lanes[0].device, name="Model 9"))
    unlike = make_stored(info=replace(other, lanes=(lane,)))
    text = Reader(make_report([measured, unlike], "library")).text
    assert "The sessions ran on unlike devices" in text
    assert "session 4 on Model 9" in text
    mixed = [measured, make_stored(info=make_info(id=4, simulated=True))]
    assert "Some of these sessions are simulated" in Reader(make_report(mixed, "library")).text


def test_the_goal_is_that_of_the_config() -> None:
    stored = make_stored()
    assert "least score in s, med of 5 runs" in Reader(make_report([stored], "library")).text
    spec = {**stored.spec, "kernel": {"source": "x.cu"}, "scoring": {"metric": "gbps"}}
    kernel = replace(stored, info=make_info(goal="max", unit="GB/s", aggregate="min"), spec=spec)
    text = Reader(make_report([kernel], "library")).text
    assert "greatest gbps in GB/s, from the min of the times of a test's samples" in text


def test_a_kernel_shows_its_launch_and_its_roof() -> None:
    measurement = Measurement(
        Launch((64, 1, 1), (128, 1, 1)),
        "cold",
        (0.5, 0.6, 0.7, 0.8),
        stop="repeat",
        metrics=(("tflops", 2.0), ("gbps", 500.0)),
        flags=("throttled",),
    )
    outcome = make_outcome(1, dict.fromkeys(PARAMETERS, 1), [0.6])
    outcome = replace(outcome, runs=(replace(outcome.runs[0], measurement=measurement),))
    info = make_info()
    device = replace(info.lanes[0].device, peak_gflops=10_000.0, peak_gbps=1000.0)
    info = replace(info, lanes=(replace(info.lanes[0], device=device),))
    page = make_report([make_stored(outcomes=(outcome,), info=info, spec={})], "library")
    reader = Reader(page)
    assert "roofline" in reader.ids
    assert "suspect: throttled" in reader.text
    assert "launch: grid 64, block 128" in reader.text
    assert "export" not in reader.text
    roofline = next(f for f in unpack(page) if f["data"][0].get("name", "").startswith("roof"))
    roof, points = roofline["data"]
    assert (roof["x"], roof["y"]) == ([2.0, 10.0, 20.0], [2000.0, 10_000.0, 10_000.0])
    assert (points["x"], points["y"]) == ([4.0], [2000.0])


def test_text_of_a_session_is_never_markup() -> None:
    values: list[Value] = [ATTACK, "<b>bold</b>", "plain"]
    stored = make_stored({ATTACK: values, "B": [1, 2, 3]})
    stored = replace(
        stored,
        info=replace(stored.info, name=ATTACK),
        environment={ATTACK: ATTACK},
        notes=(Note("warning", ATTACK), Note("info", ATTACK)),
    )
    page = make_report([stored], "library")
    assert "alert(1)</script>" not in page
    assert "<b>bold" not in page
    assert ATTACK in Reader(page).text
    assert Reader(page).tags.count("script") == 3
    # Plotly takes a few tags in texts for markup: it gets none either.
    assert "<script>" not in json.dumps(unpack(page))
    assert "<b>" not in json.dumps(unpack(page))


def test_lanes_of_a_replicate_stand_side_by_side() -> None:
    page = make_report([make_stored(lanes=2)], "library")
    reader = Reader(page)
    assert "devices" in reader.ids
    assert "on 1: Model 1" in reader.text
    assert "1.000 x" in reader.text
    progress = unpack(page)[0]
    assert [trace["name"] for trace in progress["data"]] == [
        "0: Model 0",
        "1: Model 1",
        "reference",
    ]


@pytest.mark.parametrize("outcomes", [0, 1, 3])
def test_a_session_of_few_tests_has_a_report(outcomes: int) -> None:
    stored = make_stored()
    page = make_report([replace(stored, outcomes=stored.outcomes[:outcomes])], "library")
    assert "summary" in Reader(page).ids


def test_scores_that_cannot_be_drawn_are_left_out() -> None:
    configuration = dict.fromkeys(PARAMETERS, 1)
    outcomes = (
        make_outcome(1, configuration, [1.0]),
        make_outcome(2, configuration, [float("nan")]),
        make_outcome(3, configuration, [float("inf")]),
        make_outcome(4, configuration, [-2.0]),
    )
    stored = make_stored(outcomes=outcomes, info=make_info(unit="points"))
    assert "NaN" not in json.dumps(unpack(make_report([stored], "library")))


def test_the_best_so_far_is_a_staircase_to_the_last_test() -> None:
    groups = make_groups([make_stored()])
    (best, reference) = draw_progress(groups, "tests")["data"]
    assert best["x"][-1] == 24
    assert best["y"][-1] == best["y"][-2] == min(best["y"])
    assert best["line"]["shape"] == "hv"
    assert reference["y"] == [4.0, 4.0]  # ms


def test_many_points_are_drawn_by_webgl_and_few_have_bars() -> None:
    few = make_stored()
    many = replace(few, outcomes=few.outcomes * 50)
    (trace, failures) = draw_scores(make_groups([few]))["data"]
    assert trace["type"] == "scatter"
    assert len(trace["error_y"]["array"]) == 23
    assert failures["y"] == ["run_failed"]
    trace = draw_scores(make_groups([many]))["data"][0]
    assert trace["type"] == "scattergl"
    assert "error_y" not in trace


def test_values_that_look_the_same_stay_apart() -> None:
    long = "-O3 --some-very-long-option-of-the-compiler="
    values: list[Value] = [f"{long}1", f"{long}2", 1, True, "1"]
    page = make_report([make_stored({"FLAGS": values, "B": [1, 2, 3]})], "library")
    (effect,) = [
        figure
        for figure in unpack(page)
        if len(figure["layout"].get("xaxis", {}).get("categoryarray", [])) == 5
    ]
    assert len(set(effect["layout"]["xaxis"]["categoryarray"])) == 5
    assert label_all(["ab", "abc", "abcd"], 2) == ["ab", "a…", "a… (2)"]


def test_thinning_keeps_the_best() -> None:
    lines = [(1000.0 - place,) for place in range(20_000)]
    kept = _thin(lines)
    assert len(kept) == 3000
    assert kept[-1000:] == lines[-1000:]
    assert kept[0] == lines[0]


def test_the_use_of_lanes_is_what_runs_covered() -> None:
    use = find_use(make_stored(), slices=24)
    # 24 tests, one a second, of 5 runs of 0.05 s each, but for the failed one; to 1001 + 24.
    assert use.span_s == pytest.approx(25)
    assert use.lanes["0"].runs.sum() == pytest.approx(23 * 0.25)
    assert use.busy("0") == pytest.approx(23 * 0.25 / 25)
    assert use.lanes["0"].runs.max() <= use.slice_s
    assert use.compile_s == pytest.approx(23 * 0.25)
    # A journal from before compiles had instants: what lanes waited for is not known.
    assert not use.dated
    assert not use.pool.any()
    assert not use.lanes["0"].waits.any()
    page = make_report([make_stored()], "library")
    assert "does not say when compiles began" in page
    assert "waiting (s)" not in page


def make_timed(spans: list[tuple[str, float, float, float, float]]) -> StoredSession:
    """A session of two lanes whose tests have (seat, compile start, end, run start, end)."""
    outcomes = [
        make_outcome(
            number,
            {"N": number},
            [],
            lane=seat if seat in "01" else str(number % 2),
            runs=(
                Run(
                    0,
                    OutcomeKind.OK,
                    seat if seat in "01" else str(number % 2),
                    "",
                    1000.0 + run_start,
                    run_end - run_start,
                    sample=1.0,
                ),
            ),
            compile_started_s=1000.0 + start,
            compile_s=end - start,
            compile_seat=seat,
            ended_s=1000.0 + run_end,
        )
        for number, (seat, start, end, run_start, run_end) in enumerate(spans)
    ]
    return replace(make_stored(), info=make_info(2, parameters=("N",)), outcomes=tuple(outcomes))


def test_lanes_wait_for_compiles_until_their_last_run() -> None:
    stored = make_timed(
        [
            ("compile", 0, 2, 2, 3),  # lane 0
            ("compile", 0, 4, 4, 5),  # lane 1
            ("compile", 2, 6, 6, 10),  # lane 0
        ]
    )
    use = find_use(stored, slices=10)
    assert use.dated
    assert use.lanes["0"].runs.tolist() == pytest.approx([0, 0, 1, 0, 0, 0, 1, 1, 1, 1])
    assert use.lanes["0"].waits.tolist() == pytest.approx([1, 1, 0, 1, 1, 1, 0, 0, 0, 0])
    assert use.lanes["1"].runs.tolist() == pytest.approx([0, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    assert use.lanes["1"].waits.tolist() == pytest.approx([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    assert use.pool.tolist() == pytest.approx([2, 2, 2, 2, 1, 1, 0, 0, 0, 0])
    assert not use.lanes["0"].compiles.any()
    parts = use.lanes["0"]
    assert (parts.runs + parts.compiles + parts.waits).max() <= use.slice_s + 1e-9


def test_a_lane_that_compiles_itself_does_not_wait() -> None:
    stored = make_timed([("0", 0, 2, 2, 3), ("1", 0, 1.5, 1.5, 3), ("0", 3, 4, 4, 5)])
    use = find_use(stored, slices=10)
    assert use.lanes["0"].compiles.sum() == pytest.approx(3)
    assert use.lanes["1"].compiles.sum() == pytest.approx(1.5)
    assert not use.pool.any()
    assert not use.lanes["0"].waits.any()
    page = make_report([stored], "library")
    (drawn,) = [f for f in unpack(page) if f["layout"].get("barmode") == "overlay"]
    assert [trace["name"] for trace in drawn["data"]] == ["in runs", "compiling itself"]
    assert drawn["layout"]["yaxis"]["ticktext"] == ["1: 30 %", "0: 40 %"]


def test_the_timeline_shows_what_lanes_did() -> None:
    stored = make_timed([("compile", 0, 2, 2, 3), ("compile", 0, 4, 4, 5)])
    page = make_report([stored], "library")
    (drawn,) = [f for f in unpack(page) if f["layout"].get("barmode") == "overlay"]
    names = [trace["name"] for trace in drawn["data"]]
    assert names == ["in runs", "waiting for compiles", "compiles at once"]
    for trace in drawn["data"]:
        for base, height in zip(trace["base"], trace["y"], strict=True):
            assert int(base) <= base <= base + height <= int(base) + 0.8 + 1e-3
    assert drawn["layout"]["yaxis"]["ticktext"] == ["compile pool", "1: 20 %", "0: 20 %"]
    assert "waiting (s)" in page


def test_labels_and_numbers() -> None:
    assert label("<b>&", 0) == "&lt;b&gt;&amp;"
    assert label("abcdef", 4) == "abc…"
    assert short(1 / 3) == 0.33333
    assert short(float("inf")) is None
    assert scale_of("s", [0.002, 0.5]) == (1e-3, "ms")
    assert scale_of("GFLOP/s", [12.0]) == (1.0, "GFLOP/s")
