"""What a session found: one object for programs, a few lines for people."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.configuration import show_value
from harness.export.base import KEPT, Written
from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.report.kernel import describe_kernel, kernel_object
from harness.report.plain import describe_reference, describe_score
from harness.report.progress import Progress
from harness.report.ranking import is_ranking
from harness.units import format_count, format_duration, format_path, format_score

MAX_LANES_SHOWN = 8
"""Of more lanes than this, what they did is told together."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a session.

    Attributes:
        state: `complete`, `interrupted` or `failed`.
        skipped: configurations that the strategy did not need to test.
        reference: the user's score to compare with; None: not given.
        ended_by: the limit that ended the search, with its value, by lane for `replicate`, else
            under ""; empty where the strategy had no more to test.
        files: those that the config asks for.
        unwritten: why files that the config asks for are not there; empty if they are.
        lost: lanes of a `replicate` session that lost their device: their search has not ended.
        beside: ids of the tests that were made beside the search.
    """

    info: SessionInfo
    progress: Progress
    state: str
    elapsed_s: float
    skipped: int = 0
    reference: float | None = None
    files: tuple[Written, ...] = ()
    unwritten: str = ""
    lost: tuple[str, ...] = ()
    ended_by: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    beside: tuple[int, ...] = ()

    def to_object(self) -> dict[str, Any]:
        """For `--json`; the keys are documented in docs/concepts.md."""
        info, progress = self.info, self.progress
        best = progress.best_overall()
        return {
            "session": info.id,
            "name": info.name,
            "state": self.state,
            "simulated": info.simulated,
            "recording": info.recording or None,
            "ended_by": self.ended_by.get("", (None, 0))[0],
            "ended_by_lane": {lane: name for lane, (name, _) in self.ended_by.items() if lane},
            "best": _best_object(best, info),
            "best_by_lane": {
                lane: _best_object(outcome, info) for lane, outcome in progress.best.items() if lane
            },
            "tests": progress.done,
            "measured": progress.tested,
            "reused": progress.reused,
            "skipped": self.skipped,
            "failed": progress.failed,
            "copied": progress.copied,
            "beside": list(self.beside),
            "outcomes": {kind.value: count for kind, count in sorted(progress.kinds.items())},
            "lanes": [
                {
                    "name": lane.name,
                    "device": lane.device.name,
                    "uuid": lane.device.uuid,
                    "simulated": lane.device.simulated,
                    "tests": progress.seats[lane.name].tests if lane.name in progress.seats else 0,
                    "busy_share": round(progress.busy_share(lane.name, self.elapsed_s), 4),
                }
                for lane in info.lanes
            ],
            "elapsed_s": self.elapsed_s,
            "reference": self.reference,
            "journal": info.journal,
            **files_object(self.files),
            "finals": [dict(note.details) for note in progress.notes if is_ranking(note)],
            "warnings": [
                *(note.text for note in progress.notes if note.level == "warning"),
                *([self.unwritten] if self.unwritten else []),
            ],
        }

    def to_lines(self) -> list[str]:
        """For people."""
        finals = [note.text for note in self.progress.notes if is_ranking(note)]
        best = [*self._best_lines(), *finals]
        return [*self._warnings(), *best, *self._count_lines(), *self._where()]

    def _warnings(self) -> list[str]:
        lines = []
        if self.info.recording:
            lines.append(f"simulated: these results were recorded before, in {self.info.recording}")
        elif self.info.simulated:
            lines.append("simulated: these results come from mock devices, not from hardware")
        if self.state == "interrupted":
            lines.append("interrupted: the same command goes on from here (without --fresh)")
        lines += [
            f"lane {name} lost its device before its search ended: the same command goes on"
            for name in self.lost
        ]
        return lines

    def _best_lines(self) -> list[str]:
        if not self.progress.best:
            return ["no test succeeded" + self._why()]
        lines = []
        for lane, outcome in sorted(self.progress.best.items()):
            where = f" on {lane}" if lane else self._place(outcome)
            score = describe_score(outcome, self.info.unit)
            simulated = " (simulated)" if self.info.simulated else ""
            lines.append(f"best{where}: {score}{simulated}")
            lines += [
                f"  {name} = {show_value(value)}" for name, value in outcome.configuration.items()
            ]
            lines += [f"  {line}" for line in describe_kernel(outcome, self.info)]
        best = self.progress.best_overall()
        if self.reference is not None and best is not None and best.score is not None:
            lines.append(describe_reference(self.reference, best.score, self.info))
        return lines

    def _place(self, outcome: Outcome) -> str:
        """Where the best of all was measured, if that matters."""
        if len({lane.device.model for lane in self.info.lanes}) < 2:
            return ""
        found = [lane.device.name for lane in self.info.lanes if lane.name == outcome.lane]
        return "".join(f" on {outcome.lane} ({name})" for name in found)

    def _why(self) -> str:
        good = (OutcomeKind.OK, OutcomeKind.INTERRUPTED)
        kinds = {kind: n for kind, n in self.progress.kinds.items() if kind not in good}
        if not kinds:
            return ""
        counts = ", ".join(f"{count} {kind.value}" for kind, count in sorted(kinds.items()))
        return f": {counts}; `harness show {self.info.id} --failures` shows why"

    def _count_lines(self) -> list[str]:
        progress = self.progress
        parts = [format_count(progress.done, "test")]
        if progress.reused:
            parts.append(f"{progress.reused} of them recorded before")
        if self.skipped:
            parts.append(f"{self.skipped} saved by the variable tree")
        parts += progress.describe_losses()
        lines = [f"{', '.join(parts)}, in {format_duration(self.elapsed_s)}"]
        if progress.reused_failed:
            failed = format_count(progress.reused_failed, "test")
            lines.append(f"not measured again: {failed} that failed before; --retry does that")
        for lane, (name, value) in sorted(self.ended_by.items()):
            where = f" on {lane}" if lane else ""
            reached = _describe_limit(name, value, self.info.unit)
            if name == "max_tests" and not lane and not progress.tested and progress.done > value:
                reached = (
                    f"at once: {progress.done} tests are known, and search.max_tests = {value}"
                )
            lines.append(f"ended{where} {reached}")
        if progress.tested:
            lines.append(f"lanes busy: {self._busy_shares()}")
        return lines

    def _busy_shares(self) -> str:
        """Each lane's share of time in timed runs; of many lanes the range."""
        percents = {
            lane.name: 100 * self.progress.busy_share(lane.name, self.elapsed_s)
            for lane in self.info.lanes
        }
        if len(percents) <= MAX_LANES_SHOWN:
            return ", ".join(f"{name}: {percent:.0f} %" for name, percent in percents.items())
        middle = statistics.median(percents.values())
        return (
            f"{min(percents.values()):.0f} to {max(percents.values()):.0f} %, median "
            f"{middle:.0f} % of {len(percents)} lanes"
        )

    def _where(self) -> list[str]:
        lines = [f"journal: {format_path(self.info.journal)} (session {self.info.id})"]
        lines += describe_files(self.files)
        return lines + ([f"error: {self.unwritten}"] if self.unwritten else [])


