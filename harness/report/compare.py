"""Two sessions side by side: which configurations are slower than they were, and is that proven?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.comparison import Comparison, Verdict, compare_samples
from harness.errors import ConfigError
from harness.model import Configuration, Outcome, OutcomeKind, SessionInfo
from harness.stats import is_better
from harness.units import format_count, format_significant

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        name: what messages call it.
    """

    name: str
    info: SessionInfo
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration of both sessions, or the best of each.

    Attributes:
        configuration: of the second session.
        before: of the first session, where that is another.
    """

    configuration: Configuration
    comparison: Comparison
    verdict: Verdict
    before: Configuration | None = None


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What a comparison of two sessions found.

    Attributes:
        best: the best of the second beside the best of the first; None if one has none.
        rows: configurations that both have samples of, the worst change first.
        threshold: the least difference that matters, as a fraction.
        warnings: what makes the two hard to compare.
    """

    names: tuple[str, str]
    best: Row | None
    rows: tuple[Row, ...]
    threshold: float
    warnings: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        """Whether anything is proven to be slower."""
        return any(row.verdict == "SLOWER" for row in [*self.rows, self.best] if row is not None)

    def to_object(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "first": self.names[0],
            "second": self.names[1],
            "threshold": self.threshold,
            "confidence": CONFIDENCE,
            "regressed": self.regressed,
            "best": None if self.best is None else _to_object(self.best),
            "verdicts": dict(Counter(row.verdict for row in self.rows)),
            "configurations": [_to_object(row) for row in self.rows],
            "warnings": list(self.warnings),
        }

    def to_lines(self, most: int) -> list[str]:
        """For people: at most `most` configurations, the worst and the best changes."""
        lines = [f"warning: {text}" for text in self.warnings]
        lines.append(f"{self.names[1]} beside {self.names[0]}, a ratio above 1 is worse")
        if self.best is not None:
            lines += ["", f"best: {_describe(self.best)}"]
            if self.best.before is not None:
                lines.append(f"  was: {self.best.before}")
        counts = Counter(row.verdict for row in self.rows)
        shown = ", ".join(f"{counts[verdict]} {verdict}" for verdict in sorted(counts))
        both = format_count(len(self.rows), "configuration")
        lines += ["", f"{both} in both: {shown or 'nothing to compare'}"]
        told = [row for row in self.rows if row.verdict in ("SLOWER", "FASTER")]
        lines += [f"  {_describe(row)}" for row in told[:most]]
        if len(told) > most:
            lines.append(f"  … and {len(told) - most} more; --json has all")
        if self.rows and all(math.isinf(row.comparison.high) for row in self.rows):
            lines.append(
                "there are too few samples to prove anything: tune with scoring.repeat = 5 or more"
            )
        return lines


def compare_sessions(
    first: Side, second: Side, *, threshold: float, unlike: bool = False
) -> Comparisons:
    """Compare what two sessions measured.

    Of n configurations each is compared at a confidence of 1 - 0.05 / n (Bonferroni), so that two
    sessions of the same build are told apart by mistake in at most 5 of 100 cases.

    Args:
        threshold: the least difference that matters, as a fraction.
        unlike: compare although devices differ, or one side is simulated; it is warned of.

    Raises:
        ConfigError: they measure different things, or are unlike and `unlike` is not set.
    """
    warnings = _check(first, second, unlike=unlike)
    before, after = _samples(first), _samples(second)
    common = [configuration for configuration in after if configuration in before]
    goal = second.info.goal
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(common))
    rows = []
    for configuration in common:
        comparison = compare_samples(
            before[configuration], after[configuration], goal=goal, confidence=confidence
        )
        rows.append(Row(configuration, comparison, comparison.judge(threshold)))
    rows.sort(key=lambda row: -row.comparison.ratio)
    return Comparisons(
        names=(first.name, second.name),
        best=_compare_best(first, second, before, after, threshold),
        rows=tuple(rows),
        threshold=threshold,
        warnings=tuple(warnings),
    )


def _check(first: Side, second: Side, *, unlike: bool) -> list[str]:
    one, two = first.info, second.info
    for what in ("goal", "unit", "parameters"):
        if getattr(one, what) != getattr(two, what):
            raise ConfigError(
                f"{first.name} and {second.name} cannot be compared: their {what} differ "
                f"({getattr(one, what)} and {getattr(two, what)})"
            )
    warnings = []
    if one.simulated != two.simulated:
        warnings.append("one of the sessions is simulated, the other was measured")
    elif one.simulated:
        warnings.append("both sessions are simulated: nothing here was measured on hardware")
    models = [sorted({lane.device.model for lane in info.lanes}) for info in (one, two)]
    if models[0] != models[1]:
        warnings.append(f"their devices differ: {', '.join(models[0])}; and {', '.join(models[1])}")
    if not unlike and (models[0] != models[1] or one.simulated != two.simulated):
        raise ConfigError(
            f"{first.name} and {second.name}: {'; '.join(warnings)}; with --unlike they are "
            "compared all the same"
        )
    return warnings


def _samples(side: Side) -> dict[Configuration, tuple[float, ...]]:
    """What can be compared: the positive samples of each successful test."""
    return {
        outcome.configuration: outcome.samples
        for outcome in side.outcomes
        if outcome.kind is OutcomeKind.OK and outcome.samples and min(outcome.samples) > 0
    }


def _compare_best(
    first: Side,
    second: Side,
    before: dict[Configuration, tuple[float, ...]],
    after: dict[Configuration, tuple[float, ...]],
    threshold: float,
) -> Row | None:
    bests = [_find_best(side) for side in (first, second)]
    if bests[0] not in before or bests[1] not in after:
        return None
    was, now = bests
    assert was is not None
    assert now is not None
    comparison = compare_samples(before[was], after[now], goal=second.info.goal)
    verdict = comparison.judge(threshold)
    return Row(now, comparison, verdict, before=was if was != now else None)


def _find_best(side: Side) -> Configuration | None:
    best: Configuration | None = None
    least = math.nan
    for outcome in side.outcomes:
        score = outcome.score
        if score is not None and (best is None or is_better(score, least, side.info.goal)):
            best, least = outcome.configuration, score
    return best


def _describe(row: Row) -> str:
    found = row.comparison
    text = f"{row.verdict:7}  {format_significant(found.ratio, 4)} x"
    if math.isfinite(found.high):
        text += f" [{format_significant(found.low, 4)}, {format_significant(found.high, 4)}]"
    return f"{text}  {row.configuration}  (n={found.counts[0]}, {found.counts[1]})"


def _to_object(row: Row) -> dict[str, Any]:
    found = row.comparison
    has_interval = math.isfinite(found.high)
    made: dict[str, Any] = {
        "parameters": dict(row.configuration),
        "verdict": row.verdict,
        "ratio": found.ratio,
        "low": found.low if has_interval else None,
        "high": found.high if has_interval else None,
        "samples": list(found.counts),
    }
    if row.before is not None:
        made["before"] = dict(row.before)
    return made
