"""Spencer's log: one row per test, as his plotting utilities read it.

`TestNo, <parameter> …, Score_1 … Score_n, Score_Overall`; samples and scores in the session's unit
(seconds for times) with all their digits; `Score_k` is that of run k, empty where it failed or was
not made. Of kernels, `Score_k` is that of sample k, and the metrics follow `Score_Overall`. More
columns stand at the end, where they are needed to read the others right:

- `Lane`, of a session in which each lane tested everything (`replicate`);
- `Simulated`, with 1 in every row, so that simulated numbers cannot be taken for measured ones;
- `Optimal` (`min` or `max`) and `Unit`, alike in every row, where scores are not seconds of which
  the least is best.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from harness.configuration import format_value
from harness.model import Outcome, OutcomeKind, SessionInfo


def format_csv(info: SessionInfo, outcomes: Sequence[Outcome]) -> str:
    """The log of `outcomes`, in their order; interrupted tests are left out."""
    done = [outcome for outcome in outcomes if outcome.kind is not OutcomeKind.INTERRUPTED]
    scores = [_number_samples(outcome) for outcome in done]
    columns = max([info.repeat, *(index + 1 for numbered in scores for index in numbered)])
    metrics = list(dict.fromkeys(name for outcome in done for name in _find_metrics(outcome)))
    scaled = (info.goal, info.unit) != ("min", "s")
    replicates = info.distribution == "replicate"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "TestNo",
            *info.parameters,
            *(f"Score_{number}" for number in range(1, columns + 1)),
            "Score_Overall",
            *metrics,
            *(["Lane"] if replicates else []),
            *(["Simulated"] if info.simulated else []),
            *(["Optimal", "Unit"] if scaled else []),
        ]
    )
    for outcome, samples in zip(done, scores, strict=True):
        found = _find_metrics(outcome)
        writer.writerow(
            [
                outcome.test_id,
                *(format_value(outcome.configuration[name]) for name in info.parameters),
                *(samples.get(index, "") for index in range(columns)),
                "" if outcome.score is None else repr(outcome.score),
                *(found.get(name, "") for name in metrics),
                *([outcome.lane] if replicates else []),
                *([1] if info.simulated else []),
                *([info.goal, info.unit] if scaled else []),
            ]
        )
    return text.getvalue()


def _number_samples(outcome: Outcome) -> dict[int, str]:
    """Each sample by its place."""
    if any(run.measurement is not None for run in outcome.runs):
        return {index: repr(sample) for index, sample in enumerate(outcome.samples)}
    return {run.index: repr(run.sample) for run in outcome.runs if run.sample is not None}


def _find_metrics(outcome: Outcome) -> dict[str, str]:
    measured = outcome.measured
    if measured is None or measured.measurement is None:
        return {}
    return {name: repr(value) for name, value in measured.measurement.metrics}