def describe_files(files: Iterable[Written]) -> list[str]:
    """What each is, why it was not written anew, and where it is."""
    return [
        f"{what}{f' ({remark})' if remark else ''}: {format_path(path)}"
        for what, path, remark in files
    ]


def files_object(files: Iterable[Written]) -> dict[str, dict[str, str]]:
    """For JSON: `files`, and of earlier results `kept`; the second of a kind is `header 2`."""
    found: dict[str, dict[str, str]] = {"files": {}, "kept": {}}
    counts: Counter[str] = Counter()
    for what, path, remark in files:
        counts[what] += 1
        name = what if counts[what] == 1 else f"{what} {counts[what]}"
        found["kept" if remark == KEPT else "files"][name] = path
    return found


def _describe_limit(name: str, value: float, unit: str) -> str:
    """Which limit of the config's table `search` was reached."""
    texts = {
        "max_tests": f"after {format_count(int(value), 'test')}",
        "max_time_s": f"after {format_duration(value)}",
        "target": f"at the target of {format_score(value, unit)}",
        "patience": f"after {format_count(int(value), 'test')} without an improvement",
    }
    return f"{texts[name]} (search.{name})"


def _best_object(outcome: Outcome | None, info: SessionInfo) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {
        "parameters": dict(outcome.configuration),
        "score": outcome.score,
        "unit": info.unit,
        "samples": list(outcome.samples),
        "test": outcome.test_id,
        "lane": outcome.lane,
        "simulated": info.simulated,
        **kernel_object(outcome),
    }
