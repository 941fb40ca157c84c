"""Two sessions side by side: which configurations are slower than they were, and is that proven?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.comparison import Comparison, Moments, Verdict, compare_samples, least_count
from harness.configuration import Configuration, Goal
from harness.errors import ConfigError
from harness.report.moments import compare_moments, find_moments
from harness.report.sides import Key, Measured, Sampled, Side, pair_sides
from harness.store.base import BENCH
from harness.units import format_count, format_significant

CONFIDENCE = 0.95

_FEW = 3
"""So many configurations are named, more are counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration of both sessions, or the best of each.

    Attributes:
        configuration: of the second session.
        before: of the first session, where that is another.
        device: where there is more than one.
    """

    configuration: Configuration
    comparison: Comparison
    verdict: Verdict
    before: Configuration | None = None
    device: str = ""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What a comparison of two sessions found.

    Attributes:
        bests: on each device, the best of the second beside the best of the first, which may be
            different configurations; none where one of the two is a bench: it searched for none.
        rows: configurations that both have samples of, the worst change first.
        alone: those that only the first, and only the second has samples of.
        threshold: the least difference that matters, as a fraction.
        warnings: what makes the two hard to compare.
        shared: those that both have the same samples of, since one session took them from the
            other; there is nothing to judge.
    """

    names: tuple[str, str]
    bests: tuple[Row, ...]
    rows: tuple[Row, ...]
    alone: tuple[tuple[Key, ...], tuple[Key, ...]]
    threshold: float
    warnings: tuple[str, ...]
    shared: tuple[Key, ...] = ()

    @property
    def best(self) -> Row | None:
        """The only one of the bests; None if there is none, or there are several devices."""
        return self.bests[0] if len(self.bests) == 1 else None

    @property
    def regressed(self) -> bool:
        """Whether anything is proven to be slower."""
        return any(row.verdict == "SLOWER" for row in (*self.rows, *self.bests))

    def to_object(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "first": self.names[0],
            "second": self.names[1],
            "threshold": self.threshold,
            "confidence": CONFIDENCE,
            "regressed": self.regressed,
            "best": None if self.best is None else _to_object(self.best),
            "bests": [_to_object(row) for row in self.bests],
            "verdicts": dict(Counter(row.verdict for row in self.rows)),
            "configurations": [_to_object(row) for row in self.rows],
            "only_in_first": [_key_object(key) for key in self.alone[0]],
            "only_in_second": [_key_object(key) for key in self.alone[1]],
            "shared": [_key_object(key) for key in self.shared],
            "warnings": list(self.warnings),
        }

    def to_lines(self, most: int) -> list[str]:
        """For people: at most `most` configurations, the worst changes first.

        Beside the bests, only those that differ.
        """
        lines = [f"warning: {text}" for text in self.warnings]
        lines.append(
            f"{self.names[1]} beside {self.names[0]}: the ratio of all samples, not of the scores; "
            "above 1 is worse"
        )
        lines += [""] if self.bests else []
        for row in self.bests:
            lines.append(f"best: {_describe(row)}")
            if row.before is not None:
                lines.append(f"  was: {row.before}")
        counts = Counter(row.verdict for row in self.rows)
        shown = [f"{counts[verdict]} {verdict}" for verdict in sorted(counts)]
        shown += [f"{len(self.shared)} not judged"] if self.shared else []
        both = format_count(len(self.rows) + len(self.shared), "configuration")
        lines += ["", f"{both} in both: {', '.join(shown) or 'nothing to compare'}"]
        told = [row for row in self.rows if not self.bests or row.verdict in ("SLOWER", "FASTER")]
        lines += [f"  {_describe(row)}" for row in told[:most]]
        if len(told) > most:
            lines.append(f"  … and {len(told) - most} more; --json has all")
        lines += [
            f"only in {name}: {_list_keys(keys)}"
            for name, keys in zip(self.names, self.alone, strict=True)
            if keys
        ]
        if self.shared:
            lines.append(
                f"not judged: {_list_keys(self.shared)}: one session took the samples from the "
                "other; `harness bench`, or tune --fresh, measures anew"
            )
        return [*lines, *self._doubts()]

    def _doubts(self) -> list[str]:
        """What there are too few samples for."""
        count = len(self.rows)
        needed = least_count(_share(count))
        few = [
            row
            for row in self.rows
            if not row.comparison.has_interval and min(row.comparison.counts) < needed
        ]
        if not few:
            return []
        told = "anything" if len(few) == count else f"anything of {len(few)} of them"
        each = f"to judge {format_count(count, 'configuration')} at once, {needed} of each"
        return [
            f"there are too few samples to prove {told}: {each} are needed on both sides, such as "
            f"with scoring.repeat = {needed}"
        ]


