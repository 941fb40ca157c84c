"""Scores over sessions and commits: one series for whatever can be followed, with its changes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from harness.changes import LEAST, Change, find_changes, least_length
from harness.comparison import Comparison, Verdict, compare_samples
from harness.configuration import Configuration, Goal, show_value
from harness.model import Outcome, SessionInfo
from harness.report.plain import describe_noise
from harness.store.base import BENCH
from harness.store.history import Entry
from harness.units import format_instant, format_score, format_significant, is_real

RISK = 0.05
"""How often series without any change may be said to have one, all series together."""

MAX_RISK = 0.5

BEST = "best"
"""What is followed of searches."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one session says.

    Attributes:
        score: mean over lanes with alike devices.
        commit: what was checked out; empty if it was no git folder.
        changed: whether files differed from that; None if it is not known.
        configuration: what had this score.
    """

    session: int
    started_s: float
    score: float
    samples: tuple[float, ...]
    commit: str
    changed: bool | None
    configuration: Configuration


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of level, from one point of a series to the next.

    Attributes:
        place: of the first point of the new level.
        p: how often chance alone makes as clear a change.
        comparison: of the scores of the new level with those of the old.
        verdict: `SLOWER` or `FASTER`; `SAME` where it is below the threshold.
    """

    place: int
    p: float
    comparison: Comparison
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Track:
    """What is followed over time: a configuration that was benched, or the best that was found.

    Attributes:
        label: `best`, or the configuration.
        origin: `simulated` or `imported`; empty for what was measured here.
        problem: the sizes that were measured, as text.
        mode: how kernels were measured; empty for programs.
        points: in the order of time.
        shifts: in order; those that do not matter are left out.
        needs: points below which no change can be told from chance.
    """

    name: str
    label: str
    device: str
    origin: str
    problem: str
    mode: str
    unit: str
    goal: Goal
    points: tuple[Point, ...]
    shifts: tuple[Shift, ...] = ()
    needs: int = 0

    @property
    def title(self) -> str:
        """What it is, in one line."""
        facts = [fact for fact in (self.problem, self.mode, self.origin) if fact]
        where = f" on {self.device}" if self.device else ""
        return f"{self.name}{where}: {self.label}" + (f" ({', '.join(facts)})" if facts else "")

    @property
    def regressed(self) -> bool:
        """Whether the last change made it worse."""
        return bool(self.shifts) and self.shifts[-1].verdict == "SLOWER"


def make_tracks(entries: Sequence[Entry], *, threshold: float, risk: float = RISK) -> list[Track]:
    """The series of `entries`, with the changes that chance does not explain.

    Benches are followed configuration by configuration, searches by their best. Devices, sizes,
    modes, and what was simulated or imported are kept apart. The risk is shared among the series
    (Bonferroni).

    Args:
        threshold: the least change that matters, as a fraction.
        risk: how often series without a change may be said to have one, all together.
    """
    tracks: dict[Track, Track] = {}  # by the same without points
    for entry in entries:
        for group in _group(entry):
            track, point = _make_point(entry, group)
            known = tracks.get(track, track)
            tracks[track] = replace(known, points=(*known.points, point))
    sorted_tracks = [_sort(track) for track in tracks.values()]
    share = risk / max(1, sum(len(track.points) >= 2 * LEAST for track in sorted_tracks))
    return [_add_shifts(track, threshold, share) for track in sorted_tracks]


def _sort(track: Track) -> Track:
    """In the order of time; virtual time has none, there the sessions' order is kept."""
    if not all(is_real(point.started_s) for point in track.points):
        return track
    return replace(track, points=tuple(sorted(track.points, key=lambda point: point.started_s)))


def _group(entry: Entry) -> Iterable[list[Outcome]]:
    """The outcomes of a session that are one point: those of alike devices."""
    devices = _name_devices(entry.info)
    groups: dict[tuple[str, Configuration | None], list[Outcome]] = {}
    for outcome in entry.outcomes:
        what = outcome.configuration if entry.info.strategy == BENCH else None
        groups.setdefault((devices.get(outcome.lane, ""), what), []).append(outcome)
    return groups.values()


def _name_devices(info: SessionInfo) -> dict[str, str]:
    """The device of each lane; empty where there is none."""
    return {
        lane.name: "" if lane.device.kind == "none" else lane.device.name for lane in info.lanes
    }


def _make_point(entry: Entry, outcomes: Sequence[Outcome]) -> tuple[Track, Point]:
    """The point, and the series that it belongs to, without points."""
    info, first = entry.info, outcomes[0]
    devices = _name_devices(info)
    modes = {run.measurement.mode for o in outcomes for run in o.runs if run.measurement}
    track = Track(
        name=info.name,
        label=str(first.configuration) if info.strategy == BENCH else BEST,
        device=devices.get(first.lane, ""),
        origin=_find_origin(info),
        problem=" ".join(f"{name}={show_value(v)}" for name, v in entry.problem.items()),
        mode=" and ".join(sorted(modes)),
        unit=info.unit,
        goal=info.goal,
        points=(),
    )
    changed = entry.environment.get("git_changed")
    point = Point(
        session=info.id,
        started_s=info.started_s,
        score=statistics.fmean(o.score for o in outcomes if o.score is not None),
        samples=tuple(sample for o in outcomes for sample in o.samples),
        commit=entry.environment.get("git_commit", ""),
        changed=None if changed is None else changed == "yes",
        configuration=first.configuration,
    )
    return track, point


