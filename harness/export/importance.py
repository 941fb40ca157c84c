"""How much each parameter matters around the best configuration.

One row per test in which a single parameter differs from the best: `Parameter, Value, Score,
Ratio_to_best, Is_best`, in the order of the parameters and their values; the best itself is in
every parameter's group. The score is in the session's unit and empty where the test failed; the
ratio is above 1 for scores that are worse, whichever the goal, and empty where one of the two is 0
or below.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from harness.configuration import Configuration, Value, format_value
from harness.model import Outcome, SessionInfo


def format_importance(
    info: SessionInfo,
    best: Outcome,
    values: Mapping[str, Sequence[Value]],
    outcomes: Mapping[Configuration, Outcome],
) -> str:
    """The table around `best`.

    Args:
        values: each parameter's values, in order.
        outcomes: what is known, by configuration.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = ["Parameter", "Value", "Score", "Ratio_to_best", "Is_best"]
    writer.writerow([*header, *(["Simulated"] if info.simulated else [])])
    for name, options in values.items():
        for value in options:
            varied = Configuration.from_mapping({**best.configuration, name: value})
            outcome = outcomes.get(varied)
            if outcome is None:
                continue  # not valid
            writer.writerow(
                [
                    name,
                    format_value(value),
                    "" if outcome.score is None else repr(outcome.score),
                    _ratio(outcome.score, best.score, info),
                    int(varied == best.configuration),
                    *([1] if info.simulated else []),
                ]
            )
    return text.getvalue()


def _ratio(score: float | None, best: float | None, info: SessionInfo) -> str:
    if score is None or best is None or min(score, best) <= 0:
        return ""
    return f"{score / best if info.goal == 'min' else best / score:.6g}"