def compare_sessions(
    first: Side, second: Side, *, threshold: float, unlike: bool = False
) -> Comparisons:
    """Compare what two sessions measured, on each device for itself.

    Of n configurations each is compared at a confidence of 1 - 0.05 / n (Bonferroni), and so are
    the bests of n devices: each of these two families has something slower by mistake in at most
    2.5, and something faster in at most 2.5 of 100 cases in which both sessions are of the same
    build. So at most 5 of 100 such comparisons end with a regression.

    Args:
        threshold: the least difference that matters, as a fraction.
        unlike: compare although devices or how they were measured differ, or one side is
            simulated; it is warned of.

    Raises:
        ConfigError: they measure different things, or nothing that could be compared, or are unlike
            and `unlike` is not set.
    """
    pair = pair_sides(first, second, unlike=unlike)
    before, after, goal = pair.before.samples, pair.after.samples, second.info.goal
    benched = BENCH in (first.info.strategy, second.info.strategy)
    compared = () if benched else _compare_bests(pair.before, pair.after, goal, threshold)
    without = pair.before.without_ratio | pair.after.without_ratio
    alone = (
        tuple(key for key in before if key not in after and key not in without),
        tuple(key for key in after if key not in before and key not in without),
    )
    shared = _find_shared(pair.before, pair.after)
    common = [key for key in after if key in before and key not in shared]
    confidence = _share(len(common))
    bests = tuple(r for r in compared if r.before or (r.device, r.configuration) not in shared)
    rows = []
    for key in common:
        comparison = _compare(before[key], after[key], goal=goal, confidence=confidence)
        device, configuration = key
        verdict = comparison.judge(threshold)
        rows.append(Row(configuration, comparison, verdict, device=device))
    rows.sort(key=lambda row: -row.comparison.ratio)
    if not rows and not bests and not shared:
        raise _nothing_common(first, second, alone)
    return Comparisons(
        names=(first.name, second.name),
        bests=bests,
        rows=tuple(rows),
        alone=alone,
        threshold=threshold,
        warnings=pair.warnings,
        shared=shared,
    )


def _find_shared(before: Measured, after: Measured) -> tuple[Key, ...]:
    """What one session took from the other, or both from a third."""
    return tuple(
        key
        for key, samples in after.samples.items()
        if before.samples.get(key) == samples
        and before.origins[key] == after.origins[key]
        and before.session != after.session
    )


def _nothing_common(
    first: Side, second: Side, alone: tuple[Sequence[Key], Sequence[Key]]
) -> ConfigError:
    has = (
        f"{side.name} has {_list_keys(keys)}"
        for side, keys in zip((first, second), alone, strict=True)
    )
    return ConfigError(
        f"nothing to compare: no configuration has results above 0 in both; {'; '.join(has)}; "
        "`harness bench` measures the same ones with --values, or --from the other"
    )


def _list_keys(keys: Sequence[Key]) -> str:
    """Those of a few, the number of many."""
    if not keys:
        return "none"
    if len(keys) > _FEW:
        return format_count(len(keys), "configuration")
    return ", ".join(f"{device}: {found}" if device else str(found) for device, found in keys)


def _share(count: int) -> float:
    """The confidence of each of `count` comparisons."""
    return 1 - (1 - CONFIDENCE) / max(1, count)


def _compare(first: Sampled, second: Sampled, *, goal: Goal, confidence: float) -> Comparison:
    if isinstance(first, Moments) or isinstance(second, Moments):
        one, two = (s if isinstance(s, Moments) else find_moments(s) for s in (first, second))
        return compare_moments(one, two, goal=goal, confidence=confidence)
    return compare_samples(first, second, goal=goal, confidence=confidence)


def _compare_bests(
    before: Measured, after: Measured, goal: Goal, threshold: float
) -> Sequence[Row]:
    """The best of each device; what has no samples above 0 is left out."""
    found = []
    devices = [device for device in after.bests if device in before.bests]
    for device in devices:
        was, now = before.bests[device], after.bests[device]
        one, two = before.samples.get((device, was)), after.samples.get((device, now))
        if one is None or two is None:
            continue
        comparison = _compare(one, two, goal=goal, confidence=_share(len(devices)))
        verdict = comparison.judge(threshold)
        found.append(Row(now, comparison, verdict, was if was != now else None, device))
    return found


def _describe(row: Row) -> str:
    found = row.comparison
    text = f"{row.verdict:7}  {format_significant(found.ratio, 4)} x"
    if found.has_interval:
        text += f" [{format_significant(found.low, 4)}, {format_significant(found.high, 4)}]"
    device = f"{row.device}: " if row.device else ""
    return f"{text}  {device}{row.configuration}  (n={found.counts[0]}, {found.counts[1]})"


def _to_object(row: Row) -> dict[str, Any]:
    found = row.comparison
    made: dict[str, Any] = {
        "parameters": dict(row.configuration),
        "verdict": row.verdict,
        "ratio": found.ratio,
        "low": found.low if found.has_interval else None,
        "high": found.high if found.has_interval else None,
        "samples": list(found.counts),
    }
    if row.before is not None:
        made["before"] = dict(row.before)
    if row.device:
        made["device"] = row.device
    return made


def _key_object(key: Key) -> dict[str, Any]:
    device, configuration = key
    return {"parameters": dict(configuration), **({"device": device} if device else {})}
