"""Spencer's log: one row per test, as his plotting utilities read it.

`TestNo, <parameter> …, Score_1 … Score_n, Score_Overall`; samples and scores in the session's unit
(seconds for times) with all their digits; `Score_k` is that of run k, empty where it failed or was
not made. A session with
simulated devices has one more column, `Simulated`, with 1 in every row, so that its numbers cannot
be taken for measured ones.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from harness.model import Outcome, OutcomeKind, SessionInfo, format_value


def format_csv(info: SessionInfo, outcomes: Sequence[Outcome]) -> str:
    """The log of `outcomes`, in their order; interrupted tests are left out."""
    done = [outcome for outcome in outcomes if outcome.kind is not OutcomeKind.INTERRUPTED]
    columns = max([info.repeat, *(run.index + 1 for outcome in done for run in outcome.runs)])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "TestNo",
            *info.parameters,
            *(f"Score_{number}" for number in range(1, columns + 1)),
            "Score_Overall",
            *(["Simulated"] if info.simulated else []),
        ]
    )
    for outcome in done:
        samples = {run.index: repr(run.sample) for run in outcome.runs if run.sample is not None}
        writer.writerow(
            [
                outcome.test_id,
                *(format_value(outcome.configuration[name]) for name in info.parameters),
                *(samples.get(index, "") for index in range(columns)),
                "" if outcome.score is None else repr(outcome.score),
                *([1] if info.simulated else []),
            ]
        )
    return text.getvalue()