def _find_origin(info: SessionInfo) -> str:
    words = ["imported"] * info.imported + ["simulated"] * info.simulated
    return ", ".join(words)


def _add_shifts(track: Track, threshold: float, risk: float) -> Track:
    track = replace(track, needs=least_length(risk))
    scores = [point.score for point in track.points]
    if min(scores) <= 0:  # there is no ratio to it
        return track
    found = find_changes([math.log(score) for score in scores], risk=risk)
    places = [0, *(change.place for change in found), len(scores)]
    shifts = []
    for change, (before, at), (_, after) in zip(
        found, pairwise(places), pairwise(places[1:]), strict=False
    ):
        shift = _make_shift(change, scores[before:at], scores[at:after], track.goal, threshold)
        if shift.verdict != "SAME":
            shifts.append(shift)
    return replace(track, shifts=tuple(shifts))


def _make_shift(
    change: Change, before: Sequence[float], after: Sequence[float], goal: Goal, threshold: float
) -> Shift:
    """That it is a change was tested; what is left to say is whether it is large enough."""
    comparison = compare_samples(before, after, goal=goal)
    limit = 1 + threshold
    verdict: Verdict = "SAME"
    if comparison.ratio >= limit:
        verdict = "SLOWER"
    elif comparison.ratio <= 1 / limit:
        verdict = "FASTER"
    return Shift(change.place, change.p, comparison, verdict)


def describe_track(track: Track) -> tuple[str, list[tuple[str, ...]], list[str]]:
    """For people: a title, a table with a header, and what there is to say of changes."""
    # What is followed is in the title, unless it differs from session to session.
    searched = track.label == BEST
    header = ("SESSION", "STARTED (UTC)", "COMMIT", "SCORE", "CHANGE")
    table: list[tuple[str, ...]] = [(*header, *(("WITH",) if searched else ()))]
    changes = {shift.place: shift for shift in track.shifts}
    for place, point in enumerate(track.points):
        table.append(
            (
                str(point.session),
                format_instant(point.started_s, zone=""),
                _describe_commit(point),
                _describe_score(track, point),
                changes[place].verdict if place in changes else "",
                *((str(point.configuration),) if searched else ()),
            )
        )
    lines = [_describe_shift(track, shift) for shift in track.shifts] or ["no change of level"]
    if min(point.score for point in track.points) <= 0:
        lines = ["changes are not looked for: there is no ratio to scores of 0 or below"]
    elif len(track.points) < track.needs:
        lines = [f"with fewer than {track.needs} sessions no change can be told from chance"]
    return track.title, table, lines


def _describe_shift(track: Track, shift: Shift) -> str:
    found = shift.comparison
    text = f"{shift.verdict}: {format_significant(found.ratio, 4)} x"
    if found.has_interval:
        text += f" [{format_significant(found.low, 4)}, {format_significant(found.high, 4)}]"
    before, after = (
        f"session {point.session}" + (f" (commit {commit})" if commit else "")
        for point in track.points[shift.place - 1 : shift.place + 1]
        for commit in [_describe_commit(point)]
    )
    return f"{text} from {before} to {after}; p = {shift.p:.2g}"


def _describe_score(track: Track, point: Point) -> str:
    score = format_score(point.score, track.unit)
    return f"{score}{describe_noise(point.samples)} (n={len(point.samples)})"


def _describe_commit(point: Point) -> str:
    """With `+` where files differed from it."""
    return point.commit[:10] + ("+" if point.changed else "")


def to_object(track: Track) -> dict[str, Any]:
    """For JSON: everything, scores in the series' unit."""
    return {
        "name": track.name,
        "what": track.label,
        "device": track.device,
        "simulated": "simulated" in track.origin,
        "imported": "imported" in track.origin,
        "problem": track.problem,
        "mode": track.mode or None,
        "unit": track.unit,
        "goal": track.goal,
        "regressed": track.regressed,
        "points": [
            {
                "session": point.session,
                "started_s": point.started_s,
                "score": point.score,
                "samples": len(point.samples),
                "commit": point.commit or None,
                "changed": point.changed,
                "parameters": dict(point.configuration),
            }
            for point in track.points
        ],
        "changes": [_shift_object(track, shift) for shift in track.shifts],
    }


def _shift_object(track: Track, shift: Shift) -> dict[str, Any]:
    found = shift.comparison
    before, after = track.points[shift.place - 1], track.points[shift.place]
    return {
        "verdict": shift.verdict,
        "ratio": found.ratio,
        "low": found.low if found.has_interval else None,
        "high": found.high if found.has_interval else None,
        "p": shift.p,
        "from": {"session": before.session, "commit": before.commit or None},
        "to": {"session": after.session, "commit": after.commit or None},
    }
