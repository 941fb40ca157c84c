"""Reports on what cannot be laid side by side: scores without a ratio, problems of other sizes."""

from __future__ import annotations

from dataclasses import replace

from harness.report.html.report import make_report
from tests.report.helpers import make_info, make_outcome, make_stored

from .test_report import Reader


def test_what_has_no_ratio_to_the_best_is_told() -> None:
    """Of scores of which the greatest is best; where the best itself is below 0, none has one."""
    scores = [float(number) for number in range(-6, 6)]
    for shift, told, figures in (
        (0.0, "7 tests have no ratio to the best", ("effects", "parallel", "pairs")),
        (-9.0, "Not shown, nor how parameters act together", ("effects",)),
        (9.0, "", ("effects", "parallel", "pairs")),
    ):
        outcomes = tuple(
            make_outcome(number, {"BLOCK": number % 4, "TILE": number // 4}, [score + shift] * 4)
            for number, score in enumerate(scores, 1)
        )
        info = make_info(parameters=("BLOCK", "TILE"), unit="points", goal="max")
        page = make_report([make_stored(outcomes=outcomes, info=info)], "library")
        shown = Reader(page)
        assert told in shown.text
        assert ("tests have no ratio" in shown.text) == (shift == 0.0)
        found = {name for name in ("effects", "parallel", "pairs") if name in shown.ids}
        assert found == set(figures)


def test_sessions_of_other_sizes_are_warned_of() -> None:
    first = make_stored()
    second = replace(
        first, info=replace(first.info, id=4), spec={**first.spec, "problem": {"N": 2}}
    )
    told = "The sessions measured problems of different sizes"
    assert told in Reader(make_report([first, second], "library")).text
    assert told not in Reader(make_report([second, second], "library")).text
