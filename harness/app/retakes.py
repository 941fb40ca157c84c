"""Suspect measurements are made again at the end of a session of kernel tests.

A measurement is suspect if the device was throttled or shared meanwhile, or if the sentinel had
drifted at the look before it or at the next one. Both measurements are kept; the retake counts if
nothing speaks against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from harness.app.kernel_measures import RETAKES
from harness.configuration import Goal
from harness.events import Note
from harness.lane import Lane
from harness.measurement import SUSPECT
from harness.model import Outcome, OutcomeKind, Run, Test
from harness.schedule.again import Again
from harness.timing.circumstances import DRIFTED
from harness.timing.sentinel import LOOK_INDEX, REST_INDEX
from harness.units import format_count

MOST = 50
"""Tests that are measured again in one session: the best, and those given up in the race."""
RESTS = 12
"""How often a lane may rest in all for its device to be well again, `REST_S` each time."""
_RETAKEN = frozenset({OutcomeKind.OK, OutcomeKind.CENSORED})


def revise(outcome: Outcome) -> Outcome:
    """The outcome as its retake says; the same if it has none that counts."""
    measured = outcome.measured
    if not outcome.has_retake or measured is None:
        return outcome
    return replace(outcome, kind=OutcomeKind.OK, score=measured.sample, reason="")


def restore(outcome: Outcome) -> Outcome:
    """The outcome as it was before its retake: what the search was told of it."""
    if not outcome.has_retake:
        return outcome
    first = outcome.runs[0]
    return replace(outcome, kind=first.kind, score=first.sample, reason=first.reason)


def find_suspect_tests(
    outcomes: Sequence[Outcome], ends: Mapping[str, Run]
) -> dict[int, tuple[str, ...]]:
    """What speaks against the tests that count as measured so far, by test id.

    Args:
        ends: the last look at each lane's sentinel.
    """
    found: dict[int, tuple[str, ...]] = {}
    by_lane: dict[str, list[tuple[Run, Outcome]]] = {}
    for outcome in outcomes:
        measured = outcome.measured
        if measured is not None and outcome.copy_of is None and outcome.kind in _RETAKEN:
            by_lane.setdefault(measured.lane, []).append((measured, outcome))
    for lane, made in by_lane.items():
        made.sort(key=lambda pair: pair[0].started_s)
        end = ends.get(lane)
        drifts_next = end is not None and DRIFTED in _flags(end)
        looks = [list(group) for _, group in groupby(made, key=lambda pair: _look_of(pair[0]))]
        for group in reversed(looks):
            for run, outcome in group:
                flags = SUSPECT & {*_flags(run), *([DRIFTED] if drifts_next else [])}
                if flags and not outcome.has_retake:
                    found[outcome.test_id] = tuple(sorted(flags))
            drifts_next = DRIFTED in _flags(group[0][0])
    return found


def _flags(run: Run) -> tuple[str, ...]:
    return run.measurement.flags if run.measurement is not None else ()


def _look_of(run: Run) -> float | None:
    return run.measurement.sentinel_s if run.measurement is not None else None


def look_at_lanes(
    outcomes: Sequence[Outcome], lanes: Sequence[Lane], again: Again
) -> dict[str, Run]:
    """A last look at the sentinel of each lane on which something was measured now."""
    looks: dict[str, Run] = {}
    for lane in lanes:
        tests = [
            o for o in outcomes if o.lane == lane.name and o.reused_from is None and o.measured
        ]
        if tests:
            look = again.look(_as_test(tests[0]), lane, LOOK_INDEX)
            if look is not None:
                looks[lane.name] = look
    return looks


@dataclass(frozen=True, slots=True)
class Retake:
    """A test that was measured again.

    Attributes:
        flags: what spoke against the measurement before.
        after: its outcome now, the runs of both in it.
    """

    before: Outcome
    flags: tuple[str, ...]
    after: Outcome


class Retaking:
    """Measures suspects again, the best first, and once more those that are suspect still.

    Args:
        looks: whether there is a sentinel, which is timed once more on every lane.
        most: how many tests are measured again.
    """

    def __init__(self, again: Again, goal: Goal, *, looks: bool, most: int = MOST) -> None:
        self._again = again
        self._sign = 1 if goal == "min" else -1
        self._looks = looks
        self._most = most
        self._suspects: dict[int, tuple[str, ...]] = {}
        self._made: list[Retake] = []
        self._rests: Counter[str] = Counter()

    def run(self, outcomes: Sequence[Outcome], lanes: Sequence[Lane]) -> Iterator[list[Outcome]]:
        """Do it; yields outcomes that stand in the place of those that the tests had.

        Args:
            lanes: those that are left; a test goes back to its own, whose scores compare best.
        """
        ends = look_at_lanes(outcomes, lanes, self._again) if self._looks else {}
        self._suspects = find_suspect_tests(outcomes, ends)
        by_name = {lane.name: lane for lane in lanes}
        chosen = [outcome for outcome in outcomes if outcome.test_id in self._suspects]
        waiting = {o.test_id: o for o in sorted(chosen, key=self._rank)[: self._most]}
        for _ in RETAKES:
            for before in list(waiting.values()):
                after = self._measure(before, by_name.get(before.lane))
                if after is None:
                    continue
                if not after.has_retake and not self._rest(after, by_name[before.lane]):
                    del by_name[before.lane]
                self._made.append(Retake(before, self._suspects[before.test_id], after))
                waiting[before.test_id] = after
                if after.has_retake:
                    del waiting[before.test_id]
                yield share_revised(after, outcomes)

    def _rank(self, outcome: Outcome) -> tuple[bool, float]:
        return (outcome.score is None, self._sign * (outcome.score or 0.0))

    def _rest(self, outcome: Outcome, lane: Lane) -> bool:
        """Leave the lane alone until its device is well; whether it is."""
        while self._rests[lane.name] < RESTS and self._again.may_run(lane):
            self._rests[lane.name] += 1
            look = self._again.look(_as_test(outcome), lane, REST_INDEX)
            if look is not None and not SUSPECT & set(_flags(look)):
                return True
        return False

    def _measure(self, before: Outcome, lane: Lane | None) -> Outcome | None:
        """The outcome with one more run; None if there can be none."""
        used = {run.index for run in before.runs}
        index = next((number for number in RETAKES if number not in used), None)
        if index is None or lane is None or not self._again.may_run(lane):
            return None
        made = self._again.run([_as_test(before)], lane, [index])
        if made is None:
            return None
        return revise(replace(before, runs=(*before.runs, *made[before.test_id])))

    def to_note(self, at_s: float) -> Note | None:
        """What came of it, for people, with both scores of each test for programs."""
        if not self._suspects:
            return None
        last = {retake.before.test_id: retake for retake in self._made}
        well = sum(retake.after.has_retake for retake in last.values())
        text = (
            f"{format_count(len(self._suspects), 'test')} measured under bad circumstances; "
            f"{len(last)} measured again, {well} of them well"
        )
        details = [
            {
                "test": retake.after.test_id,
                "flags": list(retake.flags),
                "before": retake.before.score,
                "after": retake.after.score,
                "well": retake.after.has_retake,
            }
            for retake in self._made
        ]
        return Note("info", text, at_s, {"retakes": details})


def _as_test(outcome: Outcome) -> Test:
    return Test(outcome.test_id, outcome.configuration, outcome.key, outcome.lane, outcome.artifact)


def share_revised(after: Outcome, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The revised outcome, and those of the tests that share its measurement."""
    copies = [outcome for outcome in outcomes if outcome.copy_of == after.test_id]
    return [
        after,
        *(
            replace(o, kind=after.kind, score=after.score, reason=after.reason, runs=after.runs)
            for o in copies
        ),
    ]
