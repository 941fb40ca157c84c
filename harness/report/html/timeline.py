"""What lanes and compile workers did with the session's time.

The journal has the instants of every run, and of every compile how long it took and where. So runs
are drawn over time, as the share of each slice of it that a lane spent in them, which looks the
same for ten tests and for ten thousand; compiles are added up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.model import Outcome
from harness.report.html.axes import figure, label, short, shorts
from harness.store.base import StoredSession

_SLICES = 240


@dataclass(frozen=True, slots=True)
class Use:
    """How a session's time was used.

    Attributes:
        span_s: from its beginning to the end of the last test.
        shares: of each lane: the fraction of each of equal slices of that time spent in runs.
        run_s: of each lane: all of it.
        compile_s: all compiles together.
    """

    span_s: float
    shares: Mapping[str, npt.NDArray[np.float64]]
    run_s: Mapping[str, float]
    compile_s: float

    def busy(self, lane: str) -> float:
        """The share of the time that a lane spent in runs."""
        return self.run_s[lane] / self.span_s if self.span_s > 0 else 0.0


def find_use(stored: StoredSession, slices: int = _SLICES) -> Use:
    """How the time of a session was used; what was reused from earlier sessions took none."""
    outcomes = [outcome for outcome in stored.outcomes if outcome.reused_from is None]
    begin = stored.info.started_s
    span = max((_ended_s(outcome) for outcome in outcomes), default=begin) - begin
    shares = {}
    total = {}
    for lane in stored.info.lanes:
        runs = [run for o in outcomes for run in o.runs if run.lane == lane.name]
        starts = np.array([run.started_s - begin for run in runs])
        lengths = np.array([run.elapsed_s for run in runs])
        total[lane.name] = float(lengths.sum())
        shares[lane.name] = _share(starts, lengths, span, slices)
    return Use(span, shares, total, sum(outcome.compile_s for outcome in outcomes))


def _ended_s(outcome: Outcome) -> float:
    return max([outcome.ended_s, *(run.started_s + run.elapsed_s for run in outcome.runs)])


def _share(
    starts: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64], span: float, slices: int
) -> npt.NDArray[np.float64]:
    """How much of each of `slices` equal parts of the span the intervals cover, 0 to 1.

    The covered time before an instant is piecewise linear; its growth over a slice is what the
    slice is covered by.
    """
    if span <= 0 or not len(starts):
        return np.zeros(slices)
    edges = np.linspace(0.0, span, slices + 1)
    order = np.argsort(starts)
    starts, ends = starts[order], (starts + lengths)[order]
    before = np.concatenate([[0.0], np.cumsum(ends - starts)])
    place = np.searchsorted(starts, edges, side="right")
    covered = before[place]
    running = place > 0
    last = ends[place[running] - 1]
    covered[running] -= np.maximum(0.0, last - edges[running])
    return np.clip(np.diff(covered) / (span / slices), 0.0, 1.0)


def draw_timeline(stored: StoredSession, use: Use) -> Mapping[str, Any]:
    """Each lane over time, the darker the busier."""
    lanes = [lane.name for lane in stored.info.lanes][::-1]
    width = use.span_s / _SLICES
    trace = {
        "type": "heatmap",
        "x": shorts((k + 0.5) * width for k in range(_SLICES)),
        "y": [label(lane, 24) for lane in lanes],
        "z": [[round(float(share), 3) for share in use.shares[lane]] for lane in lanes],
        "zmin": 0,
        "zmax": 1,
        "ygap": 3,
        "colorscale": [[0, "@weak"], [1, "@0"]],
        "colorbar": {"title": {"text": "in runs"}, "thickness": 12, "tickformat": ".0%"},
        "hovertemplate": "lane %{y} at %{x:.3~s} s: %{z:.0%} in runs<extra></extra>",
    }
    return figure(
        [trace],
        xaxis={
            "title": {"text": "seconds since the session began"},
            "range": [0, short(use.span_s)],
        },
        yaxis={"type": "category"},
        height=120 + 44 * len(lanes),
    )
