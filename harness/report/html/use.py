"""What lanes and compile workers did with a session's time: run, compile, wait, idle.

The journal has the instants of every run and of every compile. They are looked at by equal slices
of the time, which looks the same for ten tests and for ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.model import Outcome
from harness.store.base import StoredSession

SLICES = 240
PAUSE_S = 120.0
"""Longer than this nothing is done only if a session was interrupted, and went on later."""

Floats = npt.NDArray[np.float64]
Spans = tuple[Floats, Floats]
"""Where intervals begin, and where they end, in seconds since the session began."""


@dataclass(frozen=True, slots=True)
class LaneUse:
    """What one lane did, as seconds in each slice; the rest of a slice it was idle.

    Attributes:
        runs: timed runs.
        compiles: compiles by the lane itself, as with `per-test`.
        waits: nothing, though it had tests to come: they were being compiled elsewhere, or stood
            in line for that.
    """

    runs: Floats
    compiles: Floats
    waits: Floats


@dataclass(frozen=True, slots=True)
class Use:
    """How a session's time was used.

    Attributes:
        span_s: from its beginning to the end of the last test.
        paused_s: how much of that nothing was done at all, for longer than `PAUSE_S` each time.
        slice_s: the length of a slice.
        lanes: by name.
        pool: how many compiles the compile pool did at once, on average over each slice.
        compile_s: all compiles together.
        dated: whether the journal says when they were; else only runs are known.
    """

    span_s: float
    slice_s: float
    lanes: Mapping[str, LaneUse]
    pool: Floats
    compile_s: float
    dated: bool
    paused_s: float = 0.0

    @property
    def active_s(self) -> float:
        """How long it took, without pauses."""
        return self.span_s - self.paused_s

    def busy(self, lane: str) -> float:
        """The share of the time, without pauses, that a lane spent in runs."""
        return float(self.lanes[lane].runs.sum()) / self.active_s if self.active_s > 0 else 0.0


def find_use(stored: StoredSession, slices: int = SLICES) -> Use:
    """How the time of a session was used; what was reused from earlier sessions took none."""
    outcomes = [outcome for outcome in stored.outcomes if outcome.reused_from is None]
    begin = stored.info.started_s
    span_s = max(0.0, max((_ended_s(outcome) for outcome in outcomes), default=begin) - begin)
    edges = np.linspace(0.0, span_s, slices + 1)
    names = [lane.name for lane in stored.info.lanes]
    compiled = [outcome for outcome in outcomes if outcome.compile_started_s is not None]
    pool = _compile_spans([o for o in compiled if o.compile_seat not in names], begin)
    lanes = {}
    for name in names:
        own = _compile_spans([o for o in compiled if o.compile_seat == name], begin)
        lanes[name] = _use_lane(_run_spans(outcomes, name, begin), own, pool, edges)
    everything = [_run_spans(outcomes, name, begin) for name in names]
    everything += [_compile_spans(compiled, begin)]
    compile_s = sum(outcome.compile_s for outcome in outcomes)
    return Use(
        span_s=span_s,
        paused_s=_find_pauses(_union(*everything)) if compiled or not compile_s else 0.0,
        slice_s=span_s / slices,
        lanes=lanes,
        pool=_cover(pool, edges) / (span_s / slices) if span_s > 0 else np.zeros(slices),
        compile_s=compile_s,
        dated=bool(compiled),
    )


def _use_lane(runs: Spans, own: Spans, pool: Spans, edges: Floats) -> LaneUse:
    """Runs and own compiles as they were; waiting is what a compile elsewhere covers beyond them.

    After its last run a lane has nothing more to wait for.
    """
    active = _union(runs, own)
    last = float(active[1].max()) if len(active[1]) else 0.0
    elsewhere = _union((np.minimum(pool[0], last), np.minimum(pool[1], last)))
    both = _cover(_union(active, elsewhere), edges)
    waits = both - _cover(active, edges)
    return LaneUse(_cover(_union(runs), edges), _cover(_union(own), edges), waits.clip(0.0))


def _find_pauses(busy: Spans) -> float:
    """How long nothing was done between intervals that do not overlap, in order."""
    gaps = busy[0][1:] - busy[1][:-1]
    return float(gaps[gaps > PAUSE_S].sum())


def _ended_s(outcome: Outcome) -> float:
    return max([outcome.ended_s, *(run.started_s + run.elapsed_s for run in outcome.runs)])


def _run_spans(outcomes: Iterable[Outcome], lane: str, begin: float) -> Spans:
    # A twin's runs are those of the test that was measured: they took place once.
    own = [outcome for outcome in outcomes if outcome.copy_of is None]
    runs = [run for outcome in own for run in outcome.runs if run.lane == lane]
    return _spans([run.started_s - begin for run in runs], [run.elapsed_s for run in runs])


def _compile_spans(outcomes: Sequence[Outcome], begin: float) -> Spans:
    starts = [(outcome.compile_started_s or 0.0) - begin for outcome in outcomes]
    return _spans(starts, [outcome.compile_s for outcome in outcomes])


def _spans(starts: Sequence[float], lengths: Sequence[float]) -> Spans:
    begins = np.array(starts, dtype=np.float64)
    return begins, begins + np.array(lengths, dtype=np.float64)


def _union(*parts: Spans) -> Spans:
    """Intervals that do not overlap, and cover what any of the parts does."""
    starts = np.concatenate([part[0] for part in parts])
    ends = np.concatenate([part[1] for part in parts])
    if not len(starts):
        return starts, ends
    order = np.argsort(starts)
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    first = np.concatenate([[True], starts[1:] > ends[:-1]])
    return starts[first], ends[np.concatenate([first[1:], [True]])]


def _cover(spans: Spans, edges: Floats) -> Floats:
    """Seconds that the intervals cover of each slice; where they overlap, each of them counts.

    What they cover before an instant grows by 1 a second from each beginning, and stops growing at
    each end.
    """

    def before(points: Floats) -> Floats:
        ordered = np.sort(points)
        sums = np.concatenate([[0.0], np.cumsum(ordered)])
        count = np.searchsorted(ordered, edges, side="right")
        grown: Floats = edges * count - sums[count]
        return grown

    return np.diff(before(spans[0]) - before(spans[1]))
