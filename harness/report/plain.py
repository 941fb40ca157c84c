"""Progress as plain lines, for files, pipes and CI; and the sentences that all views share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from harness.events import Event, Note, TestEnded
from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.report.kernel import describe_metrics
from harness.report.progress import Progress
from harness.report.ranking import is_ranking
from harness.stats import is_better, relative_noise
from harness.units import (
    format_count,
    format_duration,
    format_score,
    format_significant,
    format_text,
)


def describe_score(outcome: Outcome, unit: str) -> str:
    """`1.23 ms ± 0.4 % (n=31)`: score, relative noise of the samples, their number."""
    if outcome.score is None:
        return outcome.kind.value
    score, samples = format_score(outcome.score, unit), outcome.samples
    return f"{score}{describe_noise(samples)} (n={len(samples)})"


def describe_noise(samples: Sequence[float]) -> str:
    """` ± 0.4 %`; empty below 3 samples, or where there is no ratio since their median is 0."""
    noise = relative_noise(samples) if len(samples) >= 3 else math.inf
    return f" ± {100 * noise:.1f} %" if math.isfinite(noise) else ""


def describe_outcome(outcome: Outcome, info: SessionInfo) -> str:
    """One test in one line: id, lane, configuration, result."""
    result = describe_score(outcome, info.unit) + (" simulated" if info.simulated else "")
    if outcome.score is not None:
        metrics = describe_metrics(outcome, info, beside_score=True)
        result += "".join(f", {text}" for text in metrics)
    if outcome.kind is not OutcomeKind.OK and outcome.reason:
        result += f": {outcome.reason}"
    source = "" if outcome.reused_from is None else " (recorded)"
    source += "" if outcome.copy_of is None else f" (the same binary and launch: {outcome.copy_of})"
    return f"test {outcome.test_id} [{outcome.lane}] {outcome.configuration}: {result}{source}"


def describe_reference(reference: float, best: float, info: SessionInfo) -> str:
    """`reference: 20 ms; the best is 1.25 x as good`; without a ratio, by how much it is better."""
    text = f"reference: {format_score(reference, info.unit)}; the best is"
    if min(reference, best) > 0:
        ratio = reference / best if info.goal == "min" else best / reference
        return f"{text} {format_significant(ratio)} x as good"
    if reference == best:
        return f"{text} as good"
    word = "better" if is_better(best, reference, info.goal) else "worse"
    return f"{text} {word} by {format_score(abs(best - reference), info.unit)}"


def describe_session(info: SessionInfo) -> str:
    """What is about to happen, in one line."""
    lanes = ", ".join(
        lane.name if lane.device.kind == "none" else f"{lane.name}={lane.device.name}"
        for lane in info.lanes
    )
    simulated = f" ({info.origin})" if info.origin else ""
    doing = "goes on" if info.resumed else "begins"
    if info.was_complete and info.reopened:
        doing = f"is complete, testing {format_count(info.reopened, 'test')} again"
    elif info.was_complete:
        doing = "is complete, testing only what is new"
    known = "? configurations" if info.size is None else format_count(info.size, "configuration")
    return (
        f"session {info.id} of {info.name} {doing}: {known}, {info.strategy}, "
        f"{info.distribution}, {format_count(len(info.lanes), 'lane')}: {lanes}{simulated}"
    )


class PlainView:
    """Writes one line per test that ends, and a line of counts now and then.

    Args:
        write: takes a line.
        now_s: the session's clock.
        remaining: how many more tests the strategy will ask for, if known.
        every_s: at most one line of counts in this time.
    """

    def __init__(
        self,
        progress: Progress,
        *,
        write: Callable[[str], object],
        now_s: Callable[[], float],
        remaining: Callable[[], int | None],
        quiet: bool = False,
        every_s: float = 30.0,
    ) -> None:
        self._progress = progress
        self._take_line = write
        self._now_s = now_s
        self._remaining = remaining
        self._quiet = quiet
        self._every_s = every_s
        self._next_s = now_s() + every_s

    def open(self) -> None:
        """Say what is about to happen."""
        self._write(describe_session(self._progress.info))

    def take(self, event: Event | None) -> None:
        """Show `event`; None is a tick."""
        if isinstance(event, TestEnded) and not self._quiet:
            if (
                event.outcome.reused_from is None
                and event.outcome.kind is not OutcomeKind.INTERRUPTED
            ):
                self._write(describe_outcome(event.outcome, self._progress.info))
        elif isinstance(event, Note) and not is_ranking(event):  # the summary says who won
            self._write(f"{event.level}: {event.text}")
        elif event is None and self._now_s() >= self._next_s:
            self._next_s = self._now_s() + self._every_s
            self._write(self._counts())

    def _write(self, line: str) -> None:
        self._take_line(format_text(line))

    def _counts(self) -> str:
        progress = self._progress
        left = progress.count_left(self._remaining())
        elapsed = self._now_s() - progress.info.started_s
        tests = format_count(progress.done, "test")
        if left is not None:
            tests = f"{progress.done} of {format_count(progress.done + left, 'test')}"
        parts = [tests]
        parts += [*progress.describe_losses(), *progress.describe_again()]
        parts.append(format_duration(elapsed))
        best = progress.best_overall()
        if best is not None:
            simulated = " simulated" if progress.info.simulated else ""
            parts.append(f"best{simulated} {describe_score(best, progress.info.unit)}")
        return "; ".join(parts)

    def close(self) -> None:
        """Nothing is held."""
