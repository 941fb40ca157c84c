"""Reports on scores of 0 or below, which have no ratio to the best."""

from __future__ import annotations

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
