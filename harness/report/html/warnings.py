"""What a reader must know before believing a number: it stands first in a report."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence

from harness.model import OutcomeKind
from harness.report.groups import Group
from harness.report.ties import Ties
from harness.stats import relative_noise
from harness.store.base import StoredSession
from harness.units import format_count

_NOISY = 0.03
"""Samples that scatter by more, as a fraction, make differences of a few percent hard to see."""


def find_warnings(
    sessions: Sequence[StoredSession], groups: Sequence[Group], ties: Sequence[Ties | None]
) -> list[str]:
    """Every warning, the gravest first.

    Args:
        ties: the tie set of each group.
    """
    found = _origin(sessions)
    for stored in sessions:
        name = f"session {stored.info.id}: " if len(sessions) > 1 else ""
        found += [name + text for text in _state(stored)]
    for group, tie in zip(groups, ties, strict=True):
        name = f"{group.label}: " if len(groups) > 1 else ""
        found += [name + text for text in _trust(group, tie)]
    return found


def _origin(sessions: Sequence[StoredSession]) -> list[str]:
    simulated = [stored.info for stored in sessions if stored.info.simulated]
    found = []
    if simulated and len(simulated) < len(sessions):
        found.append(
            "Some of these sessions are simulated, others were measured: do not compare them."
        )
    elif simulated:
        sources = dict.fromkeys(info.recording or "mock devices" for info in simulated)
        found.append(f"Simulated: these results come from {', '.join(sources)}, not from hardware.")
    files = dict.fromkeys(stored.info.recording for stored in sessions if stored.info.imported)
    if files:
        found.append(f"Imported, not measured here: results of {', '.join(files)}.")
    problems = {
        tuple(stored.spec.get("problem", {}).items())
        for stored in sessions
        if not stored.info.imported
    }
    if len(problems) > 1:
        found.append(
            "The sessions measured problems of different sizes: slowdowns are relative to the best "
            "of each, scores are not comparable."
        )
    models = {lane.device.model for stored in sessions for lane in stored.info.lanes}
    if len(sessions) > 1 and len(models) > 1:
        found.append(
            "The sessions ran on unlike devices: slowdowns are relative to the best on each, "
            "scores are not comparable."
        )
    return found


def _state(stored: StoredSession) -> list[str]:
    found = []
    if stored.state in ("interrupted", "killed"):
        found.append(
            f"The session was {stored.state}: the same command goes on from here, and may find "
            "better values."
        )
    elif stored.state == "failed":
        found.append("The session failed before its end; a better value may have been missed.")
    elif stored.state == "running":
        found.append("The session is still running: this is what it has recorded so far.")
    found += [note.text for note in stored.notes if note.level == "warning"]
    lost = Counter(o.lane for o in stored.outcomes if o.kind is OutcomeKind.DEVICE_LOST)
    found += [
        f"The device of lane {lane} was lost; {format_count(count, 'test')} ended so."
        for lane, count in sorted(lost.items())
    ]
    return found


def _trust(group: Group, ties: Ties | None) -> list[str]:
    scored = [outcome for outcome in group.outcomes if outcome.score is not None]
    if group.best is None:
        return ["No test succeeded."]
    found = []
    known = [relative_noise(o.samples) for o in scored if len(o.samples) >= 3]
    noises = [noise for noise in known if math.isfinite(noise)]  # of a median of 0 it is not
    noisy = sum(noise > _NOISY for noise in noises)
    if noisy > 0.05 * len(noises):
        found.append(
            f"Noisy: the samples of {noisy} of {len(noises)} tests scatter by more than "
            f"{100 * _NOISY:.0f} % (median {100 * statistics.median(noises):.1f} %)."
        )
    if ties is not None and not ties.proven:
        # Nothing more can be measured of results that were only read.
        read = group.info.imported or group.info.recording
        advice = "" if read else "; tune with scoring.repeat = 5 or more"
        samples = format_count(len(group.best.samples), "sample")
        found.append(
            f"The best has {samples}: too few to prove that one configuration is faster than "
            f"another{advice}."
        )
    failed = len(group.outcomes) - len(scored)
    if failed > 0.2 * len(group.outcomes):
        found.append(
            f"{failed} of {len(group.outcomes)} tests have no score; see what failed below."
        )
    return found
